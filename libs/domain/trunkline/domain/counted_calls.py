"""Which calls an edge counts, against which limits, and how each leaves again: by its end in the edge's own journal, by word of whoever
ended it or knows of it, or because the longest time that it can have is over. No I/O, no clock; times are Unix seconds.

A call that began in an earlier run of the edge may have ended meanwhile, at another edge or while this one was dead; and the word about a
call that ended elsewhere may be lost. So those are asked about: what an earlier run has left at once, any other when it has stood for a
while, each again and again (`trunkline.records.ended_calls` answers).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from trunkline.domain.class_of_service import Limit, LimitKey
from trunkline.domain.limit_holder import Holder, Reached

LONGEST_S: Final = 4 * 3600
"""Of a call whose domain names no other: the engine's."""

OVERDUE_S: Final = 900
"""Over the longest call: setting up, clocks, a BYE that is waited for. A call whose end nobody has told is forgotten then."""

ASK_AGAIN_S: Final = 60.0
"""From a call's beginning, or from the last question about it, to the next."""

QUESTIONS_LIMIT: Final = 500
"""Calls asked about at a time: 17 KB, and some milliseconds of who answers."""


class _Counted:
    __slots__ = ("asked_s", "end_s", "keys")

    def __init__(self, keys: tuple[LimitKey, ...], end_s: float, asked_s: float) -> None:
        self.keys = keys
        self.end_s = end_s
        self.asked_s = asked_s


class CountedCalls:
    """Each call counts once, whatever is told of it how often."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._calls: OrderedDict[str, _Counted] = OrderedDict()
        """Whoever was asked about longest ago first."""

    def __contains__(self, call: str) -> bool:
        return call in self._calls

    def __len__(self) -> int:
        return len(self._calls)

    def admit(self, call: str, limits: tuple[Limit, ...], holder_s: float, now_s: float) -> tuple[Limit, Reached] | None:
        """Counts it, or names the limit that it would break. `holder_s` is the holder's clock."""
        reached = self._holder.admit(holder_s, limits)
        if reached is None:
            keys = tuple([limit.key for limit in limits])
            self._calls[call] = _Counted(keys, now_s + LONGEST_S + OVERDUE_S, now_s)
        return reached

    def restore(self, call: str, keys: tuple[LimitKey, ...], end_s: float) -> None:
        """One that an earlier run has admitted and that may go on until `end_s`."""
        if call not in self._calls:
            self._calls[call] = _Counted(keys, end_s, float("-inf"))
            self._calls.move_to_end(call, last=False)
            self._holder.restore(keys)

    def bound(self, call: str, end_s: float) -> tuple[LimitKey, ...]:
        """What is known of its longest time. What it counts against; empty where it is not counted (any more)."""
        counted = self._calls.get(call)
        if counted is None:
            return ()
        counted.end_s = end_s
        return counted.keys

    def end(self, calls: Iterable[str]) -> list[str]:
        """Those of them that were counted."""
        over = []
        for call in calls:
            counted = self._calls.pop(call, None)
            if counted is not None:
                self._holder.release(counted.keys)
                over.append(call)
        return over

    def look(self, now_s: float) -> tuple[list[str], list[str]]:
        """Of QUESTIONS_LIMIT calls whose turn it is: those that must be over, to be ended, and those to ask about."""
        due: list[str] = []
        for call, counted in self._calls.items():
            if counted.asked_s + ASK_AGAIN_S > now_s or len(due) == QUESTIONS_LIMIT:
                break
            due.append(call)
        for call in due:
            self._calls[call].asked_s = now_s
            self._calls.move_to_end(call)
        overdue = [call for call in due if self._calls[call].end_s < now_s]
        return overdue, [call for call in due if self._calls[call].end_s >= now_s]
