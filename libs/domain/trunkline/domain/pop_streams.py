"""From what observers see over TCP and TLS to the transports that do not answer at a point of presence which is there otherwise. Pure.

Whether it is there at all is judged by UDP and by its own word (`pop_health`). One observer alone is not believed; where a transport seems
silent at most points of presence it is our sight that is broken, and no more are taken for silent; who comes back is silent until he was
seen well long enough. Without news all stays as it is: observers that are gone, or cannot look, say neither that a transport is silent nor
that it is well. Observers that are there and look no more have been told not to: what they saw ends after UNWATCHED_S.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.domain.pop_health import FRESH_S, QUORUM, UP_S, Report

TRANSPORTS: Final = ("tcp", "tls")
STREAM_PING_S: Final = 10.0
"""Between two probes of one observer: each is a connection of its own, over TLS with a handshake, for it is the listener that is asked."""
STREAM_MISSED_LIMIT: Final = 2
"""Probes missed in a row that make an observer say that nobody answers."""


UNWATCHED_S: Final = 300.0
"""How long a transport stays silent after some of those who saw that have been told to look no more, and the others are too few: nobody
could find out that it is well again."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """Of one transport at one point of presence. `well_since_s`: since when it has been seen well without a break, None while it is not.
    `seen_by` are the points of presence that saw it silent, `unwatched_since_s` since when some of them look no more; `is_unwatched`: that
    is why it is not silent any more, until somebody says something of it."""

    is_silent: bool = False
    reason: str = ""
    well_since_s: float | None = None
    seen_by: frozenset[str] = frozenset()
    unwatched_since_s: float | None = None
    is_unwatched: bool = False


Streams = Mapping[tuple[str, str], StreamHealth]
"""By point of presence and transport."""


def judge_streams(
    before: Streams, pops: Iterable[str], reports: Iterable[Report], now_s: float, frozen: Iterable[str] = ()
) -> dict[tuple[str, str], StreamHealth]:
    """Of each of `pops`, which are those that are there, and of the `frozen`, of which everything stays as it is, for nobody is believed
    about them; of any other nothing is kept: who comes back is judged by what is seen then."""
    fresh = [report for report in reports if now_s - report.heard_s <= FRESH_S]
    there = tuple(pops)
    judged = {(pop, transport): before[pop, transport] for pop in frozen for transport in TRANSPORTS if (pop, transport) in before}
    for transport in TRANSPORTS:
        found = {
            pop: health
            for pop in there
            if (health := _health(before.get((pop, transport)), _Looks.of(pop, transport, fresh), transport, now_s)) is not None
        }
        if 2 * sum(health.is_silent for health in found.values()) > len(found):
            found = {pop: _kept(before.get((pop, transport)), health) for pop, health in found.items()}
        judged |= {(pop, transport): health for pop, health in found.items()}
    return judged


def silent_at(pop: str, streams: Streams) -> tuple[str, ...]:
    return tuple(transport for transport in TRANSPORTS if (pop, transport) in streams and streams[pop, transport].is_silent)


def why_silent(pop: str, streams: Streams) -> str:
    return "; ".join(streams[pop, transport].reason for transport in silent_at(pop, streams))


def unwatched_at(pop: str, streams: Streams) -> tuple[str, ...]:
    """Those that are used again only because nobody looks any more."""
    return tuple(transport for transport in TRANSPORTS if (pop, transport) in streams and streams[pop, transport].is_unwatched)


@dataclass(frozen=True, slots=True)
class _Looks:
    """At one transport of one point of presence, by the other ones: how many observers said that it is well, and how many the contrary;
    who said that; and of which points of presence all that were heard do not look at it."""

    well: int
    dead: int
    dead_by: frozenset[str]
    turned_away: frozenset[str]

    @classmethod
    def of(cls, pop: str, transport: str, fresh: Iterable[Report]) -> _Looks:
        others = [report for report in fresh if report.pop != pop]
        looking = [(report.pop, report.streams[transport][pop]) for report in others if pop in report.streams.get(transport, {})]
        # An edge's last word names nothing; that it looks no more then is no order.
        there = (report.pop for report in others if report.is_serving)
        dead = [by for by, sight in looking if sight.missed >= STREAM_MISSED_LIMIT]
        well = sum((0 < sight.missed < STREAM_MISSED_LIMIT) or sight.answered > 0 for _, sight in looking)
        return cls(well, len(dead), frozenset(dead), frozenset(there) - {by for by, _ in looking})


def _health(before: StreamHealth | None, looks: _Looks, transport: str, now_s: float) -> StreamHealth | None:
    """None: nobody has ever said anything."""
    name = transport.upper()
    if looks.dead > looks.well and looks.dead >= QUORUM:
        reason = f"{looks.dead} of {looks.dead + looks.well} observers get no answer to OPTIONS over {name}"
        return StreamHealth(True, reason, seen_by=looks.dead_by)
    if looks.well == 0 or looks.dead > looks.well:
        return _without_news(before, looks, name, now_s)
    since_s = now_s if before is None or before.well_since_s is None else before.well_since_s
    if before is not None and before.is_silent and now_s - since_s < UP_S:
        reason = f"{name} is seen well again, and in use when that has lasted {UP_S:.0f} s"
        return StreamHealth(True, reason, since_s, before.seen_by)
    return StreamHealth(False, "", since_s)


def _without_news(before: StreamHealth | None, looks: _Looks, name: str, now_s: float) -> StreamHealth | None:
    """Too few say anything. What was seen well for less than it takes begins anew with the next news."""
    if before is None or not before.is_silent:
        return before
    if not before.seen_by & looks.turned_away:
        reason = before.reason if before.well_since_s is None else f"{name} did not answer, and too few observers say how it is now"
        return StreamHealth(True, reason, None, before.seen_by)
    since_s = now_s if before.unwatched_since_s is None else before.unwatched_since_s
    if now_s - since_s >= UNWATCHED_S:
        return StreamHealth(is_unwatched=True)
    reason = f"{name} did not answer, and is not looked at any more: in use again when that has lasted {UNWATCHED_S:.0f} s"
    return StreamHealth(True, reason, None, before.seen_by, since_s)


def _kept(before: StreamHealth | None, judged: StreamHealth) -> StreamHealth:
    """While most seem silent: none is taken out, who is back comes back."""
    return judged if not judged.is_silent or (before is not None and before.is_silent) else StreamHealth()
