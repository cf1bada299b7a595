"""SIP messages that edges captured, in a file of their own: they come from no stream, are deleted after some days, and nothing depends on
them. Those of refused and failed calls and those of sampled ones are bounded in bytes by themselves, and tenants share either: beyond the
bound the oldest of whoever has most bytes go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
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
"""Of one call, the first ones of either kind: a refused INVITE may be sent again and again."""
MAX_FAILED_BYTES: Final = 650_000_000
"""Of refused and failed calls: the length of all `body`, a gigabyte with those of sampled ones. Columns and indexes are some 250 bytes a
message on top, and what came since the last look (CLEAN_EVERY_S)."""
MAX_SAMPLED_BYTES: Final = 350_000_000
MAX_CALL_CHARACTERS: Final = 64
MAX_TENANT_CHARACTERS: Final = 64
MAX_TEXT_CHARACTERS: Final = 64 << 10
QUEUE: Final = 64
"""Batches that wait for the disk; what comes on top is dropped and counted."""
CLEAN_EVERY_S: Final = 10.0
"""An edge with `capture_per_s` 200 tells some 50 MB meanwhile, were all of its messages 16 KiB (300 a second with sampled ones)."""
CONNECT_LOOK_S: Final = 0.5
CLEANED_AT_ONCE: Final = 2_000
EVICTED_AT_ONCE: Final = 100
"""Of one tenant, before it is asked again who has most."""

_NS_PER_S: Final = 1_000_000_000
_NS_PER_DAY: Final = 86_400 * _NS_PER_S
_MAX_NS: Final = (1 << 63) - 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    edge TEXT NOT NULL,
    stored_ns INTEGER NOT NULL,
    body BLOB NOT NULL,
    tenant TEXT NOT NULL DEFAULT '',
    is_sampled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS messages_by_call ON messages (call);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (stored_ns);
"""
"""`body` is the protobuf message `CapturedText`."""

_ADDED: Final = {
    "tenant": "ALTER TABLE messages ADD COLUMN tenant TEXT NOT NULL DEFAULT '';",
    "is_sampled": "ALTER TABLE messages ADD COLUMN is_sampled INTEGER NOT NULL DEFAULT 0;",
}
"""Columns that a file of before has not: its messages are of nobody, and of failed calls."""

_HELD: Final = """
DROP TRIGGER IF EXISTS message_added;
DROP TRIGGER IF EXISTS message_deleted;
DROP TABLE IF EXISTS held;
CREATE INDEX IF NOT EXISTS messages_by_holder ON messages (is_sampled, tenant);
CREATE TABLE IF NOT EXISTS held_bytes (
    is_sampled INTEGER NOT NULL, tenant TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (is_sampled, tenant)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS bytes_added AFTER INSERT ON messages BEGIN
    INSERT INTO held_bytes VALUES (new.is_sampled, new.tenant, length(new.body))
        ON CONFLICT (is_sampled, tenant) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS bytes_deleted AFTER DELETE ON messages BEGIN
    UPDATE held_bytes SET bytes = bytes - length(old.body) WHERE is_sampled = old.is_sampled AND tenant = old.tenant;
    DELETE FROM held_bytes WHERE is_sampled = old.is_sampled AND tenant = old.tenant AND bytes <= 0;
END;
"""
"""The length of all `body` that each tenant has of either kind. Triggers keep it, so that nobody reads the whole table for it. `held`, with
its triggers, counted messages instead, in a file of before."""

_FILL: Final = """
INSERT INTO held_bytes SELECT is_sampled, tenant, sum(length(body)) FROM messages
    WHERE NOT EXISTS (SELECT 1 FROM held_bytes) GROUP BY is_sampled, tenant;
"""
"""What stands in a file of before is summed once, when it is opened for the first time; later `held_bytes` is empty only where `messages`
is."""

_EVICT: Final = """
DELETE FROM messages WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(size) OVER (ORDER BY id) - size AS gone_before FROM (
            SELECT id, length(body) AS size FROM messages WHERE is_sampled = ? AND tenant = ? ORDER BY id LIMIT ?
        )
    ) WHERE gone_before < ?
)
"""
"""The oldest of one tenant, until so many bytes are gone."""

_log = logger("messages")


