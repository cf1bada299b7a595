"""Figures agree with the records they are of, however those change."""

from __future__ import annotations

import tracemalloc
from collections import Counter, defaultdict

import aiosqlite
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.records import usage_queries
from trunkline.records.schema import SCHEMA
from trunkline.records.sums import ADD_USAGE, amounts_in, teach
from trunkline.records.usage import WHOLE, Difference, amounts_of
from trunkline.records.usage_queries import usage, usage_message

AT = Timestamp(seconds=1_800_000_000)


def record(outcome: str, status: int = 0, **more: object) -> Record:
    return Record(call="c", tenant="acme", domain="d", pop="eu1", setup_time=AT, outcome=outcome, status=status, **more)  # type: ignore[arg-type]


def test_ratios_are_those_of_rfc_6076() -> None:
    answered = {"duration_ms": 60_000, "billed_s": 60, "price_micros": 5, "currency": "EUR", "ended_by": "caller"}
    records = [
        record("answered", 200, post_dial_delay_ms=1000, **answered),
        record("live", 200, post_dial_delay_ms=2000),
        record("failed", 486),
        record("failed", 503),
        record("refused", 403),
        record("trying"),
    ]
    total: Counter[str] = Counter()
    for each in records:
        total.update(amounts_of(each))
    told = usage_message(0, total)
    assert (told.attempts, told.answered, told.failed, told.refused, told.open) == (6, 2, 2, 1, 1)
    assert (told.answer_seizure_ratio, told.session_establishment_ratio) == (2 / 5, 2 / 5)
    assert (told.session_establishment_effectiveness_ratio, told.ineffective_session_attempts) == (3 / 5, 1 / 5)
    assert (told.session_completion_ratio, told.average_duration_ms, told.billed_s) == (1 / 5, 60_000, 60)
    assert abs(told.post_dial_delay_p50_ms - 1000) <= 50 and abs(told.post_dial_delay_p95_ms - 2000) <= 100
    assert [(price.currency, price.micros) for price in told.prices] == [("EUR", 5)]
    assert not usage_message(0, Counter()).HasField("answer_seizure_ratio")


def test_a_record_that_changes_counts_once_as_it_stands() -> None:
    rows: dict[tuple[int | str, ...], Counter[str]] = defaultdict(Counter)
    steps = [record("trying"), record("ringing", post_dial_delay_ms=80), record("cancelled", 487, post_dial_delay_ms=80)]
    for old, new in zip([None, *steps], steps, strict=False):
        difference = Difference()
        difference.replace(old, new)
        for *place, amounts in difference.rows():
            rows[tuple(place)].update(amounts_in(amounts))
    for place in (("acme", *WHOLE), ("acme", "d", "eu1"), ("", *WHOLE)):
        [counted] = [+amounts for row, amounts in rows.items() if row[0] == 60 and (row[1], *row[3:]) == place]
        assert counted == amounts_of(steps[-1])


async def test_the_tenant_as_a_whole_is_the_sum_of_its_domains_and_of_its_points_of_presence() -> None:
    difference = Difference()
    calls = [("d", "eu1", "answered"), ("d", "us1", "refused"), ("e", "eu1", "failed"), ("e", "eu1", "answered")]
    for domain, pop, outcome in calls:
        each = record(outcome)
        each.domain, each.pop = domain, pop
        difference.replace(None, each)
    other = record("answered")
    other.tenant = "other"
    difference.replace(None, other)
    async with aiosqlite.connect(":memory:") as database:
        await database.executescript(SCHEMA)
        await teach(database)
        await database.executemany(ADD_USAGE, difference.rows())

        async def attempts(tenant: str, domain: str = "", pop: str = "") -> tuple[int, int]:
            until_ns = (AT.seconds + 60) * 1_000_000_000
            told = await usage(
                database, tenant=tenant, domain=domain, pop=pop, interval="hour", since_ns=0, until_ns=until_ns, now_ns=until_ns
            )
            return told.total.attempts, told.total.answered

        assert await attempts("acme") == (4, 2)
        assert [await attempts("acme", domain=domain) for domain in ("d", "e")] == [(2, 1), (2, 1)]
        assert [await attempts("acme", pop=pop) for pop in ("eu1", "us1")] == [(3, 2), (1, 0)]
        assert await attempts("acme", domain="e", pop="eu1") == (2, 1)
        assert (await attempts("", pop="eu1"), await attempts(""), await attempts("", domain="d")) == ((4, 3), (5, 3), (3, 2))


async def month(database: aiosqlite.Connection, domains: int) -> None:
    """Two tenants with as many domains each at two points of presence, an attempt in each of three hours."""
    await database.executescript(SCHEMA)
    amounts = '{"attempts":1,' + ",".join(f'"srd:{bucket}":1' for bucket in range(40)) + "}"
    rows = [
        (3600, tenant, AT.seconds + 3600 * hour, f"d{domain}", pop, amounts)
        for tenant in ("acme", "beta")
        for hour in range(3)
        for domain in range(domains)
        for pop in ("eu1", "us1")
    ]
    await database.executemany("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?)", rows)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_pages_of_any_size_add_up_to_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_queries, "ROWS", size)
    async with aiosqlite.connect(":memory:") as database:
        await month(database, 5)
        until_ns = (AT.seconds + 3 * 3600) * 1_000_000_000
        for tenant, domain, pop, wanted in (
            ("acme", "", "eu1", 5),
            ("acme", "d1", "", 2),
            ("acme", "d1", "us1", 1),
            ("", "", "us1", 10),
            ("", "d1", "", 4),
            ("", "d1", "eu1", 2),
        ):
            told = await usage(
                database,
                tenant=tenant,
                domain=domain,
                pop=pop,
                interval="hour",
                since_ns=AT.seconds * 1_000_000_000,
                until_ns=until_ns,
                now_ns=until_ns,
            )
            assert [each.attempts for each in told.intervals] == [wanted] * 3, (tenant, domain, pop)
            assert told.total.attempts == 3 * wanted


async def test_however_many_domains_there_are_a_page_of_rows_is_held() -> None:
    async with aiosqlite.connect(":memory:") as database:
        await month(database, 3000)
        until_ns = (AT.seconds + 3 * 3600) * 1_000_000_000
        tracemalloc.start()
        try:
            told = await usage(database, tenant="", domain="", pop="eu1", interval="hour", since_ns=0, until_ns=until_ns, now_ns=until_ns)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert told.total.attempts == 18_000
    # 18,000 rows of 420 bytes are 9 MB and more.
    assert most_bytes < 3_000_000
