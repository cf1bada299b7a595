"""`python -m trunkline.lab.link --settings FILE`: TCP connections, forwarded late."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trunkline.lab.link.settings import Forward, LinkSettings
from trunkline.runtime.settings import SettingsError, load_settings

CHUNK_BYTES = 64 * 1024
IN_FLIGHT = 512
"""Chunks on their way in one direction of a connection; above it the sender is not read from."""

CONNECT_LIMIT_S = 2.0


async def carry(settings: LinkSettings) -> None:
    """For ever. OSError where an address cannot be bound."""
    delay_s = settings.delay_ms / 1000
    servers = [await _serve(forward, delay_s) for forward in settings.forwards]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _serve(forward: Forward, delay_s: float) -> asyncio.Server:
    host, _, port = forward.target.rpartition(":")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _closed(writer):
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S + 2 * delay_s):
                    await asyncio.sleep(delay_s)
                    there_reader, there_writer = await asyncio.open_connection(host, int(port))
            except (OSError, TimeoutError):
                return  # the caller sees its connection closed, as where nobody listens
            async with _closed(there_writer), asyncio.TaskGroup() as both:
                # When one direction ends the connection does: nothing here speaks with one side closed.
                directions = [
                    both.create_task(_pass(reader, there_writer, delay_s)),
                    both.create_task(_pass(there_reader, writer, delay_s)),
                ]
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
                for direction in directions:
                    direction.cancel()

    listen_host, _, listen_port = forward.listen.rpartition(":")
    return await asyncio.start_server(accept, listen_host, int(listen_port), limit=CHUNK_BYTES)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Until the sender is done and all it sent has arrived, or either side is gone."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)

    async def send() -> None:
        while True:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError:
                data = b""
            await on_the_way.put((loop.time() + delay_s, data))
            if not data:
                return

    async def arrive() -> None:
        while True:
            due_s, data = await on_the_way.get()
            if not data:
                return
            if due_s > loop.time():
                await asyncio.sleep(due_s - loop.time())
            writer.write(data)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        await arrive()
    except OSError:
        return
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@asynccontextmanager
async def _closed(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=Path, required=True, metavar="FILE", help="TOML file")
    try:
        settings = load_settings(LinkSettings, parser.parse_args().settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    asyncio.run(carry(settings))


if __name__ == "__main__":
    main()
