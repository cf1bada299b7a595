"""Ports of this machine, taken for a platform before the processes run that are to listen there.

A port is bound here and never listened on, until this process ends: another platform that starts meanwhile finds it taken, also while its
process is not there yet, or is being restarted. Servers set SO_REUSEADDR, ours all do, and listen there all the same.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Collection

LOOPBACK6 = "::1"
"""There is one only, so points of presence have ports of their own on it."""
PORTS = range(20_000, 32_000)
"""Below what the kernel hands out to outgoing connections, so that a kept port stays free between two starts."""


def is_bindable(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    """None where a socket of this kind can be bound there, else why not."""
    with _socket(host, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # Connections of the process before linger for a minute.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
        return None


def has_ipv6() -> bool:
    return socket.has_ipv6 and is_bindable(LOOPBACK6, 0, socket.SOCK_DGRAM) is None


def keep_port(port: int, host: str) -> socket.socket | None:
    """Takes a port that was ours at an earlier start, whose connections may linger; None where somebody listens there. It is ours as long
    as the socket is open."""
    return _take(port, host, is_known=True)


def new_port(taken: Collection[int], host: str, wish: int = 0) -> tuple[int, socket.socket] | None:
    """Takes the wished one where it is given and free, else any but those `taken`. None where none is free."""
    others = (port for port in random.sample(PORTS, len(PORTS)) if port not in taken)
    for port in (*([wish] if wish else []), *others):
        held = _take(port, host, is_known=False)
        if held is not None:
            return port, held
    return None


def _take(port: int, host: str, *, is_known: bool) -> socket.socket | None:
    # Edges share their UDP ports: whoever bound one here would get some of the datagrams. On [::1] whoever has TCP has both.
    if host == LOOPBACK6 and is_bindable(host, port, socket.SOCK_DGRAM) is not None:
        return None
    holder = _socket(host, socket.SOCK_STREAM)
    try:
        if is_known:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
    except OSError:
        holder.close()
        return None
    # Only now: a port that another platform has taken in this way is not to be had.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return holder


def _socket(host: str, kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
