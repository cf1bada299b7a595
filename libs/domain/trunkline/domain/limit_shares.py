"""Limits over all points of presence: what edges and the owner of the shares tell each other, and how a limit is shared out.

Of each limit every edge has a share, which it keeps by itself, without asking (`trunkline.domain.limit_holder`). One owner
(`trunkline.domain.limit_owner`) moves shares to where the calls are: it raises nobody's before the one that it comes from is known to be
lowered. Shares are leased; who is cut off, and who has none yet, has a fair share. See `docs/limits.md` and ADR 15.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from trunkline.domain.class_of_service import LimitKey

MILLI: Final = 1000
"""Rates are thousandths of a call a second: a share of one call a second is less than one."""

LEASE_S: Final = 5.0
"""From the report that a grant answers. A dead edge's share is another's after this and `OWNER_MARGIN_S`."""

OWNER_MARGIN_S: Final = 0.5
"""By which the owner waits longer than the edge: clocks may run a tenth faster or slower."""

MAX_USES: Final = 5_000
"""Limits in one report: 300 KiB. Of more that are in use at one edge at once, the rest has a fair share."""


class Use(NamedTuple):
    """A limit at one edge. `calls` are in progress. With those, `needed_calls` are what it was asked for since the last report, and
    `wanted_calls` the most of some time; the same of calls a second, in thousandths. `held_calls` and `held_rate` is the share that it
    keeps."""

    key: LimitKey
    calls: int
    needed_calls: int
    wanted_calls: int
    needed_rate: int
    wanted_rate: int
    held_calls: int
    held_rate: int


class Report(NamedTuple):
    """Of an edge, whole: a limit that it does not name is not in use there, and its share is the fair one.

    `boot` grows with each start, `number` with each report. `term` is the owner's that it obeys, 0: none yet, and `applied` the last
    number of that owner's shares. `is_leased`: the lease of its shares runs.
    """

    edge: str
    boot: int
    number: int
    term: int
    applied: int
    is_leased: bool
    uses: tuple[Use, ...] = ()


class Share(NamedTuple):
    """`rate` in thousandths of a call a second."""

    key: LimitKey
    calls: int
    rate: int


class Grant(NamedTuple):
    """Renews the lease of an edge's shares, counted from its report `report`; and, where `shares` is not None, replaces all of them: a
    limit that is not named has the fair share. `number` counts what it replaced or confirms. `edges` share each limit."""

    term: int
    edge: str
    boot: int
    report: int
    number: int
    edges: int
    shares: tuple[Share, ...] | None = None


def fair_calls(limit: int, edges: int) -> int:
    """What each edge may have without a lease: an equal part of the limit, at least one call. `limit` and `edges` at least 1."""
    return max(1, limit // edges)


def fair_rate(limit: int, edges: int) -> int:
    """In thousandths. No least: the first call of a second is let through anyway."""
    return MILLI * limit // edges


def allot(limit: int, used: Sequence[int], *wishes: Sequence[int]) -> list[int]:
    """A limit by edges: each has what it uses, then what is wished for beyond, one kind of wish after the other, in proportion where it is
    not enough for all, then an equal part of what is left. The sum is the limit, or what is used where that is more."""
    shares = list(used)
    if not shares:
        return shares
    for wished in wishes:
        free = limit - sum(shares)
        lacks = [max(0, wish - share) for wish, share in zip(wished, shares, strict=True)]
        asked = sum(lacks)
        if asked >= free:
            return _filled(limit, [share + lack * max(0, free) // max(1, asked) for share, lack in zip(shares, lacks, strict=True)], lacks)
        shares = [share + lack for share, lack in zip(shares, lacks, strict=True)]
    each = max(0, limit - sum(shares)) // len(shares)
    return _filled(limit, [share + each for share in shares], [use - share for use, share in zip(used, shares, strict=True)])


def _filled(limit: int, shares: list[int], claims: Sequence[int]) -> list[int]:
    """With what rounding has left, by the greatest claim."""
    left = limit - sum(shares)
    for index in sorted(range(len(shares)), key=lambda index: -claims[index])[: max(0, left)]:
        shares[index] += 1
    return shares
