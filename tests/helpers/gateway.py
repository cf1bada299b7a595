"""A gateway in the test's own process, which does what it is told to: a simulated carrier's UAS behind a UDP socket."""

from __future__ import annotations

import asyncio
import itertools
from enum import Enum
from typing import cast

from trunkline.lab.carrier.uas import Send, Uas
from trunkline.lab.sip.flow import Flow


class Mood(Enum):
    UP = "up"
    SILENT = "silent"
    BUSY = "busy"
    """503 with Retry-After to each new INVITE; OPTIONS are answered."""


class MoodyGateway(asyncio.DatagramProtocol):
    """`mood` may be changed at any time. `options` counts the OPTIONS that came."""

    def __init__(self, host: str, port: int, *, retry_after_s: int = 1) -> None:
        self.mood = Mood.UP
        self.options = 0
        self._retry_after_s = retry_after_s
        tokens = itertools.count(1)
        self._uas = Uas(host=host, port=port, name="moody", is_first=False, make_token=lambda: f"{port}-{next(tokens)}")
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, host: str, port: int, *, retry_after_s: int = 1) -> MoodyGateway:
        gateway = cls(host, port, retry_after_s=retry_after_s)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: gateway, local_addr=(host, port))
        return gateway

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.options += data.startswith(b"OPTIONS ")
        if self.mood is Mood.SILENT:
            return
        if self.mood is Mood.BUSY and data.startswith(b"INVITE "):
            self._transport.sendto(self._busy(data), addr)
            return
        self._send(self._uas.receive(data, Flow(str(addr[0]), int(addr[1])), asyncio.get_running_loop().time()))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()

    def _busy(self, invite: bytes) -> bytes:
        head = invite.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        copied = [line for line in head if line.lower().startswith((b"via:", b"from:", b"to:", b"call-id:", b"cseq:"))]
        tagged = [line + b";tag=busy" if line.lower().startswith(b"to:") else line for line in copied]
        more = [b"Retry-After: %d" % self._retry_after_s, b"Content-Length: 0", b"", b""]
        return b"\r\n".join([b"SIP/2.0 503 Service Unavailable", *tagged, *more])

    def _send(self, sends: list[Send]) -> None:
        for send in sends:
            self._transport.sendto(send.data, send.to[:2])
        if self._timer is not None:
            self._timer.cancel()
        wake_s = self._uas.next_wake_s()
        self._timer = asyncio.get_running_loop().call_at(wake_s, self._wake) if wake_s is not None else None

    def _wake(self) -> None:
        self._timer = None
        self._send(self._uas.wake(asyncio.get_running_loop().time()))
