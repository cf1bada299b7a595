"""What a record adds to the figures of its minute, hour and day. Pure; the projection adds the difference to what it added before, so that
a record counts once, as it stands, however often its facts are delivered or folded.

The words: an *attempt* is an INVITE that got a final answer other than a challenge, here the attempt's last one over all its gateways.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.records.fold import OPEN_OUTCOMES, PRESUMED, Outcome
from trunkline.records.sums import text_of

INTERVALS_S: Final = {"minute": 60, "hour": 3600, "day": 86_400}
"""Of UTC."""


class What(StrEnum):
    """What is added up. RFC 6076's terms, where it has one; its section stands beside it."""

    ATTEMPTS = "attempts"
    ANSWERED = "answered"
    """A 200 for the INVITE: the numerator of SER (4.6)."""
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    OPEN = "open"
    """No final answer yet: in no ratio."""
    COMPLETED = "completed"
    """Answered, and ended by a BYE that was seen: the numerator of SCR (4.9), the divisor of SDT (4.5.1)."""
    DURATION_MS = "duration_ms"
    """Of those: the sum of SDT."""
    BILLED_S = "billed_s"
    REDIRECTED = "redirected"
    """3xx: left out of SER and SEER."""
    EFFECTIVE = "effective"
    """200, 480, 486, 600, 603: the numerator of SEER (4.7)."""
    INEFFECTIVE = "ineffective"
    """408, 500, 503, 504: the numerator of ISA (4.8)."""


PRICE: Final = "price:"
"""Followed by the currency: millionths."""
DELAY: Final = "srd:"
"""Followed by the number of a bucket of `DELAY_EDGES_MS`: attempts with that SRD (4.3.1)."""

_EFFECTIVE: Final = frozenset({200, 480, 486, 600, 603})
_INEFFECTIVE: Final = frozenset({408, 500, 503, 504})


def _edges() -> Iterator[int]:
    """1, 2, … by at least one, then by a tenth, to beyond timer C (three minutes)."""
    edge = 0
    while edge < 200_000:
        edge += max(1, edge // 10)
        yield edge


DELAY_EDGES_MS: Final = tuple(_edges())
"""Bucket n holds delays from edge n-1 to below edge n; the first from 0, the last all that are longer."""


class Place(NamedTuple):
    """Whose figures of which interval; `start_s` is Unix time. `domain` and `pop` are both empty for the tenant as a whole, `tenant`
    too for all tenants together."""

    interval_s: int
    tenant: str
    start_s: int
    domain: str
    pop: str


WHOLE: Final = ("", "")


def places_of(record: Record) -> tuple[Place, ...]:
    """By domain and point of presence, and of the tenant and of all tenants as a whole: a month of hours has too many of the former to add
    up each time."""
    second = record.setup_time.seconds
    whose = {(record.tenant, record.domain, record.pop), (record.tenant, *WHOLE), ("", *WHOLE)}
    return tuple(
        Place(interval_s, tenant, second - second % interval_s, domain, pop)
        for interval_s in INTERVALS_S.values()
        for tenant, domain, pop in whose
    )


def amounts_of(record: Record) -> Counter[str]:
    """What the record as it stands adds, by `What`, PRICE or DELAY."""
    amounts: Counter[str] = Counter({What.ATTEMPTS: 1})
    if record.HasField("post_dial_delay_ms"):
        amounts[f"{DELAY}{bisect_right(DELAY_EDGES_MS, record.post_dial_delay_ms)}"] = 1
    match Outcome(record.outcome):
        case Outcome.TRYING | Outcome.RINGING:
            amounts[What.OPEN] = 1
            return amounts
        case Outcome.LIVE | Outcome.ANSWERED:
            amounts[What.ANSWERED] = 1
        case Outcome.REFUSED:
            amounts[What.REFUSED] = 1
        case Outcome.FAILED:
            amounts[What.FAILED] = 1
        case Outcome.CANCELLED:
            amounts[What.CANCELLED] = 1
    if record.outcome not in OPEN_OUTCOMES and amounts[What.ANSWERED] and record.ended_by != PRESUMED:
        amounts[What.COMPLETED] = 1
        amounts[What.DURATION_MS] = record.duration_ms
        amounts[What.BILLED_S] = record.billed_s
        if record.currency:
            amounts[PRICE + record.currency] = record.price_micros
    if 300 <= record.status <= 399:
        amounts[What.REDIRECTED] = 1
    if amounts[What.ANSWERED] or record.status in _EFFECTIVE:
        amounts[What.EFFECTIVE] = 1
    if not amounts[What.ANSWERED] and record.status in _INEFFECTIVE:
        amounts[What.INEFFECTIVE] = 1
    return amounts


class Difference:
    """What a transaction's records add to the figures and take from them."""

    def __init__(self) -> None:
        self._amounts: dict[Place, dict[str, int]] = {}

    def replace(self, old: Record | None, new: Record) -> None:
        self._add(new, 1)
        if old is not None:
            self._add(old, -1)

    def rows(self) -> Iterator[tuple[int, str, int, str, str, str]]:
        """Of the table `usage`, for `sums.ADD_USAGE`; none adds nothing."""
        for place, amounts in self._amounts.items():
            if any(amounts.values()):
                yield (*place, text_of(amounts))

    def _add(self, record: Record, sign: int) -> None:
        amounts = amounts_of(record).items()
        for place in places_of(record):
            total = self._amounts.setdefault(place, {})
            for what, amount in amounts:
                total[what] = total.get(what, 0) + sign * amount
