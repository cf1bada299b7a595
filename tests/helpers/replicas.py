"""A replica with a Directory behind it, as a service has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from helpers.commits import at

from trunkline.domain.directory import Directory
from trunkline.domain.events import Commit, Position
from trunkline.domain.facts import Fact
from trunkline.eventlog.log import EventLog
from trunkline.eventlog.replica import Replica

WAIT_S = 10.0


class Owner:
    """Folds into a new directory after a reset, and puts it in place when it is whole."""

    def __init__(self, log: EventLog, path: Path, *, has_reset: bool = True) -> None:
        self.directory = Directory()
        self._next = self.directory
        self.facts: list[Fact] = []
        self.covered: list[Position] = []
        self.resets = 0
        self.commits: list[Position] = []
        self.replica = Replica(
            log,
            path,
            on_fact=self._on_fact,
            on_commit=lambda stored: self.commits.append(stored.position),
            on_covered=self._on_covered,
            on_reset=self._on_reset if has_reset else None,
        )

    def _on_fact(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._next.apply(fact)

    def _on_covered(self, position: Position) -> None:
        self.covered.append(position)
        self.directory = self._next

    def _on_reset(self) -> None:
        self.resets += 1
        self._next = Directory()
        self.facts.clear()


@asynccontextmanager
async def following(log: EventLog, path: Path) -> AsyncIterator[Owner]:
    """Open and running; ended like a service that is told to stop."""
    owner = Owner(log, path)
    await owner.replica.open()
    running = asyncio.create_task(owner.replica.run())
    try:
        yield owner
        assert not running.done(), running.exception()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await owner.replica.close()


async def append_all(log: EventLog, commits: Sequence[Commit]) -> Position:
    """One after the other; the last position."""
    position = Position(0)
    last: dict[str, Position] = {}
    for each in commits:
        (position,) = await log.append([each], [at(each, last.get(each.subject, 0))])
        last[each.subject] = position
    return position
