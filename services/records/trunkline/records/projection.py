"""The writing half of the projection: messages of CALLS → facts → records, in one SQLite transaction with the stream's position.

One writer, the process's only one. A message that was applied before changes nothing: facts are keyed by edge and id. What cannot be read
is set aside in `rejected` with its place and does not hold up the rest; what cannot be stored raises, and the process ends and tries again.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiosqlite
from google.protobuf.message import DecodeError

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1.records_pb2 import Record
from trunkline.records.facts import CallFact, Counted, MalformedFact, parse_fact
from trunkline.records.fold import FOLD_VERSION, EdgeFact, Outcome, fold
from trunkline.records.rendering import record_message
from trunkline.records.rows import WRITE_RECORD, row_of
from trunkline.records.schema import SCHEMA, SCHEMA_VERSION, UPGRADES
from trunkline.records.sums import ADD_USAGE, teach
from trunkline.records.usage import Difference
from trunkline.records.webhook_queue import WebhookQueue

MAX_FACTS_PER_CALL = 512
"""An honest call has under 50. A flood of one refused INVITE, sent again and again, must not make its fold dear; what is above it goes
to `rejected`."""

_NS_PER_S = 1_000_000_000

MAX_CANDIDATES = 10_000
"""Open attempts that are looked at in one sweep: those of an edge that died, and calls that may be longer than most."""

CACHE_KIB = 65_536
"""Of a million records the pages that a new one changes: indexes by number, caller and call are touched anywhere."""

REFOLD_CALLS = 1000
"""Calls folded in one transaction when the fold is newer than the records."""


class StreamMessage(NamedTuple):
    """A message of CALLS; `sequence` is its place in the stream."""

    sequence: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """What a group of messages brought: new facts, lines set aside, calls whose record was written."""

    facts: int
    rejected: int
    calls: int


class WrongFile(Exception):
    """A file that is no records database, or one of another version; the text says which, and what happens to it."""


@dataclass(slots=True)
class _Rows:
    facts: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    parsed: dict[tuple[str, str], CallFact] = field(default_factory=dict)
    """By edge and id: most calls are folded from what has just arrived, and reading a line twice doubles the work."""
    counted: list[tuple[str, str, int, str, str, str, int, str]] = field(default_factory=list)
    rejected: list[tuple[str, str, int, int, str, bytes]] = field(default_factory=list)


class Projection:
    """Open with `Projection.open`. `position` is the last sequence applied, `stream` says of which stream."""

    def __init__(self, database: aiosqlite.Connection, position: int, stream: str) -> None:
        self._database = database
        self.position = position
        self.stream = stream
        self.on_written: Callable[[Sequence[Record]], None] = lambda records: None
        """Told the records that a transaction has changed, when it is done; not those of a fold after an upgrade."""
        self._writing = asyncio.Lock()
        """Held for a transaction: there is one connection."""
        self.webhooks = WebhookQueue(database, self._writing)

    @classmethod
    async def open(cls, path: Path) -> Projection:
        """Makes the file where it is missing. WrongFile for one that is damaged, foreign or of another version."""
        database = await aiosqlite.connect(path, isolation_level=None)
        try:
            await database.execute("PRAGMA journal_mode = WAL")
            # A power cut may take the last transactions, position included: the stream brings them again.
            await database.execute("PRAGMA synchronous = NORMAL")
            await database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            await teach(database)
            await _prepare(database, path)
            meta = {name: value async for name, value in await database.execute("SELECT name, value FROM meta")}
            projection = cls(database, int(meta["position"]), str(meta["stream"]))
            if int(meta["fold_version"]) != FOLD_VERSION:
                await projection._refold()
        except aiosqlite.OperationalError:
            # Locked, full, not to be opened: the world, not the file. Setting the file aside would help nobody.
            await database.close()
            raise
        except aiosqlite.DatabaseError as error:
            await database.close()
            raise WrongFile(f"{path}: not a sound SQLite database: {error}") from error
        except BaseException:
            await database.close()
            raise
        return projection

    async def close(self) -> None:
        await self._database.close()

    async def restart(self, stream: str) -> None:
        """The stream is another than the one that `position` counts in: begin with its first message. Records and facts stay."""
        await self._database.execute("BEGIN IMMEDIATE")
        await self._set_meta(stream=stream, position=0)
        await self._database.execute("COMMIT")
        self.stream, self.position = stream, 0

    async def apply(self, messages: Sequence[StreamMessage]) -> Applied:
        """Messages in the order of the stream, not empty. Those at or below `position` are ignored."""
        fresh = [message for message in messages if message.sequence > self.position]
        if not fresh:
            return Applied(0, 0, 0)
        rows = _Rows()
        for message in fresh:
            _read_message(message, rows)
        async with self._writing:
            return await self._apply(rows, fresh[-1].sequence)

    async def _apply(self, rows: _Rows, sequence: int) -> Applied:
        await self._database.execute("BEGIN IMMEDIATE")
        try:
            await self._set_aside_surplus(rows)
            before = self._database.total_changes
            await self._database.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?)", rows.facts)
            await self._database.executemany("INSERT OR IGNORE INTO counted VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows.counted)
            added = self._database.total_changes - before
            await self._database.executemany("INSERT OR IGNORE INTO rejected VALUES (?, ?, ?, ?, ?, ?)", rows.rejected)
            calls = list({row[0] for row in rows.facts})
            written = await self._fold_calls(calls, rows.parsed)
            await self.webhooks.add(written, int(time.time()))
            await self._set_meta(position=sequence)
            await self._database.execute("COMMIT")
        except BaseException:
            await self._database.rollback()
            raise
        self.position = sequence
        self.on_written(written)
        return Applied(added, len(rows.rejected), len(written))

    async def presume_over(self, now_ns: int, *, longest_call_s: int, setup_s: int, slack_s: int, limit: int) -> int:
        """Closes the oldest attempts whose end nobody has told in time, at most `limit`; how many. A call's own longest time, where it had
        one, counts instead of `longest_call_s`, but a shorter one is not looked for before that."""
        async with self._writing:
            overdue = [call async for call in self._overdue(now_ns, longest_call_s + slack_s, setup_s + slack_s, slack_s, limit)]
            if not overdue:
                return 0
            facts = [(call, "", f"presumed-{call}", _presumed_line(call, now_ns)) for call in overdue]
            await self._database.execute("BEGIN IMMEDIATE")
            try:
                await self._database.executemany("INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?)", facts)
                written = await self._fold_calls(overdue, {})
                await self.webhooks.add(written, int(time.time()))
                await self._database.execute("COMMIT")
            except BaseException:
                await self._database.rollback()
                raise
            self.on_written(written)
            return len(overdue)

    async def _overdue(self, now_ns: int, call_s: int, setup_s: int, slack_s: int, limit: int) -> AsyncIterator[str]:
        """By set-up time, which is before the answer: a candidate is looked at more closely."""
        query = (
            "SELECT call, body FROM records WHERE (outcome = ? AND setup_ns < ?) OR (outcome IN (?, ?) AND setup_ns < ?)"
            " ORDER BY setup_ns LIMIT ?"
        )
        before_call, before_setup = now_ns - call_s * _NS_PER_S, now_ns - setup_s * _NS_PER_S
        values = (Outcome.LIVE.value, before_call, Outcome.TRYING.value, Outcome.RINGING.value, before_setup, MAX_CANDIDATES)
        async with self._database.execute(query, values) as cursor:
            candidates = list(await cursor.fetchall())
        found = 0
        for call, body in candidates:
            record = Record.FromString(body)
            if record.outcome == Outcome.LIVE.value:
                limit_s = record.max_duration_s + slack_s if record.max_duration_s else call_s
                if record.answer_time.ToNanoseconds() + limit_s * _NS_PER_S > now_ns:
                    continue
            yield call
            found += 1
            if found == limit:
                return

    async def _set_aside_surplus(self, rows: _Rows) -> None:
        """Moves facts of calls that have MAX_FACTS_PER_CALL already to the rejected ones. A fact that came before is no surplus."""
        calls = [row[0] for row in rows.facts]
        query = "SELECT call, edge, id FROM facts WHERE call IN (SELECT value FROM json_each(?))"
        known: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        async for call, edge, fact_id in await self._database.execute(query, (json.dumps(calls),)):
            known[call].add((edge, fact_id))
            # What is stored counts, should the same id have come with other content.
            rows.parsed.pop((edge, fact_id), None)
        kept = []
        for row in rows.facts:
            call, edge, fact_id, line = row
            if (edge, fact_id) in known[call]:
                continue
            if len(known[call]) >= MAX_FACTS_PER_CALL:
                problem = f"call {call} has {MAX_FACTS_PER_CALL} facts already"
                rows.rejected.append((edge, f"fact {fact_id}", 0, self.position, problem, line))
                continue
            known[call].add((edge, fact_id))
            kept.append(row)
        rows.facts = kept

    async def _fold_calls(self, calls: Sequence[str], parsed: Mapping[tuple[str, str], CallFact], *, is_anew: bool = False) -> list[Record]:
        """Folds the calls from all their facts, of which some may be `parsed`, and writes what that changes; the changed records.
        `is_anew`: what was written before is in no figures."""
        facts: defaultdict[str, list[EdgeFact]] = defaultdict(list)
        names = json.dumps(calls)
        query = "SELECT call, edge, id, line FROM facts WHERE call IN (SELECT value FROM json_each(?))"
        async for call, edge, fact_id, line in await self._database.execute(query, (names,)):
            facts[call].append(EdgeFact(edge, parsed.get((edge, fact_id)) or parse_fact(line)))
        old: dict[str, Record] = {}
        if not is_anew:
            query = "SELECT call, body FROM records WHERE call IN (SELECT value FROM json_each(?))"
            old = {call: Record.FromString(body) async for call, body in await self._database.execute(query, (names,))}
        folded = [record_message(record) for record in map(fold, facts.values()) if record is not None]
        changed = [record for record in folded if old.get(record.call) != record]
        difference = Difference()
        for record in changed:
            difference.replace(old.get(record.call), record)
        await self._database.executemany(WRITE_RECORD, map(row_of, changed))
        await self._database.executemany(ADD_USAGE, difference.rows())
        return changed

    async def _refold(self) -> None:
        """After an upgrade: every record anew, in slices by call, then the version. Where that is cut short it begins again."""
        await self._database.execute("DELETE FROM usage")
        last = ""
        while True:
            query = "SELECT DISTINCT call FROM facts WHERE call > ? ORDER BY call LIMIT ?"
            calls = [call async for (call,) in await self._database.execute(query, (last, REFOLD_CALLS))]
            await self._database.execute("BEGIN IMMEDIATE")
            if calls:
                await self._fold_calls(calls, {}, is_anew=True)
            else:
                await self._set_meta(fold_version=FOLD_VERSION)
            await self._database.execute("COMMIT")
            if not calls:
                return
            last = calls[-1]

    async def _set_meta(self, **values: int | str) -> None:
        await self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())


async def _prepare(database: aiosqlite.Connection, path: Path) -> None:
    async with database.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    version = int(row[0]) if row else 0
    if version == SCHEMA_VERSION:
        return
    if version in UPGRADES:
        await database.executescript(f"BEGIN; {UPGRADES[version]} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        return
    async with database.execute("SELECT count(*) FROM sqlite_schema") as cursor:
        row = await cursor.fetchone()
    if version or (row and row[0]):
        raise WrongFile(f"{path}: a database of version {version}, this program writes version {SCHEMA_VERSION}")
    defaults = f"INSERT INTO meta VALUES ('position', 0), ('stream', ''), ('fold_version', {FOLD_VERSION});"  # noqa: S608 — our own number
    await database.executescript(f"BEGIN; {SCHEMA} {defaults} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _read_message(message: StreamMessage, rows: _Rows) -> None:
    batch = call_pb2.CallFactBatch()
    try:
        batch.ParseFromString(message.data)
        if not batch.edge:
            raise DecodeError("no edge is named")
    except DecodeError as error:
        rows.rejected.append(("", "", message.sequence, message.sequence, f"not a CallFactBatch: {error}", message.data))
        return
    offset = batch.offset
    for line in batch.lines.split(b"\n"):
        if line.strip():
            try:
                _read_line(batch.edge, line, rows)
            except MalformedFact as error:
                rows.rejected.append((batch.edge, batch.segment, offset, message.sequence, str(error), line))
        offset += len(line) + 1


def _read_line(edge: str, line: bytes, rows: _Rows) -> None:
    fact: CallFact = parse_fact(line)
    match fact.body:
        case Counted() as counted:
            row = (edge, fact.id, counted.minute_ns, counted.source, counted.what, counted.domain, counted.number, counted.tenant)
            rows.counted.append(row)
        case _:
            # What came first counts, here as in the table.
            rows.parsed.setdefault((edge, fact.id), fact)
            rows.facts.append((fact.call, edge, fact.id, line))


def _presumed_line(call: str, now_ns: int) -> bytes:
    return json.dumps({"call": call, "id": f"presumed-{call}", "time_ns": now_ns, "presumed_over": {}}).encode()
