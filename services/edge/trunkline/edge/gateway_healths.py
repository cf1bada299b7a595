"""What one edge holds of the health of its gateways: `trunkline.domain.gateway_health`, gateway by gateway, and the view that calls see.

It belongs to the event loop's thread; `view` and `spend` are for the engine's, which sees one immutable view at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Set

from trunkline.domain.gateway_health import UNKNOWN, Health, Sign, State, observe, pass_time, without_options
from trunkline.domain.gateway_view import ALL_USED, PROBE_S, GatewayView, view_of
from trunkline.runtime.gateway_reports import FRESH_S, GatewayReports
from trunkline.runtime.logs import logger

Sighting = tuple[str, bool, str, int, int, int, tuple[str, int, str]]
"""As `trunkline.engine.Engine.take_sightings` gives it."""

MAX_REPEATS = 16
"""Of the same thing in a row: more change nothing that so many have not changed."""


class GatewayHealths:
    """`reports` are those of all edges; those of the own region make a gateway suspect. `on_view` is called after `view` has become
    another, on the thread that made it."""

    def __init__(self, edge: str, region: str, reports: GatewayReports, on_view: Callable[[], None] = lambda: None) -> None:
        self.view: GatewayView = ALL_USED
        self.reports = reports
        self._on_view = on_view
        self._edge = edge
        self._region = region
        self._healths: dict[str, Health] = {}
        self._spent: set[str] = set()
        self._renewed_s = 0.0
        self._moved_s: dict[str, float] = {}
        self._versions = itertools.count(1)
        self._log = logger("gateways")

    def spend(self, gateway: str) -> None:
        """A call is sent to this half open gateway. From any thread; where two threads do it at once, or the loop's makes a view meanwhile,
        one call more goes there."""
        self._spent.add(gateway)
        self._show(self.view.without_probe(gateway, next(self._versions)))

    @property
    def not_closed(self) -> dict[str, Health]:
        return {key: health for key, health in self._healths.items() if health.state is not State.CLOSED}

    @property
    def is_calm(self) -> bool:
        """No gateway is in doubt: there is nothing to do until something is seen."""
        return not self._spent and not any(health.is_in_doubt for health in self._healths.values())

    def is_in_doubt(self, gateway: str) -> bool:
        return self._healths.get(gateway, UNKNOWN).is_in_doubt

    def suspects(self, now_s: float) -> set[str]:
        """What other edges of the region pass over."""
        others = [report for report in self.reports.fresh(now_s, self._region) if report.edge != self._edge]
        open_ = {key for report in others for key, health in report.gateways.items() if health.state is State.OPEN}
        return {key for key in open_ if not self._has_moved(key, now_s)}

    def keep(self, gateways: Set[str]) -> None:
        """Others are no more."""
        self._healths = {key: health for key, health in self._healths.items() if key in gateways}

    def forget(self, gateways: Set[str], now_s: float) -> bool:
        """They are at another place now, of which nothing is known; other edges may not have heard of it yet. Whether one was open."""
        was_known = not gateways.isdisjoint(self.not_closed)
        self._healths = {key: health for key, health in self._healths.items() if key not in gateways}
        self._moved_s = {key: at_s for key, at_s in self._moved_s.items() if now_s - at_s < FRESH_S} | dict.fromkeys(gateways, now_s)
        if was_known:
            self._show(view_of(self.not_closed, spent=self._spent, version=next(self._versions)))
        return was_known

    def spare(self, gateways: Set[str], now_s: float) -> bool:
        """They are sent no OPTIONS, from now on or all along. Whether one was open because of them."""
        is_changed = False
        for key in self._healths.keys() & gateways:
            is_changed |= self._put(key, without_options(self._healths[key], now_s), now_s)
        if is_changed:
            self._show(view_of(self.not_closed, spent=self._spent, version=next(self._versions)))
        return is_changed

    def turn(self, sightings: Iterable[Sighting], gateways: Set[str], now_s: float) -> bool:
        """What was seen since the last turn, each at the place where its gateway is now, and the time; whether a state has changed.
        `gateways` are those that there are."""
        suspects = self.suspects(now_s)
        is_changed = False
        for key, is_options, cause, status, retry_after_s, count, _ in sightings:
            if key in gateways:
                sign = Sign(is_options, cause, status, retry_after_s)
                for _ in range(min(count, MAX_REPEATS)):
                    before = self._health(key)
                    after = observe(before, sign, now_s, is_suspect=key in suspects)
                    if after == before:
                        # Nor will it be another the next time.
                        break
                    is_changed |= self._put(key, after, now_s)
        for key, wait_s in self._told(now_s).items():
            if key in gateways and not self._health(key).is_told:
                is_changed |= self._put(key, observe(self._health(key), Sign(False, "status", 503, wait_s), now_s), now_s)
        for key, health in self.not_closed.items():
            is_changed |= self._put(key, pass_time(health, now_s), now_s)
        is_renewed = bool(self._spent) and not 0 <= now_s - self._renewed_s < PROBE_S
        if is_renewed:
            self._renewed_s = now_s
            self._spent.clear()
        passed = self.view.passed.keys() | self.view.probed
        if is_changed or is_renewed or not passed <= self._healths.keys():
            self._show(view_of(self.not_closed, spent=self._spent, version=next(self._versions)))
        return is_changed

    def _has_moved(self, key: str, now_s: float) -> bool:
        """Just now: what others say may be of the place where it was."""
        return key in self._moved_s and 0 <= now_s - self._moved_s[key] < FRESH_S

    def _show(self, view: GatewayView) -> None:
        self.view = view
        self._on_view()

    def _health(self, key: str) -> Health:
        return self._healths.get(key, UNKNOWN)

    def _put(self, key: str, health: Health, now_s: float) -> bool:
        before = self._health(key)
        self._healths[key] = health
        if (before.state, before.why) == (health.state, health.why):
            return False
        self._log.info("gateway", gateway=key, state=health.state.value, was=before.state.value, why=health.why or before.why)
        return True

    def _told(self, now_s: float) -> dict[str, int]:
        """What told an edge of the region to leave it alone, and for how long still: whole seconds that are over, so that it does not
        grow by being passed on."""
        told: dict[str, int] = {}
        for report in self.reports.fresh(now_s, self._region):
            for key, health in report.gateways.items():
                left_s = int(health.until_s - now_s)
                if health.is_told and left_s > 0 and not self._has_moved(key, now_s):
                    told[key] = max(left_s, told.get(key, 0))
        return told
