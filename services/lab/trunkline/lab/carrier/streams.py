"""A carrier's connections: those that edges made to it, and those that it makes to edges for its own requests."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from trunkline.lab.sip.flow import Flow, Framer, Transport
from trunkline.lab.sip.message import MalformedMessage

MAX_CONNECTIONS = 10_000
MAX_WAITING = 1_000
"""Messages for one connection that is being made; its calls' timers find out about the rest."""
READ_BYTES = 65_536


class Streams:
    """`receive` is called with each whole message and where it came from. Connections are made from `host`: edges know carriers by it."""

    def __init__(self, host: str, receive: Callable[[bytes, Flow], None]) -> None:
        self._host = host
        self._receive = receive
        self._writers: dict[Flow, asyncio.StreamWriter] = {}
        self._waiting: dict[Flow, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.client_tls: ssl.SSLContext | None = None
        """Without it no edge can be connected to over TLS."""

    async def serve(self, transport: Transport, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        if len(self._writers) >= MAX_CONNECTIONS:
            writer.close()
            return
        host, port = writer.get_extra_info("peername")[:2]
        await self._read(Flow(host, port, transport), reader, writer)

    def send(self, data: bytes, to: Flow) -> None:
        """Over the connection of that flow; where there is none, one is made. A peer that is not there loses the message."""
        writer = self._writers.get(to)
        if writer is not None:
            writer.write(data)
            return
        waiting = self._waiting.get(to)
        if waiting is None:
            self._waiting[to] = [data]
            task = asyncio.create_task(self._connect(to))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif len(waiting) < MAX_WAITING:
            waiting.append(data)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers.values():
            writer.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, to: Flow) -> None:
        if to.transport == "tls" and self.client_tls is None:
            del self._waiting[to]
            return
        try:
            tls = self.client_tls if to.transport == "tls" else None
            reader, writer = await asyncio.open_connection(to.host, to.port, ssl=tls, local_addr=(self._host, 0))
        except OSError:
            del self._waiting[to]
            return
        for data in self._waiting.pop(to):
            writer.write(data)
        await self._read(to, reader, writer)

    async def _read(self, flow: Flow, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[flow] = writer
        framer = Framer()
        try:
            while data := await reader.read(READ_BYTES):
                for message in framer.feed(data):
                    self._receive(message, flow)
        except (OSError, MalformedMessage):
            """Of no use any more: the edge makes another one when it wants to."""
        finally:
            if self._writers.get(flow) is writer:
                del self._writers[flow]
            writer.close()
