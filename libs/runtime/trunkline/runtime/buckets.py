"""How often somebody may ask: a generic cell rate (a token bucket that needs one number) per name. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.bans import ban_prefix

MAX_NAMES: Final = 65_536
"""Remembered at once, some 10 MB; who was not heard of for longest is forgotten first, and has a full bucket again."""


@dataclass(slots=True)
class Buckets:
    """`burst` at once, then `per_s` a second. Times are of any clock that only goes on. `most` names are remembered."""

    per_s: float
    burst: int
    most: int = MAX_NAMES
    _ready: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def wait_s(self, name: str, now_s: float) -> float:
        """For how long `name` has no token; 0: it has one, which stays."""
        return max(0.0, self._ready.get(name, 0.0) - now_s - (self.burst - 1) / self.per_s)

    def take(self, name: str, now_s: float) -> float:
        """Takes a token, and is 0; or, where there is none, for how long."""
        wait_s = self.wait_s(name, now_s)
        # Below a microsecond it is a rounding error.
        if wait_s > 1e-6:
            return wait_s
        self._ready[name] = max(self._ready.get(name, 0.0), now_s) + 1 / self.per_s
        self._ready.move_to_end(name)
        if len(self._ready) > self.most:
            self._ready.popitem(last=False)
        return 0.0

    def forget(self, name: str) -> None:
        """A full bucket again, after a success."""
        self._ready.pop(name, None)


def one_source(address: str) -> str:
    """The name of those whose tries are counted together: whom a ban of the address would cover. What is no address names itself."""
    try:
        return ban_prefix(address)
    except ValueError:
        return address
