"""The messages that the test caller sends, as pure functions of what is known of the call."""

from __future__ import annotations

from dataclasses import dataclass, field

from trunkline.lab.sip.flow import Transport
from trunkline.lab.sip.message import Headers, Request, Response, bracketed, copied, first, tag_of, uri_of, values

USER_AGENT = "trunkline call place"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@dataclass(frozen=True, slots=True)
class Order:
    """A call to place.

    `host` is the domain dialled, whole. `username` empty: no credentials. `privacy` is the value of Privacy, empty: none. `hold_s` counts
    from the answer; None waits for the called side. `cancel_after_s` counts from the first INVITE.
    """

    number: str
    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    from_user: str = ""
    display_name: str = ""
    privacy: str = ""
    hold_s: float | None = 2.0
    cancel_after_s: float | None = None
    ring_limit_s: float = 120.0

    @property
    def uri(self) -> str:
        return f"sip:{self.number}@{self.host}"


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same over all messages of the call. `host`, `port` and `transport` are the caller's own."""

    host: str
    port: int
    call_id: str
    from_tag: str
    transport: Transport = "udp"

    @property
    def authority(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"

    def via(self, branch: str) -> str:
        return f"SIP/2.0/{self.transport.upper()} {self.authority};branch={branch};rport"

    @property
    def contact(self) -> str:
        """Over a connection nobody can connect to us: what the called side sends comes by our own (RFC 3261 §18.1.1)."""
        return f"<sip:{self.authority}{'' if self.transport == 'udp' else f';transport={self.transport}'}>"


@dataclass(frozen=True, slots=True)
class Dialog:
    """From a response with a To-tag (§12.1.2): `routes` in the order they are sent."""

    to: str
    remote_target: str
    routes: tuple[str, ...]

    @classmethod
    def of(cls, response: Response) -> Dialog:
        routes = tuple(reversed(values(response.headers, "record-route")))
        return cls(first(response.headers, "to"), uri_of(first(response.headers, "contact")), routes)

    @property
    def to_tag(self) -> str:
        return tag_of(self.to)


def from_of(order: Order, identity: Identity) -> str:
    if "id" in order.privacy.lower().replace(",", ";").replace(" ", "").split(";"):
        return f"{ANONYMOUS};tag={identity.from_tag}"
    user = order.from_user or order.username or "anonymous"
    name = order.display_name.replace("\\", "\\\\").replace('"', '\\"')
    shown = f'"{name}" ' if name else ""
    return f"{shown}<sip:{user}@{order.host}>;tag={identity.from_tag}"


def invite(order: Order, identity: Identity, *, branch: str, cseq: int, authorization: Headers) -> Request:
    headers: Headers = (
        ("Via", identity.via(branch)),
        ("Max-Forwards", "70"),
        ("From", from_of(order, identity)),
        ("To", f"<{order.uri}>"),
        ("Call-ID", identity.call_id),
        ("CSeq", f"{cseq} INVITE"),
        ("Contact", identity.contact),
        ("User-Agent", USER_AGENT),
        ("Allow", ALLOW),
        *((("Privacy", order.privacy),) if order.privacy else ()),
        *authorization,
        ("Content-Type", "application/sdp"),
    )
    return Request("INVITE", order.uri, headers, session_description(identity))


def hop_by_hop(method: str, invite_sent: Request, to: str) -> Request:
    """CANCEL, or the ACK of a failure: the INVITE's Request-URI, Via, credentials and CSeq number (§9.1, §17.1.1.3)."""
    cseq = first(invite_sent.headers, "cseq").split()[0]
    headers: Headers = (
        ("Via", first(invite_sent.headers, "via")),
        ("Max-Forwards", "70"),
        ("From", first(invite_sent.headers, "from")),
        ("To", to),
        ("Call-ID", first(invite_sent.headers, "call-id")),
        ("CSeq", f"{cseq} {method}"),
        *copied(invite_sent.headers, ("Proxy-Authorization", "Authorization")),
    )
    return Request(method, invite_sent.uri, headers)


def in_dialog(method: str, order: Order, identity: Identity, dialog: Dialog, *, branch: str, cseq: int, extra: Headers = ()) -> Request:
    headers: Headers = (
        ("Via", identity.via(branch)),
        ("Max-Forwards", "70"),
        *(("Route", route) for route in dialog.routes),
        ("From", from_of(order, identity)),
        ("To", dialog.to),
        ("Call-ID", identity.call_id),
        ("CSeq", f"{cseq} {method}"),
        ("User-Agent", USER_AGENT),
        *extra,
    )
    return Request(method, dialog.remote_target or order.uri, headers)


def reply(request: Request, status: int, reason: str, identity: Identity, *, to_tag: str = "", body: bytes = b"") -> Response:
    """To a request of the called side."""
    to = first(request.headers, "to")
    headers: Headers = (
        *copied(request.headers, ("Via", "Record-Route")),
        ("From", first(request.headers, "from")),
        ("To", f"{to};tag={to_tag}" if to_tag and not tag_of(to) else to),
        ("Call-ID", first(request.headers, "call-id")),
        ("CSeq", first(request.headers, "cseq")),
        ("Allow", ALLOW),
        *((("Contact", identity.contact), ("Content-Type", "application/sdp")) if body else ()),
    )
    return Response(status, reason, headers, body)


def session_description(identity: Identity) -> bytes:
    """A port that nobody listens on: media is not part of the test caller."""
    version = 6 if ":" in identity.host else 4
    return (
        f"v=0\r\no=- 1 1 IN IP{version} {identity.host}\r\ns=-\r\nc=IN IP{version} {identity.host}\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"
    ).encode()
