"""Answered calls over the end of an edge's process: a file with what the engine gives of each, out of which the next run's engine makes
their rows again. So they are listed, hung up by command, ended with their tenant or carrier, and when they have lasted as long as they may.

Nothing depends on it but that: a call whose row is lost is served from its token, as at a sibling. So the file is written behind the calls,
without waiting for the disk, and one that cannot be read is put aside.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from trunkline.runtime.logs import logger

WRITE_S: Final = 1.0
"""Between two looks at what is to be written: with the two seconds that a call has to last first, what a killed process forgets."""

PAGE: Final = 1_000
"""Calls given to the engine at once: a megabyte."""

_SCHEMA: Final = (
    "pragma journal_mode=wal; pragma synchronous=off;"
    "create table if not exists saved (call text primary key, row blob not null) without rowid"
)

_log = logger("saved calls")


class Calls(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def take_saved_calls(self) -> list[tuple[str, bytes | None]]: ...
    def restore_calls(self, calls: list[tuple[str, bytes]]) -> None: ...
    def forget_calls(self, calls: list[str]) -> None: ...


class SavedCalls:
    """`restored` are calls of earlier runs whose end this one has not seen. To be used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.restored: set[str] = set()
        self._unwritten: dict[str, bytes | None] = {}
        self._file = _open(path)

    def restore(self, engine: Calls) -> None:
        """To be called before the engine is started."""
        rows = self._file.execute("select call, row from saved")
        while page := rows.fetchmany(PAGE):
            engine.restore_calls(page)
            self.restored.update(call for call, _ in page)
        if self.restored:
            _log.info("calls of an earlier run stand again", calls=len(self.restored))

    def write(self, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """As the engine gives them: None is a call's end. What cannot be written is written with what comes next."""
        self._unwritten.update(changes)
        if not self._unwritten:
            return
        over = [call for call, row in self._unwritten.items() if row is None]
        self.restored.difference_update(over)
        try:
            with self._file:
                self._file.executemany("delete from saved where call = ?", [(call,) for call in over])
                rows = [(call, row) for call, row in self._unwritten.items() if row is not None]
                self._file.executemany("insert or replace into saved values (?, ?)", rows)
        except sqlite3.OperationalError as error:
            _log.error("calls are not saved: a restart would forget their rows", calls=len(self._unwritten), why=str(error))
            return
        self._unwritten = {}

    def forget(self, calls: Iterable[str]) -> None:
        """Ended elsewhere, while there is no engine."""
        self.write((call, None) for call in calls)

    def close(self) -> None:
        self._file.close()


async def keep_saving(engine: Calls, saved: SavedCalls) -> None:
    """For ever; the last look is the caller's, when the engine has stopped."""
    while True:
        await asyncio.sleep(WRITE_S)
        # A thread waits for a slow disk, and calls are decided meanwhile.
        await asyncio.to_thread(lambda: saved.write(engine.take_saved_calls()))


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = path.with_suffix(".unreadable")
        path.replace(aside)
        for journal in ("-wal", "-shm"):
            path.with_name(path.name + journal).unlink(missing_ok=True)
        _log.error("the file of saved calls cannot be read: their tokens serve them", file=str(path), kept_as=str(aside), why=str(error))
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False)
    try:
        file.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        file.close()
        raise
    return file
