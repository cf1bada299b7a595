"""Two edges of one point of presence with the same addresses: who has them serves, the other follows the log and waits for them.

When an edge dies the kernel gives its addresses back, and the one that waits takes them within LOOK_S: any edge that has the keys serves
the requests of any call. On several machines something else moves the address (docs/failover.md), and nobody waits.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Final

LOOK_S: Final = 0.02
"""Between two looks at addresses that another edge has: five system calls each."""


def taken_address(listeners: Iterable[tuple[str, int, str]]) -> str | None:
    """The first of `(address, port, transport)` that another process listens at, for people; None where all are free. OSError where one
    cannot be had at all."""
    for host, port, transport in listeners:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                # Connections of who had it before linger for a minute.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return f"{host} port {port}/{transport}"
    return None
