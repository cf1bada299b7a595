"""What the test caller sends and hears through: a UDP socket, or a connection over TCP or TLS that is made again when it was lost."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trunkline.lab.sip.flow import Flow, Framer
from trunkline.lab.sip.message import MalformedMessage

CONNECT_LIMIT_S = 10.0
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The server's certificate must come from an authority of `ca_file` and have `name`: the domain that is called (RFC 5922 §7.3)."""

    ca_file: Path
    name: str


class Wire(Protocol):
    """`on_message` gets whole messages, `on_lost` what the network says; both are given at the making. `local` is known from then on."""

    @property
    def local(self) -> tuple[str, int]: ...
    async def connect(self) -> None:
        """OSError where nobody is there, or is not who he should be."""

    def send(self, data: bytes, to: Flow) -> None: ...
    def close(self) -> None: ...


OnMessage = Callable[[bytes], None]
OnLost = Callable[[Exception], None]


def wire_to(proxy: Flow, from_address: str, tls: TlsOptions | None, on_message: OnMessage, on_lost: OnLost) -> Wire:
    """OSError where the own address cannot be used."""
    own = _bound(proxy, from_address)
    if proxy.transport == "udp":
        return _Datagrams(own, on_message, on_lost)
    assert (proxy.transport == "tls") == (tls is not None), "TLS, and only TLS, wants to know whom to believe"
    context = ssl.create_default_context(cafile=tls.ca_file) if tls is not None else None
    return _Stream(own, proxy, context, tls.name if tls is not None else None, on_message, on_lost)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, own: socket.socket, on_message: OnMessage, on_lost: OnLost) -> None:
        self._own = own
        self._on_message = on_message
        self._on_lost = on_lost
        self._transport: asyncio.DatagramTransport | None = None
        self.local: tuple[str, int] = own.getsockname()[:2]

    async def connect(self) -> None:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=self._own)

    def send(self, data: bytes, to: Flow) -> None:
        assert self._transport is not None
        self._transport.sendto(data, to[:2])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        self._own.close()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._on_message(data)

    def error_received(self, exc: Exception) -> None:
        self._on_lost(exc)


class _Stream:
    """Everything goes to the point of presence, by one connection."""

    def __init__(
        self, own: socket.socket, proxy: Flow, tls: ssl.SSLContext | None, name: str | None, on_message: OnMessage, on_lost: OnLost
    ) -> None:
        self._own: socket.socket | None = own
        self._proxy = proxy
        self._tls = tls
        self._name = name
        self._on_message = on_message
        self._on_lost = on_lost
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._unsent: list[bytes] = []
        self.local: tuple[str, int] = own.getsockname()[:2]

    async def connect(self) -> None:
        own, self._own = self._own or _bound(self._proxy, self.local[0]), None
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await asyncio.get_running_loop().sock_connect(own, self._proxy[:2])
                reader, self._writer = await asyncio.open_connection(sock=own, ssl=self._tls, server_hostname=self._name)
        except OSError:
            own.close()
            raise
        for data in self._unsent:
            self._writer.write(data)
        self._unsent.clear()
        self._task = asyncio.create_task(self._read(reader))

    def send(self, data: bytes, to: Flow) -> None:
        if self._writer is not None:
            self._writer.write(data)
            return
        self._unsent.append(data)
        if len(self._unsent) == 1:
            self._task = asyncio.create_task(self._again())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._own is not None:
            self._own.close()

    async def _again(self) -> None:
        try:
            await self.connect()
        except OSError as error:
            self._unsent.clear()
            self._on_lost(error)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        why: Exception = ConnectionError("the connection was closed")
        try:
            while data := await reader.read(READ_BYTES):
                for message in framer.feed(data):
                    self._on_message(message)
        except (OSError, MalformedMessage) as error:
            why = error
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._on_lost(why)


def _bound(proxy: Flow, from_address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in proxy.host else socket.AF_INET
    own = socket.socket(family, socket.SOCK_DGRAM if proxy.transport == "udp" else socket.SOCK_STREAM)
    try:
        own.setblocking(False)
        if own.type == socket.SOCK_STREAM:
            # asyncio does so for sockets of its own only; an ACK and the INVITE after it would wait for each other for 40 ms.
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.bind((from_address or _route_to(proxy, family), 0))
    except OSError as error:
        own.close()
        raise OSError(error.errno, f"cannot send from {from_address or 'this machine'} to {proxy.host}: {error.strerror}") from error
    return own


def _route_to(proxy: Flow, family: int) -> str:
    """The address the system would send from; no datagram leaves."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(proxy[:2])
        return str(probe.getsockname()[0])
