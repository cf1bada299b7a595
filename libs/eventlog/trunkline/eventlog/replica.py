"""A replica: one process's own copy of the log's retained events, in memory first and on disk after.

`open()` gives the owner every retained event as a fact, `run()` gives it every later one, and both take the same way. The owner folds facts
into whatever it needs (a `Directory`, the engine's tables) and learns in `on_covered` when a group of commits is whole.

A replica that turns out to hold something else than the log is built anew beside: another copy, in another file, which the owner folds into
another value. When it has reached the head, both are put in place; until then the old ones answer, and a crash leaves the old file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from trunkline.domain.errors import HistoryError
from trunkline.domain.events import Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.beacon import Beacon
from trunkline.eventlog.digest import EMPTY
from trunkline.eventlog.history import Wanted
from trunkline.eventlog.log import EventLog, LogDamaged, LogUnavailable, StoredCommit
from trunkline.eventlog.replica_copy import Copy
from trunkline.eventlog.replica_store import KnownRequest, Packed, StoreDamaged, Version, remove, set_aside
from trunkline.eventlog.replica_waiting import Waiting

FLUSH_S: Final = 0.05
"""Commits wait so long for others to go to disk with; what a killed process loses of it is read from the log again."""

SLICE_COMMITS: Final = 64
"""Applied between two turns of the event loop: about a millisecond."""

RETRY_S: Final = 0.25

FOLLOWING_S: Final = 1.5
"""After the last beacon, three of them: for so long what is held here is taken for what the log holds."""

REBUILD_PAUSE_FIRST_S: Final = 2.0
REBUILD_PAUSE_LIMIT_S: Final = 60.0
"""Between two rebuilds that beacons ask for, while none agrees: where the beacon is wrong, reading the log again does not help."""

_log = logging.getLogger("trunkline.eventlog.replica")


class ReplicaDiverged(Exception):
    """The replica held something else than the log and was set aside; start the process again, it then builds another one."""


class NotCovered(LogUnavailable):
    """The replica did not reach a position in time: the log is away, or far ahead, or the replica is being built anew."""


class Replica:
    """Owned by one task: `open()`, then `run()` until it is cancelled, then `close()`.

    Callbacks are called on the event loop's thread and may not block; an exception of theirs ends `open` or `run`, for a projection that
    cannot apply an event stops. `on_fact` comes for every event in order, `on_covered(position)` after each group of whole commits, before
    anyone who waits for the position goes on. `on_commit` comes for every commit that is read from the log, not from the file, before its
    facts; a rebuild does not repeat those up to `covered`.

    `on_reset` says that facts follow from the first on, for a new value; `on_covered` comes when it is whole, and it is then to be put in
    place of the old one. Without `on_reset` a replica that has to be rebuilt raises ReplicaDiverged.

    Events that are `packed` come by that way from the file, and by `on_fact` from the log.

    With `keeps_versions=False` (for who never writes) `version_of` and `request` are not to be used.
    """

    def __init__(
        self,
        log: EventLog,
        path: Path,
        *,
        on_fact: Callable[[Fact], None],
        on_commit: Callable[[StoredCommit], None] | None = None,
        on_covered: Callable[[Position], None] | None = None,
        on_reset: Callable[[], None] | None = None,
        packed: Packed | None = None,
        keeps_versions: bool = True,
    ) -> None:
        self._log = log
        self._path = path
        self._path_beside = path.with_name(path.name + ".next")
        self._on_fact = on_fact
        self._on_commit = on_commit
        self._on_covered = on_covered
        self._on_reset = on_reset
        self._packed = packed
        self._keeps_versions = keeps_versions
        self._served: Copy | None = None
        self._beside: Copy | None = None
        self._replaced: Copy | None = None
        self._moving: asyncio.Task[None] | None = None
        self._generation = 0
        self._covered = Position(0)
        self._has_given = False
        self._is_held_back = False
        self._target: Position | None = None
        self._waiting = Waiting()
        self._completed = asyncio.Event()
        self._beacon: Beacon | None = None
        self._beacon_at_s = 0.0
        self._awaited: Beacon | None = None
        self._has_met = asyncio.Event()
        self._difference = ""
        self._differs = asyncio.Event()
        self._rebuild_pause_s = 0.0
        self._no_rebuild_before_s = 0.0

    @property
    def covered(self) -> Position:
        """The owner has been given every commit up to here, and `on_covered` with it."""
        return self._covered

    @property
    def digest(self) -> bytes:
        """Of the log up to `covered`."""
        return self._served.digest if self._served is not None and self._covered == self._served.position else EMPTY

    @property
    def epoch(self) -> str:
        """Of the log it was built from; empty before it was first met."""
        return self._served.epoch if self._served is not None else ""

    @property
    def is_complete(self) -> bool:
        """It has once reached the head that it first saw, in this process or an earlier one: what it holds may be old, but is whole."""
        return self._served is not None and self._served.is_complete

    @property
    def is_rebuilding(self) -> bool:
        """It is known to hold something else than the log, and another one is being built beside it."""
        return self._beside is not None or bool(self._difference)

    @property
    def is_following(self) -> bool:
        """It is complete and hears of home: what it holds is some milliseconds old, but for what is on its way."""
        age_s = self.age_s
        return self.is_complete and not self.is_rebuilding and self._has_met.is_set() and age_s is not None and age_s <= FOLLOWING_S

    @property
    def generation(self) -> int:
        """Another number after each rebuild: what was decided before does not hold any more."""
        return self._generation

    @property
    def lag(self) -> int:
        """Commits behind the last beacon; 0 without one."""
        return max(0, self._beacon.position - self._covered) if self._beacon else 0

    @property
    def age_s(self) -> float | None:
        """Since the last beacon; None before the first."""
        return asyncio.get_running_loop().time() - self._beacon_at_s if self._beacon else None

    def beacon(self) -> Beacon | None:
        """What a home publishes; None while it is not complete, or is being rebuilt."""
        if not self.is_complete or self.is_rebuilding or not self.epoch:
            return None
        return Beacon(self.epoch, self._covered, self.digest)

    async def open(self) -> None:
        """Open the file and give its events to the owner. A file that cannot be read or folded is set aside, and the replica starts empty.

        Raises ReplicaDiverged where that is found after facts were given and there is no `on_reset`; UnknownEvent.
        """
        # What a crash has left of a rebuild.
        remove(self._path_beside)
        copy: Copy | None = None
        try:
            copy = await Copy.open(self._path, keeps_versions=self._keeps_versions)
            self._has_given = self._packed is not None
            await copy.read(self._give, self._packed)
        except (StoreDamaged, HistoryError) as error:
            if copy is not None:
                await copy.close()
            await self._begin_empty(str(error))
            return
        except BaseException:
            if copy is not None:
                await copy.close()
            raise
        self._served = copy
        if copy.position:
            self._cover()
        if copy.is_complete:
            self._set_complete()

    async def run(self) -> None:
        """Follow the log until cancelled. Raises ReplicaDiverged, LogDamaged, UnknownEvent, and what the callbacks raise."""
        while True:
            copy = self._followed
            tasks = {
                asyncio.create_task(self._follow(copy), name="replica: follow"),
                asyncio.create_task(self._flush_for_ever(copy), name="replica: flush"),
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
            await self._begin_beside(self._difference)

    async def close(self) -> None:
        """Write what is not on disk yet and close the file. To be called once `run` has ended."""
        try:
            if self._served is not None:
                await self._flush(self._served)
        finally:
            for copy in (self._served, self._beside, self._replaced):
                if copy is not None:
                    await copy.close()
            if self._beside is not None:
                remove(self._path_beside)
            self._beside = self._replaced = None

    async def wait_covered(self, position: Position, timeout_s: float) -> None:
        """Returns at once where the position is covered. While the replica is being rebuilt no position is. Raises NotCovered."""
        if position <= self._covered and not self.is_rebuilding:
            return
        try:
            await self._waiting.wait(position, timeout_s)
        except TimeoutError:
            state = "is being built anew" if self.is_rebuilding else f"stands at {self._covered}"
            raise NotCovered(
                f"position {position} is not covered after {timeout_s} s; this replica {state}."
                " Is the log reachable? Try again with the same request id."
            ) from None

    async def catch_up(self, timeout_s: float) -> None:
        """Until this holds all that the log holds now, for who decides on it. What was read from the file alone may be of another log: it
        is met first. Raises LogUnavailable, NotCovered."""
        before, generation = self._covered, self._generation
        head = await self._log.head()
        if head < before and generation == self._generation and not self.is_rebuilding:
            self._differ(f"the log ends at {head}, this replica at {before}: the log has lost its end or is another one")
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_met.wait()
        except TimeoutError:
            raise NotCovered(
                f"the replica {self._path} has not met the log within {timeout_s} s. Try again with the same request id."
            ) from None
        await self.wait_covered(head, timeout_s)

    async def wait_complete(self, timeout_s: float) -> None:
        """Raises NotCovered."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._completed.wait()
        except TimeoutError:
            raise NotCovered(f"the replica {self._path} has not reached the head of the log within {timeout_s} s") from None

    async def version_of(self, subject: str) -> Version:
        """The last commit on a subject. It may be newer than what was covered when the caller last looked."""
        return await self._opened.version_of(subject)

    async def request(self, tenant: TenantId, request_id: str) -> KnownRequest | None:
        """The first commit that carries this request id."""
        return await self._opened.request(tenant, request_id)

    async def positions(self, wanted: Wanted, before: Position, limit: int) -> list[Position]:
        """Of the commits that are wanted before a position, newest first; none of claims. As `request`, with `keeps_versions`."""
        return await self._opened.positions(wanted, before, limit)

    def on_beacon(self, beacon: Beacon) -> None:
        """Compare with what a home tells; a difference has the replica rebuilt."""
        self._beacon = beacon
        self._beacon_at_s = asyncio.get_running_loop().time()
        copy = self._beside or self._served
        if copy is None or not copy.epoch:
            return
        if beacon.epoch != copy.epoch:
            self._differ_from_beacon(f"the beacon is of epoch {beacon.epoch!r}, this replica of {copy.epoch!r}")
        elif beacon.position > copy.position:
            self._awaited = beacon
        else:
            self._compare(copy, beacon)

    @property
    def _opened(self) -> Copy:
        assert self._served is not None, "the replica is not open"
        return self._served

    @property
    def _followed(self) -> Copy:
        return self._beside or self._opened

    def _compare(self, copy: Copy, beacon: Beacon) -> None:
        mine = copy.digest_at(beacon.position)
        if mine == beacon.digest:
            self._rebuild_pause_s = 0.0
        elif mine is not None:
            self._differ_from_beacon(f"at position {beacon.position} the log has digest {beacon.digest.hex()}, this replica {mine.hex()}")

    def _differ_from_beacon(self, why: str) -> None:
        if self._difference or asyncio.get_running_loop().time() < self._no_rebuild_before_s:
            return
        self._rebuild_pause_s = min(max(2 * self._rebuild_pause_s, REBUILD_PAUSE_FIRST_S), REBUILD_PAUSE_LIMIT_S)
        self._differ(why)

    def _differ(self, why: str) -> None:
        self._has_met.clear()
        self._difference = why
        self._differs.set()

    async def _follow(self, copy: Copy) -> None:
        head = await self._meet_log(copy)
        if head is None:
            return
        if head < copy.position:
            self._differ(f"the log ends at {head}, this replica at {copy.position}: the log has lost its end or is another one")
            return
        self._target = head
        self._has_met.set()
        if copy.position >= head:
            self._set_complete()
            self._cover()
        try:
            async for group in self._log.groups(Position(copy.position + 1)):
                for start in range(0, len(group), SLICE_COMMITS):
                    if start:
                        await asyncio.sleep(0)
                    self._apply(copy, group[start : start + SLICE_COMMITS])
                if not copy.has_room.is_set():
                    await copy.has_room.wait()
        except LogDamaged as error:
            if await self._log.head() >= copy.position:
                raise
            self._differ(str(error))

    async def _meet_log(self, copy: Copy) -> Position | None:
        """Wait until the log answers; the head as it is then, or None where it is another log than this copy's."""
        while True:
            try:
                epoch, head = await self._log.epoch(), await self._log.head()
            except LogUnavailable as error:
                _log.info("replica %s waits for the log at %d: %s", copy.path, copy.position, error)
                await asyncio.sleep(RETRY_S)
                continue
            if copy.epoch and epoch != copy.epoch:
                self._differ(f"the log is of epoch {epoch!r}, this replica of {copy.epoch!r}")
                return None
            copy.epoch = epoch
            return head

    def _apply(self, copy: Copy, commits: Sequence[StoredCommit]) -> None:
        """Memory first. Without an await: nobody sees half of a commit."""
        for stored in commits:
            if self._on_commit is not None and (copy is not self._beside or stored.position > self._covered):
                self._on_commit(stored)
            copy.take(stored, self._give)
            awaited = self._awaited
            if awaited is not None and awaited.position <= copy.position:
                self._awaited = None
                self._compare(copy, awaited)
        if self._target is not None and copy.position >= self._target:
            self._set_complete()
        if not self._is_held_back:
            self._cover()

    def _give(self, fact: Fact) -> None:
        self._has_given = True
        self._on_fact(fact)

    def _cover(self) -> None:
        """Tell the owner, then those who wait."""
        position = self._opened.position
        if self._on_covered is not None:
            self._on_covered(position)
        self._covered = position
        self._waiting.reached(position)

    def _set_complete(self) -> None:
        self._is_held_back = False
        copy = self._followed
        if copy is self._beside:
            # The flush puts the file in place; until then a crash leaves the old one.
            self._served, self._beside, self._replaced = copy, None, self._served
            self._generation += 1
            self._no_rebuild_before_s = asyncio.get_running_loop().time() + self._rebuild_pause_s
            _log.warning("%s was built anew up to %d", self._path, copy.position)
        copy.set_complete()
        self._completed.set()

    async def _begin_empty(self, why: str) -> None:
        """The file is of no use: set it aside and begin with an empty one."""
        set_aside(self._path, why)
        if self._has_given:
            if self._on_reset is None:
                raise ReplicaDiverged(f"{self._path}: {why}. It was set aside; start again, and it is built from the log.")
            self._on_reset()
            self._is_held_back = True
        self._served = await Copy.open(self._path, keeps_versions=self._keeps_versions)

    async def _begin_beside(self, why: str) -> None:
        """Begin another copy, and go on answering from this one."""
        served = self._opened
        if self._on_reset is None and self._has_given:
            await served.close()
            self._served = None
            set_aside(self._path, why)
            raise ReplicaDiverged(f"{self._path}: {why}. It was set aside; start again, and it is built from the log.")
        await self._flush(served)
        if self._beside is not None:
            await self._beside.close()
        remove(self._path_beside)
        _log.warning("%s at %d is built anew beside, and answers meanwhile: %s", self._path, served.position, why)
        if self._on_reset is not None:
            self._on_reset()
        self._is_held_back = True
        self._target = None
        self._awaited = None
        self._beside = await Copy.open(self._path_beside, keeps_versions=self._keeps_versions)
        self._difference = ""
        self._differs.clear()

    async def _flush_for_ever(self, copy: Copy) -> None:
        while True:
            await copy.has_pending.wait()
            try:
                async with asyncio.timeout(FLUSH_S):
                    await copy.is_full.wait()
            except TimeoutError:
                pass
            await self._flush(copy)

    async def _flush(self, copy: Copy) -> None:
        await self._settle()
        await copy.flush()
        if copy is self._served and copy.path != self._path and copy.is_saved_complete:
            self._moving = asyncio.create_task(self._put_in_place(copy), name="replica: put in place")
            await self._settle()

    async def _settle(self) -> None:
        """Until the file of the last rebuild is in place; a cancellation does not leave it half-way."""
        if self._moving is not None:
            await asyncio.shield(self._moving)
            self._moving = None

    async def _put_in_place(self, copy: Copy) -> None:
        if self._replaced is not None:
            await self._replaced.close()
            self._replaced = None
        await copy.move(self._path)
