"""When API keys were last used, as this process has heard it from all (`trunkline.runtime.key_use`), in a file of its own.

No part of the log and of no digest: regions' files differ by what a cut link has kept from them, until they tell one another again, every
ten minutes. Minutes never go back, so what is told twice, late or out of order does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Final

import aiosqlite
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.domain.events import TenantId
from trunkline.runtime.key_use import MINUTE_S, SUBJECT, Uses, parse_uses, publish_uses
from trunkline.runtime.logs import logger

KEEP_S: Final = 30.0
"""How long a use may wait for the disk. What a kill of this process loses is told again by those that saw it, for an hour, but for its
own, and by other regions' provisioning."""
TELL_ALL_S: Final = 600.0
MAX_KEYS: Final = 1_000_000
"""Beyond it uses of other keys are not kept."""
CONNECT_LOOK_S: Final = 0.5

Keys = Container[tuple[TenantId, str]]

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS uses (tenant TEXT, key TEXT, minute INTEGER NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID"
_log = logger("keys")


class KeyUseBook:
    """Open with `KeyUseBook.open`. A file that is damaged is begun anew."""

    def __init__(self, database: aiosqlite.Connection, minutes: dict[tuple[TenantId, str], int]) -> None:
        self._database = database
        self._minutes = minutes
        self._unkept: set[tuple[TenantId, str]] = set()
        self.failures = 0
        """In a row, of writing to the disk."""

    @classmethod
    async def open(cls, path: Path) -> KeyUseBook:
        try:
            return await cls._opened(path)
        except aiosqlite.OperationalError:
            # Locked, full, not to be opened: the world, not the file.
            raise
        except aiosqlite.DatabaseError as error:
            aside = path.with_name(f"{path.name}.aside-{time.time_ns()}")
            _log.error("uses of keys set aside", why=str(error), aside=aside.name)
            path.rename(aside)
            return await cls._opened(path)

    @classmethod
    async def _opened(cls, path: Path) -> KeyUseBook:
        database = await aiosqlite.connect(path)
        try:
            await database.execute("PRAGMA journal_mode = WAL")
            await database.execute(_SCHEMA)
            rows = await database.execute_fetchall("SELECT tenant, key, minute FROM uses")
        except BaseException:
            await database.close()
            raise
        return cls(database, {(TenantId(tenant), key): minute for tenant, key, minute in rows})

    async def close(self) -> None:
        try:
            await self.keep()
        finally:
            await self._database.close()

    @property
    def all(self) -> Uses:
        return self._minutes

    def hear(self, uses: Uses, now_s: float) -> None:
        """A use in the future is one of now, by a clock that goes wrong."""
        latest = int(now_s) // MINUTE_S
        for place, told in uses.items():
            minute, known = min(told, latest), self._minutes.get(place, 0)
            if minute > known and (known or len(self._minutes) < MAX_KEYS):
                self._minutes[place] = minute
                self._unkept.add(place)

    def last_use_s(self, tenant: TenantId, key: str) -> int:
        """Start of the minute, in seconds since 1970 UTC; 0: none was heard of."""
        return self._minutes.get((tenant, key), 0) * MINUTE_S

    def forget_others(self, keys: Keys) -> None:
        """Keys that there are no more."""
        gone = [place for place in self._minutes if place not in keys]
        for place in gone:
            del self._minutes[place]
        self._unkept.update(gone)

    async def keep(self) -> None:
        """Writes what has changed, in one transaction. Where the disk takes nothing, the log says so, memory goes on, and the next time
        tries all of it again: no change and no call waits for the minute of a key."""
        unkept, self._unkept = self._unkept, set()
        if not unkept:
            return
        rows = [(*place, self._minutes[place]) for place in unkept if place in self._minutes]
        gone = [place for place in unkept if place not in self._minutes]
        try:
            try:
                await self._database.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?)", rows)
                await self._database.executemany("DELETE FROM uses WHERE tenant = ? AND key = ?", gone)
                await self._database.commit()
            except BaseException:
                self._unkept |= unkept
                await self._database.rollback()
                raise
        except aiosqlite.Error as error:
            self.failures += 1
            _log.error("uses of keys not written", why=f"{type(error).__name__}: {error}", keys=len(self._unkept), failures=self.failures)
            return
        if self.failures:
            _log.info("uses of keys written again", keys=len(unkept), failures=self.failures)
        self.failures = 0


async def keep_key_uses(client: Client, process: str, book: KeyUseBook, keys: Callable[[], Keys]) -> None:
    """For ever: hears what all tell, writes it to disk, tells other regions' provisioning all of it. `keys` are those that there are, of a
    replica that is complete. Subscribes when there is a connection; nats-py renews it after every loss."""

    async def on_message(message: Msg) -> None:
        try:
            book.hear(parse_uses(message.data), time.time())
        except ValueError as error:
            _log.warning("uses of keys cannot be read", subject=message.subject, why=str(error))

    while not client.is_connected:  # noqa: ASYNC110 - nats-py has no event for its first connection
        await asyncio.sleep(CONNECT_LOOK_S)
    await client.subscribe(f"{SUBJECT}.>", cb=on_message)
    loop = asyncio.get_running_loop()
    told_s = loop.time()
    while True:
        await asyncio.sleep(KEEP_S)
        await book.keep()
        if loop.time() - told_s < TELL_ALL_S or not client.is_connected:
            continue
        told_s = loop.time()
        book.forget_others(keys())
        try:
            await publish_uses(client, process, book.all)
        except (nats.errors.Error, OSError) as error:
            _log.info("uses of keys not told", why=f"{type(error).__name__}: {error}")
