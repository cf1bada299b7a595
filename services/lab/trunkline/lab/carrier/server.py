"""The socket, the clock and the message log around a Uas."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from trunkline.lab.carrier.uas import Address, Send, Uas

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

    def add(self, data: bytes, source: Address) -> None:
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._pending.append(f"--- {stamp} {source[0]} {source[1]} {len(data)} bytes\n".encode() + data + b"\n")

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
    def __init__(self, uas: Uas, log: MessageLog) -> None:
        self._uas = uas
        self._log = log
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # neither loop's transport is a subclass of it
        self._loop = asyncio.get_running_loop()

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        source = (str(addr[0]), int(addr[1]))
        self._log.add(data, source)
        self._send(self._uas.receive(data, source, self._loop.time()))

    def error_received(self, exc: Exception) -> None:
        """ICMP for something sent earlier: the call's own timers deal with a peer that is gone."""

    def _send(self, sends: list[Send]) -> None:
        for send in sends:
            self._transport.sendto(send.data, send.to)
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


async def serve(*, name: str, host: str, port: int, is_first: bool, log_path: Path, stop: asyncio.Event) -> None:
    """Until `stop` is set. Raises OSError, naming the address, where it cannot listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_DGRAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        server.setblocking(False)
        try:
            server.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, f"carrier {name} cannot listen on {host} port {port}: {error.strerror}") from error
        log = MessageLog(log_path)
    except BaseException:
        server.close()
        raise
    uas = Uas(host=host, port=server.getsockname()[1], name=name, is_first=is_first, make_token=lambda: secrets.token_hex(8))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: CarrierProtocol(uas, log), sock=server)
    try:
        await stop.wait()
    finally:
        transport.close()
        log.close()
