"""A user agent server, sans I/O: messages and the time in, messages out (RFC 3261 §8.2, §12, §13.3, §15, §17.2).

One Uas is one carrier. Retransmitted requests get their last response again; a 200 is repeated until its ACK (§13.3.1.4), a failure
until its ACK (timers G and H), over a connection not again. Left out: reliable provisional responses, forking.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from trunkline.lab.carrier.behaviour import Behaviour, Kind, behaviour_of
from trunkline.lab.sip.flow import Flow, Transport, flow_of
from trunkline.lab.sip.message import (
    Headers,
    MalformedMessage,
    Request,
    Response,
    bracketed,
    copied,
    cseq_of,
    first,
    host_port_of,
    parameters,
    parse,
    tag_of,
    uri_of,
    user_of,
    values,
)
from trunkline.lab.sip.timers import Timer, Timers

T1_S = 0.5
T2_S = 4.0
GIVE_UP_S = 64 * T1_S
RING_LIMIT_S = 600.0
"""For ever ends here, so that a forgotten call does not stay."""
MAX_CALLS = 65_536
"""Beyond it a new call is answered 503: a bound for memory."""
MAX_RECENT = 65_536
"""Responses to finished transactions kept for retransmitted requests; 32 s of 2,000 a second."""
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY"


@dataclass(frozen=True, slots=True)
class Send:
    """`to` is where a message came from, or where nothing came from yet: over TCP and TLS a connection is then made."""

    data: bytes
    to: Flow


@dataclass(slots=True, eq=False)
class _Call:
    """One INVITE and, once answered, its dialog. `invite` is the first INVITE."""

    invite: Request
    branch: str
    reply_to: Flow
    to_tag: str
    behaviour: Behaviour
    last_response: bytes = b""
    is_final: bool = False
    is_answered: bool = False
    is_confirmed: bool = False
    local_cseq: int = 0
    remote_target: str = ""
    next_step: Timer | None = None
    resend: dict[int, Timer] = field(default_factory=dict)
    """By CSeq of the INVITE or re-INVITE whose final response awaits its ACK."""


class Uas:
    """`host`, `port` and over TLS `tls_port` are where it listens and what Contact and Via say. `make_token` gives unique tags and
    branches."""

    def __init__(self, *, host: str, port: int, name: str, is_first: bool, make_token: Callable[[], str], tls_port: int = 5061) -> None:
        self._authorities: dict[Transport, str] = {
            "udp": f"{bracketed(host)}:{port}",
            "tcp": f"{bracketed(host)}:{port}",
            "tls": f"{bracketed(host)}:{tls_port}",
        }
        self._host = host
        self._name = name
        self._is_first = is_first
        self._token = make_token
        self._timers = Timers()
        self._out: list[Send] = []
        self._by_branch: dict[str, _Call] = {}
        self._by_dialog: dict[tuple[str, str], _Call] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._byes: dict[str, Timer] = {}

    @property
    def live_calls(self) -> int:
        return len(self._by_dialog)

    def next_wake_s(self) -> float | None:
        return self._timers.next_s()

    def wake(self, now_s: float) -> list[Send]:
        self._timers.run(now_s)
        return self._taken()

    def receive(self, data: bytes, source: Flow, now_s: float) -> list[Send]:
        """What to send in answer. A message that cannot be read, or that has no Via, Call-ID or CSeq, is dropped."""
        try:
            message = parse(data)
            cseq_of(message.headers)
        except MalformedMessage:
            return []
        if isinstance(message, Response):
            self._on_response(message)
        elif first(message.headers, "via") and first(message.headers, "call-id"):
            self._on_request(message, source, now_s)
        return self._taken()

    def _taken(self) -> list[Send]:
        out, self._out = self._out, []
        return out

    def _on_request(self, request: Request, source: Flow, now_s: float) -> None:
        via = first(request.headers, "via")
        reply_to = _reply_address(via, source)
        branch = f"{parameters(via).get('branch', '')} {via.partition(';')[0]}"
        if request.method == "ACK":
            self._on_ack(request, now_s)
            return
        known = self._recent.get(f"{request.method} {branch}")
        if known is not None:
            self._out.append(Send(known, reply_to))
            return
        dialog = self._by_dialog.get((first(request.headers, "call-id"), tag_of(first(request.headers, "to"))))
        if request.method == "CANCEL":
            self._on_cancel(request, branch, reply_to, now_s)
        elif dialog is not None:
            self._on_in_dialog(dialog, request, branch, reply_to, now_s)
        elif tag_of(first(request.headers, "to")):
            self._answer(request, branch, reply_to, 481, "Call/Transaction Does Not Exist")
        elif request.method == "INVITE":
            self._on_invite(request, branch, reply_to, now_s)
        elif request.method == "OPTIONS":
            self._answer(request, branch, reply_to, 200, "OK", extra=(("Allow", ALLOW), ("Accept", "application/sdp")))
        else:
            self._answer(request, branch, reply_to, 405, "Method Not Allowed", extra=(("Allow", ALLOW),))

    def _on_invite(self, request: Request, branch: str, reply_to: Flow, now_s: float) -> None:
        known = self._by_branch.get(branch)
        if known is not None:
            if known.last_response:
                self._out.append(Send(known.last_response, reply_to))
            return
        behaviour = behaviour_of(user_of(request.uri), is_first=self._is_first)
        if behaviour.kind is Kind.SILENT:
            return
        if len(self._by_dialog) >= MAX_CALLS:
            self._answer(request, branch, reply_to, 503, "Service Unavailable")
            return
        call = _Call(request, branch, reply_to, self._token(), behaviour, remote_target=uri_of(first(request.headers, "contact")))
        self._by_branch[branch] = call
        self._by_dialog[(first(request.headers, "call-id"), call.to_tag)] = call
        self._respond(call, 100, "Trying", is_tagged=False)
        match behaviour.kind:
            case Kind.REFUSE:
                self._refuse(call, behaviour.status, behaviour.reason, now_s)
            case Kind.RING:
                self._respond(call, 180, "Ringing")
                call.next_step = self._timers.at(now_s + RING_LIMIT_S, lambda now: self._refuse(call, 480, "Temporarily Unavailable", now))
            case _:
                self._respond(call, behaviour.status, behaviour.reason, body=self._sdp() if behaviour.status == 183 else b"")
                call.next_step = self._timers.at(now_s + behaviour.answers_after_s, lambda now: self._accept(call, now))

    def _accept(self, call: _Call, now_s: float) -> None:
        call.is_final = call.is_answered = True
        self._respond(call, 200, "OK", body=self._sdp())
        self._repeat(call, cseq_of(call.invite.headers)[0], call.last_response, call.reply_to, T1_S, now_s + GIVE_UP_S, now_s)

    def _refuse(self, call: _Call, status: int, reason: str, now_s: float) -> None:
        call.is_final = True
        self._respond(call, status, reason)
        interval_s = GIVE_UP_S if call.reply_to.is_reliable else T1_S
        self._repeat(call, cseq_of(call.invite.headers)[0], call.last_response, call.reply_to, interval_s, now_s + GIVE_UP_S, now_s)

    def _repeat(self, call: _Call, cseq: int, data: bytes, to: Flow, interval_s: float, until_s: float, now_s: float) -> None:
        """Sends again after the interval, twice as long each time up to T2, until the ACK or the limit (§13.3.1.4, §17.2.1)."""

        def again(now: float) -> None:
            if now >= until_s:
                self._unacknowledged(call, now)
                return
            self._out.append(Send(data, to))
            self._repeat(call, cseq, data, to, min(2 * interval_s, T2_S), until_s, now)

        call.resend[cseq] = self._timers.at(min(now_s + interval_s, until_s), again)

    def _unacknowledged(self, call: _Call, now_s: float) -> None:
        if call.is_answered:
            self._hang_up(call, now_s)
        else:
            self._forget(call)

    def _on_ack(self, request: Request, now_s: float) -> None:
        call = self._by_dialog.get((first(request.headers, "call-id"), tag_of(first(request.headers, "to"))))
        if call is None:
            return
        waiting = call.resend.pop(cseq_of(request.headers)[0], None)
        if waiting is not None:
            waiting.cancel()
        if not call.is_final:
            return
        if not call.is_answered:
            self._forget(call)
        elif not call.is_confirmed:
            call.is_confirmed = True
            if call.behaviour.hangs_up_after_s is not None:
                call.next_step = self._timers.at(now_s + call.behaviour.hangs_up_after_s, lambda now: self._hang_up(call, now))

    def _on_cancel(self, request: Request, branch: str, reply_to: Flow, now_s: float) -> None:
        call = self._by_branch.get(branch)
        if call is None:
            self._answer(request, branch, reply_to, 481, "Call/Transaction Does Not Exist")
            return
        self._answer(request, branch, reply_to, 200, "OK", to_tag=call.to_tag)
        if not call.is_final:
            if call.next_step is not None:
                call.next_step.cancel()
            self._refuse(call, 487, "Request Terminated", now_s)

    def _on_in_dialog(self, call: _Call, request: Request, branch: str, reply_to: Flow, now_s: float) -> None:
        match request.method:
            case "BYE":
                self._answer(request, branch, reply_to, 200, "OK")
                self._forget(call)
            case "INVITE":
                if contact := uri_of(first(request.headers, "contact")):
                    call.remote_target = contact
                headers = (("Contact", self._contact(reply_to)), ("Content-Type", "application/sdp"))
                data = self._answer(request, branch, reply_to, 200, "OK", extra=headers, body=self._sdp())
                self._repeat(call, cseq_of(request.headers)[0], data, reply_to, T1_S, now_s + GIVE_UP_S, now_s)
            case "UPDATE":
                if contact := uri_of(first(request.headers, "contact")):
                    call.remote_target = contact
                extra = (("Contact", self._contact(reply_to)), ("Content-Type", "application/sdp")) if request.body else ()
                self._answer(request, branch, reply_to, 200, "OK", extra=extra, body=self._sdp() if request.body else b"")
            case "REFER":
                self._answer(request, branch, reply_to, 202, "Accepted")
            case _:
                self._answer(request, branch, reply_to, 200, "OK")

    def _hang_up(self, call: _Call, now_s: float) -> None:
        """A BYE along the route set (§12.2.1.1), repeated until its response or timer F."""
        self._forget(call)
        call.local_cseq += 1
        routes = values(call.invite.headers, "record-route")
        branch = f"z9hG4bK{self._token()}"
        to = _next_hop(routes, call.remote_target, call.reply_to)
        headers: Headers = (
            ("Via", f"SIP/2.0/{to.transport.upper()} {self._authorities[to.transport]};branch={branch};rport"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", f"{first(call.invite.headers, 'to')};tag={call.to_tag}"),
            ("To", first(call.invite.headers, "from")),
            ("Call-ID", first(call.invite.headers, "call-id")),
            ("CSeq", f"{call.local_cseq} BYE"),
            ("Reason", 'Q.850;cause=16;text="Normal call clearing"'),
        )
        data = Request("BYE", call.remote_target, headers).encode()
        until_s = now_s + GIVE_UP_S

        def again(interval_s: float, now: float) -> None:
            self._out.append(Send(data, to))
            if now + interval_s < until_s:
                self._byes[branch] = self._timers.at(now + interval_s, lambda later: again(min(2 * interval_s, T2_S), later))
            else:
                self._byes.pop(branch, None)

        if to.is_reliable:
            self._out.append(Send(data, to))
        else:
            again(T1_S, now_s)

    def _on_response(self, response: Response) -> None:
        """Only our BYEs await one; a provisional response changes nothing."""
        branch = parameters(first(response.headers, "via")).get("branch", "")
        if response.status >= 200 and (timer := self._byes.pop(branch, None)) is not None:
            timer.cancel()

    def _forget(self, call: _Call) -> None:
        if call.next_step is not None:
            call.next_step.cancel()
        for timer in call.resend.values():
            timer.cancel()
        call.resend.clear()
        self._by_branch.pop(call.branch, None)
        self._by_dialog.pop((first(call.invite.headers, "call-id"), call.to_tag), None)
        if call.last_response:
            self._remember(f"INVITE {call.branch}", call.last_response)

    def _respond(self, call: _Call, status: int, reason: str, *, is_tagged: bool = True, body: bytes = b"") -> None:
        """To the first INVITE; what is sent last is what a retransmission gets."""
        extra: Headers = ()
        if is_tagged and status < 300:
            number = user_of(call.invite.uri)
            extra = (
                ("Contact", self._contact(call.reply_to, number)),
                ("P-Asserted-Identity", f"<tel:{number if number.startswith('+') else '+' + number}>"),
                ("Allow", ALLOW),
            )
        if body:
            extra = (*extra, ("Content-Type", "application/sdp"))
        response = self._response(call.invite, status, reason, call.to_tag if is_tagged else "", extra, body)
        call.last_response = response.encode()
        self._out.append(Send(call.last_response, call.reply_to))

    def _answer(
        self,
        request: Request,
        branch: str,
        reply_to: Flow,
        status: int,
        reason: str,
        *,
        extra: Headers = (),
        to_tag: str = "",
        body: bytes = b"",
    ) -> bytes:
        """The only and final response of a transaction; kept for retransmissions."""
        tag = "" if tag_of(first(request.headers, "to")) else to_tag or self._token()
        data = self._response(request, status, reason, tag, extra, body).encode()
        self._remember(f"{request.method} {branch}", data)
        self._out.append(Send(data, reply_to))
        return data

    def _response(self, request: Request, status: int, reason: str, to_tag: str, extra: Headers, body: bytes) -> Response:
        to = first(request.headers, "to")
        headers = (
            *copied(request.headers, ("Via",)),
            *(copied(request.headers, ("Record-Route",)) if 100 < status < 300 else ()),
            ("From", first(request.headers, "from")),
            ("To", f"{to};tag={to_tag}" if to_tag and not tag_of(to) else to),
            ("Call-ID", first(request.headers, "call-id")),
            ("CSeq", first(request.headers, "cseq")),
            ("Server", f"trunkline simulated carrier {self._name}"),
            *extra,
        )
        return Response(status, reason, headers, body)

    def _contact(self, flow: Flow, user: str = "") -> str:
        transport = f";transport={flow.transport}" if flow.is_reliable else ""
        return f"<sip:{f'{user}@' if user else ''}{self._authorities[flow.transport]}{transport}>"

    def _remember(self, key: str, data: bytes) -> None:
        self._recent[key] = data
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)

    def _sdp(self) -> bytes:
        version = 6 if ":" in self._host else 4
        return (
            f"v=0\r\no=carrier 1 1 IN IP{version} {self._host}\r\ns=-\r\nc=IN IP{version} {self._host}\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        ).encode()


def _reply_address(via: str, source: Flow) -> Flow:
    """The connection that it came by; RFC 3581 §4 where rport is asked for, else RFC 3261 §18.2.2: the source's address and the port of
    sent-by."""
    if source.is_reliable or "rport" in parameters(via):
        return source
    try:
        _, port = host_port_of(via.partition(";")[0].rpartition(" ")[2])
    except ValueError:
        return source
    return Flow(source.host, port)


def _next_hop(routes: list[str], remote_target: str, fallback: Flow) -> Flow:
    """The first route, else the remote target. A name leads back where the call came from: there is no DNS here."""
    uri = uri_of(routes[0]) if routes else remote_target
    try:
        return flow_of(uri) or fallback
    except ValueError:
        return fallback
