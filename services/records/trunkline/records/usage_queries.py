"""Figures by interval, from what is added up already: a month of days reads some thousand rows, not a million records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

import aiosqlite
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import invalid
from trunkline.records.sums import add, amounts_in
from trunkline.records.usage import DELAY, DELAY_EDGES_MS, INTERVALS_S, PRICE, What

MAX_INTERVALS: Final = 1500
"""A day of minutes, two months of hours, four years of days."""

ROWS: Final = 1000
"""Fetched at a time, some hundred bytes each: by domain or point of presence an interval may have as many as there are domains."""

_NS_PER_S: Final = 1_000_000_000
Rows = Iterable[Sequence[Any]]
_SPAN_S: Final = {"minute": 3600, "hour": 86_400, "day": 30 * 86_400}
"""Where no beginning is given."""

_PLACES: Final = {
    (False, False): " AND domain = '' AND pop = ''",
    (True, False): " AND +domain = :domain",
    (False, True): " AND domain != '' AND pop = :pop",
    (True, True): " AND +domain = :domain AND pop = :pop",
}
"""By whether domain and point of presence are given: `usage.WHOLE`, or rows of both. Without the `+` SQLite drops the domain from the
order, and then no longer sees that the index has it."""


async def usage(
    database: aiosqlite.Connection, *, tenant: str, domain: str, pop: str, interval: str, since_ns: int, until_ns: int, now_ns: int
) -> records_pb2.GetUsageResponse:
    """`tenant`, `domain` and `pop` empty: all. A time of 0 is not given. Raises Refusal."""
    interval = interval or "hour"
    interval_s = INTERVALS_S.get(interval)
    if interval_s is None:
        raise invalid("UNKNOWN_INTERVAL", "interval", f"{interval!r:.40} is none of {', '.join(INTERVALS_S)}")
    until_s = -(-(until_ns or now_ns) // _NS_PER_S)
    since_s = since_ns // _NS_PER_S if since_ns else max(0, until_s - _SPAN_S[interval])
    first_s = since_s - since_s % interval_s
    if until_s <= first_s:
        raise invalid("TIMES_REVERSED", "until", "it is not after since", "swap them")
    starts = range(first_s, until_s, interval_s)
    if len(starts) > MAX_INTERVALS:
        raise invalid(
            "TOO_MANY_INTERVALS",
            "interval",
            f"{len(starts)} of a {interval} each, at most {MAX_INTERVALS} are told",
            "ask for longer intervals, or a shorter time",
        )
    amounts: dict[int, dict[str, int]] = {}
    async for rows in _pages(
        database, {"interval_s": interval_s, "until": until_s, "tenant": tenant, "domain": domain, "pop": pop}, first_s
    ):
        # Reading their texts takes longer than the service's other askers should wait.
        await asyncio.to_thread(_add_up, amounts, rows)
    total: dict[str, int] = {}
    for of_interval in amounts.values():
        add(total, of_interval)
    return records_pb2.GetUsageResponse(
        intervals=[usage_message(start_s, amounts.get(start_s, {})) for start_s in starts], total=usage_message(starts.start, total)
    )


async def _pages(database: aiosqlite.Connection, values: Mapping[str, str | int], first_s: int) -> AsyncIterator[Rows]:
    """Amounts and where they stand, at most ROWS at a time. Each page is a question of its own: a statement that stayed open would hold
    the connection's other askers to the state that it began with. A row that is new meanwhile may be missed; none is told twice."""
    tenant, domain, pop = values["tenant"], values["domain"], values["pop"]
    is_led_by_tenant = bool(tenant) or not (domain or pop)
    order = "start_s, domain, pop" if is_led_by_tenant else "start_s, tenant, domain, pop"
    after: tuple[str | int, ...] = (first_s - 1, "", "") if is_led_by_tenant else (first_s - 1, "", "", "")
    marks = ", ".join(f":after{number}" for number in range(len(after)))
    query = (
        f"SELECT amounts, {order} FROM usage{'' if is_led_by_tenant else ' INDEXED BY usage_by_time'} WHERE interval_s = :interval_s"  # noqa: S608
        f" AND ({order}) > ({marks}) AND start_s < :until{' AND tenant = :tenant' if is_led_by_tenant else ''}"
        f"{_PLACES[bool(domain), bool(pop)]} ORDER BY {order} LIMIT {ROWS}"
    )
    while True:
        rows = list(await database.execute_fetchall(query, dict(values) | {f"after{number}": value for number, value in enumerate(after)}))
        if rows:
            yield rows
        if len(rows) < ROWS:
            return
        after = tuple(rows[-1])[1:]


def _add_up(amounts: dict[int, dict[str, int]], rows: Rows) -> None:
    for text, start_s, *_ in rows:
        if start_s in amounts:
            add(amounts[start_s], amounts_in(text))
        else:
            amounts[start_s] = amounts_in(text)


def usage_message(start_s: int, amounts: Mapping[str, int]) -> records_pb2.Usage:
    """The figures of what was added up. SDT, SER, SEER, ISA, SCR and SRD as RFC 6076 sections 4.5 to 4.9 and 4.3 define them; attempts
    that are open are in no ratio."""

    def of(what: str) -> int:
        return amounts.get(what, 0)

    closed = of(What.ATTEMPTS) - of(What.OPEN)
    not_redirected = closed - of(What.REDIRECTED)
    completed = of(What.COMPLETED)
    delays: dict[int, int] = {}
    prices: list[records_pb2.Money] = []
    for what, amount in amounts.items():
        if amount and ":" in what:
            if what.startswith(DELAY):
                delays[int(what[len(DELAY) :])] = amount
            elif what.startswith(PRICE):
                prices.append(records_pb2.Money(currency=what[len(PRICE) :], micros=amount))
    prices.sort(key=lambda price: price.currency)
    return records_pb2.Usage(
        start_time=Timestamp(seconds=start_s),
        attempts=of(What.ATTEMPTS),
        answered=of(What.ANSWERED),
        refused=of(What.REFUSED),
        failed=of(What.FAILED),
        cancelled=of(What.CANCELLED),
        open=of(What.OPEN),
        duration_ms=of(What.DURATION_MS),
        billed_s=of(What.BILLED_S),
        average_duration_ms=of(What.DURATION_MS) // completed if completed else None,
        answer_seizure_ratio=_ratio(of(What.ANSWERED), closed),
        session_establishment_ratio=_ratio(of(What.ANSWERED), not_redirected),
        session_establishment_effectiveness_ratio=_ratio(of(What.EFFECTIVE), not_redirected),
        ineffective_session_attempts=_ratio(of(What.INEFFECTIVE), closed),
        session_completion_ratio=_ratio(completed, closed),
        post_dial_delay_p50_ms=_quantile(delays, 50),
        post_dial_delay_p95_ms=_quantile(delays, 95),
        prices=prices,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(buckets: Mapping[int, int], percent: int) -> int | None:
    """The middle of the bucket that the delay of this rank is in."""
    number = sum(buckets.values())
    if not number:
        return None
    rank = -(-number * percent // 100)
    for bucket in sorted(buckets):
        rank -= buckets[bucket]
        if rank <= 0:
            low = DELAY_EDGES_MS[bucket - 1] if bucket else 0
            high = DELAY_EDGES_MS[bucket] if bucket < len(DELAY_EDGES_MS) else low + 1
            return (low + high - 1) // 2
    raise AssertionError("the ranks of a percentile are within the buckets")
