"""Who watches calls: records as they are written, handed to each watcher without ever waiting for one.

A watcher that reads slowly is told the last change of each attempt only; one that reads more slowly than attempts arrive is told how many
it missed. What waits for it is bounded either way.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.domain.errors import failed_precondition

MAX_WAITING: Final = 2000
"""Attempts that wait for one watcher: ten seconds of 200 calls a second."""

MAX_WATCHERS: Final = 200
"""In all; each costs a comparison a record, and a few megabytes if it stands still."""


class News(NamedTuple):
    """Records in the order of their first change since the last news, each as it stands now; at least one, or `skipped` is not 0. With
    `has_gap` the last change of some attempt was dropped, perhaps of one that began later than those that are told."""

    records: list[Record]
    skipped: int
    has_gap: bool


class Watcher:
    """One reader. `tenant` empty: all tenants'; `domain` empty: all domains'."""

    def __init__(self, tenant: str, domain: str) -> None:
        self.tenant = tenant
        self.domain = domain
        self._waiting: dict[str, Record] = {}
        self._skipped = 0
        self._arrived = asyncio.Event()

    def put(self, record: Record) -> None:
        if (self.tenant and record.tenant != self.tenant) or (self.domain and record.domain != self.domain):
            return
        if record.call not in self._waiting and len(self._waiting) >= MAX_WAITING:
            # The oldest: of it most is known already, and its end stands in the records.
            del self._waiting[next(iter(self._waiting))]
            self._skipped += 1
        self._waiting[record.call] = record
        self._arrived.set()

    async def news(self, most: int = MAX_WAITING) -> News:
        """Waits for some; of more than `most` attempts only those that began last."""
        await self._arrived.wait()
        self._arrived.clear()
        records = list(self._waiting.values())
        dropped = self._skipped
        skipped = dropped + max(0, len(records) - most)
        if len(records) > most:
            last = {record.call for record in heapq.nlargest(most, records, key=lambda record: record.setup_time.ToNanoseconds())}
            records = [record for record in records if record.call in last]
        self._waiting, self._skipped = {}, 0
        return News(records, skipped, dropped > 0)


class Watchers:
    """All of one process."""

    def __init__(self) -> None:
        self._all: set[Watcher] = set()

    def publish(self, records: Iterable[Record]) -> None:
        """Records that have just been written; they are not changed any more."""
        if self._all:
            for record in records:
                for watcher in self._all:
                    watcher.put(record)

    @contextmanager
    def watching(self, tenant: str, domain: str) -> Iterator[Watcher]:
        """Raises Refusal (FAILED_PRECONDITION) where too many watch."""
        if len(self._all) >= MAX_WATCHERS:
            raise failed_precondition("TOO_MANY_WATCHERS", f"{MAX_WATCHERS} watch calls already", "close some, or ask for lists of records")
        watcher = Watcher(tenant, domain)
        self._all.add(watcher)
        try:
            yield watcher
        finally:
            self._all.discard(watcher)
