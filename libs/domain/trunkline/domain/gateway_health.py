"""The health of one gateway as one edge sees it: a circuit breaker over its calls and our OPTIONS to it (RFC 3261 §11, §21.5.4).

Closed: it is used. Open: it is passed over. Half open: a call now and then tries it, and closes or opens it again. What was seen goes in
with the time (Unix seconds), the next state comes out; nothing is sent and no clock is read here. `docs/state-machines.md` shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple, assert_never

OPENS_AT: Final = 10
"""Strikes in a row. A served call takes all of them back."""
HARD: Final = 5
"""Strikes of a call that came to nothing there: each cost its caller up to 3 s, so two suffice."""
SOFT: Final = 2
"""Strikes of an answer that may be about the call and not about the gateway (500 above all): five in a row."""
MISSES: Final = 2
"""OPTIONS in a row that open it: one may be lost on the way."""
ANSWERS: Final = 2
"""OPTIONS in a row that close it again."""
SERVED: Final = 3
"""Calls in a row that close a half open one."""
OPEN_S: Final = 5.0
"""How long calls keep it open at least; doubled each time that it opens without having been closed. Longer than a silent try lasts, so that
calls that were under way when it opened do not count against the next try."""
MAX_OPEN_S: Final = 60.0
MAX_RETRY_AFTER_S: Final = 300.0
"""RFC 3261 §21.5.4 sets no bound; a gateway that wants more is asked again after this."""

_HARD_CAUSES: Final = frozenset({"silent", "icmp", "connection"})
_DEAD: Final = frozenset({408, 503})
"""What an OPTIONS must not be answered with; anything else comes from somebody who is there."""


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(Enum):
    """What one thing that was seen comes to, counted."""

    FAILURES = "too many calls failed"
    MISSES = "too many OPTIONS unanswered"
    TOLD = "Retry-After"
    ANSWERS = "enough OPTIONS answered"
    TIME = "its time is over"
    SERVED = "enough calls served"
    FAILURE = "a call failed"
    SPARED = "no OPTIONS any more"


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.CLOSED, Event.FAILURES): State.OPEN,
    (State.CLOSED, Event.MISSES): State.OPEN,
    (State.CLOSED, Event.TOLD): State.OPEN,
    (State.OPEN, Event.TOLD): State.OPEN,
    (State.OPEN, Event.ANSWERS): State.CLOSED,
    (State.OPEN, Event.SPARED): State.CLOSED,
    (State.OPEN, Event.TIME): State.HALF_OPEN,
    (State.HALF_OPEN, Event.SERVED): State.CLOSED,
    (State.HALF_OPEN, Event.FAILURE): State.OPEN,
    (State.HALF_OPEN, Event.MISSES): State.OPEN,
    (State.HALF_OPEN, Event.TOLD): State.OPEN,
}
"""Every other event changes no state. ANSWERS and SPARED come to pass only where OPTIONS opened it. TIME does not where OPTIONS opened it
or the last one was missed, unless it never answered any: it may be one that takes calls and no OPTIONS."""


class Sign(NamedTuple):
    """Something seen of the gateway, as the engine says it. `cause`: a word of `GatewayFailed.cause`; empty: it answered, an OPTIONS with
    `status`, a call (status 0) by serving it. `retry_after_s` 0: none."""

    is_options: bool
    cause: str = ""
    status: int = 0
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """`since_s` is when `state` began, `until_s` before when an open one is not tried. `why` is for people, empty for a closed one.

    The rest is counted: `strikes` of calls, `misses` and `answers` of OPTIONS, `served` calls while half open, `opened` how often it opened
    without having been closed. `is_by_options`: OPTIONS opened it. `is_told`: it asked to be left alone.
    """

    state: State = State.CLOSED
    since_s: float = 0.0
    until_s: float = 0.0
    why: str = ""
    strikes: int = 0
    misses: int = 0
    answers: int = 0
    served: int = 0
    opened: int = 0
    is_by_options: bool = False
    is_told: bool = False
    has_served: bool = False
    has_answered: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """Worth asking more often."""
        return self.state is not State.CLOSED or self.strikes > 0 or self.misses > 0


UNKNOWN: Final = Health()
"""Of a gateway of which nothing was seen: it is used."""


def observe(health: Health, sign: Sign, now_s: float, *, is_suspect: bool = False) -> Health:
    """`is_suspect`: another edge of the region passes it over. That opens nothing, but then one failure of our own does."""
    if sign.retry_after_s and sign.status == 503:
        wait_s = min(sign.retry_after_s, MAX_RETRY_AFTER_S)
        return _step(replace(health, is_told=True), Event.TOLD, now_s, f"503, Retry-After {wait_s:.0f} s", now_s + wait_s)
    if sign.is_options:
        return _on_options(health, sign, now_s)
    return _on_failure(health, sign, now_s, is_suspect) if sign.cause else _on_served(health, now_s)


def pass_time(health: Health, now_s: float) -> Health:
    """To be called when `until_s` of an open one is over; early it changes nothing. A clock that was set back keeps nothing
    open for long."""
    is_over = now_s >= health.until_s or health.until_s - now_s > MAX_RETRY_AFTER_S
    is_for_options = health.has_answered and (health.is_by_options or health.misses > 0)
    if health.state is not State.OPEN or not is_over or is_for_options:
        return health
    return _step(health, Event.TIME, now_s, health.why)


def without_options(health: Health, now_s: float) -> Health:
    """Of a gateway that is sent none, or none any more: what OPTIONS said of it does not count: they would never say that it is back."""
    is_by_options = health.is_by_options
    health = replace(health, misses=0, answers=0, has_answered=False, is_by_options=False)
    return _step(health, Event.SPARED, now_s, "") if is_by_options else health


def _on_served(health: Health, now_s: float) -> Health:
    # Whoever takes calls is there, whatever it makes of OPTIONS.
    if health.has_served and not health.strikes and not health.misses and health.state is not State.HALF_OPEN:
        return health
    health = replace(health, strikes=0, misses=0, has_served=True)
    if health.state is not State.HALF_OPEN:
        return health
    health = replace(health, served=health.served + 1)
    return _step(health, Event.SERVED, now_s, "") if health.served >= SERVED else health


def _on_failure(health: Health, sign: Sign, now_s: float, is_suspect: bool) -> Health:
    is_hard = sign.cause in _HARD_CAUSES
    why = sign.cause if sign.cause != "status" else f"status {sign.status}"
    if health.state is State.HALF_OPEN:
        return _step(health, Event.FAILURE, now_s, f"a call tried it again: {why}")
    health = replace(health, strikes=health.strikes + (HARD if is_hard else SOFT))
    if health.strikes >= (HARD if is_suspect and is_hard else OPENS_AT):
        return _step(health, Event.FAILURES, now_s, f"calls failed in a row, the last: {why}")
    return health


def _on_options(health: Health, sign: Sign, now_s: float) -> Health:
    if sign.cause or sign.status in _DEAD:
        if health.has_served and not health.has_answered:
            # It takes calls and has never answered an OPTIONS: there are such gateways.
            return health
        health = replace(health, misses=health.misses + 1, answers=0)
        why = f"OPTIONS: {sign.cause or f'status {sign.status}'}"
        return _step(health, Event.MISSES, now_s, why) if health.misses >= MISSES else health
    health = replace(health, misses=0, answers=health.answers + 1, has_answered=True)
    if health.is_by_options and health.answers >= ANSWERS:
        return _step(health, Event.ANSWERS, now_s, "")
    return health


def _step(health: Health, event: Event, now_s: float, why: str, until_s: float = 0.0) -> Health:
    state = TRANSITIONS.get((health.state, event))
    match state:
        case None:
            return health
        case State.CLOSED:
            return Health(since_s=now_s, has_served=health.has_served, has_answered=health.has_answered)
        case State.HALF_OPEN:
            return replace(health, state=state, since_s=now_s, strikes=0, served=0, is_told=False, is_by_options=False)
        case State.OPEN:
            opened = health.opened + 1
            return replace(
                health,
                state=state,
                since_s=health.since_s if health.state is State.OPEN else now_s,
                until_s=until_s or now_s + min(OPEN_S * 2 ** min(opened - 1, 10), MAX_OPEN_S),
                why=why,
                strikes=0,
                served=0,
                opened=opened,
                is_by_options=event is Event.MISSES,
                is_told=event is Event.TOLD,
            )
        case _:
            assert_never(state)
