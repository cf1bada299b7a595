"""An edge's shares of limits: the decision about each call, and what the owner is told. No I/O, no clock; times are in seconds of a clock
that only goes forward.

A call counts from its admission to its end. Calls in progress are never ended because a share shrinks: then there are no new ones until
there is room. A rate is a bucket that holds one second of the share, at least one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from math import ceil
from typing import Final

from trunkline.domain.class_of_service import Limit, LimitKey
from trunkline.domain.limit_shares import LEASE_S, MAX_USES, MILLI, Grant, Report, Share, Use, fair_calls, fair_rate

NEED_S: Final = 5.0
"""So long what was asked for is needed: calls that were refused come again, and shares must not go to and fro between two edges."""

PEAK_HALF_LIFE_S: Final = 20.0
"""What was wanted lately is wanted again: shares do not wander off in a pause of the calls."""

KEPT_REPORTS: Final = 64
"""Reports whose time of sending is known: more than are sent in a lease."""


class Reached(Enum):
    """Which limit refuses a call."""

    CALLS = "calls"
    RATE = "rate"


class _Held:
    """One limit here. `tokens` in thousandths."""

    __slots__ = (
        "attempts",
        "calls",
        "limit",
        "need_end_s",
        "needed",
        "peak_calls",
        "peak_rate",
        "rate",
        "refused",
        "token_time_s",
        "tokens",
    )

    def __init__(self, limit: Limit | None) -> None:
        self.limit = limit
        self.calls = 0
        self.refused = 0
        self.attempts = 0
        self.needed = 0
        self.need_end_s = 0.0
        self.peak_calls = 0.0
        self.peak_rate = 0.0
        self.rate = 0.0
        self.tokens: float | None = None
        """None: a whole bucket."""
        self.token_time_s = 0.0


class Holder:
    """`boot` is greater at each start of the edge, `edges` how many there are as long as no owner has said it. `wants_report` is set when
    the owner should hear at once; `report` clears it."""

    def __init__(self, edge: str, boot: int, edges: int) -> None:
        self.wants_report = False
        self._edge = edge
        self._boot = boot
        self._edges = edges
        self._held: dict[LimitKey, _Held] = {}
        self._shares: Mapping[LimitKey, Share] = {}
        self._lease_end_s = float("-inf")
        self._term = 0
        self._applied = 0
        self._number = 0
        self._sent_s: dict[int, float] = {}
        self._told_s: float | None = None

    def admit(self, now_s: float, limits: Iterable[Limit]) -> tuple[Limit, Reached] | None:
        """Counts a new call against all its limits, or, where it would break one, against none and names that. `release` its keys at its
        end."""
        self._lapse(now_s)
        taking: list[tuple[_Held, Limit]] = []
        reached: tuple[Limit, Reached] | None = None
        for limit in limits:
            held = self._held.get(limit.key)
            if held is None:
                held = self._held[limit.key] = _Held(limit)
                self.wants_report = True
            held.limit = limit
            held.attempts += 1
            taking.append((held, limit))
            if limit.max_calls and held.calls >= self._calls_of(limit):
                held.refused += 1
                self.wants_report = True
                reached = reached or (limit, Reached.CALLS)
            elif limit.max_calls_per_second and self._refilled(held, limit, now_s) < MILLI:
                self.wants_report = True
                reached = reached or (limit, Reached.RATE)
        if reached is not None:
            return reached
        for held, limit in taking:
            held.calls += 1
            if limit.max_calls_per_second:
                held.tokens = (held.tokens or 0.0) - MILLI
            if limit.max_calls and held.calls >= self._calls_of(limit):
                self.wants_report = True
        return None

    def restore(self, keys: Iterable[LimitKey]) -> None:
        """A call in progress that an earlier run of this edge admitted."""
        for key in keys:
            self._held.setdefault(key, _Held(None)).calls += 1

    def release(self, keys: Iterable[LimitKey]) -> None:
        """A call that was counted against these is over."""
        for key in keys:
            held = self._held.get(key)
            assert held is not None and held.calls > 0, f"a call of {key} ends twice"
            held.calls -= 1

    def is_leased(self, now_s: float) -> bool:
        return now_s < self._lease_end_s

    def report(self, now_s: float) -> Report:
        """Whole, numbered on, to be sent at once: the lease counts from now."""
        self._lapse(now_s)
        self._number += 1
        self._sent_s[self._number] = now_s
        while len(self._sent_s) > KEPT_REPORTS:
            del self._sent_s[next(iter(self._sent_s))]
        self.wants_report = False
        elapsed_s = 1.0 if self._told_s is None else max(now_s - self._told_s, 1e-3)
        self._told_s = now_s
        uses = [self._use(key, held, now_s, elapsed_s) for key, held in tuple(self._held.items())[:MAX_USES]]
        for use in uses:
            if not (use.calls or use.needed_calls or use.wanted_calls or use.wanted_rate or use.key in self._shares):
                del self._held[use.key]
        told = {use.key for use in uses}
        silent = [Use(share.key, 0, 0, 0, 0, 0, share.calls, share.rate) for share in self._shares.values() if share.key not in told]
        is_leased = self.is_leased(now_s)
        return Report(self._edge, self._boot, self._number, self._term, self._applied, is_leased, (*uses, *silent[:MAX_USES]))

    def on_grant(self, now_s: float, grant: Grant) -> bool:
        """Whether the shares are other ones now, which the owner waits to hear."""
        if grant.edge != self._edge or grant.boot != self._boot or grant.term < self._term:
            return False
        sent_s = self._sent_s.get(grant.report)
        if sent_s is None or sent_s + LEASE_S <= now_s:
            return False
        self._lapse(now_s)
        is_new = grant.term > self._term or grant.number > self._applied
        if grant.shares is None and is_new:
            # Confirms what was given in between, and is lost or on its way.
            return False
        if grant.shares is not None and is_new:
            self._term, self._applied = grant.term, grant.number
            self._shares = {share.key: share for share in grant.shares}
            self._edges = grant.edges
            self.wants_report = True
        self._lease_end_s = max(self._lease_end_s, sent_s + LEASE_S)
        return is_new

    def uses(self, now_s: float) -> list[tuple[LimitKey, int, int, int]]:
        """Key, calls in progress, and share of calls and of the rate (thousandths), of limits in use here."""
        self._lapse(now_s)
        return [(key, held.calls, *self._share_of(held)) for key, held in tuple(self._held.items()) if held.limit is not None or held.calls]

    def _use(self, key: LimitKey, held: _Held, now_s: float, elapsed_s: float) -> Use:
        fade = 0.5 ** (elapsed_s / PEAK_HALF_LIFE_S)
        # One more than there are, so that the next call finds room.
        asked = held.calls + held.refused + (1 if held.attempts else 0)
        if held.limit is not None and held.limit.max_calls:
            asked = min(asked, max(held.limit.max_calls, held.calls))
        if asked >= held.needed or now_s >= held.need_end_s:
            held.needed, held.need_end_s = asked, now_s + NEED_S
        held.peak_calls = max(asked, held.peak_calls * fade)
        # Over a second: a single call just before the report is no rate of twenty.
        held.rate += (held.attempts * MILLI / elapsed_s - held.rate) * min(1.0, elapsed_s)
        held.peak_rate = max(held.rate, held.peak_rate * fade)
        held.refused = held.attempts = 0
        wanted = ceil(held.peak_calls) if held.peak_calls >= 0.5 else 0
        rate = ceil(held.peak_rate) if held.peak_rate >= MILLI / 10 else 0
        return Use(key, held.calls, held.needed, wanted, min(ceil(held.rate), rate), rate, *self._share_of(held))

    def _share_of(self, held: _Held) -> tuple[int, int]:
        limit = held.limit
        return (0, 0) if limit is None else (self._calls_of(limit), self._rate_of(limit))

    def _calls_of(self, limit: Limit) -> int:
        if not limit.max_calls:
            return 0
        share = self._shares.get(limit.key)
        # The limit may have been lowered since.
        return fair_calls(limit.max_calls, self._edges) if share is None else min(share.calls, limit.max_calls)

    def _rate_of(self, limit: Limit) -> int:
        share = self._shares.get(limit.key)
        fair = fair_rate(limit.max_calls_per_second, self._edges)
        return fair if share is None else min(share.rate, MILLI * limit.max_calls_per_second)

    def _refilled(self, held: _Held, limit: Limit, now_s: float) -> float:
        rate = self._rate_of(limit)
        room = float(max(rate, MILLI))
        tokens = room if held.tokens is None else min(room, held.tokens + rate * (now_s - held.token_time_s))
        held.tokens, held.token_time_s = tokens, now_s
        return tokens

    def _lapse(self, now_s: float) -> None:
        """The owner gives the shares to others when the lease has run out."""
        if self._shares and not self.is_leased(now_s):
            self._shares = {}
            self._applied = 0
