"""One copy of the log's retained events: a file, and what has been read since and is in memory only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from trunkline.domain.compaction import compaction
from trunkline.domain.events import Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.codec import encode_event
from trunkline.eventlog.digest import advance
from trunkline.eventlog.envelope import micros_of
from trunkline.eventlog.history import Wanted
from trunkline.eventlog.log import LogDamaged, StoredCommit
from trunkline.eventlog.replica_store import (
    MAX_EVENTS_PER_COMMIT,
    Changes,
    KnownRequest,
    Packed,
    ReplicaStore,
    RetainedRow,
    StoreState,
    Version,
    place_of,
    put_in_place,
)

FLUSH_COMMITS: Final = 1000
PENDING_COMMITS: Final = 10_000
"""Not on disk yet; following the log waits above it. Bounds memory while the disk is slower than the log."""

RECENT_DIGESTS: Final = 4096
"""Positions whose digest is remembered for a beacon that comes late: 8,000 commits a second at two beacons a second."""

RECENT_VERSIONS: Final = 4096
"""Aggregates whose last version is remembered when it is on disk too: who writes to one often writes to it again."""

_NO_VERSION: Final = Version(0, Position(0), "")


class Copy:
    """Made by `open()`. Memory first, disk after: `take` changes what is asked here at once, `flush` the file.

    Who follows the log waits for `has_room`; who writes the file for `has_pending`, and no longer when it `is_full`.
    """

    def __init__(self, store: ReplicaStore, state: StoreState, keeps_versions: bool) -> None:
        self._store = store
        self._keeps_versions = keeps_versions
        self.position = state.position
        self.digest = state.digest
        self.epoch = state.epoch
        self.is_complete = state.is_complete
        self._written = state
        self._pending = Changes()
        self._unsaved: tuple[Changes, StoreState] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._recent: OrderedDict[Position, bytes] = OrderedDict([(state.position, state.digest)])
        self._versions: OrderedDict[str, Version] = OrderedDict()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.has_pending = asyncio.Event()
        self.is_full = asyncio.Event()
        self.has_room = asyncio.Event()
        self.has_room.set()

    @classmethod
    async def open(cls, path: Path, *, keeps_versions: bool) -> Copy:
        """Raises StoreDamaged, OSError."""
        store = await ReplicaStore.open(path)
        try:
            return cls(store, await store.state(), keeps_versions)
        except BaseException:
            await store.close()
            raise

    @property
    def path(self) -> Path:
        return self._store.path

    @property
    def is_saved_complete(self) -> bool:
        """Whoever opens the file finds it whole."""
        return self._written.is_complete

    async def read(self, give: Callable[[Fact], None], packed: Packed | None) -> None:
        """What the file holds, in the order of the log. Raises StoreDamaged, UnknownEvent."""
        apart = packed.events if packed is not None else ()
        packs = asyncio.create_task(self._store.read_packed(packed), name="replica: packs") if packed is not None else None
        try:
            async for rows in self._store.rows(without=apart):
                for fact in self._store.facts(rows):
                    give(fact)
        finally:
            # Never left alone: after an error the owner gives up what it fills.
            if packs is not None:
                await packs

    def digest_at(self, position: Position) -> bytes | None:
        """None where it is not known any more."""
        return self._recent.get(position)

    def take(self, stored: StoredCommit, give: Callable[[Fact], None]) -> None:
        """Without an await: nobody sees half of a commit. Raises LogDamaged for one that is not the next."""
        commit, position, changes = stored.commit, stored.position, self._pending
        if position != self.position + 1 or len(commit.events) > MAX_EVENTS_PER_COMMIT:
            raise LogDamaged(f"position {position} with {len(commit.events)} events after {self.position}")
        for ordinal, event in enumerate(commit.events):
            fact = Fact(position, commit.kind, commit.tenant, commit.aggregate, event, commit.version)
            give(fact)
            rule = compaction(fact)
            for key in rule.drops:
                changes.drop(key)
            if rule.key is not None:
                place = place_of(position, ordinal)
                changes.put(
                    RetainedRow(place, rule.key, commit.kind.value, commit.tenant, commit.aggregate, commit.version, encode_event(event))
                )
        if self._keeps_versions:
            self._versions[commit.subject] = changes.note(commit, position)
            self._versions.move_to_end(commit.subject)
            if len(self._versions) > RECENT_VERSIONS:
                self._versions.popitem(last=False)
        changes.commits += 1
        self.digest = advance(self.digest, position, commit.subject, stored.body)
        self.position = position
        self._recent[position] = self.digest
        if len(self._recent) > RECENT_DIGESTS:
            self._recent.popitem(last=False)
        self.has_pending.set()
        if changes.commits >= FLUSH_COMMITS:
            self.is_full.set()
        if changes.commits >= PENDING_COMMITS:
            self.has_room.clear()

    def set_complete(self) -> None:
        if not self.is_complete:
            self.is_complete = True
            # That it is whole goes to disk at once.
            self.has_pending.set()
            self.is_full.set()

    async def version_of(self, subject: str) -> Version:
        if subject in self._versions:
            return self._versions[subject]
        for changes in self._not_on_disk():
            if subject in changes.versions:
                return changes.versions[subject]
        await self._is_open.wait()
        return await self._store.version_of(subject) or _NO_VERSION

    async def request(self, tenant: TenantId, request_id: str) -> KnownRequest | None:
        key = (tenant, request_id)
        newer = [changes.requests[key] for changes in self._not_on_disk() if key in changes.requests]
        await self._is_open.wait()
        return await self._store.request(tenant, request_id) or min(newer, default=None)

    async def positions(self, wanted: Wanted, before: Position, limit: int) -> list[Position]:
        """Newest first, at most `limit`."""
        newer = {
            known.position
            for changes in self._not_on_disk()
            for (tenant, _), known in changes.requests.items()
            if known.position < before and wanted.has(tenant, known.kind, known.aggregate, micros_of(known.time))
        }
        await self._is_open.wait()
        return sorted({*newer, *await self._store.positions(wanted, before, limit)}, reverse=True)[:limit]

    async def flush(self) -> None:
        """One transaction. What failed is written again, whole, before anything newer. Raises sqlite3.Error."""
        self.has_pending.clear()
        self.is_full.clear()
        while True:
            if self._unsaved is None:
                state = StoreState(self.position, self.digest, self.epoch, self.is_complete)
                if state == self._written:
                    return
                self._unsaved = (self._pending, state)
                self._pending = Changes()
            if self._writing is None:
                self._writing = asyncio.create_task(self._store.write(*self._unsaved), name="replica: write")
            # Goes on when this is cancelled: a transaction that is left in the middle stays open in SQLite for as long as its traceback.
            await asyncio.wait({self._writing})
            writing, self._writing = self._writing, None
            writing.result()
            self._written = self._unsaved[1]
            self._unsaved = None
            self.has_room.set()

    async def move(self, path: Path) -> None:
        """Become the file at `path`, which nobody has open any more; what was there is kept aside. Questions wait meanwhile.

        Not to be cancelled, and not while `flush` is at work.
        """
        self._is_open.clear()
        try:
            await self._store.close()
            put_in_place(self._store.path, path)
            self._store = await ReplicaStore.open(path)
        finally:
            self._is_open.set()

    async def close(self) -> None:
        """Without writing what is not being written."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        await self._store.close()

    def _not_on_disk(self) -> tuple[Changes, ...]:
        """The newest first."""
        return (self._pending,) if self._unsaved is None else (self._pending, self._unsaved[0])
