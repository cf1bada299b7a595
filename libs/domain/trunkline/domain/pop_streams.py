"""From what observers see over TCP and TLS to the transports that do not answer at a point of presence which is there otherwise. Pure.

Whether it is there at all is judged by UDP and by its own word (`pop_health`). One observer alone is not believed; where a transport seems
silent at most points of presence it is our sight that is broken, and no more are taken for silent; who comes back is silent until he was
seen well long enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.domain.pop_health import FRESH_S, QUORUM, UP_S, Report, Sight

TRANSPORTS: Final = ("tcp", "tls")
STREAM_PING_S: Final = 10.0
"""Between two probes of one observer: each is a connection of its own, over TLS with a handshake, for it is the listener that is asked."""
STREAM_MISSED_LIMIT: Final = 2
"""Probes missed in a row that make an observer say that nobody answers."""


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """Of one transport at one point of presence. `well_since_s`: since when it has been seen well without a break, None while it is not."""

    is_silent: bool = False
    reason: str = ""
    well_since_s: float | None = None


Streams = Mapping[tuple[str, str], StreamHealth]
"""By point of presence and transport."""


def judge_streams(before: Streams, pops: Iterable[str], reports: Iterable[Report], now_s: float) -> dict[tuple[str, str], StreamHealth]:
    """Of each of `pops`, which are those that are there; of any other nothing is kept: who comes back is judged by what is seen then."""
    fresh = [report for report in reports if now_s - report.heard_s <= FRESH_S]
    there = tuple(pops)
    judged: dict[tuple[str, str], StreamHealth] = {}
    for transport in TRANSPORTS:
        found = {
            pop: health
            for pop in there
            if (health := _health(before.get((pop, transport)), _sights(pop, transport, fresh), transport, now_s)) is not None
        }
        if 2 * sum(health.is_silent for health in found.values()) > len(found):
            found = {pop: _kept(before.get((pop, transport)), health) for pop, health in found.items()}
        judged |= {(pop, transport): health for pop, health in found.items()}
    return judged


def silent_at(pop: str, streams: Streams) -> tuple[str, ...]:
    return tuple(transport for transport in TRANSPORTS if (pop, transport) in streams and streams[pop, transport].is_silent)


def why_silent(pop: str, streams: Streams) -> str:
    return "; ".join(streams[pop, transport].reason for transport in silent_at(pop, streams))


def _sights(pop: str, transport: str, fresh: Iterable[Report]) -> list[Sight]:
    """Of the observers that have looked."""
    seen = (report.streams.get(transport, {}).get(pop) for report in fresh if report.pop != pop)
    return [sight for sight in seen if sight is not None and (sight.missed or sight.answered)]


def _health(before: StreamHealth | None, sights: list[Sight], transport: str, now_s: float) -> StreamHealth | None:
    """None: nobody has ever said anything."""
    if not sights:
        return before
    dead = sum(sight.missed >= STREAM_MISSED_LIMIT for sight in sights)
    if 2 * dead > len(sights) and dead >= QUORUM:
        return StreamHealth(True, f"{dead} of {len(sights)} observers get no answer to OPTIONS over {transport.upper()}")
    since_s = now_s if before is None or before.well_since_s is None else before.well_since_s
    if before is not None and before.is_silent and now_s - since_s < UP_S:
        return StreamHealth(True, f"{transport.upper()} is seen well again, and in use when that has lasted {UP_S:.0f} s", since_s)
    return StreamHealth(False, "", since_s)


def _kept(before: StreamHealth | None, judged: StreamHealth) -> StreamHealth:
    """While most seem silent: none is taken out, who is back comes back."""
    return judged if not judged.is_silent or (before is not None and before.is_silent) else StreamHealth()
