"""Deadlines in a heap. A cancelled one stays until its time and is passed over then."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    __slots__ = ("action",)

    def __init__(self, action: Callable[[float], None]) -> None:
        self.action: Callable[[float], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Timers:
    """Times are of the caller's clock, in seconds; an action gets the time at which it runs."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def at(self, time_s: float, action: Callable[[float], None]) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._heap, (time_s, next(self._order), timer))
        return timer

    def next_s(self) -> float | None:
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now_s: float) -> None:
        """Everything due; actions may add timers, those due at once run too."""
        while self._heap and self._heap[0][0] <= now_s:
            action = heapq.heappop(self._heap)[2].action
            if action is not None:
                action(now_s)
