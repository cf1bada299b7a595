"""How often somebody may try to log in: a generic cell rate per name and per source. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MAX_NAMES: Final = 20_000
"""Remembered at once; who was not heard of for longest is forgotten first."""


@dataclass(slots=True)
class Throttle:
    """`burst` tries at once, then one every `every_s`."""

    every_s: float
    burst: int
    _ready: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def wait_s(self, name: str, now_s: float) -> float:
        """0 where a try may be made, which is counted then; else for how long none may be."""
        ready = max(self._ready.get(name, 0.0), now_s)
        late = ready - now_s - self.every_s * (self.burst - 1)
        if late > 1e-9:
            return late
        self._ready[name] = ready + self.every_s
        self._ready.move_to_end(name)
        while len(self._ready) > MAX_NAMES:
            self._ready.popitem(last=False)
        return 0.0

    def forget(self, name: str) -> None:
        """After a success."""
        self._ready.pop(name, None)
