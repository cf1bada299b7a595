"""The owner of the shares: from the edges' reports to what each may have. No I/O, no clock; times are in seconds of a clock that only goes
forward.

An edge has at most one change under way. Until it has said that it keeps the new shares, it counts with the larger of both; what one is
to get more is taken from what others are known to hold no longer. An edge that was not heard for a lease has nothing: dead or cut off, its
calls count no more.

Any number of owners may run: the one with the highest term is obeyed, the others stand by and hear what it grants. Whoever stands up knows
nothing, and takes the edges' word for what they hold; for the length of a lease it raises no share, for an edge that it has not heard yet
may hold one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.class_of_service import LimitKey, Limits
from trunkline.domain.limit_shares import LEASE_S, MILLI, OWNER_MARGIN_S, Grant, Report, Share, Use, allot, fair_calls, fair_rate

SILENCE_S: Final = 2.0
"""Without a grant of another owner for so long, one that stands by stands up."""

_NOTHING: Final[Mapping[LimitKey, Share]] = {}


@dataclass(slots=True)
class _Edge:
    """`acked` are the shares that it is known to keep; None: none, it had no lease. `pending` is the change under way."""

    boot: int
    number: int
    heard_s: float
    uses: dict[LimitKey, Use]
    acked: Mapping[LimitKey, Share] | None
    acked_number: int = 0
    pending: Mapping[LimitKey, Share] | None = None
    pending_number: int = 0
    names: set[LimitKey] = field(default_factory=set)


class Owner:
    """`edges` are all there are, by name. `limits` answers for a key what is configured now."""

    def __init__(self, edges: tuple[str, ...], limits: Callable[[LimitKey], Limits], *, now_s: float) -> None:
        self.term = 0
        """0 while it stands by."""
        self._names = edges
        self._limits = limits
        self._edges: dict[str, _Edge] = {}
        self._number = 0
        self._stood_up_s = now_s
        self._other_s = now_s
        self._highest = 0

    def on_other(self, now_s: float, term: int) -> None:
        """Somebody else's grant was heard: whose term is higher is obeyed, and the other stands by."""
        self._highest = max(self._highest, term)
        if term > self.term:
            self._other_s = now_s
            if self.term:
                self.term = 0
                self._edges.clear()

    def stand_up(self, now_s: float, term: int) -> bool:
        """Call it now and then, with a term that is later than those before (of a clock); whether it stands now."""
        if not self.term and now_s >= self._other_s + SILENCE_S:
            self.term = max(term, self._highest + 1)
            self._stood_up_s = now_s
            self._edges.clear()
        return bool(self.term)

    def on_report(self, now_s: float, report: Report) -> Grant | None:
        """The answer to a report; None to one that came too late, or while standing by."""
        if self.term and report.term > self.term:
            self.on_other(now_s, report.term)
        # Of an edge that still obeys one who is gone: only a grant shows that he is there.
        self._highest = max(self._highest, report.term)
        if not self.term or report.edge not in self._names:
            return None
        self._forget(now_s)
        uses = {use.key: use for use in report.uses}
        edge = self._edges.get(report.edge)
        if edge is not None and (report.boot, report.number) <= (edge.boot, edge.number):
            return None
        is_known = edge is not None and report.boot == edge.boot and report.term == self.term
        if edge is None or not is_known or report.applied not in (edge.acked_number, edge.pending_number):
            held = {use.key: Share(use.key, use.held_calls, use.held_rate) for use in report.uses} if report.is_leased else None
            edge = self._edges[report.edge] = _Edge(report.boot, report.number, now_s, uses, held, report.applied if is_known else 0)
        else:
            if edge.pending is not None and report.applied == edge.pending_number:
                edge.acked, edge.acked_number, edge.pending = edge.pending, edge.pending_number, None
            edge.number, edge.heard_s, edge.uses = report.number, now_s, uses
        return self._grant(report.edge, edge, now_s)

    def changes(self, now_s: float) -> list[Grant]:
        """Grants that nobody has asked for: of shares that are to be others. Call it now and then."""
        self._forget(now_s)
        if not self.term:
            return []
        return [
            self._grant(name, edge, now_s)
            for name, edge in self._edges.items()
            if edge.pending is None and self._next(name, now_s) != edge.acked
        ]

    def totals(self) -> dict[LimitKey, tuple[int, int]]:
        """Calls in progress, and calls asked for a second (thousandths), of each limit that is in use somewhere."""
        found: dict[LimitKey, tuple[int, int]] = {}
        for edge in self._edges.values():
            for use in edge.uses.values():
                calls, rate = found.get(use.key, (0, 0))
                found[use.key] = calls + use.calls, rate + use.needed_rate
        return found

    def _grant(self, name: str, edge: _Edge, now_s: float) -> Grant:
        if edge.pending is None:
            shares = self._next(name, now_s)
            if shares != edge.acked:
                self._number += 1
                edge.pending, edge.pending_number = shares, self._number
        given = None if edge.pending is None else tuple(edge.pending.values())
        number = edge.acked_number if edge.pending is None else edge.pending_number
        return Grant(self.term, name, edge.boot, edge.number, number, len(self._names), given)

    def _next(self, name: str, now_s: float) -> dict[LimitKey, Share]:
        """What an edge is to have of every limit that is in use somewhere, as far as there is room for it."""
        is_settled = now_s >= self._stood_up_s + LEASE_S + OWNER_MARGIN_S
        keys = {key for edge in self._edges.values() for key in (*edge.uses, *(edge.acked or ()), *(edge.pending or ()))}
        found: dict[LimitKey, Share] = {}
        for key in sorted(keys):
            limits = self._limits(key)
            share = Share(
                key,
                self._calls(name, key, limits.max_calls, is_settled=is_settled) if limits.max_calls else 0,
                self._rate(name, key, limits.max_calls_per_second, is_settled=is_settled) if limits.max_calls_per_second else 0,
            )
            if (limits.max_calls or limits.max_calls_per_second) and not self._is_idle(key, limits):
                found[key] = share
        return found

    def _calls(self, name: str, key: LimitKey, limit: int, *, is_settled: bool) -> int:
        uses = [self._use(edge, key) for edge in self._edges.values()]
        wishes = [use.needed_calls for use in uses], [use.wanted_calls for use in uses]
        target = dict(zip(self._edges, allot(limit, [use.calls for use in uses], *wishes), strict=True))[name]
        fair = fair_calls(limit, len(self._names))
        possible = {other: self._possible_calls(edge, key, fair) for other, edge in self._edges.items()}
        return _within(target, possible[name], limit - sum(possible.values()), is_settled=is_settled)

    def _rate(self, name: str, key: LimitKey, limit: int, *, is_settled: bool) -> int:
        uses = [self._use(edge, key) for edge in self._edges.values()]
        wishes = [use.needed_rate for use in uses], [use.wanted_rate for use in uses]
        target = dict(zip(self._edges, allot(MILLI * limit, [0] * len(uses), *wishes), strict=True))[name]
        fair = fair_rate(limit, len(self._names))
        possible = {other: max(share.rate for share in _shares(edge, key, Share(key, 0, fair))) for other, edge in self._edges.items()}
        return _within(target, possible[name], MILLI * limit - sum(possible.values()), is_settled=is_settled)

    def _possible_calls(self, edge: _Edge, key: LimitKey, fair: int) -> int:
        return max(self._use(edge, key).calls, *(share.calls for share in _shares(edge, key, Share(key, fair, 0))))

    def _use(self, edge: _Edge, key: LimitKey) -> Use:
        return edge.uses.get(key) or Use(key, 0, 0, 0, 0, 0, 0, 0)

    def _is_idle(self, key: LimitKey, limits: Limits) -> bool:
        """Nobody uses it, nor did lately, and nobody holds more than the fair share, which everybody has when it is forgotten."""
        fair = Share(key, fair_calls(limits.max_calls, len(self._names)) if limits.max_calls else 0, 0)
        rate = fair_rate(limits.max_calls_per_second, len(self._names))
        for edge in self._edges.values():
            use = self._use(edge, key)
            if use.calls or use.needed_calls or use.wanted_calls or use.wanted_rate:
                return False
            if any(share.calls > fair.calls or share.rate > rate for share in _shares(edge, key, fair)):
                return False
        return True

    def _forget(self, now_s: float) -> None:
        for name, edge in tuple(self._edges.items()):
            if now_s >= edge.heard_s + LEASE_S + OWNER_MARGIN_S:
                del self._edges[name]


def _shares(edge: _Edge, key: LimitKey, fair: Share) -> list[Share]:
    """Those that the edge may keep now."""
    nothing = Share(key, 0, 0)
    acked = nothing if edge.acked is None else edge.acked.get(key, fair)
    return [acked] if edge.pending is None else [acked, edge.pending.get(key, fair)]


def _within(target: int, possible: int, room: int, *, is_settled: bool) -> int:
    """`target`, or as near above what the edge may have anyway as there is room for."""
    if target <= possible:
        return target
    return possible + min(target - possible, max(0, room)) if is_settled else possible
