"""CALLS → records over a real nats-server: nothing lost and nothing double when the server or the reader dies, or the file is deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats.errors
import nats.js.errors
import pytest
from helpers.nats import NatsServer
from nats.aio.client import Client

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.eventlog.streams import HOME, ensure_streams
from trunkline.records.feed import follow
from trunkline.records.projection import Projection
from trunkline.records.queries import Filter, Queries

LIMIT_S = 30.0


def call_lines(number: int) -> list[bytes]:
    """An answered call of two seconds, over two facts that the edge wrote at once and three later."""
    facts: list[tuple[int, dict[str, object]]] = [
        (0, {"attempted": {"tenant": "acme", "domain": "acme", "number": "+3123456789", "sip_call_id": f"s{number}"}}),
        (0, {"gateway_tried": {"number": 1, "carrier": "alpha", "rate_micros": 6000, "currency": "EUR"}}),
        (1, {"answered": {"number": 1, "status": 200}}),
        (3, {"ended": {"by": "caller", "q850": 16}}),
    ]
    return [
        json.dumps(
            {"call": f"{number:032x}", "id": f"b-{10 * number + n}", "time_ns": (1000 * number + second) * 1_000_000_000, **fact}
        ).encode()
        + b"\n"
        for n, (second, fact) in enumerate(facts)
    ]


async def publish(client: Client, lines: list[bytes], offset: int) -> None:
    """One piece of the journal, until the stream has it."""
    data = call_pb2.CallFactBatch(
        edge="edge-eu1", pop="eu1", region="eu", segment="b-0", offset=offset, lines=b"".join(lines)
    ).SerializeToString()
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                await client.jetstream().publish("calls.eu.eu1", data, timeout=1, headers={"Nats-Msg-Id": f"{offset}"})
                return
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError):  # the server is dead on purpose
                await asyncio.sleep(0.05)


@dataclass
class Reader:
    """The records service's inside: projection and queries over one file."""

    projection: Projection
    queries: Queries
    changed: asyncio.Event
    task: asyncio.Task[None]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                assert not self.task.done(), self.task
                self.changed.clear()
                await self.changed.wait()

    async def records(self) -> list[records_pb2.Record]:
        return (await self.queries.page(Filter(), 1000))[0]


@asynccontextmanager
async def reading(client: Client, path: Path) -> AsyncIterator[Reader]:
    changed = asyncio.Event()
    projection = await Projection.open(path)
    queries = await Queries.open(path)
    task = asyncio.create_task(follow(client, projection, HOME, lambda sequence: changed.set()))
    try:
        yield Reader(projection, queries, changed, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await queries.close()
        await projection.close()


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats_server.connect()
    await ensure_streams(client)
    yield client
    await client.close()


async def test_each_call_is_one_record_though_the_server_dies_in_the_middle(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    async with reading(client, tmp_path / "records.sqlite") as reader:
        for number in range(60):
            if number in (20, 40):
                await nats_server.kill()
                await nats_server.start()
            lines = call_lines(number)
            await publish(client, lines[:2], 10 * number)
            await publish(client, lines[1:], 10 * number + 1)
        await reader.until(lambda: reader.projection.position == 120)
        totals = await reader.queries.totals()
        assert (totals.records, totals.facts, totals.answered) == (60, 240, 60)


async def test_a_deleted_file_is_rebuilt_to_the_same_answers(client: Client, tmp_path: Path) -> None:
    for number in range(30):
        await publish(client, call_lines(number), number)
    async with reading(client, tmp_path / "first.sqlite") as reader:
        await reader.until(lambda: reader.projection.position == 30)
        before = await reader.records()
    async with reading(client, tmp_path / "second.sqlite") as reader:
        await reader.until(lambda: reader.projection.position == 30)
        assert await reader.records() == before
    assert len(before) == 30


async def test_a_reader_that_starts_again_goes_on_where_it_stopped(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    await publish(client, call_lines(1), 1)
    async with reading(client, path) as reader:
        await reader.until(lambda: reader.projection.position == 1)
    await publish(client, call_lines(2), 2)
    async with reading(client, path) as reader:
        assert reader.projection.position == 1
        await reader.until(lambda: reader.projection.position == 2)
        assert (await reader.queries.totals()).answered == 2


async def test_another_stream_is_read_from_its_beginning_and_old_records_stay(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "records.sqlite"
    for number in range(3):
        await publish(client, call_lines(number), number)
    async with reading(client, path) as reader:
        await reader.until(lambda: reader.projection.position == 3)
    await nats_server.forget()
    await nats_server.start()
    fresh = await nats_server.connect()
    await ensure_streams(fresh)
    await publish(fresh, call_lines(2), 2)
    await publish(fresh, call_lines(7), 7)
    async with reading(fresh, path) as reader:
        await reader.until(lambda: reader.projection.position == 2)
        totals = await reader.queries.totals()
        assert (totals.records, totals.facts) == (4, 16)
    await fresh.close()


async def test_reading_begins_when_the_stream_is_made(nats_server: NatsServer, tmp_path: Path) -> None:
    client = await nats_server.connect()
    async with reading(client, tmp_path / "records.sqlite") as reader:
        await asyncio.sleep(0)
        await ensure_streams(client)
        await publish(client, call_lines(1), 1)
        await reader.until(lambda: reader.projection.position == 1)
    await client.close()
