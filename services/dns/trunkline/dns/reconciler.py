"""Keeps a holder of the zone at what the log says: writes what changed, compares from time to time, mends and tells what others changed.

A replica that is behind what the holder was written by writes nothing until it has caught up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from trunkline.dns.copies import Change, Held, Key, Sets, differences, sets_of
from trunkline.dns.holders import Holder, HolderProblem, Overtaken
from trunkline.domain.dns_names import Steering, domain_sets, pop_sets
from trunkline.domain.events import Position
from trunkline.eventlog.replica_waiting import Waiting
from trunkline.runtime.logs import logger

NOWHERE: Final = Position(0)
FIRST_RETRY_S: Final = 0.2
LAST_RETRY_S: Final = 30.0
DRIFT_KEPT: Final = 100
"""Of one comparison: who wants more looks at the server."""
DRIFT_LOGGED: Final = 10
DOMAINS_AT_ONCE: Final = 200
"""Made between two looks at what else the process has to do: some 40 record sets each."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a holder. `drift` is what the last comparison found, at most `DRIFT_KEPT` of it."""

    name: str
    position: Position = NOWHERE
    problem: str = ""
    compared: datetime | None = None
    drift: tuple[Change, ...] = ()
    drift_total: int = 0
    mended_total: int = 0
    failures_total: int = 0


class Wanted:
    """What should be held, made anew only for domains that changed, and whole where the POPs did."""

    def __init__(self, steering: Callable[[], Steering], domains: Callable[[], dict[str, str]], covered: Callable[[], Position]) -> None:
        self._steering_now, self._domains_now, self._covered = steering, domains, covered
        self._steering: Steering | None = None
        self._domains: dict[str, str] = {}
        self._sets: dict[Key, Held] = {}

    async def at_head(self) -> tuple[Position, Sets]:
        """By what the replica holds now. The sets are not changed afterwards."""
        steering, domains, covered = self._steering_now(), self._domains_now(), self._covered()
        if steering is not self._steering:
            sets, changed = sets_of(pop_sets(steering)), list(domains)
        else:
            changed = [label for label, nearest in domains.items() if self._domains.get(label) != nearest]
            gone = [label for label in self._domains if label not in domains]
            if not changed and not gone:
                return covered, self._sets
            sets = dict(self._sets)
            for label in (*gone, *changed):
                for each in domain_sets(label, self._domains.get(label, ""), steering):
                    sets.pop((each.name, each.type), None)
        for start in range(0, len(changed), DOMAINS_AT_ONCE):
            for label in changed[start : start + DOMAINS_AT_ONCE]:
                sets |= sets_of(domain_sets(label, domains[label], steering))
            await asyncio.sleep(0)
        self._steering, self._domains, self._sets = steering, domains, sets
        return covered, sets


class Reconciler:
    """One holder's. `wake` when the replica covers more; all on one event loop."""

    def __init__(self, holder: Holder, wanted: Wanted, *, compare_every_s: float) -> None:
        self._holder = holder
        self._wanted = wanted
        self._compare_every_s = compare_every_s
        self._known: Sets | None = None
        self._written_by: Position | None = None
        self._is_half_written = False
        self._compare_at = 0.0
        self._woken = asyncio.Event()
        self._compared = Waiting()
        self._comparisons = 0
        self._served = Waiting()
        self._log = logger("dns")
        self.status = Status(holder.name)

    def wake(self) -> None:
        self._woken.set()

    async def compare(self, timeout_s: float) -> None:
        """Until one more comparison is done, which begins at once. Raises TimeoutError."""
        self._compare_at = 0.0
        self._woken.set()
        await self._compared.wait(Position(self._comparisons + 1), timeout_s)

    async def wait_served(self, position: Position, timeout_s: float) -> None:
        """Until the holder answers by that position. Raises TimeoutError."""
        if self.status.position < position:
            await self._served.wait(position, timeout_s)

    async def run(self) -> None:
        """Until it is cancelled."""
        retry_s = FIRST_RETRY_S
        while True:
            self._woken.clear()
            try:
                await self._turn()
            except Overtaken as overtaken:
                self._log.info("dns is written by another too", holder=self._holder.name, why=str(overtaken))
                self._known = None
                await asyncio.sleep(FIRST_RETRY_S)
                continue
            except HolderProblem as problem:
                self._log.warning("dns cannot be kept", holder=self._holder.name, why=str(problem), retry_s=retry_s)
                self._known = None
                self.status = replace(self.status, problem=str(problem), failures_total=self.status.failures_total + 1)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
                continue
            retry_s = FIRST_RETRY_S
            left_s = max(self._compare_at - asyncio.get_running_loop().time(), 0.0)
            try:
                async with asyncio.timeout(left_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _turn(self) -> None:
        """Compares where it is time to or what is held is not known, and writes what differs."""
        loop = asyncio.get_running_loop()
        if self._known is None or loop.time() >= self._compare_at:
            await self._read()
            self._compare_at = loop.time() + self._compare_every_s
        assert self._known is not None
        position, wanted = await self._wanted.at_head()
        if self._written_by is not None and position < self._written_by:
            why = f"{self._holder.name} was written by position {self._written_by}, which this replica has not reached: it is at {position}"
            self.status = replace(self.status, problem=f"{why}. Where the log was begun anew, remove the TXT record _trunkline there")
            return
        changes = differences(self._known, wanted)
        if changes:
            self._is_half_written = True
            await self._holder.write(changes, wanted, self._written_by, position)
            self._is_half_written = False
            self._written_by = position
            self._log.info("dns written", holder=self._holder.name, record_sets=len(changes), position=position)
        self._known = wanted
        self.status = replace(self.status, problem="", position=position)
        self._served.reached(position)

    async def _read(self) -> None:
        copy = await self._holder.read()
        # What we have written is what should be there. Where that is not known, only a copy of now can be told from what is merely old.
        expected = self._known
        if expected is None or copy.position != self._written_by:
            position, wanted = await self._wanted.at_head()
            expected = wanted if copy.position == position and not self._is_half_written else copy.sets
        self._is_half_written = False
        drift = differences(copy.sets, expected)
        self._known, self._written_by = copy.sets, copy.position
        self._tell(drift)
        self._comparisons += 1
        self._compared.reached(Position(self._comparisons))

    def _tell(self, drift: Sequence[Change]) -> None:
        for change in drift[:DRIFT_LOGGED]:
            name, kind = change.key
            held, wanted = (sorted(each.records) if each is not None else [] for each in (change.held, change.wanted))
            self._log.warning("dns differs", holder=self._holder.name, name=name, type=kind, kind=change.kind, held=held, wanted=wanted)
        if len(drift) > DRIFT_LOGGED:
            self._log.warning("dns differs in more", holder=self._holder.name, record_sets=len(drift))
        self.status = replace(
            self.status,
            compared=datetime.now(UTC),
            drift=tuple(drift[:DRIFT_KEPT]),
            drift_total=len(drift),
            mended_total=self.status.mended_total + len(drift),
        )
