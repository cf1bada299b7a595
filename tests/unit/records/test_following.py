"""What a live page is told when more changes come than wait for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1.records_pb2 import Record, WatchCallsRequest, WatchCallsResponse
from trunkline.dashboard.live import Watched
from trunkline.records import watching
from trunkline.records.filters import Filter
from trunkline.records.following import follow
from trunkline.records.projection import Projection, StreamMessage
from trunkline.records.queries import Queries
from trunkline.records.watching import Watchers

LIMIT_S = 30
WAITING = 20
START_NS = 1_800_000_000_000_000_000


class Calls:
    """Facts of calls, written as they come from an edge."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._number = 0

    async def say(self, call: int, kind: str, **more: object) -> None:
        """Call n began in second n."""
        self._number += 1
        fact = {"call": f"{call:032x}", "id": f"1-{self._number}", "time_ns": START_NS + call * 10**9, kind: more}
        batch = call_pb2.CallFactBatch(edge="edge-eu1", segment=f"{self._number}-0", offset=0, lines=json.dumps(fact).encode() + b"\n")
        await self._projection.apply([StreamMessage(self._number, batch.SerializeToString())])

    async def begin(self, call: int) -> None:
        await self.say(call, "attempted", tenant="acme", domain="acme", number="+3123456789", sip_call_id=str(call))


def stands(record: Record) -> tuple[int, str]:
    return int(record.call, 16), record.outcome


async def test_no_call_stays_live_on_a_page_because_its_end_was_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MAX_WAITING", WAITING)
    watchers, watched = Watchers(), Watched(3)
    projection = await Projection.open(tmp_path / "records.sqlite")
    queries = await Queries.open(tmp_path / "records.sqlite")
    try:
        projection.on_written = watchers.publish
        calls = Calls(projection)
        for call in range(1, WAITING + 5):
            await calls.begin(call)
        newest = WAITING + 4
        await calls.say(newest, "answered", number=1, status=200)
        with watchers.watching("acme", "") as watcher:
            answers = follow(watcher, queries, Filter(tenant="acme"), WatchCallsRequest(recent=3, gather_ms=1, most=3))

            async def told() -> WatchCallsResponse:
                answer = await asyncio.wait_for(anext(answers), LIMIT_S)
                watched.take(answer)
                return answer

            assert (await told()).is_reset
            assert stands(watched.records[0]) == (newest, "live")
            # Its end first, then more ends of older calls than wait for the page.
            await calls.say(newest, "ended", by="caller", q850=16)
            for call in range(1, WAITING + 2):
                await calls.say(call, "refused", status=403, reason="T203")
            answer = await told()
            assert stands(watched.records[0]) == (newest, "answered")
            assert answer.is_reset and answer.skipped >= WAITING - 2
            await calls.say(newest - 1, "refused", status=403, reason="T203")
            answer = await told()
            assert not answer.is_reset and [stands(record) for record in answer.records] == [(newest - 1, "refused")]
    finally:
        await queries.close()
        await projection.close()
