"""What scanners send, over TCP: enough of a kind to be banned for it, also where half of it is counted in the next minute."""

from __future__ import annotations

import errno
import socket
from typing import Final

LIMIT_S: Final = 10.0
CUT_OFF: Final = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
"""How whoever is banned finds it."""
NUMBERS: Final = {"scan": 500, "unknown domain": 150, "malformed": 150}
"""By what it is counted as. 400 and 100 lead to a ban, and a fifth of it is forgiven in a minute."""


def messages(what: str, source: str, host: str) -> list[bytes]:
    """`host` is a domain that is served."""
    made = []
    for number in range(NUMBERS[what]):
        method, where = ("REGISTER", host) if what == "scan" else ("INVITE", f"nobody{number}.{host.partition('.')[2]}")
        line = "INVITE nonsense" if what == "malformed" else f"{method} sip:{number}@{where} SIP/2.0"
        lines = [
            line,
            f"Via: SIP/2.0/TCP {source}:5060;branch=z9hG4bK-{number}",
            f"From: <sip:{number}@{where}>;tag={number}",
            f"To: <sip:{number}@{where}>",
            f"Call-ID: {what.partition(' ')[0]}-{number}@{source}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{number}@{source}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        made.append(("\r\n".join(lines) + "\r\n\r\n").encode())
    return made


def flood(edge: str, source: str, requests: list[bytes]) -> bytes:
    """All on one connection to `ADDRESS:PORT`; what was answered before the edge closed it."""
    address, _, port = edge.rpartition(":")
    heard = b""
    try:
        with socket.create_connection((address, int(port)), timeout=LIMIT_S, source_address=(source, 0)) as stream:
            stream.sendall(b"".join(requests))
            stream.shutdown(socket.SHUT_WR)
            while part := stream.recv(65_536):
                heard += part
    except OSError as error:
        if error.errno not in CUT_OFF:
            raise
    return heard
