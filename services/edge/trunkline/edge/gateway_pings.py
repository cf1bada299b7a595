"""When which gateway is sent an OPTIONS: each in its interval, spread, and one that is in doubt more often."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from trunkline.domain.views import Gateway

JITTER = 0.2
"""Part of the interval by which it varies, both ways: gateways of one carrier, and edges, do not stay in step."""
DOUBT_S = 2.0
AT_ONCE_S = 0.2
"""One that has just come into doubt is asked within this time."""
MAX_AT_ONCE = 20
"""Of one turn; the rest has the next one."""


class Pings:
    """`interval_s` between two OPTIONS to one gateway; `randomness` gives numbers in [0, 1). All times are of one clock."""

    def __init__(self, interval_s: float, randomness: Callable[[], float]) -> None:
        self._interval_s = interval_s
        self._randomness = randomness
        self._due_s: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []
        """Entries whose time is not that of `_due_s` are of an earlier plan and left out."""

    def follow(self, gateways: Mapping[str, Gateway], now_s: float) -> None:
        """Those that are pinged from now on. A new one's first OPTIONS comes somewhere within its interval."""
        self._due_s = {key: due_s for key, due_s in self._due_s.items() if key in gateways}
        for key in gateways.keys() - self._due_s.keys():
            self._plan(key, now_s + self._interval_s * self._randomness())

    def hurry(self, key: str, now_s: float) -> None:
        """It has come into doubt."""
        if self._due_s.get(key, 0.0) > now_s + AT_ONCE_S:
            self._plan(key, now_s + AT_ONCE_S * self._randomness())

    def due(self, now_s: float, is_in_doubt: Callable[[str], bool]) -> list[str]:
        """Whom to ask now; each is planned again."""
        keys: list[str] = []
        while self._queue and self._queue[0][0] <= now_s and len(keys) < MAX_AT_ONCE:
            at_s, key = heapq.heappop(self._queue)
            if self._due_s.get(key) != at_s:
                continue
            keys.append(key)
            interval_s = min(DOUBT_S, self._interval_s) if is_in_doubt(key) else self._interval_s
            self._plan(key, now_s + interval_s * (1 - JITTER + 2 * JITTER * self._randomness()))
        return keys

    def _plan(self, key: str, due_s: float) -> None:
        self._due_s[key] = due_s
        heapq.heappush(self._queue, (due_s, key))
