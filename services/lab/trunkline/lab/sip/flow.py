"""Where a message came from or goes to, and messages in streams (RFC 3261 §18)."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from trunkline.lab.sip.message import MAX_MESSAGE_BYTES, MalformedMessage, content_length, host_port_of, uri_parameters

Transport = Literal["udp", "tcp", "tls"]

_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_HEADER_END = b"\r\n\r\n"


class Flow(NamedTuple):
    """A peer's address as the socket has it, and by what it is spoken to."""

    host: str
    port: int
    transport: Transport = "udp"

    @property
    def is_reliable(self) -> bool:
        """Nothing is lost on the way, so nothing is sent again (§17)."""
        return self.transport != "udp"


def flow_of(uri: str) -> Flow | None:
    """Where a URI with an IP address leads: `transport`, else UDP (§19.1). None for a name: there is no DNS here. ValueError for a bad
    port."""
    transport = uri_parameters(uri).get("transport", "tls" if uri.lower().startswith("sips:") else "udp").lower()
    if transport not in _PORTS:
        return None
    host, port = host_port_of(uri, _PORTS[transport])
    return Flow(host, port, cast(Transport, transport)) if host.replace(".", "").isdigit() or ":" in host else None


class Framer:
    """Takes the bytes of a stream as they come and gives whole messages (§18.3). Blank lines between them are passed over (§7.5)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Raises MalformedMessage where nobody knows where the next message begins: the stream is of no use any more."""
        self._buffer = (self._buffer + data).lstrip(b"\r\n")
        messages: list[bytes] = []
        while (end := self._buffer.find(_HEADER_END)) >= 0:
            whole = end + len(_HEADER_END) + content_length(self._buffer[:end])
            if len(self._buffer) < whole <= MAX_MESSAGE_BYTES:
                break
            if whole > MAX_MESSAGE_BYTES:
                raise MalformedMessage(f"a message of {whole} bytes")
            messages.append(self._buffer[:whole])
            self._buffer = self._buffer[whole:].lstrip(b"\r\n")
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            raise MalformedMessage("a header without an end")
        return messages
