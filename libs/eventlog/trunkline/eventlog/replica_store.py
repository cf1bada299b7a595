"""The file of a replica: the retained events, and how far they go, in SQLite.

The rows and the position with its digest change in one transaction, so whatever the process dies of, the file is the log up to its
position. No table is the truth: a file that is damaged or is no replica is set aside and built again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, cast

import aiosqlite

from trunkline.domain.events import Commit, Event, Kind, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.codec import decode_event, first_bytes_of
from trunkline.eventlog.digest import EMPTY
from trunkline.eventlog.envelope import micros_of, time_of
from trunkline.eventlog.history import Wanted
from trunkline.eventlog.log import LogDamaged

MAX_EVENTS_PER_COMMIT: Final = 4096
"""Place and ordinal share one integer key, so that retained events lie in the order they are replayed in."""

READ_ROWS: Final = 2048
"""Rows read between two turns of the event loop: about ten milliseconds, of a process that does not serve yet."""

PACK_ROWS: Final = 4096
"""Rows of a pack: some 400 kB of addresses. Bounds memory, and how long the tables are held by whoever takes it."""

_APPLICATION_ID: Final = 0x54524B31
_SCHEMA_VERSION: Final = 2
_FIRST_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, digest BLOB NOT NULL, epoch TEXT NOT NULL,
    is_complete INTEGER NOT NULL
);
CREATE TABLE retained (
    place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, tenant TEXT NOT NULL, aggregate TEXT NOT NULL,
    version INTEGER NOT NULL, event BLOB NOT NULL, crc INTEGER
);
CREATE TABLE versions (
    subject TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL, commit_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE requests (
    tenant TEXT NOT NULL, request_id TEXT NOT NULL, position INTEGER NOT NULL, commit_id TEXT NOT NULL, time_us INTEGER NOT NULL,
    request_hash BLOB NOT NULL, kind TEXT NOT NULL, aggregate TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (tenant, request_id)
) WITHOUT ROWID;
"""

_ROWS: Final = "SELECT place, key, kind, tenant, aggregate, version, event, crc FROM retained WHERE NOT {condition} ORDER BY place"
_PACK: Final = """
SELECT max(place), CAST(group_concat(
    place || ' ' || version || ' ' || ifnull(crc, '') || ' ' || length(CAST(key AS BLOB)) || ' ' || length(event) || ' ' || key || event, ''
) AS BLOB)
FROM (SELECT place, version, crc, key, event FROM retained WHERE place > ? AND {condition} ORDER BY place LIMIT ?)
"""
"""SQLite puts the rows together, without the interpreter: other threads go on."""

_SECOND_SCHEMA: Final = "ALTER TABLE retained ADD COLUMN crc INTEGER;PRAGMA user_version = 2;"
"""Rows that the first version wrote have none and are believed."""

_START: Final = Position(0)
_log = logging.getLogger("trunkline.eventlog.replica")


@dataclass(frozen=True, slots=True)
class StoreState:
    """`position` and `digest` belong together; `epoch` is empty before the log was first met."""

    position: Position = _START
    digest: bytes = EMPTY
    epoch: str = ""
    is_complete: bool = False


class Version(NamedTuple):
    """The last commit of an aggregate; version and position are 0 where there is none."""

    version: int
    position: Position
    commit_id: str


class KnownRequest(NamedTuple):
    """The commit that a request id led to."""

    position: Position
    commit_id: str
    time: datetime
    request_hash: bytes
    kind: Kind
    aggregate: str
    version: int


StoredRow = tuple[int, str, str, str, str, int, bytes, int | None]
"""A row of `retained` as it is read: place, key, kind, tenant, aggregate, version, event, and the CRC over all of them."""


class Packed(NamedTuple):
    """Whoever opens a replica takes events of these classes in packs: bytes of many rows, of which Python makes no object each.

    `take` is called in a thread of its own, in the order of the log; the other events come at the same time by the other way. It checks the
    CRC of each row, and raises ValueError. A pack is rows without anything between them: place, version, CRC (empty where the file's first
    version wrote the row), and the lengths of key and event in bytes, in decimal and with a blank after each; then the key and the event.
    """

    events: tuple[type[Event], ...]
    take: Callable[[bytes], None]


class RetainedRow(NamedTuple):
    place: int
    key: str
    kind: str
    tenant: str
    aggregate: str
    version: int
    event: bytes


