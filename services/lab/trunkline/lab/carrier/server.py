"""The sockets, the clock and the message log around a Uas."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from trunkline.lab.carrier.settings import CarrierSettings, CarrierTlsSettings
from trunkline.lab.carrier.streams import Streams
from trunkline.lab.carrier.uas import Send, Uas
from trunkline.lab.sip.flow import Flow

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""A burst of some thousand messages; the kernel may grant less."""
MAX_LOG_BYTES = 1024 * 1024 * 1024
"""Then the log is renamed to NAME.log.1 and begun anew: about a million calls."""


class MessageLog:
    """Every message received, whole, after a line with time, source and length. Written once per turn of the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()
        self._pending: list[bytes] = []

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size

    def add(self, data: bytes, source: Flow) -> None:
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._pending.append(f"--- {stamp} {source.host} {source.port} {len(data)} bytes\n".encode() + data + b"\n")

    def flush(self) -> None:
        content = b"".join(self._pending)
        self._pending.clear()
        if not content:
            return
        if self._size + len(content) > MAX_LOG_BYTES:
            os.close(self._file)
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._open()
        while content:
            written = os.write(self._file, content)
            self._size += written
            content = content[written:]

    def close(self) -> None:
        self.flush()
        os.close(self._file)


class CarrierProtocol(asyncio.DatagramProtocol):
    """Everything that comes, by whatever way, meets the Uas here; `streams` are its connections."""

    def __init__(self, host: str, uas: Uas, log: MessageLog) -> None:
        self._uas = uas
        self._log = log
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self.streams = Streams(host, self.receive)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # neither loop's transport is a subclass of it
        self._loop = asyncio.get_running_loop()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.receive(data, Flow(str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """ICMP for something sent earlier: the call's own timers deal with a peer that is gone."""

    def receive(self, data: bytes, source: Flow) -> None:
        self._log.add(data, source)
        self._send(self._uas.receive(data, source, self._loop.time()))

    def _send(self, sends: list[Send]) -> None:
        for send in sends:
            if send.to.is_reliable:
                self.streams.send(send.data, send.to)
            else:
                self._transport.sendto(send.data, send.to[:2])
        self._arm()

    def _arm(self) -> None:
        wake_s = self._uas.next_wake_s()
        if self._timer is not None and (wake_s is None or wake_s != self._timer_s):
            self._timer.cancel()
            self._timer = None
        if wake_s is not None and self._timer is None:
            self._timer_s = wake_s
            self._timer = self._loop.call_at(wake_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._send(self._uas.wake(self._loop.time()))


async def serve(settings: CarrierSettings, stop: asyncio.Event) -> None:
    """Until `stop` is set. Raises OSError, naming the address, where it cannot listen."""
    async with AsyncExitStack() as stack:
        datagrams = _bound(settings, socket.SOCK_DGRAM, settings.port, stack)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        port = int(datagrams.getsockname()[1])
        listener = _bound(settings, socket.SOCK_STREAM, port, stack)
        tls = settings.tls
        secure = _bound(settings, socket.SOCK_STREAM, tls.port, stack) if tls is not None else None
        log = MessageLog(settings.message_log)
        stack.callback(log.close)
        uas = Uas(
            host=settings.host,
            port=port,
            tls_port=secure.getsockname()[1] if secure is not None else 0,
            name=settings.name,
            is_first=settings.is_first,
            make_token=lambda: secrets.token_hex(8),
        )
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(lambda: CarrierProtocol(settings.host, uas, log), sock=datagrams)
        stack.callback(transport.close)
        streams = protocol.streams
        stack.push_async_callback(streams.close)
        server = await asyncio.start_server(partial(streams.serve, "tcp"), sock=listener)
        stack.callback(server.close)
        if tls is not None and secure is not None:
            streams.client_tls = _context(tls, ssl.PROTOCOL_TLS_CLIENT)
            server = await asyncio.start_server(partial(streams.serve, "tls"), sock=secure, ssl=_context(tls, ssl.PROTOCOL_TLS_SERVER))
            stack.callback(server.close)
        await stop.wait()


def _bound(settings: CarrierSettings, kind: socket.SocketKind, port: int, stack: AsyncExitStack) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, kind)
    stack.callback(made.close)
    made.setblocking(False)
    if kind == socket.SOCK_STREAM:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, port))
    except OSError as error:
        raise OSError(error.errno, f"carrier {settings.name} cannot listen on {settings.host} port {port}: {error.strerror}") from error
    return made


def _context(tls: CarrierTlsSettings, side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.load_cert_chain(tls.cert_file, tls.key_file)
    context.load_verify_locations(tls.ca_file)
    if side == ssl.PROTOCOL_TLS_SERVER and tls.asks_for_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
