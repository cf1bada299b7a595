"""When commits leave: one by itself at once, many in groups.

Each commit wakes every process that follows the log, and of a stream of single commits a busy machine does little else than waking up. In
groups they cost each reader a fraction (docs/performance.md, *Acknowledged → enforced*).
"""

from __future__ import annotations

import asyncio
from typing import Final

GATHER_S: Final = 0.02
"""Of many commands at once, a commit that would follow another one sooner waits until so long after it, with all that come meanwhile."""


class Pace:
    """Belongs to the event loop."""

    def __init__(self, gather_s: float = GATHER_S) -> None:
        self._gather_s = gather_s
        self._last_s = float("-inf")
        self._next: asyncio.Future[None] | None = None

    async def wait(self, *, is_alone: bool) -> None:
        """Until it is time to send. Who is alone waits for nobody: nothing could come meanwhile."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if is_alone or (self._next is None and now - self._last_s >= self._gather_s):
            self._last_s = now
            return
        if self._next is None:
            self._next = loop.create_future()
            loop.call_at(self._last_s + self._gather_s, self._go)
        # One who is cancelled must not take the others along.
        await asyncio.shield(self._next)

    def _go(self) -> None:
        together, self._next = self._next, None
        self._last_s = asyncio.get_running_loop().time()
        if together is not None:
            together.set_result(None)