class Messages:
    """Open with `Messages.open`. A file that is damaged is begun anew: nothing in it is needed."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database
        self.failures = 0
        """In a row, of batches that the disk did not take."""
        self._lost = 0

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

    async def keep(self, batch: call_pb2.CapturedBatch, now_ns: int) -> None:
        """As `add`. What the disk does not take is lost and counted: nothing depends on it, and the next batch is tried again. The log says
        so at the 1st failure in a row, the 2nd, 4th, 8th and so on: the log may be on the same full disk."""
        try:
            await self.add(batch, now_ns)
        except aiosqlite.Error as error:
            self.failures += 1
            self._lost += len(batch.messages)
            if self.failures & (self.failures - 1) == 0:
                why = f"{type(error).__name__}: {error}"
                _log.error("captured messages not written", why=why, edge=batch.edge, lost=self._lost, failures=self.failures)
            return
        if self.failures:
            _log.info("captured messages written again", lost=self._lost, failures=self.failures)
        self.failures = self._lost = 0

    async def add(self, batch: call_pb2.CapturedBatch, now_ns: int) -> int:
        """How many were stored: those of one call beyond MAX_PER_CALL are not, nor what is none of an edge's."""
        fitting = [each for each in batch.messages if _is_sound(each)]
        await self._database.execute("BEGIN IMMEDIATE")
        try:
            cursor = await self._database.executemany(
                "INSERT INTO messages (call, edge, stored_ns, body, tenant, is_sampled)"
                " SELECT :call, :edge, :now, :body, :tenant, :is_sampled"
                # By its call: with the plus the other index is not thought of.
                " WHERE (SELECT count(*) FROM messages WHERE call = :call AND +is_sampled = :is_sampled) < :most",
                [
                    {
                        "call": each.call,
                        "edge": batch.edge,
                        "now": now_ns,
                        "body": each.SerializeToString(),
                        "tenant": each.tenant,
                        "is_sampled": each.is_sampled,
                        "most": MAX_PER_CALL,
                    }
                    for each in fitting
                ],
            )
            stored = cursor.rowcount
            await self._database.execute("COMMIT")
        except BaseException:
            await self._database.rollback()
            raise
        return stored

    async def of(self, record: records_pb2.Record) -> list[records_pb2.CapturedMessage]:
        """Of the record's call, by time; what came in one nanosecond as it was told. What was told twice is in it once."""
        query = "SELECT edge, body FROM messages WHERE call = ? ORDER BY id"
        async with self._database.execute(query, (record.call,)) as cursor:
            rows = list(await cursor.fetchall())
        kept = _once([(edge, call_pb2.CapturedText.FromString(body)) for edge, body in rows])
        messages = [_message(edge, text, record) for edge, text in kept]
        return sorted(messages, key=lambda message: message.time.ToNanoseconds())

    async def delete_older(self, before_ns: int) -> int:
        """Some of those stored before then; how many. Call it until it is 0."""
        async with self._database.execute(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE stored_ns < ? ORDER BY stored_ns LIMIT ?)",
            (before_ns, CLEANED_AT_ONCE),
        ) as cursor:
            return cursor.rowcount

    async def evict(self, *, is_sampled: bool, most_bytes: int) -> int:
        """Where there are more bytes than that of one kind: some of the oldest of who has most; how many went. Call it until it is 0."""
        query = "SELECT total(bytes), max(bytes), tenant FROM held_bytes WHERE is_sampled = ?"
        async with self._database.execute(query, (is_sampled,)) as cursor:
            [row] = await cursor.fetchall()
        excess = int(row[0]) - most_bytes
        if excess <= 0:
            return 0
        async with self._database.execute(_EVICT, (is_sampled, row[2], EVICTED_AT_ONCE, excess)) as cursor:
            return cursor.rowcount

    async def clean(self, days: int) -> None:
        """For ever: deletes what is older than so many days, and what is too much."""
        while True:
            if not await self.clean_some(days):
                await asyncio.sleep(CLEAN_EVERY_S)

    async def clean_some(self, days: int) -> int:
        """How many are gone; call it until it is 0. Where the disk refuses, the log says so, it is 0, and a later time tries again."""
        try:
            gone = await self.delete_older(time.time_ns() - days * _NS_PER_DAY)
            gone += await self.evict(is_sampled=False, most_bytes=MAX_FAILED_BYTES)
            gone += await self.evict(is_sampled=True, most_bytes=MAX_SAMPLED_BYTES)
        except aiosqlite.Error as error:
            _log.error("old captured messages not deleted", why=f"{type(error).__name__}: {error}")
            return 0
        return gone


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
        await messages.keep(await queue.get(), time.time_ns())


async def _opened(path: Path) -> aiosqlite.Connection:
    database = await aiosqlite.connect(path, isolation_level=None)
    try:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = NORMAL")
        await database.executescript(_SCHEMA)
        await _count_holders(database)
    except BaseException:
        await database.close()
        raise
    return database


async def _count_holders(database: aiosqlite.Connection) -> None:
    async with database.execute("SELECT name FROM pragma_table_info('messages')") as cursor:
        columns = {name for (name,) in await cursor.fetchall()}
    missing = [statement for column, statement in _ADDED.items() if column not in columns]
    # In one transaction: a file is as it was before, or as it is now.
    await database.executescript("\n".join(("BEGIN IMMEDIATE;", *missing, _HELD, _FILL, "COMMIT;")))


def _is_sound(message: call_pb2.CapturedText) -> bool:
    is_named = 0 < len(message.call) <= MAX_CALL_CHARACTERS and len(message.tenant) <= MAX_TENANT_CHARACTERS
    return is_named and len(message.text) <= MAX_TEXT_CHARACTERS and message.time_ns <= _MAX_NS


def _once(rows: Sequence[tuple[str, call_pb2.CapturedText]]) -> list[tuple[str, call_pb2.CapturedText]]:
    """A sampled call that failed has some of its messages twice: at one time, or, of an INVITE to a gateway, without a time."""
    sent = {(text.peer, text.text) for _, text in rows if text.is_sampled and not text.is_received}
    seen: set[tuple[int, bool, str, str]] = set()
    kept: list[tuple[str, call_pb2.CapturedText]] = []
    for edge, text in rows:
        this = (text.time_ns, text.is_received, text.peer, text.text)
        is_repeated = this in seen if text.time_ns else (text.peer, text.text) in sent
        if not is_repeated:
            kept.append((edge, text))
            seen.add(this)
    return kept


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
