"""From what edges say of themselves and see of each other to the state of each point of presence. Pure: reports and time in, states out.

An edge reports that it takes calls, and of other points of presence how many pings in a row were answered or missed. One observer alone is
not believed against the word of the point of presence itself: its own network may be the broken one. Who hears nothing decides nothing:
without reports every state stays as it is. Where most would be down it is our sight that is down, and no more are taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from trunkline.domain.pop_states import PopState

PING_S: Final = 1.0
"""Between two pings of one observer to one point of presence; a report goes out as often."""
MISSED_LIMIT: Final = 3
"""Pings missed in a row that make an observer say that nobody answers."""
FRESH_S: Final = 3.5
"""How long a report counts: three may be lost or late."""
UP_S: Final = 10.0
"""How long a point of presence must be seen well before it is in use again: one that comes and goes stays out. The first time, when the
platform starts or who judges, it is in use at once."""
QUORUM: Final = 2
"""Observers that are believed against a point of presence that says that it is well."""
OBSERVERS: Final = 8
"""Points of presence that look at one: enough for a majority, and the pings do not grow with the square of the platform."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Pings in a row, up to now, that were missed or answered; one of them is 0, and both before the first."""

    missed: int = 0
    answered: int = 0

    def after(self, *, is_answered: bool) -> Sight:
        return Sight(0, self.answered + 1) if is_answered else Sight(self.missed + 1, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """What one edge says. `heard_s` is by the clock of who judges. `sights` are of other points of presence, by name, over UDP; `streams`
    the same by transport, "tcp" and "tls"."""

    edge: str
    pop: str
    heard_s: float
    is_serving: bool
    sights: Mapping[str, Sight] = field(default_factory=lambda: MappingProxyType({}))
    streams: Mapping[str, Mapping[str, Sight]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` says why it is not ready, or is only because most seem down (`is_frozen`). `is_down` is what was measured, drained or not.
    `well_since_s`: since when it has been seen well without a break, None while it is not; `was_well`: it has been, once.
    `without`: transports that do not answer there (`pop_streams`); `reason` says why too. `unwatched`: those that did not, and are used
    again because nobody looks any more."""

    state: PopState = PopState.READY
    reason: str = ""
    is_down: bool = False
    well_since_s: float | None = None
    was_well: bool = False
    is_frozen: bool = False
    without: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()


WELL: Final = Health()
"""What is believed before anything was heard."""


def observed_by(pop: str, pops: Sequence[str]) -> tuple[str, ...]:
    """The points of presence that the edges of `pop` look at: in the order of `pops`, which is the same everywhere, those that follow it,
    round, at most OBSERVERS. So each is looked at by as many."""
    if pop not in pops:
        return ()
    place = pops.index(pop)
    return tuple([*pops[place + 1 :], *pops[:place]][:OBSERVERS])


def judge(
    before: Mapping[str, Health],
    pops: Sequence[str],
    reports: Iterable[Report],
    drained: Mapping[str, str],
    now_s: float,
    silent_s: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, Health]:
    """The health of each of `pops`; one that is not in `before` was well. `drained` are notes by point of presence, `silent_s` seconds
    since a point of presence last spoke for itself, for the reason only."""
    fresh = [report for report in reports if now_s - report.heard_s <= FRESH_S]
    judged = {pop: _measured(before.get(pop, WELL), _seen(pop, fresh, silent_s.get(pop)), now_s) for pop in pops}
    if 2 * sum(health.is_down for health in judged.values()) > len(pops):
        judged = {pop: _kept(before.get(pop, WELL), health) for pop, health in judged.items()}
    return {pop: _with_drain(health, drained.get(pop)) for pop, health in judged.items()}


@dataclass(frozen=True, slots=True)
class _Seen:
    """`is_well` None: nobody says anything. `why` it is not."""

    is_well: bool | None
    why: str = ""


def _seen(pop: str, fresh: Sequence[Report], silent_s: float | None) -> _Seen:
    """`silent_s`: since its last own report, None where there was none."""
    own = [report for report in fresh if report.pop == pop]
    sights = [sight for report in fresh if report.pop != pop and (sight := report.sights.get(pop)) and (sight.missed or sight.answered)]
    if own and not any(report.is_serving for report in own):
        return _Seen(False, "says itself that it takes no calls")
    dead = sum(sight.missed >= MISSED_LIMIT for sight in sights)
    if 2 * dead > len(sights) and (dead >= QUORUM or not own):
        says = "its own report says that it is well" if own else _silence(silent_s)
        return _Seen(False, f"{says}; {dead} of {len(sights)} observers get no answer to OPTIONS")
    return _Seen(True if own or len(sights) > dead else None)


def _silence(silent_s: float | None) -> str:
    return "no self-report yet" if silent_s is None else f"no self-report for {silent_s:.0f} s"


def _measured(before: Health, seen: _Seen, now_s: float) -> Health:
    if seen.is_well is None:
        return before
    if not seen.is_well:
        return Health(PopState.DOWN, seen.why, True, None, before.was_well)
    since_s = now_s if before.well_since_s is None else before.well_since_s
    if before.is_down and before.was_well and now_s - since_s < UP_S:
        return Health(PopState.DOWN, f"is seen well again, and in use when that has lasted {UP_S:.0f} s", True, since_s, True)
    return Health(PopState.READY, "", False, since_s, True)


def _kept(before: Health, judged: Health) -> Health:
    """While most seem down: nobody is taken out, who is back comes back."""
    if before.is_down or not judged.is_down:
        return judged
    return Health(PopState.READY, f"{judged.reason}; not taken out, for most seem down", False, None, judged.was_well, True)


def _with_drain(health: Health, note: str | None) -> Health:
    if health.is_down:
        return health
    if note is None:
        return replace(health, state=PopState.READY, reason=health.reason if health.state is PopState.READY else "")
    return replace(health, state=PopState.DRAINING, reason=note or "drained by command")
