"""A TCP proxy on 127.0.0.1 that can be told to lose or delay what goes one way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TcpProxy:
    """Passes bytes on to 127.0.0.1:`to_port`. `port` is where it listens."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers_are_lost = False
        self._is_down = False
        self.answer_delay_s = 0.0
        """What the server sends waits so long, one piece after another: a far peer."""
        self.lost_bytes = 0
        self.has_lost = asyncio.Event()
        self.port = 0

    def lose_answers(self) -> None:
        """From now on what the server sends goes nowhere, until `cut`."""
        self._answers_are_lost = True

    def find_answers(self) -> None:
        """What the server sends from now on arrives; what was lost stays lost."""
        self._answers_are_lost = False

    def take_down(self) -> None:
        """Close every connection and take no new one, until `bring_up`."""
        self._is_down = True
        self.cut()

    def bring_up(self) -> None:
        self._is_down = False

    def cut(self) -> None:
        """Close every connection; new ones are whole again."""
        self._answers_are_lost = False
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.close()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, server_writer}
        for source, sink, is_answer in ((reader, server_writer, False), (server_reader, writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, is_answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_answer: bool) -> None:
        try:
            while data := await source.read(65536):
                if is_answer and self._answers_are_lost:
                    self.lost_bytes += len(data)
                    self.has_lost.set()
                    continue
                if is_answer and self.answer_delay_s:
                    await asyncio.sleep(self.answer_delay_s)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    async def end(self) -> None:
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def tcp_proxy(to_port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(to_port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
