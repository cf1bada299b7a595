"""What made no record: added up over edges, newest first, page by page, each tenant's its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.records.test_projection import batch

from trunkline.api.records.v1.records_pb2 import ListUnrecordedResponse
from trunkline.domain.errors import Refusal
from trunkline.records import unrecorded
from trunkline.records.projection import Projection, StreamMessage
from trunkline.records.queries import Queries
from trunkline.records.unrecorded import Wanted, page

MINUTE_NS = 60_000_000_000


def line(at: int, minute: int, number: int, *, source: str = "192.0.2.1", what: str = "challenge", domain: str = "acme") -> bytes:
    counted = {"source": source, "what": what, "number": number, "minute_ns": minute * MINUTE_NS, "domain": domain}
    whose = {"tenant": f"of-{domain}"} if domain else {}
    return json.dumps({"id": f"1-{at}", "time_ns": 1, "counted": counted | whose}).encode() + b"\n"


Store = tuple[Projection, Queries, Path]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "records.sqlite"
    projection, queries = await Projection.open(path), await Queries.open(path)
    yield projection, queries, path
    await queries.close()
    await projection.close()


def told(answer: ListUnrecordedResponse) -> list[tuple[int, str, str, str, int]]:
    return [(each.minute_time.seconds // 60, each.what, each.source, each.domain, each.number) for each in answer.counts]


async def fill(projection: Projection) -> None:
    first = [line(1, 7, 2), line(2, 7, 3, source="192.0.2.2"), line(3, 8, 4, domain="globex"), line(4, 9, 1, what="flood", domain="")]
    second = [line(1, 7, 5), line(2, 6, 1)]
    await projection.apply([StreamMessage(1, batch(first)), StreamMessage(2, batch(second, edge="edge-us1"))])


async def test_a_tenant_is_told_its_own_added_up_over_edges_and_with_what_to_do(store: Store) -> None:
    projection, queries, _ = store
    await fill(projection)
    answer = await page(queries.database, Wanted(tenant="of-acme"))
    assert told(answer) == [
        (7, "challenge", "192.0.2.2", "acme", 3), (7, "challenge", "192.0.2.1", "acme", 7), (6, "challenge", "192.0.2.1", "acme", 1),
    ]  # fmt: skip
    assert {(each.reason, each.reason_text) for each in answer.counts} == {("T202", "Credentials Not Offered")}
    assert [list(each.edges) for each in answer.counts] == [["edge-eu1"], ["edge-eu1", "edge-us1"], ["edge-us1"]]
    assert "PBX" in answer.counts[0].what_to_do and not answer.next_page_token
    assert told(await page(queries.database, Wanted())) == [
        (9, "flood", "192.0.2.1", "", 1),
        (8, "challenge", "192.0.2.1", "globex", 4),
        *told(answer),
    ]


async def test_filters_and_times(store: Store) -> None:
    projection, queries, _ = store
    await fill(projection)
    for wanted, minutes in (
        (Wanted(what="flood"), [9]),
        (Wanted(domain="globex"), [8]),
        (Wanted(tenant="of-acme", source="192.0.2.2"), [7]),
        (Wanted(since_ns=8 * MINUTE_NS), [9, 8]),
        (Wanted(until_ns=7 * MINUTE_NS), [6]),
        (Wanted(tenant="of-acme", domain="globex"), []),
    ):
        assert [row[0] for row in told(await page(queries.database, wanted))] == minutes, wanted
    for bad, field in (
        (Wanted(what="no such thing"), "what"),
        (Wanted(since_ns=9, until_ns=9), "until"),
        (Wanted(source="1" * 300), "source"),
    ):
        with pytest.raises(Refusal) as refused:
            await page(queries.database, bad)
        assert refused.value.field == field


@pytest.mark.parametrize("tenant", ["", "of-acme"])
@pytest.mark.parametrize("look", [3, 5_000])
async def test_pages_hold_each_count_once_however_little_a_page_looks_at(
    store: Store, tenant: str, look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection, queries, _ = store
    await fill(projection)
    whole = told(await page(queries.database, Wanted(tenant=tenant)))
    monkeypatch.setattr(unrecorded, "LOOK", look)
    found, token = [], ""
    for _ in range(20):
        answer = await page(queries.database, Wanted(tenant=tenant), 1, token)
        found += told(answer)
        token = answer.next_page_token
        if not token:
            break
    assert found == whole and not token
    with pytest.raises(Refusal):
        await page(queries.database, Wanted(), 1, "bm9uZSBvZiBvdXJz")


@pytest.mark.parametrize("tenant", ["", "of-acme"])
async def test_a_page_is_led_by_an_index_and_sorts_nothing(store: Store, tenant: str) -> None:
    _, queries, path = store
    asked: list[str] = []
    await queries.database.set_trace_callback(asked.append)
    place = unrecorded._token(unrecorded.Place(9 * MINUTE_NS, "flood", "", "192.0.2.1", ""))
    await page(queries.database, Wanted(tenant=tenant, since_ns=1, until_ns=10 * MINUTE_NS), 10, place)
    with sqlite3.connect(path) as database:
        plan = [step[3] for statement in asked for step in database.execute(f"EXPLAIN QUERY PLAN {statement}")]
    index = "counted_by_tenant" if tenant else "counted_by_minute"
    assert len(plan) == 1 and plan[0].startswith(f"SEARCH counted USING COVERING INDEX {index} ("), plan
