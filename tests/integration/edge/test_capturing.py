"""What an edge tells of captured messages: a tenant with a flood of refused calls waits, and keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.engine import REALM, EngineBench, Peer, by_address, domain
from helpers.nats import NatsServer

from trunkline.api.events.v1.call_pb2 import CapturedBatch
from trunkline.edge.capturing import SUBJECT, Teller

LIMIT_S = 60.0
FLOOD = 60
OTHER = f"other.{REALM}"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path)
    bench.apply(*by_address("192.0.2.0/24"), replace(domain("acme/IN", host=OTHER), tenant="other"))
    yield bench
    bench.close()


def refused(peer: Peer, **what: str) -> None:
    peer.send(peer.request(**what))  # type: ignore[arg-type]
    assert peer.final().status == 403


async def test_a_flood_of_one_tenant_is_told_in_portions_and_another_tenants_call_with_the_first(
    bench: EngineBench, nats_server: NatsServer
) -> None:
    peer = bench.peer()
    for number in range(FLOOD):
        refused(peer, call=f"flood-{number}")
    refused(peer, call="other", host=OTHER)
    client, listener = await nats_server.connect(), await nats_server.connect()
    told: asyncio.Queue[CapturedBatch] = asyncio.Queue()

    async def on_message(message: object) -> None:
        await told.put(CapturedBatch.FromString(message.data))  # type: ignore[attr-defined]

    await listener.subscribe(f"{SUBJECT}.test1", cb=on_message)
    await listener.flush()
    teller = asyncio.create_task(Teller(bench.engine, client, "edge-test", "test1", most_per_s=160).run())
    try:
        batches: list[CapturedBatch] = []
        async with asyncio.timeout(LIMIT_S):
            while sum(len(batch.messages) for batch in batches) < 2 * (FLOOD + 1):
                batches.append(await told.get())
    finally:
        teller.cancel()
        await client.close()
        await listener.close()
    assert Counter(each.tenant for each in batches[0].messages) == {"acme": 38, "other": 2}
    assert [len(batch.messages) for batch in batches] == [40, 40, 40, 2]
    assert not any(each.is_sampled for batch in batches for each in batch.messages) and not any(batch.dropped for batch in batches)
