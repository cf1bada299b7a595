"""Records that wait to be sent to their tenant: written in the transaction that writes the record, taken away when they were taken.

So no record is lost to a crash, and one may be sent twice: its call's id says which it is. A record that changes after it was whole waits
anew. What a tenant does not take is bounded by number and age; beyond that the oldest go, and are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import aiosqlite

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.records.fold import OPEN_OUTCOMES

MAX_BATCH: Final = 100
"""Records of one request: some 200 KB."""
MAX_WAITING: Final = 100_000
"""Of one tenant; more for a minute, until they are swept."""
MAX_AGE_S: Final = 3 * 86_400


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one tenant. `last_s`: Unix time of the last request that was taken; 0: none was."""

    waiting: int
    delivered: int
    dropped: int
    last_s: int


class WebhookQueue:
    """On the projection's connection; `writing` is held for its transactions. `is_wanted` says whose records are sent."""

    def __init__(self, database: aiosqlite.Connection, writing: asyncio.Lock) -> None:
        self._database = database
        self._writing = writing
        self.is_wanted: Callable[[str], bool] = lambda tenant: False
        self.added = asyncio.Event()

    async def add(self, records: Iterable[Record], now_s: int) -> None:
        """Within the transaction that has written them; those that are open, or not wanted, are passed over. So are calls that began before
        MAX_AGE_S and a day: a file that is built anew is not to send years of them."""
        oldest_s = now_s - MAX_AGE_S - 86_400
        rows = [
            (each.tenant, each.call, now_s)
            for each in records
            if each.outcome not in OPEN_OUTCOMES and each.setup_time.seconds >= oldest_s and self.is_wanted(each.tenant)
        ]
        if rows:
            # A new id: whoever is sending what stood there before does not take this one away.
            await self._database.executemany("INSERT OR REPLACE INTO webhook_queue (tenant, call, queued_s) VALUES (?, ?, ?)", rows)
            self.added.set()

    async def tenants(self) -> list[str]:
        """Those with something waiting."""
        rows = await self._database.execute_fetchall("SELECT DISTINCT tenant FROM webhook_queue")
        return [row[0] for row in rows]

    async def batch(self, tenant: str) -> tuple[list[int], list[Record]]:
        """The oldest, at most MAX_BATCH, as they stand now."""
        query = "SELECT q.id, r.body FROM webhook_queue q JOIN records r ON r.call = q.call WHERE q.tenant = ? ORDER BY q.id LIMIT ?"
        # Not within another's transaction, which may come to nothing.
        async with self._writing:
            rows = list(await self._database.execute_fetchall(query, (tenant, MAX_BATCH)))
        return [row[0] for row in rows], [Record.FromString(row[1]) for row in rows]

    async def done(self, tenant: str, ids: Sequence[int], now_s: int) -> None:
        async with self._writing:
            await self._database.execute("BEGIN IMMEDIATE")
            try:
                await self._database.executemany("DELETE FROM webhook_queue WHERE id = ?", [(each,) for each in ids])
                await self._count(tenant, delivered=len(ids), last_s=now_s)
                await self._database.execute("COMMIT")
            except BaseException:
                await self._database.rollback()
                raise

    async def sweep(self, now_s: int) -> None:
        """Takes away what is not wanted any more, is too old, or too much."""
        for tenant in await self.tenants():
            async with self._writing:
                await self._database.execute("BEGIN IMMEDIATE")
                try:
                    dropped = await self._sweep(tenant, now_s)
                    if dropped:
                        await self._count(tenant, dropped=dropped)
                    await self._database.execute("COMMIT")
                except BaseException:
                    await self._database.rollback()
                    raise

    async def _sweep(self, tenant: str, now_s: int) -> int:
        if not self.is_wanted(tenant):
            await self._database.execute("DELETE FROM webhook_queue WHERE tenant = ?", (tenant,))
            return 0
        query = (
            "DELETE FROM webhook_queue WHERE tenant = ? AND (queued_s < ? OR id <="
            " (SELECT id FROM webhook_queue WHERE tenant = ? ORDER BY id DESC LIMIT 1 OFFSET ?))"
        )
        async with self._database.execute(query, (tenant, now_s - MAX_AGE_S, tenant, MAX_WAITING)) as cursor:
            return cursor.rowcount

    async def totals(self, tenant: str) -> Totals:
        query = (
            "SELECT (SELECT count(*) FROM webhook_queue WHERE tenant = ?1), coalesce(sum(delivered), 0), coalesce(sum(dropped), 0),"
            " coalesce(sum(last_s), 0) FROM webhook_totals WHERE tenant = ?1"
        )
        [row] = await self._database.execute_fetchall(query, (tenant,))
        return Totals(*row)

    async def _count(self, tenant: str, *, delivered: int = 0, dropped: int = 0, last_s: int = 0) -> None:
        await self._database.execute(
            "INSERT INTO webhook_totals VALUES (?, ?, ?, ?) ON CONFLICT (tenant) DO UPDATE SET delivered = delivered + excluded.delivered,"
            " dropped = dropped + excluded.dropped, last_s = max(last_s, excluded.last_s)",
            (tenant, delivered, dropped, last_s),
        )
