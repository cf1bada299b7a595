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
from dataclasses import dataclass
from typing import Final

from trunkline.domain.class_of_service import NO_LIMITS, LimitKey, Limits
from trunkline.domain.limit_shares import LEASE_S, MILLI, OWNER_MARGIN_S, Grant, Report, Share, Use, allot, fair_calls, fair_rate

SILENCE_S: Final = 2.0
"""Without a grant of another owner for so long, one that stands by stands up."""


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
        self._is_changed = False

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
            edge = self._edges[report.edge] = _Edge(report.boot, report.number, now_s, uses, held)
            self._is_changed = True
            # Until it has shares of this term it would take the fair ones.
            self._give(edge, self._shares_out(now_s)[report.edge])
        else:
            if edge.pending is not None and report.applied == edge.pending_number:
                edge.acked, edge.acked_number, edge.pending = edge.pending, edge.pending_number, None
                self._is_changed = True
            self._is_changed |= uses != edge.uses
            edge.number, edge.heard_s, edge.uses = report.number, now_s, uses
        return self._grant(report.edge, edge)

    def changes(self, now_s: float) -> list[Grant]:
        """Grants that nobody has asked for: of shares that are to be others. Call it some times a second; where nothing was heard it costs
        nothing."""
        self._forget(now_s)
        if not self.term or not self._is_changed:
            return []
        # Until every edge has what it should, and in the time in which nothing is raised.
        self._is_changed = not self._is_settled(now_s)
        granted = []
        for name, shares in self._shares_out(now_s).items():
            edge = self._edges[name]
            if edge.pending is None and shares != edge.acked:
                self._give(edge, shares)
                granted.append(self._grant(name, edge))
        return granted

    def _give(self, edge: _Edge, shares: Mapping[LimitKey, Share]) -> None:
        self._number += 1
        edge.pending, edge.pending_number = shares, self._number

    def _grant(self, name: str, edge: _Edge) -> Grant:
        given = None if edge.pending is None else tuple(edge.pending.values())
        number = edge.acked_number if edge.pending is None else edge.pending_number
        return Grant(self.term, name, edge.boot, edge.number, number, len(self._names), given)

    def _is_settled(self, now_s: float) -> bool:
        return now_s >= self._stood_up_s + LEASE_S + OWNER_MARGIN_S

    def _shares_out(self, now_s: float) -> dict[str, dict[LimitKey, Share]]:
        """What each edge is to have of every limit that is in use somewhere, as far as there is room for it."""
        found: dict[str, dict[LimitKey, Share]] = {name: {} for name in self._edges}
        is_settled = self._is_settled(now_s)
        for key in sorted({key for edge in self._edges.values() for key in (*edge.uses, *(edge.acked or ()), *(edge.pending or ()))}):
            limits = self._limits(key)
            # An edge that was not heard yet may hold all of it: then nobody's share is forgotten, for the fair one is more.
            if limits == NO_LIMITS or (is_settled and self._is_idle(key, limits)):
                continue
            uses = [edge.uses.get(key) or _unused(key) for edge in self._edges.values()]
            calls = self._calls(key, limits.max_calls, uses, is_settled=is_settled) if limits.max_calls else [0] * len(uses)
            most = limits.max_calls_per_second
            rates = self._rates(key, most, uses, is_settled=is_settled) if most else [0] * len(uses)
            for name, call, rate in zip(self._edges, calls, rates, strict=True):
                found[name][key] = Share(key, call, rate)
        return found

    def _calls(self, key: LimitKey, limit: int, uses: list[Use], *, is_settled: bool) -> list[int]:
        wishes = [use.needed_calls for use in uses], [use.wanted_calls for use in uses]
        targets = allot(limit, [use.calls for use in uses], *wishes)
        fair = Share(key, fair_calls(limit, len(self._names)), 0)
        kept = [max(share.calls for share in _shares(edge, key, fair)) for edge in self._edges.values()]
        return _within(targets, kept, [use.calls for use in uses], limit, is_settled=is_settled)

    def _rates(self, key: LimitKey, limit: int, uses: list[Use], *, is_settled: bool) -> list[int]:
        wishes = [use.needed_rate for use in uses], [use.wanted_rate for use in uses]
        targets = allot(MILLI * limit, [0] * len(uses), *wishes)
        fair = Share(key, 0, fair_rate(limit, len(self._names)))
        kept = [max(share.rate for share in _shares(edge, key, fair)) for edge in self._edges.values()]
        return _within(targets, kept, [0] * len(uses), MILLI * limit, is_settled=is_settled)

    def _is_idle(self, key: LimitKey, limits: Limits) -> bool:
        """Nobody uses it, nor did lately, and nobody holds more than the fair share, which everybody has when it is forgotten."""
        fair = Share(key, fair_calls(limits.max_calls, len(self._names)) if limits.max_calls else 0, 0)
        rate = fair_rate(limits.max_calls_per_second, len(self._names))
        for edge in self._edges.values():
            use = edge.uses.get(key) or _unused(key)
            if use.calls or use.needed_calls or use.wanted_calls or use.wanted_rate:
                return False
            if any(share.calls > fair.calls or share.rate > rate for share in _shares(edge, key, fair)):
                return False
        return True

    def _forget(self, now_s: float) -> None:
        for name, edge in tuple(self._edges.items()):
            if now_s >= edge.heard_s + LEASE_S + OWNER_MARGIN_S:
                del self._edges[name]
                self._is_changed = True


def _shares(edge: _Edge, key: LimitKey, fair: Share) -> list[Share]:
    """Those that the edge may keep now."""
    nothing = Share(key, 0, 0)
    acked = nothing if edge.acked is None else edge.acked.get(key, fair)
    return [acked] if edge.pending is None else [acked, edge.pending.get(key, fair)]


def _unused(key: LimitKey) -> Use:
    return Use(key, 0, 0, 0, 0, 0, 0, 0)


def _within(targets: list[int], kept: list[int], used: list[int], limit: int, *, is_settled: bool) -> list[int]:
    """Each target, or as near above the share that the edge may keep as there is room for within the limit.

    What is in use beyond a share counts. A share that is raised to it takes no room; but where all together are above the limit, by calls
    of a time without a lease, each that ends would be followed by another: then nobody's is more than the others leave.
    """
    may = [max(share, use) for share, use in zip(kept, used, strict=True)]
    total = sum(may)
    room = max(0, limit - total)
    shares = []
    for target, share, own in zip(targets, kept, may, strict=True):
        raised = min(max(0, target - own), room)
        room -= raised
        most = own + raised if is_settled else share
        shares.append(min(target, most, max(0, limit - total + own)) if total > limit else min(target, most))
    return shares
