"""Which changes of points of presence a dns service has to write, of those that it has judged. Pure: judgements, time and what the log says
in; changes out.

Every dns service judges for itself, and all write into one log. Who sees a change of his own first writes it; the others find, when it is
their turn, that the log says so already, though it may have gone on since. What differs without a change of one's own is left to whoever
wrote it, for a while: it is about to be seen here too, or there not any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.pop_changes import Place, PopBook, PopChange, Standing, Word
from trunkline.domain.pop_health import UP_S, Health
from trunkline.domain.pop_states import PopState
from trunkline.domain.pop_streams import UNWATCHED_S

OWN_PATIENCE_S: Final = 2 * UP_S
"""How long the log may differ from what is seen here where this region wrote it last: who was started again in the meantime has seen no
change. Longer than one is kept out after he came back, so that another service that is at work is not contradicted."""
OTHERS_PATIENCE_S: Final = 3600.0
"""The same where another region wrote it: both may be right, each for its own names, and must not take turns."""
TOLD_WITHIN_S: Final = 2 * UP_S
"""Between what was seen here and what another wrote of the same: both find it within seconds of each other, and their clocks are right
within UP_S."""
WAITING_LIMIT: Final = 64
"""Changes of one point of presence that wait for the log; of more the oldest are let go."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    after: Standing
    reason: str
    time_us: int


@dataclass(slots=True)
class _Own:
    """Of one point of presence: how it stands here, since it was first heard of, at `since_us`. `told` and `told_unread_us`: up to where
    in the log changes have been found to be one's own."""

    standing: Standing
    reason: str
    since_us: int
    waiting: deque[_Wanted] = field(default_factory=lambda: deque(maxlen=WAITING_LIMIT))
    differs_since_s: float | None = None
    told: Place | None = None
    told_unread_us: int = 0


class Recorder:
    """Of one dns service, `by` in `region`."""

    def __init__(self, by: str, region: str) -> None:
        self._by = by
        self._region = region
        self._own: dict[str, _Own] = {}

    def judged(self, healths: Mapping[str, Health], time_us: int) -> None:
        """To be told every judgement: a change is what differs between two of them."""
        for pop, health in healths.items():
            standing = standing_of(health)
            if not _is_heard(health):
                continue
            own = self._own.get(pop)
            if own is None:
                own = self._own[pop] = _Own(standing, health.reason, time_us)
                if standing.word is not Word.READY:
                    own.waiting.append(_Wanted(standing, health.reason, time_us))
            elif standing != own.standing:
                reason = _why_back(own.standing, standing, health.unwatched) or health.reason or _why_ready(own.standing, standing)
                own.waiting.append(_Wanted(standing, reason, time_us))
                own.standing, own.reason = standing, reason

    def due(self, book: PopBook, now_s: float, time_us: int) -> list[PopChange]:
        """What is to be written now, at most one a point of presence. Ask again when it was written, or somebody else was faster."""
        found = []
        for pop, own in self._own.items():
            last = book.last(pop)
            is_unread = book.is_unread(pop)
            _leave_out_told(own, book, pop, is_end_known=not is_unread)
            wanted = self._wanted(own, last, is_unread, now_s, time_us)
            if wanted is not None:
                newest_us = book.newest_us(pop)
                after_us = wanted.time_us if newest_us is None else max(wanted.time_us, newest_us + 1)
                before = None if last is None or (is_unread and last.after == wanted.after) else last.after
                found.append(PopChange(after_us, pop, self._region, self._by, before, wanted.after, wanted.reason))
        return found

    def _wanted(self, own: _Own, last: PopChange | None, is_unread: bool, now_s: float, time_us: int) -> _Wanted | None:
        if own.waiting:
            return own.waiting[0]
        if is_unread:
            # A later version has said how it stands; what is seen here without a change is no better.
            own.differs_since_s = None
            return None
        if last is None:
            return _Wanted(own.standing, own.reason or "first seen", time_us)
        if last.after == own.standing:
            own.differs_since_s = None
            return None
        if own.differs_since_s is None:
            own.differs_since_s = now_s
        if now_s - own.differs_since_s < (OWN_PATIENCE_S if last.region == self._region else OTHERS_PATIENCE_S):
            return None
        return _Wanted(own.standing, f"{own.reason or 'seen well'}; the log said {last.after} for longer than that held", time_us)


def _leave_out_told(own: _Own, book: PopBook, pop: str, *, is_end_known: bool) -> None:
    """Of what waits, in order, what stands in the log: as its end, or in the same order as here, written by others who were faster. What a
    later version has written and cannot be read here is taken for the same that was seen here at that time."""
    if not own.waiting:
        return
    history = book.newest_first(pop)[::-1]
    while own.waiting:
        wanted = own.waiting[0]
        told = next((change for change in history if _is_told(own, wanted, change)), None)
        if told is None and is_end_known and history and history[-1].after == wanted.after:
            told = history[-1]
        unread_us = next((at_us for at_us in book.unread_us(pop) if _is_unread(own, wanted, at_us)), None)
        if told is not None:
            own.told = told.place
        elif unread_us is not None:
            own.told_unread_us = unread_us
        else:
            return
        own.waiting.popleft()


def _is_told(own: _Own, wanted: _Wanted, change: PopChange) -> bool:
    is_new = change.time_us >= own.since_us and (own.told is None or change.place > own.told)
    return is_new and change.after == wanted.after and _is_near(change.time_us, wanted)


def _is_unread(own: _Own, wanted: _Wanted, at_us: int) -> bool:
    is_first = wanted.time_us == own.since_us
    return at_us > own.told_unread_us and (is_first or at_us >= own.since_us) and _is_near(at_us, wanted)


def _is_near(time_us: int, wanted: _Wanted) -> bool:
    return abs(time_us - wanted.time_us) <= TOLD_WITHIN_S * 1e6


def standing_of(health: Health) -> Standing:
    """What names make of one whose health is that."""
    match health.state:
        case PopState.READY:
            return Standing(Word.FROZEN if health.is_frozen else Word.READY, health.without)
        case PopState.DRAINING:
            return Standing(Word.DRAINING, health.without)
        case PopState.DOWN:
            return Standing(Word.DOWN)


def _is_heard(health: Health) -> bool:
    """Whether anything is known of it: before, it is only believed to be well."""
    return health.well_since_s is not None or health.state is not PopState.READY or health.is_frozen


def _why_back(before: Standing, after: Standing, unwatched: Collection[str]) -> str:
    """Empty unless nothing but a transport that is used again is the change."""
    if before.word is not after.word or not set(after.without) <= set(before.without):
        return ""
    back = [transport for transport in before.without if transport not in after.without]
    whys = {
        f"seen well for {UP_S:.0f} s": [each.upper() for each in back if each not in unwatched],
        f"not looked at for {UNWATCHED_S:.0f} s": [each.upper() for each in back if each in unwatched],
    }
    return "; ".join(f"{' and '.join(names)} {why}" for why, names in whys.items() if names)


def _why_ready(before: Standing, after: Standing) -> str:
    match before.word:
        case Word.DOWN:
            return f"seen well for {UP_S:.0f} s"
        case Word.DRAINING:
            return "no longer drained"
        case Word.FROZEN | Word.READY:
            return "seen well again"
