"""One INVITE in one datagram, and what comes back: how a point of presence decides at that moment."""

from __future__ import annotations

import secrets
import socket


def invite(edge: str, source: str, host: str, number: str, *, timeout_s: float) -> str:
    """To `edge`, an `ADDRESS:PORT`, without credentials: the status line of the final response, or of a provisional one where nothing
    follows it for `timeout_s`; empty where nothing comes."""
    address, _, port = edge.partition(":")
    call = secrets.token_hex(6)
    target = f"sip:{number}@{host}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind((source, 0))
        pbx.settimeout(timeout_s)
        mine = f"{source}:{pbx.getsockname()[1]}"
        lines = [
            f"INVITE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {mine};branch=z9hG4bK{call}",
            f"From: <sip:pbx@{mine}>;tag={call}",
            f"To: <{target}>",
            f"Call-ID: {call}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:pbx@{mine}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        pbx.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), (address, int(port)))
        status = ""
        while not status or status.startswith("SIP/2.0 1"):
            try:
                status = pbx.recv(65535).split(b"\r\n", 1)[0].decode()
            except TimeoutError:
                break
        return status
