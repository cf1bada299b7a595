"""Making the streams, and finding them as they should not be."""

from __future__ import annotations

import asyncio
import json

import pytest
from helpers.commits import at, commit
from helpers.nats import NatsServer
from nats.aio.client import Client

from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.streams import StreamDiffers, config_stream, ensure_streams


async def ask(nc: Client, what: str, request: object = None) -> dict[str, object]:
    answer = await nc.request(f"$JS.API.{what}", json.dumps(request).encode() if request else b"", timeout=5)
    found: dict[str, object] = json.loads(answer.data)
    return found


async def test_making_them_again_changes_nothing(nc: Client, log: JetStreamLog) -> None:
    written = commit("a")
    await log.append([written], [at(written, 0)])
    epoch = await log.epoch()
    await ensure_streams(nc)
    assert await log.epoch() == epoch
    assert await log.head() == 1


async def test_many_may_make_them_at_once(nats_server: NatsServer) -> None:
    clients = [await nats_server.connect() for _ in range(5)]
    await asyncio.gather(*(ensure_streams(client) for client in clients))
    assert len({await JetStreamLog(client).epoch() for client in clients}) == 1
    for client in clients:
        await client.close()


async def test_nothing_can_be_deleted_or_purged(nc: Client, log: JetStreamLog) -> None:
    written = commit("a")
    await log.append([written], [at(written, 0)])
    assert "error" in await ask(nc, "STREAM.PURGE.CONFIG")
    assert "error" in await ask(nc, "STREAM.MSG.DELETE.CONFIG", {"seq": 1})
    assert await log.head() == 1


async def test_a_stream_that_would_lose_messages_is_refused_and_left_alone(nats_server: NatsServer) -> None:
    nc = await nats_server.connect()
    limited = {**config_stream(), "max_msgs_per_subject": 1, "allow_atomic": False}
    assert "error" not in await ask(nc, "STREAM.CREATE.CONFIG", limited)
    with pytest.raises(StreamDiffers, match=r"max_msgs_per_subject is 1, needed is -1.*allow_atomic"):
        await ensure_streams(nc)
    info = await ask(nc, "STREAM.INFO.CONFIG")
    assert info["config"]["max_msgs_per_subject"] == 1  # type: ignore[index]
    await nc.close()


async def test_a_stream_without_an_epoch_is_not_ours(nats_server: NatsServer) -> None:
    nc = await nats_server.connect()
    await ask(nc, "STREAM.CREATE.CONFIG", config_stream())
    with pytest.raises(LogDamaged, match="trunkline-epoch"):
        await JetStreamLog(nc).epoch()
    await nc.close()
