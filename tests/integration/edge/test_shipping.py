"""The engine's journal → CALLS over a real nats-server that is killed and frozen meanwhile: none lost, none doubled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers.authority import tls_of
from helpers.edge import LIMIT_S
from helpers.nats import NatsServer
from helpers.ports import free_port
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.api.events.v1 import call_pb2
from trunkline.edge.shipping import Sender, Shipper
from trunkline.engine import Engine
from trunkline.eventlog.streams import CALLS, ensure_streams
from trunkline.eventlog.tail import RawTail
from trunkline.runtime.nats_client import connect

SENDER = Sender("edge-eu1", "eu1", "eu")
SEGMENTS, LINES = 3, 8000


def write_journal(folder: Path) -> dict[str, bytes]:
    """What earlier runs of an edge have left behind: segments by name."""
    folder.mkdir()
    journal = {}
    for segment in range(SEGMENTS):
        name = f"{segment + 1:016x}-00000000"
        lines = [
            json.dumps(
                {"call": f"{line:032x}", "id": f"{segment + 1}-{line}", "time_ns": 1, "failed": {"status": 486, "by": "x" * (line % 300)}}
            )
            for line in range(LINES)
        ]
        journal[name] = "".join(f"{line}\n" for line in lines).encode()
        (folder / f"{name}.jsonl").write_bytes(journal[name])
    return journal


def bind(folder: Path) -> Engine:
    """An engine that takes no calls: its journal is what is wanted."""
    return Engine(edge="edge-eu1", pop="eu1", realm="sip.test", listen=[("127.0.0.1", free_port())], journal_dir=str(folder))


@asynccontextmanager
async def shipping(engine: Engine, client: Client) -> AsyncIterator[Shipper]:
    shipper = Shipper(engine, client, SENDER)
    task = asyncio.create_task(shipper.run())
    try:
        yield shipper
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def shipped(nats: NatsServer) -> list[call_pb2.CallFactBatch]:
    """Everything in CALLS, in its order."""
    client = await nats.connect()
    count = (await client.jetstream().stream_info(CALLS)).state.messages
    batches = []
    if count:
        async for message in RawTail(client, CALLS):
            batches.append(call_pb2.CallFactBatch.FromString(message.data))
            if len(batches) == count:
                break
    await client.close()
    return batches


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Client]:
    first = await nats_server.connect()
    await ensure_streams(first)
    await first.close()
    client = await connect(nats_server.url, tls=tls_of("edge", "edge-eu1"), name="edge-eu1", pending_bytes=0)
    yield client
    await client.close()


async def test_the_journal_stands_in_the_stream_byte_for_byte_and_is_deleted(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    journal = write_journal(tmp_path / "journal")
    engine = bind(tmp_path / "journal")
    async with shipping(engine, client):
        await until("the journal is shipped", lambda: engine.status()["journal_backlog_bytes"] == 0, limit_s=LIMIT_S)
    engine.stop()
    found: dict[str, bytes] = {}
    for batch in await shipped(nats_server):
        assert (batch.edge, batch.pop, batch.region) == ("edge-eu1", "eu1", "eu")
        assert batch.offset == len(found.get(batch.segment, b""))
        found[batch.segment] = found.get(batch.segment, b"") + batch.lines
    assert found == journal
    left = {path.stem for path in (tmp_path / "journal").glob("*.jsonl")}
    assert not left & set(list(journal)[:-1])


async def test_no_line_is_lost_or_doubled_though_the_server_dies_again_and_again(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    journal = write_journal(tmp_path / "journal")
    engine = bind(tmp_path / "journal")
    async with shipping(engine, client) as shipper:
        for round_ in range(3):
            await until(
                "pieces are stored",
                lambda round_=round_: shipper.counts.pieces > 2 * round_ or engine.status()["journal_backlog_bytes"] == 0,
                limit_s=LIMIT_S,
            )
            await nats_server.kill()
            await nats_server.start()
        await until("the journal is shipped", lambda: engine.status()["journal_backlog_bytes"] == 0, limit_s=LIMIT_S)
    engine.stop()
    batches = await shipped(nats_server)
    places = [(batch.segment, batch.offset) for batch in batches]
    assert len(places) == len(set(places))
    assert b"".join(batch.lines for batch in sorted(batches, key=lambda batch: (batch.segment, batch.offset))) == b"".join(journal.values())


async def test_a_frozen_server_is_waited_for_and_repetitions_are_dropped(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "journal")
    engine = bind(tmp_path / "journal")
    nats_server.freeze()
    async with shipping(engine, client) as shipper:
        await until("publishes have timed out", lambda: shipper.counts.retries >= 3, limit_s=LIMIT_S)
        assert shipper.counts.pieces == 0 and engine.status()["journal_backlog_bytes"] == sum(map(len, journal.values()))
        nats_server.thaw()
        await until("the journal is shipped", lambda: engine.status()["journal_backlog_bytes"] == 0, limit_s=LIMIT_S)
        assert shipper.counts.duplicates > 0, "what was sent again had arrived the first time"
    engine.stop()
    batches = await shipped(nats_server)
    assert sum(len(batch.lines) for batch in batches) == sum(map(len, journal.values()))


async def test_an_edge_that_dies_while_shipping_sends_everything_after_its_restart(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    journal = write_journal(tmp_path / "journal")
    for _ in range(3):
        engine = bind(tmp_path / "journal")
        nats_server.freeze()
        async with shipping(engine, client) as shipper:
            # Sent and not acknowledged: the worst moment to die in.
            await until("a publish has timed out", lambda shipper=shipper: shipper.counts.retries >= 1, limit_s=LIMIT_S)
            assert engine.status()["journal_backlog_bytes"] > 0
        engine.stop()
        nats_server.thaw()
    engine = bind(tmp_path / "journal")
    async with shipping(engine, client):
        await until("the journal is shipped", lambda: engine.status()["journal_backlog_bytes"] == 0, limit_s=LIMIT_S)
    engine.stop()
    lines: set[bytes] = set()
    for batch in await shipped(nats_server):
        lines.update(batch.lines.splitlines())
    assert lines == {line for content in journal.values() for line in content.splitlines()}


async def test_a_disk_that_does_not_take_the_place_stops_nothing_and_gets_its_room_back(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    journal = write_journal(tmp_path / "journal")
    engine = bind(tmp_path / "journal")
    # As little as on a full disk can the file be written.
    (tmp_path / "journal" / "acked").mkdir()
    async with shipping(engine, client):
        await until("the journal is shipped", lambda: engine.status()["journal_backlog_bytes"] == 0, limit_s=LIMIT_S)
    engine.stop()
    left = {path.stem for path in (tmp_path / "journal").glob("*.jsonl")}
    assert not left & set(list(journal)[:-1])
