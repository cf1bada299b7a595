"""The history of points of presence: each change of what the names make of one, in one order, though several regions wrote them. Pure.

Regions that are cut from each other write the same change each for itself. Read together they are one: a change that leaves a point of
presence as the one before it did is none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CHANGES_LIMIT: Final = 1000
"""That are kept of one point of presence; of more the oldest are let go."""
POPS_LIMIT: Final = 1024
"""Points of presence that are kept; others are left out."""


class Word(StrEnum):
    """FROZEN: seen dead, and still in the names, for most seem dead."""

    READY = "ready"
    DRAINING = "draining"
    DOWN = "down"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the names make of a point of presence. `without`: transports that do not answer there and are left out, in order of their
    names."""

    word: Word = Word.READY
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.word} without {' and '.join(self.without)}" if self.without else self.word.value


@dataclass(frozen=True, slots=True)
class PopChange:
    """`time_us` is microseconds since 1970 UTC by the clock of `by`, the service that decided, in `region`. `before` None: the
    first, or what was before cannot be read."""

    time_us: int
    pop: str
    region: str
    by: str
    before: Standing | None
    after: Standing
    reason: str

    def __post_init__(self) -> None:
        assert self.before != self.after, "a change changes something"

    @property
    def place(self) -> Place:
        """Where it stands in the order of all: by time, and where that is the same by who wrote what, so that all readers have one order.
        Of changes in a row that changed something (`PopBook.newest_first`) no two have the same."""
        return self.time_us, self.pop, self.region, self.by, str(self.after)


Place = tuple[int, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands where a change would, and says what this version cannot read: a later one wrote it. `time_us` is when the stream took it."""

    pop: str
    time_us: int


class PopBook:
    """The changes of all points of presence, of all regions, in whatever order they come."""

    def __init__(self) -> None:
        self._changes: dict[str, list[PopChange]] = {}
        self._unread: dict[str, list[int]] = {}
        """When what cannot be read was taken, in order."""

    def take(self, changes: Iterable[PopChange | Unread]) -> None:
        """One that is there already is left out."""
        for change in changes:
            if change.pop not in self._changes | self._unread and len(self._changes | self._unread) >= POPS_LIMIT:
                continue
            if isinstance(change, Unread):
                times = self._unread.setdefault(change.pop, [])
                if change.time_us not in times:
                    insort(times, change.time_us)
                    del times[:-CHANGES_LIMIT]
                continue
            known = self._changes.setdefault(change.pop, [])
            place = bisect_left(known, _key(change), key=_key)
            if change not in known[place : bisect_right(known, _key(change), key=_key)]:
                insort(known, change, key=_key)
                del known[:-CHANGES_LIMIT]

    def newest_us(self, pop: str) -> int | None:
        """Of the last that was written of it, also where that changed nothing: what is decided now has to be dated behind it."""
        newest = [change.time_us for change in self._changes.get(pop, [])[-1:]]
        return max([*newest, *self._unread.get(pop, [])[-1:]], default=None)

    def unread_us(self, pop: str) -> Sequence[int]:
        """When changes of it were taken that cannot be read, in order."""
        return self._unread.get(pop, ())

    def is_unread(self, pop: str) -> bool:
        """Whether what was written last of it cannot be read: how it stands is not known here then."""
        unread, known = self._unread.get(pop, []), self._changes.get(pop, [])
        return unread[-1:] > [change.time_us for change in known[-1:]]

    def last(self, pop: str) -> PopChange | None:
        """How the point of presence has stood since when, of what can be read."""
        known = self._changes.get(pop, [])
        place = len(known) - 1
        while place > 0 and known[place - 1].after == known[place].after:
            place -= 1
        return known[place] if known else None

    def newest_first(self, pop: str = "") -> list[PopChange]:
        """Of one point of presence, or all: each that changed something, with what was `before` it in this order."""
        found = [change for name, known in self._changes.items() if pop in ("", name) for change in _real(known)]
        return sorted(found, key=_key, reverse=True)


def _real(known: Iterable[PopChange]) -> Iterator[PopChange]:
    before: PopChange | None = None
    for change in known:
        if before is None or change.after != before.after:
            yield change if before is None or change.before == before.after else _after(before, change)
            before = change


def _after(before: PopChange, change: PopChange) -> PopChange:
    return PopChange(change.time_us, change.pop, change.region, change.by, before.after, change.after, change.reason)


def _key(change: PopChange) -> tuple[Place, str, str]:
    """Of no two that differ it is the same."""
    return change.place, str(change.before), change.reason
