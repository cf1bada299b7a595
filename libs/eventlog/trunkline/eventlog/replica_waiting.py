"""Who waits for a replica to cover a position."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from trunkline.domain.events import Position


class Waiting:
    """Each waits in a task of its own, all on one event loop."""

    def __init__(self) -> None:
        self._entries: list[tuple[Position, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def wait(self, position: Position, timeout_s: float) -> None:
        """Until `reached` was called with that position or a later one. Raises TimeoutError."""
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (position, next(self._numbers), reached)
        heapq.heappush(self._entries, entry)
        try:
            async with asyncio.timeout(timeout_s):
                await reached
        finally:
            if entry in self._entries:
                self._entries.remove(entry)
                heapq.heapify(self._entries)

    def reached(self, covered: Position) -> None:
        while self._entries and self._entries[0][0] <= covered:
            _, _, reached = heapq.heappop(self._entries)
            if not reached.done():
                reached.set_result(None)
