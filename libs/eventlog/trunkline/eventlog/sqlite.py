"""The log on one SQLite file, for tests and for installations without NATS: the same seam, the same digest, the same conflicts.

Any number of processes of one machine may use the file. Followers are told at once of commits of their own process and look for others'
every POLL_S.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiosqlite

from trunkline.domain.events import Commit, Position
from trunkline.eventlog.codec import UnknownEvent
from trunkline.eventlog.envelope import bodies_of, message_id_of, micros_of, stored_commit
from trunkline.eventlog.log import Conflict, Expect, LogDamaged, LogUnavailable, StoredCommit, each, matches
from trunkline.eventlog.ulid import new_ulid

POLL_S: Final = 0.1
"""How late a commit of another process is seen at most."""

BUSY_LIMIT_S: Final = 2.0
"""For another process to finish its append."""

GROUP: Final = 500
_NOT_A_LOG: Final = "is no log of this version"
_APPLICATION_ID: Final = 0x54524B4C
_SCHEMA: Final = """
CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL);
CREATE TABLE commits (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, stored_us INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE subjects (subject TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""
_ADDED: Final = "CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID"
"""Message ids; files of the first version do not have it."""


class SqliteLog:
    """An `EventLog`. Made by `open()`, ended by `close()`."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection, epoch: str) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._epoch = epoch
        self._turn = asyncio.Lock()
        self._appended = asyncio.Condition()
        self._appends = 0

    @classmethod
    async def open(cls, path: Path) -> SqliteLog:
        """Open the file, or make it. Raises LogDamaged where it is something else, LogUnavailable where it cannot be opened."""
        writer: aiosqlite.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_LIMIT_S)
            await writer.create_function("matches", 2, matches, deterministic=True)
            epoch = await _prepare(path, writer)
            reader = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_LIMIT_S)
            await reader.create_function("matches", 2, matches, deterministic=True)
        except (sqlite3.OperationalError, OSError) as error:
            await _close(writer)
            raise LogUnavailable(f"{path}: {error}") from error
        except sqlite3.DatabaseError as error:
            await _close(writer)
            raise LogDamaged(f"{path} {_NOT_A_LOG}: {error}. It is the truth: restore it, nothing else has what it had.") from error
        except BaseException:
            await _close(writer)
            raise
        return cls(path, writer, reader, epoch)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()

    async def append(self, commits: Sequence[Commit], expect: Sequence[Expect]) -> tuple[Position, ...]:
        bodies = bodies_of(commits, expect)
        async with self._turn:
            try:
                positions = await self._append(commits, bodies, expect)
            except sqlite3.Error as error:
                raise LogUnavailable(f"{self._path}: {error}. Repeat the write with the same request id.") from error
        async with self._appended:
            self._appends += 1
            self._appended.notify_all()
        return positions

    async def last(self, subject_filter: str) -> StoredCommit | None:
        rows = await self._read(
            "SELECT position, subject, stored_us, body FROM commits WHERE position ="
            " (SELECT max(position) FROM subjects WHERE matches(?, subject))",
            subject_filter,
        )
        return self._stored(*rows[0]) if rows else None

    async def at(self, position: Position) -> StoredCommit:
        rows = await self._read("SELECT position, subject, stored_us, body FROM commits WHERE position = ?", position)
        if not rows:
            raise LogDamaged(f"{self._path} has nothing at position {position}. Restore the file.")
        return self._stored(*rows[0])

    async def head(self) -> Position:
        (head,) = (await self._read("SELECT coalesce(max(position), 0) FROM commits"))[0]
        return Position(head)

    async def epoch(self) -> str:
        return self._epoch

    async def groups(self, from_position: Position) -> AsyncIterator[Sequence[StoredCommit]]:
        expected = Position(max(from_position, 1))
        while True:
            seen = self._appends
            try:
                rows = await self._read(
                    "SELECT position, subject, stored_us, body FROM commits WHERE position >= ? ORDER BY position LIMIT ?", expected, GROUP
                )
                if not rows and await self.head() < expected - 1:
                    raise LogDamaged(f"{self._path} ends before {expected - 1}, which was read from it: it is another log.")
            except LogUnavailable:
                rows = []
            if rows:
                commits: list[StoredCommit] = []
                broken: Exception | None = None
                for row in rows:
                    if row[0] != expected:
                        broken = LogDamaged(f"{self._path}: position {expected} was awaited and {row[0]} came. Restore the file.")
                        break
                    try:
                        commits.append(self._stored(*row))
                    except (LogDamaged, UnknownEvent) as error:
                        broken = error
                        break
                    expected = Position(expected + 1)
                # What stands before it is whole and wanted.
                if commits:
                    yield commits
                if broken is not None:
                    raise broken
            else:
                await self._wait_for_another(seen)

    def tail(self, from_position: Position) -> AsyncIterator[StoredCommit]:
        return each(self.groups(from_position))

    async def _append(self, commits: Sequence[Commit], bodies: Sequence[bytes], expect: Sequence[Expect]) -> tuple[Position, ...]:
        db = self._writer
        try:
            await db.execute("BEGIN IMMEDIATE")
            mine = await db.execute_fetchall(
                "SELECT position FROM commits WHERE id = ? AND position = (SELECT position FROM subjects WHERE subject = ?)",
                (commits[-1].id, commits[-1].subject),
            )
            for (position,) in mine:
                return tuple(Position(position - len(commits) + number) for number in range(1, len(commits) + 1))
            # All expectations are of the log as it was before the batch, as the server has it.
            for expected in expect:
                await self._check(expected)
            ids = [message_id_of(commit) for commit in commits]
            for message_id in ids:
                await self._check_new(message_id)
            (head,) = next(iter(await db.execute_fetchall("SELECT coalesce(max(position), 0) FROM commits")))
            positions = [Position(head + number) for number in range(1, len(commits) + 1)]
            stored_us = micros_of(datetime.now(UTC))
            await db.executemany(
                "INSERT INTO commits VALUES (?, ?, ?, ?, ?)",
                [
                    (position, commit.id, commit.subject, stored_us, body)
                    for position, commit, body in zip(positions, commits, bodies, strict=True)
                ],
            )
            await db.executemany(
                "INSERT OR REPLACE INTO subjects VALUES (?, ?)",
                [(commit.subject, position) for position, commit in zip(positions, commits, strict=True)],
            )
            await db.executemany("INSERT INTO messages VALUES (?, ?)", list(zip(ids, positions, strict=True)))
            await db.execute("COMMIT")
            return tuple(positions)
        finally:
            await db.rollback()

    async def _check(self, expected: Expect) -> None:
        # A filter without wildcards is one subject, which the index has.
        condition = "matches(?, subject)" if {"*", ">"} & set(expected.subject_filter.split(".")) else "subject = ?"
        query = f"SELECT coalesce(max(position), 0) FROM subjects WHERE {condition}"  # noqa: S608 - of the two texts above
        (last,) = next(iter(await self._writer.execute_fetchall(query, (expected.subject_filter,))))
        if last != expected.position:
            raise Conflict(
                f"{self._path}: the last commit on {expected.subject_filter} is {last}, expected was {expected.position}."
                " Read again and decide again."
            )

    async def _check_new(self, message_id: str) -> None:
        for (position,) in await self._writer.execute_fetchall("SELECT position FROM messages WHERE id = ?", (message_id,)):
            raise Conflict(f"{self._path}: a commit of the same request stands at {position}. Read again and decide again.")

    async def _read(self, query: str, *parameters: object) -> list[sqlite3.Row]:
        try:
            return list(await self._reader.execute_fetchall(query, parameters))
        except sqlite3.Error as error:
            raise LogUnavailable(f"{self._path}: {error}") from error

    def _stored(self, position: int, subject: str, stored_us: int, body: bytes) -> StoredCommit:
        return stored_commit(str(self._path), position, subject, body, stored_us)

    async def _wait_for_another(self, seen: int) -> None:
        """For an append after the `seen` first of this process, at most POLL_S."""
        try:
            async with asyncio.timeout(POLL_S), self._appended:
                await self._appended.wait_for(lambda: self._appends != seen)
        except TimeoutError:
            return


async def _close(db: aiosqlite.Connection | None) -> None:
    if db is not None:
        await db.close()


async def _prepare(path: Path, db: aiosqlite.Connection) -> str:
    """Make the tables in an empty file; the epoch."""
    await db.execute("PRAGMA journal_mode = WAL")
    # This is the truth: an acknowledged commit survives a power cut.
    await db.execute("PRAGMA synchronous = FULL")
    try:
        await db.execute("BEGIN IMMEDIATE")
        (application_id,) = next(iter(await db.execute_fetchall("PRAGMA application_id")))
        (tables,) = next(iter(await db.execute_fetchall("SELECT count(*) FROM sqlite_schema")))
        if not tables and not application_id:
            for statement in _SCHEMA.strip().split(";\n"):
                await db.execute(statement)
            await db.execute("INSERT INTO log VALUES (1, ?)", (new_ulid(),))
            await db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            await db.execute(_ADDED)
        elif application_id != _APPLICATION_ID:
            raise LogDamaged(f"{path} {_NOT_A_LOG}: it is a SQLite file of something else (application id {application_id})")
        else:
            await db.execute(_ADDED)
        (epoch,) = next(iter(await db.execute_fetchall("SELECT epoch FROM log")))
        await db.execute("COMMIT")
    finally:
        await db.rollback()
    return str(epoch)
