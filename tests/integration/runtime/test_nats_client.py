"""The NATS connection against a server that comes and goes."""

from __future__ import annotations

import asyncio
import time

import nats.errors
import pytest
from helpers.nats import NatsServer, nats_server
from helpers.waiting import until

from trunkline.runtime.nats_client import connect

__all__ = ["nats_server"]


async def test_it_connects_and_carries_messages(nats_server: NatsServer) -> None:
    client = await connect(nats_server.url, tls=None, name="test")
    try:
        received: asyncio.Queue[bytes] = asyncio.Queue()

        async def take(message: object) -> None:
            received.put_nowait(message.data)  # type: ignore[attr-defined]

        await client.subscribe("a.b", cb=take)
        await client.publish("a.b", b"hello")
        assert await asyncio.wait_for(received.get(), 5) == b"hello"
    finally:
        await client.close()


async def test_it_comes_back_after_the_server_was_killed(nats_server: NatsServer) -> None:
    client = await connect(nats_server.url, tls=None, name="test")
    try:
        await nats_server.kill()
        await until("the loss is noticed", lambda: not client.is_connected)
        await nats_server.start()
        await until("the connection is back", lambda: client.is_connected)
        await client.flush(2)
    finally:
        await client.close()


async def test_once_closed_it_tries_no_more_though_an_attempt_has_swallowed_that_it_is_to_end(nats_server: NatsServer) -> None:
    client = await connect(nats_server.url, tls=None, name="test")
    await nats_server.kill()
    await until("it tries", lambda: client._reconnection_task is not None)
    attempts = client._reconnection_task
    assert attempts is not None
    attempts.cancel()

    async def go_on() -> None:
        # As asyncio.wait_for did when what it waited for failed at the moment of the cancellation.
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    client._reconnection_task = swallowing = asyncio.create_task(go_on())
    await asyncio.sleep(0)
    await client.close()
    assert swallowing.done()


async def test_it_gives_up_waiting_for_a_server_that_is_away_but_not_trying(nats_server: NatsServer) -> None:
    await nats_server.kill()
    began = time.monotonic()
    client = await connect(nats_server.url, tls=None, name="test", wait_s=0.3)
    try:
        assert 0.2 < time.monotonic() - began < 20
        assert not client.is_connected
        await nats_server.start()
        await until("the connection is there", lambda: client.is_connected)
        await client.flush(2)
    finally:
        await client.close()


async def test_a_connection_that_was_never_made_can_be_closed_and_stays_closed(nats_server: NatsServer) -> None:
    await nats_server.kill()
    client = await connect(nats_server.url, tls=None, name="test", wait_s=0.1)
    await client.close()
    await nats_server.start()
    other = await connect(nats_server.url, tls=None, name="other")  # as long as a retry of the first would have taken
    await other.close()
    assert client.is_closed
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("nats")] == []


async def test_a_request_without_a_server_fails_within_its_time(nats_server: NatsServer) -> None:
    client = await connect(nats_server.url, tls=None, name="test")
    try:
        await nats_server.kill()
        await until("the loss is noticed", lambda: not client.is_connected)
        began = time.monotonic()
        with pytest.raises((nats.errors.Error, OSError)):
            await client.request("a.b", b"", timeout=0.5)
        assert time.monotonic() - began < 3
    finally:
        await client.close()