@dataclass(slots=True)
class Step:
    """Changes of the retained events: first the drops, then the rows. A drop by prefix after a row begins another step."""

    prefixes: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    rows: dict[str, RetainedRow] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What goes into the file in one transaction."""

    steps: list[Step] = field(default_factory=lambda: [Step()])
    versions: dict[str, Version] = field(default_factory=dict)
    requests: dict[tuple[str, str], KnownRequest] = field(default_factory=dict)
    commits: int = 0

    def drop(self, key: str) -> None:
        """`key`, or all keys that start with it where it ends in `/`."""
        step = self.steps[-1]
        if not key.endswith("/"):
            step.rows.pop(key, None)
            step.keys.append(key)
            return
        if step.rows:
            step = Step()
            self.steps.append(step)
        step.prefixes.append(key)

    def put(self, row: RetainedRow) -> None:
        self.steps[-1].rows[row.key] = row

    def note(self, commit: Commit, position: Position) -> Version:
        """The commit's version, and its request id, which the commit of the aggregate itself answers, not those of its claims."""
        version = self.versions[commit.subject] = Version(commit.version, position, commit.id)
        if commit.request_id and commit.kind is not Kind.CLAIM:
            known = KnownRequest(position, commit.id, commit.time, commit.request_hash, commit.kind, commit.aggregate, commit.version)
            self.requests.setdefault((commit.tenant, commit.request_id), known)
        return version


def place_of(position: Position, ordinal: int) -> int:
    return position * MAX_EVENTS_PER_COMMIT + ordinal


class StoreDamaged(Exception):
    """The file is no replica, one of another version, or cannot be read."""


