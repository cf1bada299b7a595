"""SIP messages as values (RFC 3261 §7): parse, look at, build, encode.

A message is UTF-8; bytes that are not are kept by surrogate escapes.
Left out: multipart bodies, several start lines before a message (only empty lines are skipped, §7.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

MAX_MESSAGE_BYTES = 65_535
"""What a UDP datagram can hold."""
MAX_HEADERS = 256
"""More than any real message has; a bound for the loop."""

Headers = tuple[tuple[str, str], ...]

_LONG_FORMS = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
}
"""RFC 3261 §7.3.3."""
_LISTS = frozenset({"via", "route", "record-route", "contact", "allow", "supported", "require", "proxy-require", "p-asserted-identity"})
"""Fields whose values may be joined by commas. Challenges and credentials contain commas and are never split."""


class MalformedMessage(ValueError):
    """What arrived is no SIP message; says what is missing."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def parse(data: bytes) -> Message:
    """One datagram. Raises MalformedMessage. Folded lines are joined; a body longer than Content-Length is cut, a shorter one refused."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MalformedMessage(f"{len(data)} bytes are more than a datagram holds")
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise MalformedMessage("no empty line ends the headers")
    start, headers = _fields(head)
    body = _body(headers, body)
    words = start.split(" ", 2)
    if len(words) != 3:
        raise MalformedMessage(f"start line {start!r} has not three parts")
    if words[0] == "SIP/2.0":
        if len(words[1]) != 3 or not words[1].isdigit():
            raise MalformedMessage(f"status {words[1]!r} is not three digits")
        return Response(int(words[1]), words[2], headers, body)
    if words[2] != "SIP/2.0":
        raise MalformedMessage(f"start line {start!r} does not end in SIP/2.0")
    return Request(words[0], words[1], headers, body)


def _fields(head: bytes) -> tuple[str, Headers]:
    """The start line and the header fields."""
    lines = head.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise MalformedMessage(f"more than {MAX_HEADERS} header lines")
    fields: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedMessage(f"no colon in header line {line!r}")
        fields.append((name.strip(), value.strip()))
    return lines[0], tuple(fields)


def _body(headers: Headers, rest: bytes) -> bytes:
    length = first(headers, "content-length")
    if not length:
        return rest
    if not length.isdigit():
        raise MalformedMessage(f"Content-Length is {length!r}")
    if len(rest) < int(length):
        raise MalformedMessage(f"Content-Length is {length} but {len(rest)} bytes follow")
    return rest[: int(length)]


def content_length(head: bytes) -> int:
    """Of a start line and header fields without the empty line: how long the body is. Raises MalformedMessage where it is not said, as it
    must be in a stream (§18.3)."""
    length = first(_fields(head)[1], "content-length")
    if not length.isdigit():
        raise MalformedMessage(f"Content-Length is {length!r} in a stream")
    return int(length)


def _encode(start: str, headers: Headers, body: bytes) -> bytes:
    kept = [f"{name}: {value}" for name, value in headers if _key(name) != "content-length"]
    text = "\r\n".join([start, *kept, f"Content-Length: {len(body)}", "", ""])
    return text.encode("utf-8", "surrogateescape") + body


def _key(name: str) -> str:
    lower = name.lower()
    return _LONG_FORMS.get(lower, lower)


def values(headers: Headers, name: str) -> list[str]:
    """Values of every field of that name in order, compact forms too; fields that are lists are split at their commas."""
    wanted = _key(name)
    found = [value for field, value in headers if _key(field) == wanted]
    if wanted not in _LISTS:
        return found
    return [part for value in found for part in split_list(value)]


def first(headers: Headers, name: str) -> str:
    """The first value, or empty."""
    found = values(headers, name)
    return found[0] if found else ""


def with_header(request: Request, name: str, value: str) -> Request:
    """The request with one more field at its end."""
    return replace(request, headers=(*request.headers, (name, value)))


def split_list(value: str) -> list[str]:
    """At commas outside quotes and angle brackets; parts are stripped, empty ones dropped."""
    parts: list[str] = []
    start, is_quoted, depth, index = 0, False, 0, 0
    while index < len(value):
        character = value[index]
        if is_quoted:
            if character == "\\":
                index += 1
            elif character == '"':
                is_quoted = False
        elif character == '"':
            is_quoted = True
        elif character == "<":
            depth += 1
        elif character == ">":
            depth -= 1
        elif character == "," and depth <= 0:
            parts.append(value[start:index].strip())
            start = index + 1
        index += 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def uri_of(name_addr: str) -> str:
    """The URI of a name-addr or addr-spec (§20.10): without brackets, parameters after it belong to the header."""
    opening = name_addr.find("<")
    if opening >= 0:
        return name_addr[opening + 1 :].partition(">")[0]
    return name_addr.partition(";")[0].strip()


def parameters(value: str) -> dict[str, str]:
    """Header parameters of a name-addr or a Via value: after the closing bracket where there is one. Names in lower case."""
    _, bracket, rest = value.rpartition(">")
    text = rest if bracket else value
    found: dict[str, str] = {}
    for part in text.split(";")[1:]:
        name, _, content = part.partition("=")
        found[name.strip().lower()] = content.strip().strip('"')
    return found


def tag_of(name_addr: str) -> str:
    return parameters(name_addr).get("tag", "")


def user_of(uri: str) -> str:
    """User part of a SIP URI, unescaped only where it matters for numbers (`%2B`); empty where there is none. For `tel:` the number."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        return rest.partition(";")[0]
    user, at, _ = rest.partition("@")
    return user.partition(":")[0].partition(";")[0].replace("%2B", "+").replace("%2b", "+") if at else ""


def host_port_of(uri: str, default_port: int = 5060) -> tuple[str, int]:
    """Host and port of a SIP URI or of `host:port`; brackets of an IPv6 reference are taken off. ValueError for a bad port."""
    rest = uri.partition(":")[2] if uri.lower().startswith(("sip:", "sips:")) else uri
    rest = rest.rpartition("@")[2].partition(";")[0].partition("?")[0].strip()
    if rest.startswith("["):
        host, _, after = rest[1:].partition("]")
        return host, int(after[1:]) if after.startswith(":") else default_port
    host, colon, port = rest.partition(":")
    return host, int(port) if colon else default_port


def uri_parameters(uri: str) -> dict[str, str]:
    """Those of a SIP URI without angle brackets, headers left out. Names in lower case."""
    found: dict[str, str] = {}
    for part in uri.rpartition("@")[2].partition("?")[0].split(";")[1:]:
        name, _, content = part.partition("=")
        found[name.strip().lower()] = content.strip()
    return found


def bracketed(host: str) -> str:
    """As it stands in a URI or a Via."""
    return f"[{host}]" if ":" in host else host


def cseq_of(headers: Headers) -> tuple[int, str]:
    """Number and method. Raises MalformedMessage."""
    number, _, method = first(headers, "cseq").partition(" ")
    if not number.isdigit() or not method.strip():
        raise MalformedMessage(f"CSeq is {first(headers, 'cseq')!r}")
    return int(number), method.strip()


def copied(headers: Headers, names: Iterable[str]) -> Headers:
    """The fields of these names, in the order of `names`, as they stood."""
    return tuple((name, value) for name in names for value in values(headers, name))
