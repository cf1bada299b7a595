"""Which position the engine's tables cover, since when, and who waits for more."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass

KEPT = 4096
"""Groups whose time is known: minutes of a busy log. A receipt asks for what was written a moment ago."""

MAX_WAITING = 10_000
"""Requests that wait at once; each is a future and a number."""


class TooManyWaiting(Exception):
    """More than MAX_WAITING requests wait for positions."""


@dataclass(frozen=True, slots=True)
class Covered:
    """`time_s` (Unix) is when `position` was covered, at the latest."""

    position: int
    time_s: float


class AppliedPositions:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._groups: deque[Covered] = deque(maxlen=KEPT)
        self._waiting: dict[asyncio.Future[None], int] = {}

    @property
    def position(self) -> int:
        return self._groups[-1].position if self._groups else 0

    def cover(self, position: int, time_s: float) -> None:
        """The engine answers for every position up to this one from now on."""
        if position > self.position:
            self._groups.append(Covered(position, time_s))
        for waiting, wanted in self._waiting.items():
            if wanted <= position and not waiting.done():
                waiting.set_result(None)

    def restart(self) -> None:
        """Positions are counted in another log from now on; who waits goes on waiting."""
        self._groups.clear()

    def when(self, position: int) -> Covered | None:
        """The first group that covered `position`, of those still known; None if none has."""
        index = bisect_left(self._groups, position, key=lambda group: group.position)
        return self._groups[index] if index < len(self._groups) else None

    async def wait(self, position: int, limit_s: float) -> Covered | None:
        """None where the position was not covered within the limit. Raises TooManyWaiting."""
        covered = self.when(position)
        if covered is not None:
            return covered
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyWaiting(f"{MAX_WAITING} requests wait for positions: is the log's feed standing still?")
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[waiting] = position
        try:
            async with asyncio.timeout(limit_s):
                await waiting
        except TimeoutError:
            return None
        finally:
            del self._waiting[waiting]
        return self.when(position)
