"""Messages of CALLS → SQLite: once each, whatever is delivered how often, cut wherever; what cannot be read is set aside."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiosqlite
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import Refusal
from trunkline.records import projection as projection_module
from trunkline.records import queries as queries_module
from trunkline.records.projection import MAX_FACTS_PER_CALL, Projection, StreamMessage, WrongFile
from trunkline.records.queries import LAST, MAX_PAGE, Filter, Queries


def lines_of_call(call: str, at_ns: int, **attempted: object) -> list[bytes]:
    """An answered call of one second, by one edge; ids are unique in the edge if `at_ns` is."""
    about = {"tenant": "acme", "domain": "acme", "number": "+3123456789", "sip_call_id": f"sip-{call}", **attempted}
    facts: list[dict[str, object]] = [
        {"attempted": about},
        {"gateway_tried": {"number": 1, "carrier": "alpha", "gateway": "alpha/g1", "rate_micros": 6000, "currency": "EUR"}},
        {"progressed": {"number": 1, "status": 180}},
        {"answered": {"number": 1, "status": 200}},
        {"ended": {"by": "caller", "q850": 16}},
    ]
    times = [at_ns, at_ns, at_ns, at_ns, at_ns + 1_000_000_000]
    return [
        json.dumps({"call": call, "id": f"1-{at_ns + n}", "time_ns": time_ns, **fact}).encode() + b"\n"
        for n, (time_ns, fact) in enumerate(zip(times, facts, strict=True))
    ]


def batch(lines: Sequence[bytes], *, edge: str = "edge-eu1", offset: int = 0) -> bytes:
    return call_pb2.CallFactBatch(edge=edge, segment="1-0", offset=offset, lines=b"".join(lines)).SerializeToString()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as database:
        return database.execute(query).fetchall()


@pytest.fixture
async def store(tmp_path: Path) -> Iterator[tuple[Projection, Queries, Path]]:
    path = tmp_path / "records.sqlite"
    projection = await Projection.open(path)
    queries = await Queries.open(path)
    yield projection, queries, path
    await queries.close()
    await projection.close()


Store = tuple[Projection, Queries, Path]


async def test_a_call_becomes_one_record(store: Store) -> None:
    projection, queries, _ = store
    applied = await projection.apply([StreamMessage(7, batch(lines_of_call("c1", 1000)))])
    assert (applied.facts, applied.rejected, applied.calls, projection.position) == (5, 0, 1, 7)
    [record], token = await queries.page(Filter())
    assert (record.call, record.outcome, record.duration_ms, record.price_micros, token) == ("c1", "answered", 1000, 100, "")
    totals = await queries.totals()
    assert (totals.records, totals.facts, totals.answered, totals.open) == (1, 5, 1, 0)


async def test_a_message_delivered_again_or_cut_elsewhere_changes_nothing(store: Store) -> None:
    projection, queries, _ = store
    lines = lines_of_call("c1", 1000)
    await projection.apply([StreamMessage(1, batch(lines[:3]))])
    again = await projection.apply(
        [StreamMessage(1, batch(lines[:3])), StreamMessage(2, batch(lines[1:4])), StreamMessage(3, batch(lines))]
    )
    assert again.facts == 2
    totals = await queries.totals()
    assert (totals.records, totals.facts, totals.answered) == (1, 5, 1)
    assert (await projection.apply([StreamMessage(3, batch(lines))])).calls == 0


async def test_of_two_facts_with_one_id_the_first_counts(store: Store) -> None:
    projection, queries, _ = store
    start = b'{"call":"c1","id":"1-1","time_ns":1,"attempted":{"tenant":"acme"}}\n'
    ends = [b'{"call":"c1","id":"1-2","time_ns":2,"failed":{"status":%d,"by":"carrier"}}\n' % status for status in (486, 404, 600)]
    await projection.apply([StreamMessage(1, batch([start, ends[0], ends[1]]))])
    await projection.apply([StreamMessage(2, batch([ends[2], b'{"call":"c1","id":"1-3","time_ns":3,"progressed":{}}\n']))])
    assert [record.status for record in (await queries.page(Filter()))[0]] == [486]


async def test_a_malformed_line_is_set_aside_with_its_place_and_the_rest_counts(store: Store) -> None:
    projection, queries, path = store
    good = lines_of_call("c1", 1000)
    await projection.apply(
        [
            StreamMessage(4, batch([good[0], b'{"call":\xff\n', *good[1:]], offset=100)),
            StreamMessage(5, b"\xff\xff\xff"),
            StreamMessage(6, batch([])),
        ]
    )
    assert (await queries.totals()).answered == 1
    aside = rows(path, "SELECT edge, segment, offset, sequence, problem, line FROM rejected ORDER BY sequence")
    assert [row[:4] for row in aside] == [("edge-eu1", "1-0", 100 + len(good[0]), 4), ("", "", 5, 5)]
    assert "not JSON" in str(aside[0][4]) and aside[0][5] == b'{"call":\xff' and "CallFactBatch" in str(aside[1][4])
    assert projection.position == 6


async def test_counted_facts_stand_apart_and_count_once(store: Store) -> None:
    projection, queries, path = store
    line = b'{"id":"1-1","time_ns":5,"counted":{"source":"192.0.2.1","what":"unknown domain","number":12,"minute_ns":0}}\n'
    await projection.apply([StreamMessage(1, batch([line])), StreamMessage(2, batch([line]))])
    assert rows(path, "SELECT source, what, number FROM counted") == [("192.0.2.1", "unknown domain", 12)]
    assert (await queries.totals()).records == 0


async def test_a_flood_of_facts_for_one_call_is_bounded(store: Store) -> None:
    projection, queries, path = store
    refused = [
        json.dumps({"call": "c1", "id": f"1-{n}", "time_ns": n, "attempted" if n % 2 else "refused": {}}).encode() + b"\n"
        for n in range(2000)
    ]
    await projection.apply([StreamMessage(1, batch(refused))])
    await projection.apply([StreamMessage(2, batch(refused[:10]))])
    assert rows(path, "SELECT count(*) FROM facts") == [(MAX_FACTS_PER_CALL,)]
    assert rows(path, "SELECT count(*) FROM rejected") == [(2000 - MAX_FACTS_PER_CALL,)]
    assert (await queries.totals()).records == 1


async def test_position_and_rows_are_one_transaction(store: Store) -> None:
    projection, queries, path = store
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        with pytest.raises(sqlite3.DatabaseError, match="disk full"):
            await projection.apply([StreamMessage(1, batch(lines_of_call("c1", 1000)))])
        assert (await queries.totals()).facts == 0 and projection.position == 0
        other.execute("DROP TRIGGER full")
    await projection.apply([StreamMessage(1, batch(lines_of_call("c1", 1000)))])
    assert (await queries.totals()).answered == 1


async def test_a_restart_goes_on_from_the_position(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    projection = await Projection.open(path)
    await projection.restart("created then")
    await projection.apply([StreamMessage(9, batch(lines_of_call("c1", 1000)))])
    await projection.close()
    projection = await Projection.open(path)
    assert (projection.position, projection.stream) == (9, "created then")
    await projection.close()


async def test_a_newer_fold_is_run_over_all_calls_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "records.sqlite"
    projection = await Projection.open(path)
    lines = [line for n in range(5) for line in lines_of_call(f"c{n}", 1000 + 10 * n)]
    await projection.apply([StreamMessage(1, batch(lines))])
    await projection.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE records SET outcome = 'moon', body = x''")
    monkeypatch.setattr(projection_module, "FOLD_VERSION", projection_module.FOLD_VERSION + 1)
    monkeypatch.setattr(projection_module, "REFOLD_CALLS", 2)
    await (await Projection.open(path)).close()
    assert rows(path, "SELECT outcome, count(*) FROM records WHERE length(body) > 0 GROUP BY outcome") == [("answered", 5)]


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at " * 100, b""])
async def test_a_damaged_file_is_told_and_an_empty_one_is_new(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(content)
    if content:
        with pytest.raises(WrongFile, match=r"records\.sqlite"):
            await Projection.open(path)
    else:
        await (await Projection.open(path)).close()


async def test_a_file_of_another_version_is_told(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    async with aiosqlite.connect(path) as database:
        await database.execute("PRAGMA user_version = 99")
    with pytest.raises(WrongFile, match="version 99"):
        await Projection.open(path)


async def _filled(projection: Projection) -> None:
    lines = [
        *(line for n in range(25) for line in lines_of_call(f"a{n:02}", 1000 + 10 * n, tenant="acme")),
        *(line for n in range(5) for line in lines_of_call(f"o{n:02}", 5000 + 10 * n, tenant="other", sip_call_id="shared", number="44")),
        b'{"call":"r1","id":"9-1","time_ns":9000,"attempted":{"tenant":"acme","domain":"acme","number":"999","sip_call_id":"shared"}}\n',
        b'{"call":"r1","id":"9-2","time_ns":9000,"refused":{"status":404,"reason":"T401"}}\n',
    ]
    await projection.apply([StreamMessage(1, batch(lines))])


async def test_pages_cover_a_tenants_records_newest_first_and_once(store: Store) -> None:
    projection, queries, _ = store
    await _filled(projection)
    calls: list[str] = []
    token = ""
    for _ in range(6):
        records, token = await queries.page(Filter(tenant="acme"), 5, token)
        calls += [record.call for record in records]
        if not token:
            break
    assert calls == ["r1", *(f"a{n:02}" for n in reversed(range(25)))]


async def test_filters_narrow(store: Store) -> None:
    projection, queries, _ = store
    await _filled(projection)

    async def count(**wanted: str | int) -> int:
        return len((await queries.page(Filter(**wanted)))[0])  # type: ignore[arg-type]

    assert await count() == 31
    assert await count(tenant="other") == 5
    assert await count(outcome="refused") == 1
    assert await count(reason="T401", tenant="other") == 0
    assert await count(number="+44") == 5
    assert await count(number="4") == 0
    assert await count(since_ns=5040) == 2
    assert await count(domain="nowhere") == 0
    assert await count(number_prefix="+31") == 25 and await count(number_prefix="31", tenant="acme") == 25
    assert await count(tenant="acme", number_prefix="32") == 0
    assert await count(tenant="acme", carrier="alpha") == 25
    assert await count(tenant="acme", carrier="alpha", outcome="answered", until_ns=1100) == 10
    assert await count(tenant="acme", pop="eu1") == 0
    assert await count(account="none", caller_id="none") == 0


async def test_a_look_that_is_bounded_goes_on_with_its_token(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    projection, queries, _ = store
    await _filled(projection)
    monkeypatch.setattr(queries_module, "FEW", 1)
    monkeypatch.setattr(queries_module, "LOOKS", (2, 4))
    wanted = Filter(tenant="acme", outcome="answered", domain="acme")
    calls: list[str] = []
    sizes: list[int] = []
    token = ""
    while True:
        records, token = await queries.page(wanted, 3, token)
        calls += [record.call for record in records]
        sizes.append(len(records))
        if not token:
            break
    assert calls == [f"a{n:02}" for n in reversed(range(25))] and max(sizes) == 3 and len(sizes) > 8


async def test_another_tenants_call_is_not_found_and_a_call_id_of_two_tenants_is_each_ones_own(store: Store) -> None:
    projection, queries, _ = store
    await _filled(projection)

    async def found(tenant: str, call: str) -> str:
        record = await queries.one(tenant, call)
        return record.call if record else ""

    assert await found("acme", "o01") == ""
    assert await found("", "o01") == "o01"
    assert await found("acme", "shared") == "r1"
    assert await found("other", "shared") == "o04"
    assert await found("acme", LAST) == "r1"
    assert await found("nobody", LAST) == ""


@pytest.mark.parametrize("token", ["x", "!!!!", "bnVsbA==", "W10=", "WzEsMiwzXQ==", "a" * 5000])
async def test_a_made_up_page_token_is_refused(store: Store, token: str) -> None:
    with pytest.raises(Refusal, match="none of ours"):
        await store[1].page(Filter(tenant="acme"), 5, token)


async def test_a_page_token_serves_its_own_tenant_only(store: Store) -> None:
    projection, queries, _ = store
    await _filled(projection)
    _, token = await queries.page(Filter(tenant="other"), 1)
    with pytest.raises(Refusal, match="another tenant"):
        await queries.page(Filter(tenant="acme"), 1, token)


async def test_bad_page_sizes_and_outcomes_are_refused(store: Store) -> None:
    with pytest.raises(Refusal, match="at most 1000"):
        await store[1].page(Filter(), MAX_PAGE + 1)
    with pytest.raises(Refusal, match="live"):
        await store[1].page(Filter(outcome="busy"))


_CALLS = [line for n in range(4) for line in lines_of_call(f"c{n}", 1000 + 10 * n)]


@st.composite
def _deliveries(draw: st.DrawFn) -> list[list[StreamMessage]]:
    """Groups of messages that hold every line at least once, in any order."""
    lines = draw(st.permutations(_CALLS + draw(st.lists(st.sampled_from(_CALLS), max_size=10))))
    cuts = sorted(draw(st.sets(st.integers(1, len(lines) - 1), max_size=6)))
    pieces = [lines[start:end] for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
    messages = [StreamMessage(number, batch(piece)) for number, piece in enumerate(pieces, 1)]
    middle = draw(st.integers(0, len(messages)))
    return [group for group in (messages[:middle], messages[middle:]) if group]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=_deliveries(), name=st.uuids())
async def test_any_delivery_of_the_same_lines_gives_the_same_records(
    tmp_path: Path, deliveries: list[list[StreamMessage]], name: object
) -> None:
    path = tmp_path / f"{name}.sqlite"
    projection = await Projection.open(path)
    for group in deliveries:
        await projection.apply(group)
    await projection.close()
    found = [records_pb2.Record.FromString(bytes(row[0])) for row in rows(path, "SELECT body FROM records ORDER BY call")]  # type: ignore[call-overload]
    assert [record.call for record in found] == ["c0", "c1", "c2", "c3"]
    assert {(record.outcome, record.duration_ms, record.price_micros, len(record.attempts)) for record in found} == {
        ("answered", 1000, 100, 1)
    }


HOUR_NS = 3600 * 1_000_000_000


def open_call(call: str, at_ns: int, facts: int = 4, **attempted: object) -> list[bytes]:
    """A call whose end is not told; with 2 facts it has no answer either."""
    return lines_of_call(call, at_ns, **attempted)[:facts]


async def test_what_is_open_for_longer_than_any_call_lasts_is_presumed_to_be_over(store: Store) -> None:
    projection, queries, path = store
    long = open_call("long", 6, max_duration_s=10 * 3600)
    lines = [*open_call("old", 1), *open_call("ringing", 1_000, 3), *open_call("trying", 2_000, 2), *long, *lines_of_call("done", 3_000)]
    await projection.apply([StreamMessage(1, batch([*lines, *open_call("young", 4 * HOUR_NS)]))])
    limits = {"longest_call_s": 4 * 3600, "setup_s": 1800, "slack_s": 900}

    async def sweep(now_ns: int, limit: int = 100) -> int:
        return await projection.presume_over(now_ns, **limits, limit=limit)

    async def ended_by() -> dict[str, str]:
        return {record.call: record.ended_by for record in (await queries.page(Filter()))[0] if record.end_time.seconds}

    assert await sweep(HOUR_NS // 2) == 0
    assert await sweep(HOUR_NS) == 2
    assert await sweep(4 * HOUR_NS) == 0
    assert await sweep(5 * HOUR_NS) == 1
    assert await ended_by() == {"old": "presumed", "ringing": "presumed", "trying": "presumed", "done": "caller"}
    assert [await sweep(11 * HOUR_NS, 1) for _ in range(3)] == [1, 1, 0]
    assert (await queries.totals()).open == 0
    # The edge's journal comes after all.
    await projection.apply([StreamMessage(2, batch(lines_of_call("old", 1)[4:], offset=9))])
    record = await queries.one("", "old")
    assert record is not None and (record.ended_by, record.duration_ms) == ("caller", 1000)
    await projection.close()
    reopened = await Projection.open(path)
    assert (await ended_by())["long"] == "presumed"
    await reopened.close()
