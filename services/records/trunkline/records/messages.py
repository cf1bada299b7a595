"""SIP messages that edges captured, in a file of their own: they come from no stream, are deleted after some days, and nothing depends on
them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aiosqlite
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.runtime.logs import logger

SUBJECT: Final = "messages.captured"

MAX_PER_CALL: Final = 200
"""Of one call, the first ones: a refused INVITE may be sent again and again."""
MAX_MESSAGES: Final = 1_000_000
"""In all; beyond it the oldest go. About a gigabyte."""
MAX_CALL_CHARACTERS: Final = 64
MAX_TEXT_CHARACTERS: Final = 64 << 10
QUEUE: Final = 64
"""Batches that wait for the disk; what comes on top is dropped and counted."""
CLEAN_EVERY_S: Final = 600.0
CONNECT_LOOK_S: Final = 0.5
CLEANED_AT_ONCE: Final = 2_000

_NS_PER_S: Final = 1_000_000_000
_NS_PER_DAY: Final = 86_400 * _NS_PER_S
_MAX_NS: Final = (1 << 63) - 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    edge TEXT NOT NULL,
    stored_ns INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_call ON messages (call);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (stored_ns);
"""
"""`body` is the protobuf message `CapturedText`."""

_log = logger("messages")


class Messages:
    """Open with `Messages.open`. A file that is damaged is begun anew: nothing in it is needed."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> Messages:
        try:
            return cls(await _opened(path))
        except aiosqlite.OperationalError:
            # Locked, full, not to be opened: the world, not the file.
            raise
        except aiosqlite.DatabaseError as error:
            aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
            _log.error("captured messages set aside", why=str(error), aside=aside.name)
            path.rename(aside)
            return cls(await _opened(path))

    async def close(self) -> None:
        await self._database.close()

    async def add(self, batch: call_pb2.CapturedBatch, now_ns: int) -> int:
        """How many were stored: those of one call beyond MAX_PER_CALL are not, nor what is none of an edge's."""
        fitting = [each for each in batch.messages if _is_sound(each)]
        await self._database.execute("BEGIN IMMEDIATE")
        try:
            before = self._database.total_changes
            await self._database.executemany(
                "INSERT INTO messages (call, edge, stored_ns, body) SELECT :call, :edge, :now, :body"
                " WHERE (SELECT count(*) FROM messages WHERE call = :call) < :most",
                [
                    {"call": each.call, "edge": batch.edge, "now": now_ns, "body": each.SerializeToString(), "most": MAX_PER_CALL}
                    for each in fitting
                ],
            )
            stored = self._database.total_changes - before
            await self._database.execute("COMMIT")
        except BaseException:
            await self._database.rollback()
            raise
        return stored

    async def of(self, record: records_pb2.Record) -> list[records_pb2.CapturedMessage]:
        """Of the record's call, by time; what came in one nanosecond as it was told."""
        query = "SELECT edge, body FROM messages WHERE call = ? ORDER BY id"
        async with self._database.execute(query, (record.call,)) as cursor:
            rows = list(await cursor.fetchall())
        messages = [_message(edge, call_pb2.CapturedText.FromString(body), record) for edge, body in rows]
        return sorted(messages, key=lambda message: message.time.ToNanoseconds())

    async def delete_older(self, before_ns: int, most: int = MAX_MESSAGES) -> int:
        """Some of those stored before then, and of the oldest beyond `most`; how many. Call it until it is 0."""
        async with self._database.execute(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE stored_ns < ? OR"
            " id <= (SELECT coalesce(max(id), 0) FROM messages) - ? ORDER BY id LIMIT ?)",
            (before_ns, most, CLEANED_AT_ONCE),
        ) as cursor:
            return cursor.rowcount

    async def clean(self, days: int) -> None:
        """For ever: deletes what is older than so many days."""
        while True:
            if not await self.delete_older(time.time_ns() - days * _NS_PER_DAY):
                await asyncio.sleep(CLEAN_EVERY_S)


async def keep_messages(client: Client, messages: Messages) -> None:
    """For ever: stores what edges tell. Subscribes when there is a connection; nats-py renews it after every loss."""
    queue: asyncio.Queue[call_pb2.CapturedBatch] = asyncio.Queue(QUEUE)

    async def on_message(message: Msg) -> None:
        batch = call_pb2.CapturedBatch()
        try:
            batch.ParseFromString(message.data)
        except DecodeError as error:
            _log.warning("captured messages cannot be read", subject=message.subject, why=str(error))
            return
        if batch.dropped:
            _log.info("an edge dropped captured messages", edge=batch.edge, count=batch.dropped)
        if queue.full():
            _log.warning("captured messages dropped: the disk does not keep up", edge=batch.edge, count=len(batch.messages))
            return
        queue.put_nowait(batch)

    while not client.is_connected:  # noqa: ASYNC110 — nats-py has no event for its first connection
        await asyncio.sleep(CONNECT_LOOK_S)
    await client.subscribe(f"{SUBJECT}.>", cb=on_message)
    while True:
        await messages.add(await queue.get(), time.time_ns())


async def _opened(path: Path) -> aiosqlite.Connection:
    database = await aiosqlite.connect(path, isolation_level=None)
    try:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = NORMAL")
        await database.executescript(_SCHEMA)
    except BaseException:
        await database.close()
        raise
    return database


def _is_sound(message: call_pb2.CapturedText) -> bool:
    return 0 < len(message.call) <= MAX_CALL_CHARACTERS and len(message.text) <= MAX_TEXT_CHARACTERS and message.time_ns <= _MAX_NS


def _message(edge: str, kept: call_pb2.CapturedText, record: records_pb2.Record) -> records_pb2.CapturedMessage:
    """With the time of its gateway attempt, where it has none of its own."""
    tried = next((attempt for attempt in record.attempts if attempt.number == kept.number), None)
    if kept.time_ns:
        seconds, nanos = divmod(kept.time_ns, _NS_PER_S)
        when = Timestamp(seconds=seconds, nanos=nanos)
    else:
        when = tried.time if tried is not None else record.setup_time
    source, destination = (kept.peer, kept.ours) if kept.is_received else (kept.ours, kept.peer)
    return records_pb2.CapturedMessage(
        time=when,
        direction="received" if kept.is_received else "sent",
        source=source,
        destination=destination,
        transport=kept.transport,
        text=kept.text,
        cut_bytes=kept.cut_bytes,
        edge=edge,
        side="carrier" if kept.peer in _gateways(record.attempts) else "customer",
    )


def _gateways(attempts: Iterable[records_pb2.GatewayAttempt]) -> set[str]:
    return {attempt.address for attempt in attempts}
