"""Answered calls over the end of an edge's process: a file with what the engine gives of each, out of which the next run's engine makes
their rows again. So they are listed, hung up by command, ended with their tenant or carrier, and when they have lasted as long as they may.

Nothing depends on it but that: a call whose row is lost is served from its token, as at a sibling. So the file is written behind the calls,
without waiting for the disk; one that cannot be read is put aside, and where there can be none the edge serves without.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from trunkline.runtime.logs import logger

WRITE_S: Final = 1.0
"""Between two looks at what is to be written: with the two seconds that a call has to last first, what a killed process forgets."""

PAGE: Final = 1_000
"""Calls given to the engine at once: a megabyte."""

MAX_UNWRITTEN: Final = 200_000
"""Calls and ends that wait for a disk that takes nothing: all calls of an edge, twice over. What is new beyond it is not kept."""

_SCHEMA: Final = (
    "pragma journal_mode=wal; pragma synchronous=off;"
    "create table if not exists saved (call text primary key, row blob not null) without rowid"
)

_log = logger("saved calls")


class Calls(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def take_saved_calls(self) -> list[tuple[str, bytes | None]]: ...
    def restore_calls(self, calls: list[tuple[str, bytes]]) -> None: ...


class SavedCalls:
    """`restored` are calls of earlier runs whose end this one has not seen. May be used from any thread."""

    def __init__(self, path: Path) -> None:
        self.restored: set[str] = set()
        self._path = path
        self._lock = threading.Lock()
        self._unwritten: dict[str, bytes | None] = {}
        self._rows: set[str] = set()
        """In the file."""
        self._file: sqlite3.Connection | None = _open(path)

    def restore(self, engine: Calls) -> None:
        """To be called before the engine is started. What cannot be read is left to the calls' tokens."""
        with self._lock:
            assert self._file is not None, "closed"
            try:
                rows = self._file.execute("select call, row from saved")
                while page := rows.fetchmany(PAGE):
                    engine.restore_calls(page)
                    self._rows.update(call for call, _ in page)
            except (sqlite3.Error, ValueError, TypeError) as error:
                self._begin_anew(error)
            self.restored = set(self._rows)
        if self.restored:
            _log.info("calls of an earlier run stand again", calls=len(self.restored))

    def write(self, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """As the engine gives them: None is a call's end. What cannot be written is written with what comes next."""
        with self._lock:
            for call, row in changes:
                if call in self._unwritten or len(self._unwritten) < MAX_UNWRITTEN:
                    self._unwritten[call] = row
            self._write()

    @property
    def has_any(self) -> bool:
        """Whether there is anything that an end could be about."""
        with self._lock:
            return bool(self._rows or self._unwritten or self.restored)

    def end(self, calls: Iterable[str]) -> None:
        """They are over, as the journal or another edge says."""
        with self._lock:
            self._unwritten.update((call, None) for call in calls if call in self._rows or call in self._unwritten)
            self._write()

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self) -> None:
        if self._file is None or not self._unwritten:
            return
        kept = [(call, row) for call, row in self._unwritten.items() if row is not None]
        over = [call for call, row in self._unwritten.items() if row is None]
        try:
            with self._file:
                self._file.executemany("delete from saved where call = ?", [(call,) for call in over if call in self._rows])
                self._file.executemany("insert or replace into saved values (?, ?)", kept)
        except sqlite3.OperationalError as error:
            _log.error("calls are not saved: a restart would forget their rows", calls=len(self._unwritten), why=str(error))
            return
        except sqlite3.Error as error:
            self._begin_anew(error)
            return
        self.restored.difference_update(over)
        self._rows.difference_update(over)
        self._rows.update(call for call, _ in kept)
        self._unwritten = {}

    def _begin_anew(self, error: Exception) -> None:
        """What the file held is lost but for those that stand again; what comes from now on is kept."""
        assert self._file is not None, "closed"
        self._file.close()
        self._file = _put_aside(self._path, error)
        self._rows = set()


async def keep_saving(engine: Calls, saved: SavedCalls) -> None:
    """For ever; the last look is the caller's, when the engine has stopped."""
    while True:
        await asyncio.sleep(WRITE_S)
        # A thread waits for a slow disk, and calls are decided meanwhile.
        await asyncio.to_thread(lambda: saved.write(engine.take_saved_calls()))


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(str(path))
    except sqlite3.OperationalError as error:
        return _without(path, error)
    except sqlite3.DatabaseError as error:
        return _put_aside(path, error)


def _put_aside(path: Path, error: Exception) -> sqlite3.Connection:
    aside = path.with_suffix(".unreadable")
    _log.error("the file of saved calls cannot be read: their tokens serve them", file=str(path), kept_as=str(aside), why=str(error))
    try:
        path.replace(aside)
        for journal in ("-wal", "-shm"):
            path.with_name(path.name + journal).unlink(missing_ok=True)
        return _connect(str(path))
    except (OSError, sqlite3.Error) as again:
        return _without(path, again)


def _without(path: Path, error: Exception) -> sqlite3.Connection:
    _log.error("there is no file of saved calls: a restart will forget their rows", file=str(path), why=str(error))
    return _connect(":memory:")


def _connect(path: str) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    try:
        file.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        file.close()
        raise
    return file