class ReplicaStore:
    """One open file. Not for two processes at once."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._tenants: dict[str, TenantId] = {}
        """Of each tenant's rows one name, not a copy each: what is folded of them keeps it."""

    @classmethod
    async def open(cls, path: Path) -> ReplicaStore:
        """Raises StoreDamaged, and OSError where the folder cannot be made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        writer: aiosqlite.Connection | None = None
        try:
            writer = await aiosqlite.connect(path, isolation_level=None)
            await _prepare(path, writer)
            reader = await aiosqlite.connect(path, isolation_level=None)
        except sqlite3.DatabaseError as error:
            if writer is not None:
                await writer.close()
            raise StoreDamaged(f"{path}: {error}") from error
        except BaseException:
            if writer is not None:
                await writer.close()
            raise
        return cls(path, writer, reader)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()

    async def state(self) -> StoreState:
        rows = list(await self._writer.execute_fetchall("SELECT position, digest, epoch, is_complete FROM meta"))
        if not rows:
            return StoreState()
        position, digest, epoch, is_complete = rows[0]
        return StoreState(Position(position), digest, epoch, bool(is_complete))

    async def rows(self, without: Sequence[type[Event]] = ()) -> AsyncIterator[list[StoredRow]]:
        """The retained events in the order they are to be applied in, but for those of some classes; unchecked. Raises StoreDamaged."""
        query = _ROWS.format(condition=_is_one_of(without))
        try:
            async with self._reader.execute(query) as cursor:
                while rows := cast("list[StoredRow]", await cursor.fetchmany(READ_ROWS)):
                    yield rows
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(f"{self.path}: {type(error).__name__}: {error}") from error

    async def read_packed(self, packed: Packed) -> None:
        """Gives all rows that are wanted in packs, from a thread. Raises StoreDamaged."""
        await asyncio.to_thread(self._read_packed, packed)

    def _read_packed(self, packed: Packed) -> None:
        query = _PACK.format(condition=_is_one_of(packed.events))
        try:
            with closing(sqlite3.connect(self.path)) as db:
                last, pack = next(db.execute(query, (-1, PACK_ROWS)))
                while last is not None:
                    packed.take(pack)
                    last, pack = next(db.execute(query, (last, PACK_ROWS)))
        except (sqlite3.DatabaseError, ValueError) as error:
            raise StoreDamaged(f"{self.path}: {type(error).__name__}: {error}") from error

    def facts(self, rows: Sequence[StoredRow]) -> Iterator[Fact]:
        """What `rows` gave, checked and decoded, one after the other. Raises StoreDamaged, UnknownEvent."""
        tenants = self._tenants
        try:
            for place, key, kind, tenant, aggregate, version, event, crc in rows:
                if crc is not None and crc != _crc(place, key, kind, tenant, aggregate, version, event):
                    raise StoreDamaged(f"{self.path}: the row {key} is not as it was written")
                owner = tenants.setdefault(tenant, TenantId(tenant))
                yield Fact(Position(place // MAX_EVENTS_PER_COMMIT), _KINDS[kind], owner, aggregate, decode_event(event), version)
        except (KeyError, LogDamaged) as error:
            raise StoreDamaged(f"{self.path}: {type(error).__name__}: {error}") from error

    async def write(self, changes: Changes, state: StoreState) -> None:
        """All of it in one transaction, or nothing. Raises sqlite3.Error."""
        db = self._writer
        try:
            await db.execute("BEGIN IMMEDIATE")
            for step in changes.steps:
                if step.prefixes:
                    # `0` follows `/`: the range holds what starts with the prefix.
                    ranges = [(prefix, f"{prefix[:-1]}0") for prefix in step.prefixes]
                    await db.executemany("DELETE FROM retained WHERE key >= ? AND key < ?", ranges)
                if step.keys:
                    await db.executemany("DELETE FROM retained WHERE key = ?", [(key,) for key in step.keys])
                if step.rows:
                    await db.executemany(
                        "INSERT OR REPLACE INTO retained VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        [(*row, _crc(*row)) for row in step.rows.values()],
                    )
            if changes.versions:
                await db.executemany(
                    "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?)", [(subject, *last) for subject, last in changes.versions.items()]
                )
            if changes.requests:
                rows = [(*key, *_request_row(known)) for key, known in changes.requests.items()]
                await db.executemany("INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            await db.execute(
                "INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?)", (state.position, state.digest, state.epoch, state.is_complete)
            )
            await db.execute("COMMIT")
        except BaseException:
            # Does nothing where the transaction was committed after all; writing the same changes again changes nothing.
            await db.rollback()
            raise

    async def version_of(self, subject: str) -> Version | None:
        rows = list(await self._reader.execute_fetchall("SELECT version, position, commit_id FROM versions WHERE subject = ?", (subject,)))
        return Version(*rows[0]) if rows else None

    async def request(self, tenant: TenantId, request_id: str) -> KnownRequest | None:
        rows = list(
            await self._reader.execute_fetchall(
                "SELECT position, commit_id, time_us, request_hash, kind, aggregate, version FROM requests"
                " WHERE tenant = ? AND request_id = ?",
                (tenant, request_id),
            )
        )
        if not rows:
            return None
        position, commit_id, time_us, request_hash, kind, aggregate, version = rows[0]
        return KnownRequest(Position(position), commit_id, time_of(time_us), request_hash, Kind(kind), aggregate, version)

    async def positions(self, wanted: Wanted, before: Position, limit: int) -> list[Position]:
        """Of the commits that are wanted, newest first."""
        query, values = wanted.query(before, limit)
        return [Position(position) for (position,) in await self._reader.execute_fetchall(query, values)]


def set_aside(path: Path, why: str) -> None:
    """Keep one damaged file for whoever wants to look at it, and make room for another."""
    kept = path.with_name(path.name + ".set-aside")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, kept.with_name(kept.name + suffix))
    _log.warning("%s was set aside as %s and is built again from the log: %s", path, kept.name, why)


def put_in_place(built: Path, path: Path) -> None:
    """`built` takes the place of `path` at once; what was there is kept aside, as `set_aside` does. Nobody has either open.

    Raises StoreDamaged where `built` is open still; nothing is changed then.
    """
    journal = built.with_name(built.name + "-wal")
    if journal.exists():
        raise StoreDamaged(f"{built} is still open: {journal.name} is there. {path} stays as it was; start the process again.")
    kept = path.with_name(path.name + ".set-aside")
    remove(kept)
    # Closing has written it into the file. Taken for the other file's, it would damage it.
    _remove_journals(path)
    try:
        os.link(path, kept)
    except OSError as error:
        _log.warning("%s is not kept: %s", path, error)
    os.replace(built, path)


def remove(path: Path) -> None:
    """A file of a replica, if it is there, with what SQLite has beside it."""
    path.unlink(missing_ok=True)
    _remove_journals(path)


def _remove_journals(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def _prepare(path: Path, db: aiosqlite.Connection) -> None:
    await db.execute("PRAGMA journal_mode = WAL")
    # The file can be built again; what a power cut takes off its end is read from the log once more.
    await db.execute("PRAGMA synchronous = NORMAL")
    (application_id,) = next(iter(await db.execute_fetchall("PRAGMA application_id")))
    (version,) = next(iter(await db.execute_fetchall("PRAGMA user_version")))
    (tables,) = next(iter(await db.execute_fetchall("SELECT count(*) FROM sqlite_schema")))
    if not tables and not application_id:
        # One script is one transaction: a process that dies in it leaves an empty file, not half a schema.
        await db.executescript(f"BEGIN;{_SCHEMA}PRAGMA application_id = {_APPLICATION_ID};PRAGMA user_version = {_SCHEMA_VERSION};COMMIT;")
    elif application_id != _APPLICATION_ID:
        raise StoreDamaged(f"{path} is a SQLite file of something else (application id {application_id})")
    elif version == _FIRST_SCHEMA_VERSION:
        await db.executescript(f"BEGIN;{_SECOND_SCHEMA}COMMIT;")
    elif version != _SCHEMA_VERSION:
        raise StoreDamaged(f"{path} has schema {version}, this program writes {_SCHEMA_VERSION}")


def _crc(place: int, key: str, kind: str, tenant: str, aggregate: str, version: int, event: bytes) -> int:
    """The digest runs over the log and says nothing of what a disk makes of the rows."""
    return zlib.crc32(event, zlib.crc32(f"{place} {key} {kind} {tenant} {aggregate} {version}".encode()))


def _is_one_of(events: Sequence[type[Event]]) -> str:
    """A condition of SQL."""
    firsts = [first_bytes_of(each) for each in events]
    return "(" + " OR ".join(["0", *(f"substr(event, 1, {len(first)}) = x'{first.hex()}'" for first in firsts)]) + ")"


_KINDS: Final = {kind.value: kind for kind in Kind}


def _request_row(known: KnownRequest) -> tuple[int, str, int, bytes, str, str, int]:
    time_us = micros_of(known.time)
    return known.position, known.commit_id, time_us, known.request_hash, known.kind.value, known.aggregate, known.version
