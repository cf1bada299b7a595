"""Appending when acknowledgements are lost, servers die and former homes come back."""

from __future__ import annotations

import asyncio
import time

import pytest
from helpers.commits import at, claim, commit
from helpers.nats import NatsServer
from helpers.tcp_proxy import tcp_proxy
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.eventlog.jetstream import APPEND_LIMIT_S, UNREACHABLE_LIMIT_S, JetStreamLog
from trunkline.eventlog.log import Conflict, LogUnavailable

MARGIN_S = 1.0


async def test_a_commit_whose_acknowledgement_was_lost_is_stored_once_and_found(nats_server: NatsServer, log: JetStreamLog) -> None:
    written = commit("a")
    async with tcp_proxy(nats_server.port) as proxy:
        nc = await nats_server.connect(f"nats://127.0.0.1:{proxy.port}")
        other = JetStreamLog(nc)
        await other.head()
        proxy.lose_answers()
        appending = asyncio.create_task(other.append([written], [at(written, 0)]))
        await asyncio.wait_for(proxy.has_lost.wait(), 5)
        assert await log.head() == 1
        proxy.cut()
        assert await appending == (1,)
        await nc.close()
    assert await log.head() == 1


async def test_a_batch_whose_acknowledgement_was_lost_is_stored_once_and_found(nats_server: NatsServer, log: JetStreamLog) -> None:
    batch = [claim("acme", "acme"), commit("acme")]
    async with tcp_proxy(nats_server.port) as proxy:
        nc = await nats_server.connect(f"nats://127.0.0.1:{proxy.port}")
        other = JetStreamLog(nc)
        appending = asyncio.create_task(other.append(batch, [at(each, 0) for each in batch]))
        proxy.lose_answers()
        await asyncio.wait_for(proxy.has_lost.wait(), 5)
        proxy.cut()
        assert await appending == (1, 2)
        await nc.close()
    assert await log.head() == 2


async def test_an_append_goes_on_when_the_server_is_killed_and_comes_back_at_once(nats_server: NatsServer, log: JetStreamLog) -> None:
    positions = []
    for number in range(1, 21):
        written = commit(f"a{number}")
        appending = asyncio.create_task(log.append([written], [at(written, 0)]))
        if number % 10 == 5:
            await asyncio.sleep(0)
            await nats_server.kill()
            await nats_server.start()
        positions.extend(await appending)
    assert positions == list(range(1, 21))
    assert await log.head() == 20


async def test_what_was_acknowledged_survives_kill_dash_nine(nats_server: NatsServer, log: JetStreamLog) -> None:
    for number in range(50):
        written = commit(f"a{number}")
        await log.append([written], [at(written, 0)])
    await nats_server.kill()
    await nats_server.start()
    assert await log.head() == 50


async def test_without_a_server_an_append_fails_fast_and_says_what_to_do(nats_server: NatsServer, nc: Client, log: JetStreamLog) -> None:
    written = commit("a")
    await nats_server.kill()
    await until("the loss is noticed", lambda: not nc.is_connected)
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match=r"Home region eu is out of reach.*same request id"):
        await log.append([written], [at(written, 0)])
    assert time.monotonic() - began < UNREACHABLE_LIMIT_S + MARGIN_S < APPEND_LIMIT_S


async def test_a_frozen_server_is_unavailable_and_a_retry_is_stored_once(nats_server: NatsServer, log: JetStreamLog) -> None:
    written = commit("a")
    nats_server.freeze()
    began = time.monotonic()
    with pytest.raises(LogUnavailable):
        await log.append([written], [at(written, 0)])
    assert time.monotonic() - began < APPEND_LIMIT_S + MARGIN_S
    with pytest.raises(LogUnavailable):
        await log.last("config.>")
    nats_server.thaw()
    assert await log.append([written], [at(written, 0)]) == (1,)
    assert await log.head() == 1


async def test_an_acknowledgement_of_another_domain_is_refused(nc: Client) -> None:
    written = commit("a")
    with pytest.raises(LogUnavailable, match="former home"):
        await JetStreamLog(nc, "us").append([written], [at(written, 0)])


async def test_a_missing_stream_is_unavailable_and_named(nc: Client) -> None:
    with pytest.raises(LogUnavailable, match="stream NOPE"):
        await JetStreamLog(nc, stream="NOPE").head()


async def test_a_commit_that_was_overtaken_after_its_acknowledgement_was_lost_is_a_conflict(
    nats_server: NatsServer, log: JetStreamLog
) -> None:
    mine = commit("a")
    async with tcp_proxy(nats_server.port) as proxy:
        nc = await nats_server.connect(f"nats://127.0.0.1:{proxy.port}")
        other = JetStreamLog(nc)
        await other.head()
        proxy.lose_answers()
        appending = asyncio.create_task(other.append([mine], [at(mine, 0)]))
        await asyncio.wait_for(proxy.has_lost.wait(), 5)
        theirs = commit("a", version=2)
        await log.append([theirs], [at(theirs, 1)])
        proxy.cut()
        with pytest.raises(Conflict):
            await appending
        await nc.close()
