"""The journal → the stream CALLS. Nothing is lost, and nothing waits for it on the way of a call.

The engine's eventfd says when there are lines; they are drained in pieces, a piece becomes one message, and only when the stream has stored
it is the journal told. At most MAX_IN_FLIGHT pieces are under way: while the stream is away the rest stays on disk, where it is.

A piece is sent again unchanged, under the same id, until it is stored: the stream drops the repetition, and where its memory of ids is too
short, readers drop repeated facts. After a restart of the edge the journal is drained from the last acknowledgement, perhaps cut elsewhere;
so the id carries the length too (a longer piece must not pass for a shorter one that is stored).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from trunkline.api.events.v1 import call_pb2
from trunkline.edge.waking import readable
from trunkline.engine import JournalChunk
from trunkline.runtime.logs import logger

STREAM = "CALLS"
PIECE_BYTES = 262_144
"""Of one drain. A quarter of what the server takes in one message, and parsed by readers in a few milliseconds."""

FULL_BYTES = PIECE_BYTES // 2
"""A drain of no more than this has left nothing behind: the next line, of at most 128 KiB, would have found room."""

MAX_IN_FLIGHT = 8
"""Pieces under way: 2 MiB. One is enough at 500 calls/s; more only shortens the way back after an outage."""

PUBLISH_DEADLINE_S = 2.0
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 2.0
WARN_AFTER_TRIES = 5
MSG_ID = "Nats-Msg-Id"
EXPECTED_STREAM = "Nats-Expected-Stream"


OnChunk = Callable[[JournalChunk], Awaitable[None]]


class Journal(Protocol):
    """What shipping needs of `trunkline.engine.Engine`."""

    def fileno(self) -> int: ...
    def drain(self, max_bytes: int = ...) -> list[JournalChunk]: ...
    def rewind(self) -> None: ...
    def acknowledge(self, segment: str, offset: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Who ships: named in every message."""

    edge: str
    pop: str
    region: str

    @property
    def subject(self) -> str:
        return f"calls.{self.region}.{self.pop}"


@dataclass(slots=True)
class ShippingCounts:
    pieces: int = 0
    retries: int = 0
    duplicates: int = 0


class Shipper:
    """Runs on one event loop; `run` until it is cancelled. `nats` should buffer nothing while the server is away: we send again anyway.
    `on_chunk` sees each piece before it is acknowledged, in the order of the journal; after a restart perhaps once more."""

    def __init__(self, journal: Journal, nats: Client, sender: Sender, on_chunk: OnChunk | None = None) -> None:
        self.counts = ShippingCounts()
        self._journal = journal
        self._nats = nats
        self._stream = nats.jetstream()
        self._sender = sender
        self._on_chunk = on_chunk
        self._log = logger("shipping")

    async def run(self) -> None:
        """Begins at the oldest line that was not acknowledged, whoever drained it before."""
        self._journal.rewind()
        under_way: asyncio.Queue[tuple[JournalChunk, asyncio.Task[None]]] = asyncio.Queue(MAX_IN_FLIGHT)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._acknowledge(under_way), name="journal acknowledgements")
            while True:
                chunks = self._journal.drain(PIECE_BYTES)
                for chunk in chunks:
                    if self._on_chunk is not None:
                        await self._on_chunk(chunk)
                    task = tasks.create_task(self._publish(chunk), name=f"journal piece {chunk.segment}+{chunk.offset}")
                    await under_way.put((chunk, task))
                if sum(len(chunk.lines) for chunk in chunks) <= FULL_BYTES:
                    # What comes now raises the eventfd again; drained at once it would be a message of a line or two.
                    await readable(self._journal.fileno())

    async def _acknowledge(self, under_way: asyncio.Queue[tuple[JournalChunk, asyncio.Task[None]]]) -> None:
        """In the order of the journal: an acknowledgement covers everything before it."""
        while True:
            chunk, task = await under_way.get()
            await task
            try:
                self._journal.acknowledge(chunk.segment, chunk.offset + len(chunk.lines))
            except OSError as error:
                # What is done with was deleted all the same. The next one covers this; a restart sends some lines again.
                self._log.warning("the place in the journal is not noted: is the disk full?", segment=chunk.segment, why=str(error))

    async def _publish(self, chunk: JournalChunk) -> None:
        """Until the stream has it. Not bounded in tries: the alternative would be to lose it."""
        sender = self._sender
        message = call_pb2.CallFactBatch(
            edge=sender.edge, pop=sender.pop, region=sender.region, segment=chunk.segment, offset=chunk.offset, lines=chunk.lines
        )
        data = message.SerializeToString()
        headers = {MSG_ID: f"{sender.edge}-{chunk.segment}-{chunk.offset}-{len(chunk.lines)}", EXPECTED_STREAM: STREAM}
        retry_s = FIRST_RETRY_S
        tries = 0
        while True:
            try:
                if not self._nats.is_connected:
                    raise ConnectionReconnectingError
                ack = await self._stream.publish(sender.subject, data, timeout=PUBLISH_DEADLINE_S, headers=headers)
            except (NatsError, JetStreamError, TimeoutError, OSError) as error:
                tries += 1
                self.counts.retries += 1
                if tries % WARN_AFTER_TRIES == 0:
                    why = f"{type(error).__name__}: {error}"
                    self._log.warning(
                        "journal waits for the stream", stream=STREAM, segment=chunk.segment, offset=chunk.offset, tries=tries, why=why
                    )
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                self.counts.pieces += 1
                self.counts.duplicates += bool(ack.duplicate)
                return
