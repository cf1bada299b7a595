"""How fast a million records are looked through, first pages by filter and usage figures, and how fast more are written then.

The file is the records service's own (`filling.py`). Each question is asked with other values in turn, by the service's own code, in this
process; the first time the file's pages are in the system's memory, not in SQLite's.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import filling
from figures import Row, percentile
from filling import CARRIERS, DOMAINS, POPS, PREFIXES, RARE_DOMAIN, RARE_PREFIX, REASONS, SPAN_S
from options import Options

from trunkline.records.filters import Filter
from trunkline.records.projection import Projection
from trunkline.records.queries import Queries
from trunkline.records.usage_queries import usage

ASKED: Final = 60
"""Times each question is asked."""

UNTIL_S: Final = 1_792_592_000
TENANT: Final = "acme"
ADDED: Final = 5_000
"""Calls written to the full file."""
ADDED_AT_ONCE: Final = (50, 500)
"""In a transaction: a quarter of a second of 200 calls a second; a records service that catches up."""


def rows(options: Options) -> list[Row]:
    path = options.folder / "records.sqlite"
    filled_s = filling.fill(path, calls=options.records, tenant=TENANT, until_s=UNTIL_S)
    first: Row = {"filter": f"(filled in {filled_s:.0f} s, {path.stat().st_size >> 20} MiB)", "records": options.records}
    return [first, *asyncio.run(_measure(path)), *asyncio.run(_write(path))]


def _filters(chance: random.Random) -> dict[str, Callable[[], Filter]]:
    day_ns = 86_400 * 10**9
    first_ns = (UNTIL_S - SPAN_S) * 10**9

    def of(**wanted: str | int) -> Filter:
        return Filter(tenant=TENANT, **wanted)  # type: ignore[arg-type]

    def some_day() -> dict[str, int]:
        since_ns = first_ns + chance.randrange(29) * day_ns
        return {"since_ns": since_ns, "until_ns": since_ns + day_ns}

    return {
        "tenant": of,
        "outcome": lambda: of(outcome=chance.choice(("answered", "failed", "refused", "cancelled"))),
        "outcome live (450)": lambda: of(outcome="live"),
        "domain": lambda: of(domain=chance.choice(DOMAINS)),
        "domain (90)": lambda: of(domain=RARE_DOMAIN),
        "reason": lambda: of(reason=chance.choice(REASONS)),
        "number (at most 1)": lambda: of(number=f"+31{chance.randrange(10**8):08}"),
        "prefix": lambda: of(number_prefix=chance.choice(PREFIXES)),
        "prefix (100)": lambda: of(number_prefix=RARE_PREFIX),
        "pop": lambda: of(pop=chance.choice(POPS)),
        "carrier": lambda: of(carrier=chance.choice(CARRIERS)),
        "caller id (90)": lambda: of(caller_id=f"+31200{chance.randrange(10_000):06}"),
        "account": lambda: of(account=f"3100{chance.randrange(40):04}"),
        "a day": lambda: of(**some_day()),
        "a day, domain, outcome": lambda: of(**some_day(), domain=chance.choice(DOMAINS), outcome="failed"),
        "domain, reason": lambda: of(domain=chance.choice(DOMAINS), reason=chance.choice(REASONS)),
        "pop, carrier, prefix": lambda: of(pop=chance.choice(POPS), carrier=chance.choice(CARRIERS), number_prefix=chance.choice(PREFIXES)),
        "all but one, nothing fits": lambda: of(outcome="refused", carrier=chance.choice(CARRIERS), pop=chance.choice(POPS)),
        "every tenant": Filter,
        "every tenant, outcome": lambda: Filter(outcome="refused"),
        "every tenant, nothing fits": lambda: Filter(outcome="refused", carrier="alpha"),
    }


async def _measure(path: Path) -> list[Row]:
    chance = random.Random(2)
    found: list[Row] = []
    queries = await Queries.open(path)
    try:
        for name, make in _filters(chance).items():

            async def first_page(make: Callable[[], Filter] = make) -> str:
                records, token = await queries.page(make())
                return f"{len(records)}{'+' if token else ''}"

            found.append({"filter": name} | await _timed(first_page))
        for tenant, domain, interval, days in _USAGE:

            async def figures(tenant: str = tenant, domain: str = domain, interval: str = interval, days: int = days) -> str:
                until_ns = UNTIL_S * 10**9
                span = {"since_ns": until_ns - days * 86_400 * 10**9, "until_ns": until_ns, "now_ns": 0}
                answer = await usage(queries.database, tenant=tenant, domain=domain, pop="", interval=interval, **span)
                return str(answer.total.attempts)

            whose = f"{'' if tenant else 'of every tenant, '}{'a domain, ' if domain else ''}"
            found.append({"filter": f"usage {whose}{days} days by {interval}"} | await _timed(figures))
    finally:
        await queries.close()
    return found


async def _timed(ask: Callable[[], Awaitable[str]]) -> Row:
    took_ms: list[float] = []
    answer = ""
    for _ in range(ASKED):
        began = time.perf_counter()
        answer = await ask()
        took_ms.append((time.perf_counter() - began) * 1000)
    shares = {f"p{share}_ms": percentile(took_ms, share) for share in (50, 99)}
    return {"first_ms": round(took_ms[0], 1)} | shares | {"records": answer}


_USAGE: Final = (
    (TENANT, "", "day", 30),
    (TENANT, "", "hour", 30),
    (TENANT, "", "minute", 1),
    (TENANT, "d1", "day", 30),
    (TENANT, "d1", "hour", 30),
    ("", "", "hour", 30),
    ("", "d1", "hour", 7),
)
"""Tenant, domain, interval, days."""


async def _write(path: Path) -> list[Row]:
    found: list[Row] = []
    projection = await Projection.open(path)
    try:
        for at_once in ADDED_AT_ONCE:
            making = filling.Making(ADDED, TENANT, UNTIL_S + 3600, span_s=ADDED // 200, portion=at_once, edge=f"added-{at_once}")
            messages = list(making.messages())
            began_s, took_ms = time.monotonic(), []
            for message in messages:
                began = time.perf_counter()
                await projection.apply([message._replace(sequence=projection.position + 1)])
                took_ms.append(1000 * (time.perf_counter() - began))
            calls_per_s = round(ADDED / (time.monotonic() - began_s))
            row: Row = {"filter": f"{at_once} more calls in a transaction", "first_ms": round(took_ms[0], 1)}
            found.append(row | {f"p{share}_ms": percentile(took_ms, share) for share in (50, 99)} | {"records": f"{calls_per_s} calls/s"})
    finally:
        await projection.close()
    return found
