"""The states of all points of presence as a service sees them: reports of edges over NATS, drains from the log, judged twice a second.

    watch = PopWatch(names, lambda: state.directory)
    life.spawn("pop watch", watch.run(state.nc))
    watch.healths["eu1"].state

Each service judges for itself, from what it hears: one that is cut off keeps what it believed last. `trunkline.domain.pop_health` decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.domain.directory import Directory
from trunkline.domain.pop_health import FRESH_S, WELL, Health, Report, judge
from trunkline.domain.pop_states import PopState
from trunkline.domain.pop_streams import Streams, judge_streams, silent_at, unwatched_at, why_silent
from trunkline.runtime.logs import logger
from trunkline.runtime.pop_reports import SUBJECT, parse_report

JUDGE_S: Final = 0.5
EDGES_LIMIT: Final = 4096
"""Reports that are kept; beyond it those of edges not heard before are left out."""


class PopWatch:
    """`pops` are all points of presence; `on_judged` is told the healths after each judgement."""

    def __init__(
        self,
        pops: Sequence[str],
        directory: Callable[[], Directory],
        *,
        clock: Callable[[], float] = time.monotonic,
        on_judged: Callable[[Mapping[str, Health]], None] = lambda healths: None,
    ) -> None:
        self._pops = tuple(pops)
        self._directory = directory
        self._clock = clock
        self._on_judged = on_judged
        self._reports: dict[str, Report] = {}
        self._spoke_s: dict[str, float] = {}
        """When each point of presence last spoke for itself."""
        self._streams: Streams = {}
        self._log = logger("pops")
        self.healths: Mapping[str, Health] = MappingProxyType(dict.fromkeys(self._pops, WELL))

    @property
    def states(self) -> dict[str, PopState]:
        return {pop: health.state for pop, health in self.healths.items()}

    def hear(self, body: bytes, subject: str) -> None:
        """A report as it came; one that cannot be read, or speaks of another point of presence than its subject, is logged and left out."""
        try:
            report = parse_report(body, self._clock())
            if subject != f"{SUBJECT}.{report.pop}":
                raise ValueError(f"it speaks for {report.pop}")
        except ValueError as error:
            self._log.warning("a report of points of presence cannot be read", subject=subject, why=str(error))
            return
        if report.edge in self._reports or len(self._reports) < EDGES_LIMIT:
            self._reports[report.edge] = report
            if report.pop in self._pops:
                self._spoke_s[report.pop] = report.heard_s

    def judge(self) -> None:
        """Brings `healths` up to now."""
        now_s = self._clock()
        self._reports = {edge: report for edge, report in self._reports.items() if now_s - report.heard_s <= FRESH_S}
        directory = self._directory()
        drained = {pop: drain.note for pop in self._pops if (drain := directory.drain(pop)) is not None}
        silent_s = {pop: now_s - spoke_s for pop, spoke_s in self._spoke_s.items()}
        before = self.healths
        healths = judge(before, self._pops, self._reports.values(), drained, now_s, silent_s)
        there = [pop for pop, health in healths.items() if not (health.is_down or health.is_frozen)]
        frozen = [pop for pop, health in healths.items() if health.is_frozen]
        self._streams = judge_streams(self._streams, there, self._reports.values(), now_s, frozen)
        self.healths = MappingProxyType({pop: _with_streams(pop, health, self._streams) for pop, health in healths.items()})
        changed = [pop for pop in self._pops if _shown(self.healths[pop]) != _shown(before[pop])]
        for pop in changed:
            health = self.healths[pop]
            self._log.warning(
                "point of presence changed",
                pop=pop,
                state=health.state.value,
                was=before[pop].state.value,
                without=health.without,
                why=health.reason,
            )
        self._on_judged(self.healths)

    async def run(self, client: Client) -> None:
        """For ever. Subscribes when there is a connection; nats-py renews the subscription after every loss."""

        async def on_message(message: Msg) -> None:
            self.hear(message.data, message.subject)

        is_subscribed = False
        while True:
            if not is_subscribed and client.is_connected:
                await client.subscribe(f"{SUBJECT}.>", cb=on_message)
                is_subscribed = True
            self.judge()
            await asyncio.sleep(JUDGE_S)


def _with_streams(pop: str, health: Health, streams: Streams) -> Health:
    without, unwatched = silent_at(pop, streams), unwatched_at(pop, streams)
    if not without:
        return replace(health, without=(), unwatched=unwatched) if health.without or health.unwatched or unwatched else health
    reason = "; ".join(each for each in (health.reason if health.state is not PopState.READY else "", why_silent(pop, streams)) if each)
    return replace(health, without=without, unwatched=unwatched, reason=reason)


def _shown(health: Health) -> tuple[PopState, tuple[str, ...]]:
    return health.state, health.without
