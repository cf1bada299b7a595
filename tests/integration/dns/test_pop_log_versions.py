"""A stream POPS in which a later version has written: this one goes on behind what it cannot read, and says how much that was."""

from __future__ import annotations

import asyncio
import time

import pytest
from helpers.nats import NatsServer
from helpers.waiting import until
from integration.dns.conftest import LIMIT_S, NAMES, NameServer, reporting

from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub
from trunkline.api.events.v1 import pop_pb2
from trunkline.dns.recording import Recording
from trunkline.domain.pop_changes import PopChange
from trunkline.domain.pop_health import Health
from trunkline.domain.pop_states import PopState
from trunkline.eventlog.streams import POPS, ensure_pops
from trunkline.runtime.pop_log import Taken, follow_changes, subject_of

LATER = pop_pb2.PopChanged(pop="eu1", time_us=1, after=pop_pb2.PopStanding(word=pop_pb2.POP_WORD_READY))
LATER.after.MergeFromString(b"\x08\x63")
"""Of a state that has the number 99."""


OTHERS = pop_pb2.PopChanged(pop="eu2", time_us=1, after=LATER.after)
OTHERS.after.word = pop_pb2.POP_WORD_READY
UNREADABLE = pytest.mark.parametrize(
    "body",
    [LATER.SerializeToString(), b"\xff\xff", OTHERS.SerializeToString()],
    ids=["an unknown state", "no protobuf at all", "of another point of presence"],
)
WELL = Health(well_since_s=0.0, was_well=True)
DEAD = Health(PopState.DOWN, "no self-report for 4 s", True)


@UNREADABLE
async def test_a_change_that_cannot_be_read_does_not_hold_up_those_after_it(body: bytes, nats_server: NatsServer) -> None:
    """An hour later by the clock of who writes: at the time itself it would be taken for the same change."""
    client = await nats_server.connect()
    await ensure_pops(client, "eu")
    ahead_s = 0.0
    pen = Recording(client, name="dns-eu", region="eu", home="eu", regions=("eu",), clock=lambda: time.time() + ahead_s)
    running = asyncio.create_task(pen.run())

    def words() -> list[str]:
        return [str(change.after) for change in pen.book.newest_first("eu1")]

    try:
        pen.judged({"eu1": WELL})
        await until("eu1 is ready", words, lambda found: found == ["ready"], limit_s=LIMIT_S)
        await client.jetstream().publish(subject_of("eu", "eu1"), body)
        await until("it is passed over", lambda: pen.book.is_unread("eu1"), limit_s=LIMIT_S)
        ahead_s = 3600.0
        pen.judged({"eu1": DEAD})
        await until("eu1 is down", words, lambda found: found == ["down", "ready"], limit_s=LIMIT_S)
        assert pen.unread_total == 1 and not pen.book.is_unread("eu1")
        assert (await client.jetstream().stream_info(POPS)).state.messages == 3
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await client.close()


@UNREADABLE
async def test_the_name_server_says_how_many_it_passed_over(body: bytes, name_server: NameServer, nats_server: NatsServer) -> None:
    taken: list[Taken] = []
    client = await nats_server.connect()
    following = asyncio.create_task(follow_changes(client, "eu", lambda region, more: taken.extend(more)))

    def of(pop: str) -> list[str]:
        return [str(each.after) if isinstance(each, PopChange) else "?" for _, each in taken if each.pop == pop]

    async def unread_total() -> int:
        async with name_server.channel() as channel:
            answer = await DnsServiceStub(channel).GetDrift(dns_pb2.GetDriftRequest())
        return int(answer.unread_pop_changes_total)

    try:
        async with reporting(nats_server):
            await until(
                "all are ready", lambda: [of(pop) for pop in NAMES], lambda found: all(each == ["ready"] for each in found), limit_s=LIMIT_S
            )
        assert await unread_total() == 0
        await client.jetstream().publish(subject_of("eu", "eu1"), body)
        async with reporting(nats_server, "us1"):
            await until("the death of us1 behind it", lambda: of("us1"), lambda found: found == ["ready", "down"], limit_s=LIMIT_S)
        assert of("eu1") == ["ready", "?"] and await unread_total() == 1
        assert "cannot be read and is passed over" in name_server.output()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await client.close()
