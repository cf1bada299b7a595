"""Following a stream through everything that happens to a server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.commits import at, commit
from helpers.nats import NatsServer
from helpers.tcp_proxy import tcp_proxy
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.domain.events import Position
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import LogDamaged, LogUnavailable
from trunkline.eventlog.streams import ensure_streams
from trunkline.eventlog.tail import RawMessage, RawTail

WAIT_S = 20.0


class Follower:
    """Collects what a tail of CALLS yields."""

    def __init__(self, nc: Client, *, start: int = 1, batch: int = 1000) -> None:
        self.found: list[RawMessage] = []
        self._task = asyncio.create_task(self._follow(RawTail(nc, "CALLS", start, batch=batch)))

    async def _follow(self, tail: RawTail) -> None:
        async for message in tail:
            self.found.append(message)

    async def has(self, count: int) -> None:
        def there() -> bool:
            if self._task.done():
                self._task.result()
            return len(self.found) >= count

        await until("they are there", there, limit_s=WAIT_S)
        assert [message.sequence for message in self.found] == list(range(self.found[0].sequence, self.found[0].sequence + count))

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def publish(nc: Client, start: int, count: int) -> None:
    js = nc.jetstream()
    for number in range(start, start + count):
        await js.publish("calls.eu.eu1", str(number).encode(), headers={"Nats-Msg-Id": f"m{number}"})


async def test_messages_come_whole_with_their_headers(nc: Client) -> None:
    await publish(nc, 1, 1)
    follower = Follower(nc)
    await follower.has(1)
    message = follower.found[0]
    assert (message.sequence, message.subject, message.data) == (1, "calls.eu.eu1", b"1")
    assert message.headers is not None
    assert message.headers["Nats-Msg-Id"] == "m1"
    assert message.time_ns > 1_700_000_000 * 10**9
    await follower.end()


async def test_a_tail_goes_on_after_kill_dash_nine(nats_server: NatsServer, nc: Client) -> None:
    await publish(nc, 1, 20)
    follower = Follower(nc)
    await follower.has(20)
    await nats_server.kill()
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected, limit_s=WAIT_S)
    await publish(nc, 21, 20)
    await follower.has(40)
    await follower.end()


async def test_a_tail_goes_on_after_a_freeze(nats_server: NatsServer, nc: Client) -> None:
    await publish(nc, 1, 5)
    follower = Follower(nc)
    await follower.has(5)
    nats_server.freeze()
    # Longer than the tail bears silence, so it has to find its way back.
    await asyncio.sleep(3)
    nats_server.thaw()
    await publish(nc, 6, 5)
    await follower.has(10)
    await follower.end()


async def test_a_tail_that_is_started_without_a_server_begins_when_there_is_one(nats_server: NatsServer, nc: Client) -> None:
    await publish(nc, 1, 3)
    await nats_server.kill()
    follower = Follower(nc)
    await asyncio.sleep(0.2)
    assert follower.found == []
    await nats_server.start()
    await follower.has(3)
    await follower.end()


async def test_a_tail_goes_on_after_its_connection_was_cut_in_the_middle_of_a_message(nats_server: NatsServer, nc: Client) -> None:
    async with tcp_proxy(nats_server.port) as proxy:
        theirs = await nats_server.connect(f"nats://127.0.0.1:{proxy.port}")
        follower = Follower(theirs)
        await publish(nc, 1, 5)
        await follower.has(5)
        proxy.lose_answers()
        await publish(nc, 6, 50)
        await asyncio.wait_for(proxy.has_lost.wait(), 5)
        proxy.cut()
        await publish(nc, 56, 5)
        await follower.has(60)
        await follower.end()
        await theirs.close()


@pytest.mark.parametrize("shown_by", ["heartbeat", "next message"])
async def test_a_lost_message_is_noticed_and_fetched_again(nats_server: NatsServer, nc: Client, shown_by: str) -> None:
    """Answers are lost for a while on a connection that stays."""
    async with tcp_proxy(nats_server.port) as proxy:
        theirs = await nats_server.connect(f"nats://127.0.0.1:{proxy.port}")
        follower = Follower(theirs)
        await publish(nc, 1, 5)
        await follower.has(5)
        proxy.lose_answers()
        await publish(nc, 6, 1)
        await asyncio.wait_for(proxy.has_lost.wait(), 5)
        proxy.find_answers()
        if shown_by == "next message":
            await publish(nc, 7, 1)
            await follower.has(7)
        else:
            await follower.has(6)
        assert theirs.stats["reconnects"] == 0
        await follower.end()
        await theirs.close()


async def test_a_slow_reader_loses_nothing_and_is_sent_no_more_than_a_batch(nc: Client) -> None:
    await publish(nc, 1, 300)
    tail = RawTail(nc, "CALLS", 1, batch=20)
    sizes: list[int] = []
    found: list[int] = []
    async with asyncio.timeout(WAIT_S):
        async for group in tail.groups():
            await asyncio.sleep(0.005)
            sizes.append(len(group))
            found.extend(message.sequence for message in group)
            if len(found) == 300:
                break
    assert found == list(range(1, 301))
    assert max(sizes) <= 20


async def test_second_form_ack_subjects_are_followed(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "v2", has_v2_acks=True)
    await server.start()
    try:
        nc = await server.connect()
        await ensure_streams(nc)
        await publish(nc, 1, 3)
        subscription = await nc.subscribe("_INBOX.form.>")
        js = nc.jetstream()
        psub = await js.pull_subscribe("calls.>", stream="CALLS", durable="form")
        (message,) = await psub.fetch(1, timeout=5)
        assert len(message.reply.split(".")) > 9, "the server does not send the second form: this test shows nothing"
        await subscription.unsubscribe()
        follower = Follower(nc)
        await follower.has(3)
        await follower.end()
        await nc.close()
    finally:
        await server.kill()


async def test_a_stream_that_has_lost_its_end_is_damage(nats_server: NatsServer, nc: Client) -> None:
    await publish(nc, 1, 3)
    tail = RawTail(nc, "CALLS", 10)
    with pytest.raises(LogDamaged, match="ends at 3, and 9 was read"):
        await asyncio.wait_for(anext(aiter(tail)), WAIT_S)


async def test_a_stream_that_was_made_anew_under_a_tail_is_damage(nats_server: NatsServer, nc: Client) -> None:
    await publish(nc, 1, 3)
    follower = Follower(nc)
    await follower.has(3)
    await nats_server.forget()
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected, limit_s=WAIT_S)
    await ensure_streams(nc)
    with pytest.raises(LogDamaged, match="ends at 0, and 3 was read"):
        await follower.has(4)


async def test_a_tail_ends_when_its_own_process_closes_the_connection(nc: Client) -> None:
    tail = RawTail(nc, "CALLS", 1)
    taking = asyncio.create_task(anext(aiter(tail)))
    await asyncio.sleep(0.1)
    await nc.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await asyncio.wait_for(taking, 5)


async def test_commits_follow_each_other_through_two_kills(nats_server: NatsServer, log: JetStreamLog) -> None:
    found: list[int] = []

    async def follow() -> None:
        async for stored in log.tail(Position(1)):
            found.append(stored.position)

    following = asyncio.create_task(follow())
    for number in range(1, 61):
        written = commit(f"a{number}")
        await log.append([written], [at(written, 0)])
        if number in (20, 40):
            await nats_server.kill()
            await nats_server.start()
    await until("all are found", lambda: len(found) >= 60, limit_s=WAIT_S)
    assert found == list(range(1, 61))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
