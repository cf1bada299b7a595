"""How long setting up a call takes, finer than SIPp counts: calls of our own beside the load, INVITE → 180 in microseconds.

The clock starts just before the datagram is handed to the kernel, and stops when the kernel took the 180 off the wire (SO_TIMESTAMPNS), so
that a probe that waits for a processor does not count its own waiting.
"""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from helpers.engine import Sip, authorization
from load import CUSTOMER

RATE = 50
"""Calls a second: few beside those of the load, many enough for a p99."""

LIMIT_S = 2.0
SO_TIMESTAMPNS = 35
"""Of Linux, not named by `socket`."""

USERNAME, PASSWORD, NUMBER = "u000001", "pw000001", "+12125550001"


@dataclass
class Probe:
    """Runs from `start` to `stop`. `setup_us` is of the INVITE that was admitted; `lost` are calls that got no 200 in time."""

    host: str
    target: str
    setup_us: list[float] = field(default_factory=list)
    lost: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(10 * LIMIT_S)

    @property
    def calls(self) -> int:
        return len(self.setup_us)

    def _run(self) -> None:
        host, _, port = self.target.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            bound.bind((CUSTOMER, 0))
            bound.connect((host, int(port)))
            began_s = time.monotonic()
            for number in itertools.count():
                if self._over.wait(max(0.0, began_s + number / RATE - time.monotonic())):
                    return
                try:
                    self.setup_us.append(_Call(bound, self.host).place())
                except OSError:  # a time-out, or ICMP
                    self.lost += 1


class _Call:
    def __init__(self, bound: socket.socket, host: str) -> None:
        self._socket, self._host = bound, host
        self._id = secrets.token_hex(8)
        self._local = "{}:{}".format(*bound.getsockname())

    def place(self) -> float:
        """A whole call; microseconds from its INVITE to the 180. Raises OSError where an answer does not come."""
        uri = f"sip:{NUMBER}@{self._host}"
        sent_ns = self._send("INVITE", uri, 1)
        answer, at_ns = self._receive(1)
        cseq = 1
        if answer.status == 407:
            self._send("ACK", uri, 1, f"To: {answer.one('To')}")
            challenge = answer.all("Proxy-Authenticate")[0]
            qop = "auth" if re.search(r"\bqop=", challenge) else ""
            cseq = 2
            sent_ns = self._send("INVITE", uri, cseq, authorization(challenge, USERNAME, PASSWORD, qop=qop, uri=uri))
            answer, at_ns = self._receive(cseq)
        took_us = (at_ns - sent_ns) / 1000
        while answer.status < 200:
            answer, _ = self._receive(cseq)
        if answer.status != 200:
            raise ConnectionError(answer.start_line)
        contact = answer.one("Contact").strip("<>")
        dialog = (f"To: {answer.one('To')}", *(f"Route: {route}" for route in reversed(answer.all("Record-Route"))))
        self._send("ACK", contact, cseq, *dialog, branch=f"{cseq}a")
        self._send("BYE", contact, cseq + 1, *dialog)
        self._receive(cseq + 1)
        return took_us

    def _send(self, method: str, uri: str, cseq: int, *lines: str, branch: str = "") -> int:
        """The time just before, in nanoseconds since 1970. The ACK of a refusal has its INVITE's branch, that of a 200 one of its own."""
        to = () if any(line.startswith("To:") for line in lines) else (f"To: <{uri}>",)
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._local};branch=z9hG4bK{self._id}{branch or cseq}",
            "Max-Forwards: 70",
            f"From: <sip:+14155550001@{self._host}>;tag={self._id}",
            *to,
            f"Call-ID: {self._id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:probe@{self._local}>",
            *lines,
            "Content-Length: 0",
        ]
        data = "\r\n".join([*head, "", ""]).encode()
        now_ns = time.time_ns()
        self._socket.send(data)
        return now_ns

    def _receive(self, cseq: int) -> tuple[Sip, int]:
        """The next answer above 100 to this request, and when it came."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            data, ancillary, _, source = self._socket.recvmsg(65_535, 64)
            answer = Sip.parse(data, source or ("", 0))
            if answer.one("Call-ID") == self._id and answer.one("CSeq").startswith(f"{cseq} ") and answer.status > 100:
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                return answer, seconds * 1_000_000_000 + nanoseconds
