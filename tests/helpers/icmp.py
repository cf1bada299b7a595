"""ICMP errors that somebody makes up, by a raw socket (root's)."""

from __future__ import annotations

import socket
import struct

PORT_UNREACHABLE = {socket.AF_INET: (3, 3), socket.AF_INET6: (1, 4)}
"""Type and code (RFC 792, RFC 4443 §3.1)."""


def say_unreachable(peer: tuple[str, int], sender: tuple[str, int], quoted: bytes) -> None:
    """Tells the host of `sender`, in the name of `peer`, that a datagram to there did not arrive, and quotes this of its payload.

    PermissionError where the test may not.
    """
    family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
    to, source = (socket.inet_pton(family, address) for address, _ in (peer, sender))
    udp = struct.pack("!HHHH", sender[1], peer[1], 8 + len(quoted), 0)
    if family == socket.AF_INET:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(quoted), 1, 0, 64, socket.IPPROTO_UDP, 0, source, to)
        protocol = socket.IPPROTO_ICMP
    else:
        header = struct.pack("!IHBB16s16s", 6 << 28, 8 + len(quoted), socket.IPPROTO_UDP, 64, source, to)
        protocol = socket.IPPROTO_ICMPV6
    kind, code = PORT_UNREACHABLE[family]
    rest = bytes(4) + header + udp + quoted
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        raw.bind((peer[0], 0))
        # Of ICMPv6 the kernel fills in the checksum (RFC 3542 §3.1).
        raw.sendto(struct.pack("!BBH", kind, code, checksum(struct.pack("!BBH", kind, code, 0) + rest)) + rest, (sender[0], 0))


def checksum(data: bytes) -> int:
    """RFC 1071."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
