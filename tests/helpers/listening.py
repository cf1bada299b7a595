"""Whether somebody has an IPv4 socket open, read from the kernel: asking by a packet would be a message to a SIP program."""

from __future__ import annotations

import socket
from pathlib import Path

LISTEN = "0A"


def is_listening(host: str, port: int, transport: str) -> bool:
    """`transport` is udp or tcp; exactly this address, none of those that stand for all."""
    wanted = f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}"
    rows = (line.split() for line in Path(f"/proc/net/{transport}").read_text().splitlines()[1:])
    return any(row[1] == wanted and (transport == "udp" or row[3] == LISTEN) for row in rows)
