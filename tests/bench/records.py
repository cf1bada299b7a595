"""How fast a million records are looked through: first pages by filter, and usage figures, in a file of the records service.

The rows are written as the projection writes them, but without facts; nine of ten records are one tenant's. Each question is asked with
other values in turn, by the service's own code, in this process.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from figures import Row
from google.protobuf.timestamp_pb2 import Timestamp
from options import Options

from trunkline.api.records.v1.records_pb2 import GatewayAttempt, Record
from trunkline.records.filters import Filter
from trunkline.records.projection import Projection
from trunkline.records.queries import Queries
from trunkline.records.rows import ADD_USAGE, WRITE_RECORD, row_of
from trunkline.records.usage import Difference
from trunkline.records.usage_queries import usage

RECORDS: Final = 1_000_000
PORTION: Final = 20_000
ASKED: Final = 60
"""Times each question is asked."""

FIRST_S: Final = 1_790_000_000
SPAN_S: Final = 30 * 86_400
TENANT: Final = "acme"
POPS: Final = ("eu1", "eu2", "us1", "us2", "apac1", "apac2")
CARRIERS: Final = ("alpha", "beta", "gamma", "delta")
DOMAINS: Final = tuple(f"d{number}" for number in range(12))
REASONS: Final = ("T201", "T203", "T204", "T301", "T303", "T401", "T501", "T502")
PREFIXES: Final = ("31", "32", "33", "34", "44", "45", "49", "1212", "1415", "61", "81", "91")
RARE_DOMAIN: Final = "seldom"
RARE_PREFIX: Final = "247"
EVERY: Final = 10_000
"""One record of so many is to the rare domain, and one to the rare prefix."""


def rows(options: Options) -> list[Row]:
    path = options.folder / "records.sqlite"
    filled_s = asyncio.run(_fill(path))
    return asyncio.run(_measure(path, filled_s))


def _records(chance: random.Random) -> Iterator[Record]:
    for number in range(RECORDS):
        setup_ns = (FIRST_S * 1000 + number * SPAN_S * 1000 // RECORDS) * 1_000_000 + chance.randrange(1_000_000)
        setup = Timestamp(seconds=setup_ns // 10**9, nanos=setup_ns % 10**9)
        tenant = TENANT if number % 10 else f"tenant{number // 10 % 100}"
        drawn = chance.random()
        outcome = "answered" if drawn < 0.6 else "failed" if drawn < 0.75 else "refused" if drawn < 0.9 else "cancelled"
        if number > RECORDS - 500:
            outcome = "live"
        prefix = RARE_PREFIX if number % EVERY == 77 else chance.choice(PREFIXES)
        domain = RARE_DOMAIN if number % EVERY == 33 else chance.choice(DOMAINS)
        record = Record(
            call=f"{number:032x}",
            tenant=tenant,
            domain=domain,
            host=f"{domain}.sip.trunkline.test",
            number=f"+{prefix}{chance.randrange(10**8):08}",
            sip_call_id=f"{chance.getrandbits(64):016x}@pbx.example.com",
            outcome=outcome,
            setup_time=setup,
            end_time=setup if outcome != "live" else None,
            status=200 if outcome in ("answered", "live") else 486,
            reason=chance.choice(REASONS) if outcome == "refused" else "",
            source="192.0.2.10:5060",
            transport="udp",
            from_uri=f"sip:31200000{number % 1000:03}@{domain}.sip.trunkline.test",
            caller_id=f"+31200{chance.randrange(10_000):06}",
            account=f"3100{chance.randrange(40):04}",
            pop=chance.choice(POPS),
            edge="edge-eu1",
            position=number // 100,
            duration_ms=chance.randrange(300_000) if outcome == "answered" else 0,
            price_micros=chance.randrange(100_000) if outcome == "answered" else 0,
            currency="EUR" if outcome == "answered" else "",
            post_dial_delay_ms=None if outcome == "refused" else chance.randrange(100, 4000),
        )
        if outcome != "refused":
            record.attempts.append(GatewayAttempt(number=1, carrier=chance.choice(CARRIERS), gateway="g1", status=200, rate_micros=12_000))
        yield record


async def _fill(path: Path) -> float:
    """Seconds."""
    await (await Projection.open(path)).close()
    began_s = time.monotonic()
    records = _records(random.Random(1))
    with sqlite3.connect(path, isolation_level=None) as database:
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY", "cache_size = -262144"):
            database.execute(f"PRAGMA {pragma}")
        # Made again when the rows are there, which takes a tenth of the time: how fast it is filled is not asked here.
        indexes = database.execute("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'records' AND sql LIKE 'CREATE INDEX%'").fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        portion: list[Record] = []
        for record in records:
            portion.append(record)
            if len(portion) == PORTION:
                _write(database, portion)
                portion.clear()
        for _, sql in indexes:
            database.execute(sql)
    return time.monotonic() - began_s


def _write(database: sqlite3.Connection, portion: list[Record]) -> None:
    difference = Difference()
    for record in portion:
        difference.replace(None, record)
    database.execute("BEGIN")
    database.executemany(WRITE_RECORD, map(row_of, portion))
    database.executemany(ADD_USAGE, difference.rows())
    database.execute("COMMIT")


def _filters(chance: random.Random) -> dict[str, Callable[[], Filter]]:
    day_ns = 86_400 * 10**9
    first_ns = FIRST_S * 10**9

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


async def _measure(path: Path, filled_s: float) -> list[Row]:
    chance = random.Random(2)
    found: list[Row] = [{"filter": f"(filled in {filled_s:.0f} s, {path.stat().st_size >> 20} MiB)", "records": RECORDS}]
    queries = await Queries.open(path)
    try:
        for name, make in _filters(chance).items():

            async def first_page(make: Callable[[], Filter] = make) -> str:
                records, token = await queries.page(make())
                return f"{len(records)}{'+' if token else ''}"

            found.append({"filter": name} | await _timed(first_page))
        for interval, days in (("day", 30), ("hour", 30), ("minute", 1)):

            async def figures(interval: str = interval, days: int = days) -> str:
                until_ns = (FIRST_S + SPAN_S) * 10**9
                since_ns = until_ns - days * 86_400 * 10**9
                answer = await usage(
                    queries.database, tenant=TENANT, domain="", pop="", interval=interval, since_ns=since_ns, until_ns=until_ns, now_ns=0
                )
                return str(answer.total.attempts)

            found.append({"filter": f"usage of {days} days by {interval}"} | await _timed(figures))
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
    first_ms = took_ms[0]
    took_ms.sort()
    at = {percent: took_ms[min(len(took_ms) - 1, len(took_ms) * percent // 100)] for percent in (50, 99)}
    return {"first_ms": round(first_ms, 1), "p50_ms": round(at[50], 1), "p99_ms": round(at[99], 1), "records": answer}
