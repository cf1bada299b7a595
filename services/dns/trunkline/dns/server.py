"""The sockets: one UDP socket, one TCP listener, `responder.answer` behind both. RFC 1035 §4.2, RFC 7766."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from trunkline.runtime.logs import logger

CONNECTIONS_LIMIT = 128
"""TCP connections at a time; more are closed at once. Clients come by TCP for truncated answers only, which are rare."""
IDLE_LIMIT_S = 10.0
"""For each next query, and for a client to take its answer."""
QUERIES_LIMIT = 100
"""On one connection; then it is closed, so that nobody keeps one for ever."""
QUERY_LIMIT_BYTES = 4096
"""A name has 255 bytes at most: what is longer is no question."""
LOG_FAULTS_LIMIT = 100
"""Faults of ours that are logged in full; the same bytes again and again must not fill the disk."""

Answer = Callable[[bytes, bool], bytes | None]
"""From a query and whether it came by UDP."""


class DnsServer:
    """Belongs to one event loop. `unanswered_total` counts the queries that were left unanswered by a fault of ours."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        self._address = (host, port)
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.unanswered_total = 0
        self._log = logger("dns")

    async def start(self) -> None:
        """Answers from now on. OSError where the address cannot be had."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self.answer), local_addr=(host, port))
        try:
            self._server = await asyncio.start_server(self._accept, host, port)
        except OSError:
            self._transport.close()
            raise
        self._log.info("dns listens", address=host, port=port)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def answer(self, query: bytes, is_udp: bool) -> bytes | None:
        """A fault of ours costs one query, not the server: the client asks again or elsewhere."""
        try:
            return self._answer(query, is_udp)
        except Exception:  # noqa: BLE001 - the top of a query's way
            self.unanswered_total += 1
            if self.unanswered_total <= LOG_FAULTS_LIMIT:
                self._log.exception("a query was not answered, by a fault of ours", query=query[:QUERY_LIMIT_BYTES].hex(), is_udp=is_udp)
            return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= CONNECTIONS_LIMIT:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone, or idle
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(QUERIES_LIMIT):
            async with asyncio.timeout(IDLE_LIMIT_S):
                length = int.from_bytes(await reader.readexactly(2), "big")
                if length > QUERY_LIMIT_BYTES:
                    return
                answered = self.answer(await reader.readexactly(length), False)
                if answered is None:
                    return
                writer.write(len(answered).to_bytes(2, "big") + answered)
                await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has the methods and not the base class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        answered = self._answer(data, True)
        if answered is not None and self._transport is not None:
            self._transport.sendto(answered, addr)
