"""A replica: one process's own copy of the log's retained events, in memory first and on disk after.

`open()` gives the owner every retained event as a fact, `run()` gives it every later one, and both take the same way. The owner folds facts
into whatever it needs (a `Directory`, the engine's tables) and learns in `on_covered` when a group of commits is whole.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from trunkline.domain.compaction import compaction
from trunkline.domain.errors import HistoryError
from trunkline.domain.events import Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.beacon import Beacon
from trunkline.eventlog.codec import encode_event
from trunkline.eventlog.digest import EMPTY, advance
from trunkline.eventlog.log import EventLog, LogDamaged, LogUnavailable, StoredCommit
from trunkline.eventlog.replica_store import (
    MAX_EVENTS_PER_COMMIT,
    Changes,
    KnownRequest,
    ReplicaStore,
    RetainedRow,
    StoreDamaged,
    StoreState,
    Version,
    place_of,
    set_aside,
)

FLUSH_S: Final = 0.05
"""Commits wait so long for others to go to disk with; what a killed process loses of it is read from the log again."""

FLUSH_COMMITS: Final = 1000
PENDING_COMMITS: Final = 10_000
"""Not on disk yet; following the log waits above it. Bounds memory while the disk is slower than the log."""

SLICE_COMMITS: Final = 64
"""Applied between two turns of the event loop: about a millisecond."""

RECENT_DIGESTS: Final = 4096
"""Positions whose digest is remembered for a beacon that comes late: 8,000 commits a second at two beacons a second."""

RETRY_S: Final = 0.25
_NO_VERSION: Final = Version(0, Position(0), "")

_log = logging.getLogger("trunkline.eventlog.replica")


class ReplicaDiverged(Exception):
    """The replica held something else than the log and was set aside; start the process again, it then builds another one."""


class NotCovered(LogUnavailable):
    """The replica did not reach a position in time: the log is away, or far ahead."""


class Replica:
    """Owned by one task: `open()`, then `run()` until it is cancelled, then `close()`.

    Callbacks are called on the event loop's thread and may not block; an exception of theirs ends `open` or `run`, for a projection that
    cannot apply an event stops. `on_fact` comes for every event in order, `on_covered(position)` after each group of whole commits, before
    anyone who waits for the position goes on. `on_reset` says that everything given so far is void and that facts follow from the first on;
    without it a replica that has to be rebuilt raises ReplicaDiverged. After `on_reset`, `on_covered` comes only when the head is reached
    again, so an owner may fold into a new value and put it in place there.

    With `keeps_versions=False` (for who never writes) `version_of` and `request` are not to be used.
    """

    def __init__(
        self,
        log: EventLog,
        path: Path,
        *,
        on_fact: Callable[[Fact], None],
        on_covered: Callable[[Position], None] | None = None,
        on_reset: Callable[[], None] | None = None,
        keeps_versions: bool = True,
    ) -> None:
        self._log = log
        self._path = path
        self._on_fact = on_fact
        self._on_covered = on_covered
        self._on_reset = on_reset
        self._keeps_versions = keeps_versions
        self._store: ReplicaStore | None = None
        self._position = Position(0)
        self._digest = EMPTY
        self._epoch = ""
        self._is_complete = False
        self._covered = Position(0)
        self._has_given = False
        self._is_void = False
        self._target: Position | None = None
        self._pending = Changes()
        self._unsaved: tuple[Changes, StoreState] | None = None
        self._written = StoreState()
        self._has_pending = asyncio.Event()
        self._is_full = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._waiting: list[tuple[Position, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._completed = asyncio.Event()
        self._recent: OrderedDict[Position, bytes] = OrderedDict()
        self._beacon: Beacon | None = None
        self._beacon_at_s = 0.0
        self._awaited: Beacon | None = None
        self._difference = ""
        self._differs = asyncio.Event()

    @property
    def covered(self) -> Position:
        """The owner has been given every commit up to here, and `on_covered` with it."""
        return self._covered

    @property
    def digest(self) -> bytes:
        """Of the log up to `covered`."""
        return self._digest if self._covered == self._position else EMPTY

    @property
    def epoch(self) -> str:
        """Of the log it was built from; empty before it was first met."""
        return self._epoch

    @property
    def is_complete(self) -> bool:
        """It has once reached the head that it first saw, in this process or an earlier one: what it holds may be old, but is whole."""
        return self._is_complete

    @property
    def lag(self) -> int:
        """Commits behind the last beacon; 0 without one."""
        return max(0, self._beacon.position - self._covered) if self._beacon else 0

    @property
    def age_s(self) -> float | None:
        """Since the last beacon; None before the first."""
        return asyncio.get_running_loop().time() - self._beacon_at_s if self._beacon else None

    def beacon(self) -> Beacon | None:
        """What a home publishes; None while it is not complete."""
        return Beacon(self._epoch, self._covered, self.digest) if self._is_complete and self._epoch else None

    async def open(self) -> None:
        """Open the file and give its events to the owner. A file that cannot be read or folded is set aside, and the replica starts empty.

        Raises ReplicaDiverged where that is found after facts were given and there is no `on_reset`; UnknownEvent.
        """
        try:
            self._store = await ReplicaStore.open(self._path)
            state = await self._store.state()
            async for facts in self._store.facts():
                for fact in facts:
                    self._give(fact)
        except (StoreDamaged, HistoryError) as error:
            await self._start_over(str(error))
            return
        except BaseException:
            await self._discard()
            raise
        self._position, self._digest, self._epoch = state.position, state.digest, state.epoch
        self._written = state
        self._remember()
        if state.position:
            self._cover()
        if state.is_complete:
            self._set_complete()

    async def run(self) -> None:
        """Follow the log until cancelled. Raises ReplicaDiverged, LogDamaged, UnknownEvent, and what the callbacks raise."""
        while True:
            tasks = {
                asyncio.create_task(self._follow(), name="replica: follow"),
                asyncio.create_task(self._flush_for_ever(), name="replica: flush"),
                asyncio.create_task(self._differs.wait(), name="replica: differs"),
            }
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                    raise result
            await self._start_over(self._difference)

    async def close(self) -> None:
        """Write what is not on disk yet and close the file. To be called once `run` has ended."""
        if self._store is not None:
            try:
                await self._flush()
            finally:
                await self._discard()

    async def wait_covered(self, position: Position, timeout_s: float) -> None:
        """Returns at once where the position is covered. Raises NotCovered."""
        if position <= self._covered:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (position, next(self._numbers), reached)
        heapq.heappush(self._waiting, entry)
        try:
            async with asyncio.timeout(timeout_s):
                await reached
        except TimeoutError:
            raise NotCovered(
                f"position {position} is not covered after {timeout_s} s; this replica stands at {self._covered}."
                " Is the log reachable? Try again with the same request id."
            ) from None
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
                heapq.heapify(self._waiting)

    async def wait_complete(self, timeout_s: float) -> None:
        """Raises NotCovered."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._completed.wait()
        except TimeoutError:
            raise NotCovered(f"the replica {self._path} has not reached the head of the log within {timeout_s} s") from None

    async def version_of(self, subject: str) -> Version:
        """The last commit on a subject. It may be newer than what was covered when the caller last looked."""
        assert self._store is not None, "the replica is not open"
        for changes in self._not_on_disk():
            if subject in changes.versions:
                return changes.versions[subject]
        return await self._store.version_of(subject) or _NO_VERSION

    async def request(self, tenant: TenantId, request_id: str) -> KnownRequest | None:
        """The first commit that carries this request id."""
        assert self._store is not None, "the replica is not open"
        key = (tenant, request_id)
        newer = [changes.requests[key] for changes in self._not_on_disk() if key in changes.requests]
        return await self._store.request(tenant, request_id) or min(newer, default=None)

    def _not_on_disk(self) -> tuple[Changes, ...]:
        """The newest first."""
        return (self._pending,) if self._unsaved is None else (self._pending, self._unsaved[0])

    def on_beacon(self, beacon: Beacon) -> None:
        """Compare with what a home tells; a difference has the replica rebuilt."""
        self._beacon = beacon
        self._beacon_at_s = asyncio.get_running_loop().time()
        if not self._epoch:
            return
        if beacon.epoch != self._epoch:
            self._differ(f"the beacon is of epoch {beacon.epoch!r}, this replica of {self._epoch!r}")
        elif beacon.position > self._position:
            self._awaited = beacon
        else:
            self._compare(beacon)

    def _compare(self, beacon: Beacon) -> None:
        mine = self._recent.get(beacon.position)
        if mine is not None and mine != beacon.digest:
            self._differ(f"at position {beacon.position} the log has digest {beacon.digest.hex()}, this replica {mine.hex()}")

    def _differ(self, why: str) -> None:
        self._difference = why
        self._differs.set()

    async def _follow(self) -> None:
        head = await self._meet_log()
        if head is None:
            return
        if head < self._position:
            self._differ(f"the log ends at {head}, this replica at {self._position}: the log has lost its end or is another one")
            return
        self._target = head
        if self._position >= head:
            self._cover()
            self._set_complete()
        try:
            async for group in self._log.groups(Position(self._position + 1)):
                for start in range(0, len(group), SLICE_COMMITS):
                    self._apply(group[start : start + SLICE_COMMITS])
                    await self._has_room.wait()
                    await asyncio.sleep(0)
        except LogDamaged as error:
            if await self._log.head() >= self._position:
                raise
            self._differ(str(error))

    async def _meet_log(self) -> Position | None:
        """Wait until the log answers; the head as it is then, or None where it is another log than this replica's."""
        while True:
            try:
                epoch, head = await self._log.epoch(), await self._log.head()
            except LogUnavailable as error:
                _log.info("replica %s waits for the log at %d: %s", self._path, self._position, error)
                await asyncio.sleep(RETRY_S)
                continue
            if self._epoch and epoch != self._epoch:
                self._differ(f"the log is of epoch {epoch!r}, this replica of {self._epoch!r}")
                return None
            self._epoch = epoch
            return head

    def _apply(self, commits: Sequence[StoredCommit]) -> None:
        """Memory first. Without an await: nobody sees half of a commit."""
        changes = self._pending
        for stored in commits:
            commit, position = stored.commit, stored.position
            if position != self._position + 1 or len(commit.events) > MAX_EVENTS_PER_COMMIT:
                raise LogDamaged(f"position {position} with {len(commit.events)} events after {self._position}")
            for ordinal, event in enumerate(commit.events):
                fact = Fact(position, commit.kind, commit.tenant, commit.aggregate, event, commit.version)
                self._give(fact)
                rule = compaction(fact)
                for key in rule.drops:
                    changes.drop(key)
                if rule.key is not None:
                    place = place_of(position, ordinal)
                    changes.put(
                        RetainedRow(
                            place, rule.key, commit.kind.value, commit.tenant, commit.aggregate, commit.version, encode_event(event)
                        )
                    )
            if self._keeps_versions:
                changes.note(commit, position)
            changes.commits += 1
            self._digest = advance(self._digest, position, commit.subject, stored.body)
            self._position = position
            self._remember()
        self._has_pending.set()
        if changes.commits >= FLUSH_COMMITS:
            self._is_full.set()
        if changes.commits >= PENDING_COMMITS:
            self._has_room.clear()
        if self._target is not None and self._position >= self._target:
            self._set_complete()
        if not self._is_void:
            self._cover()

    def _give(self, fact: Fact) -> None:
        self._has_given = True
        self._on_fact(fact)

    def _remember(self) -> None:
        self._recent[self._position] = self._digest
        if len(self._recent) > RECENT_DIGESTS:
            self._recent.popitem(last=False)
        awaited = self._awaited
        if awaited is not None and awaited.position <= self._position:
            self._awaited = None
            self._compare(awaited)

    def _cover(self) -> None:
        """Tell the owner, then those who wait."""
        if self._on_covered is not None:
            self._on_covered(self._position)
        self._covered = self._position
        while self._waiting and self._waiting[0][0] <= self._covered:
            _, _, reached = heapq.heappop(self._waiting)
            if not reached.done():
                reached.set_result(None)

    def _set_complete(self) -> None:
        self._is_void = False
        if not self._is_complete:
            self._is_complete = True
            self._has_pending.set()
        self._completed.set()

    async def _start_over(self, why: str) -> None:
        """Set the file aside and begin with an empty one."""
        await self._discard()
        set_aside(self._path, why)
        if self._has_given:
            if self._on_reset is None:
                raise ReplicaDiverged(f"{self._path}: {why}. It was set aside; start again, and it is built from the log.")
            self._on_reset()
            self._is_void = True
        self._position, self._digest, self._epoch = Position(0), EMPTY, ""
        self._covered = Position(0)
        self._is_complete = self._has_given = False
        self._completed.clear()
        self._pending, self._unsaved = Changes(), None
        self._recent.clear()
        self._awaited = None
        self._difference = ""
        self._differs.clear()
        self._target = None
        self._written = StoreState()
        self._store = await ReplicaStore.open(self._path)

    async def _discard(self) -> None:
        """Close the file without writing."""
        if self._store is not None:
            await self._store.close()
            self._store = None

    async def _flush_for_ever(self) -> None:
        while True:
            await self._has_pending.wait()
            try:
                async with asyncio.timeout(FLUSH_S):
                    await self._is_full.wait()
            except TimeoutError:
                pass
            await self._flush()

    async def _flush(self) -> None:
        """One transaction. What was cancelled or failed half-way is written again, whole, before anything newer."""
        assert self._store is not None, "the replica is not open"
        self._has_pending.clear()
        self._is_full.clear()
        while True:
            if self._unsaved is None:
                state = StoreState(self._position, self._digest, self._epoch, self._is_complete)
                if state == self._written:
                    return
                self._unsaved = (self._pending, state)
                self._pending = Changes()
            changes, state = self._unsaved
            await self._store.write(changes, state)
            self._unsaved = None
            self._written = state
            self._has_room.set()
