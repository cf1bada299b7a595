"""How fast a replica comes to be: cold from the log, and warm from its file. For `make bench`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trunkline.domain.events import Position
from trunkline.domain.facts import Fact
from trunkline.eventlog.log import EventLog
from trunkline.eventlog.replica import Replica

REPLAY_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """`cold_s`: from an empty file until the head is covered; `warm_s`: from opening the written file until it is covered."""

    commits: Position
    events: int
    cold_s: float
    retained: int
    warm_s: float

    @property
    def cold_events_per_s(self) -> float:
        return self.events / self.cold_s

    @property
    def warm_events_per_s(self) -> float:
        return self.retained / self.warm_s


async def measure_replay(
    log: EventLog, path: Path, new_fold: Callable[[], Callable[[Fact], None]], *, keeps_versions: bool = False
) -> Replayed:
    """`path` must not exist. `new_fold` makes what facts are given to, such as `lambda: Directory().apply`. Raises NotCovered after
    REPLAY_LIMIT_S."""
    head = await log.head()
    events, cold_s = await _cold(log, path, new_fold(), head, keeps_versions)
    retained, warm_s = await _warm(log, path, new_fold(), keeps_versions)
    return Replayed(head, events, cold_s, retained, warm_s)


async def _cold(log: EventLog, path: Path, fold: Callable[[Fact], None], head: Position, keeps_versions: bool) -> tuple[int, float]:
    count = _Count(fold)
    began = time.perf_counter()
    replica = Replica(log, path, on_fact=count, keeps_versions=keeps_versions)
    await replica.open()
    running = asyncio.create_task(replica.run())
    try:
        await replica.wait_covered(head, REPLAY_LIMIT_S)
        took_s = time.perf_counter() - began
    finally:
        running.cancel()
        await asyncio.wait({running})
        await replica.close()
    return count.events, took_s


async def _warm(log: EventLog, path: Path, fold: Callable[[Fact], None], keeps_versions: bool) -> tuple[int, float]:
    count = _Count(fold)
    began = time.perf_counter()
    replica = Replica(log, path, on_fact=count, keeps_versions=keeps_versions)
    await replica.open()
    took_s = time.perf_counter() - began
    await replica.close()
    return count.events, took_s


class _Count:
    """Counts what passes."""

    def __init__(self, fold: Callable[[Fact], None]) -> None:
        self._fold = fold
        self.events = 0

    def __call__(self, fact: Fact) -> None:
        self.events += 1
        self._fold(fact)
