"""What auth finds of an address that an operator has banned: over a real stream, also for who reads it only afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from helpers.nats import NatsServer
from helpers.secure_nats import nats_server
from helpers.waiting import until

from trunkline.auth.ban_desk import BanDesk
from trunkline.domain.ban_book import BanBook
from trunkline.domain.bans import Ban, Suspicion
from trunkline.eventlog.streams import BANS, ensure_bans
from trunkline.runtime.ban_feed import follow_bans

__all__ = ["nats_server"]

LIMIT_S = 20.0
WEEK_S = 7 * 86_400.0
MARK = "198.51.100.1/32"


@asynccontextmanager
async def desk_of(nats: NatsServer, *, is_hearing: bool = True) -> AsyncIterator[BanDesk]:
    """One run of an auth service; where it does not hear the stream it has not read it yet."""
    client = await nats.connect()
    await ensure_bans(client, "eu")
    desk = BanDesk(client, "eu", Suspicion("auth-eu"))
    tasks = [asyncio.create_task(desk.run())]
    if is_hearing:
        tasks.append(asyncio.create_task(follow_bans(client, "eu", desk.heard)))
    try:
        yield desk
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.close()


async def read_anew(nats: NatsServer, desk: BanDesk) -> dict[str, Ban]:
    """What holds for an edge that starts now, when `desk` has published all that it was given."""
    await desk.ban(MARK, 60, "the end")
    client = await nats.connect()
    book = BanBook()
    task = asyncio.create_task(follow_bans(client, "eu", lambda bans: book.take(bans, time.time())))
    try:
        await until("the stream is read", lambda: book.word(MARK) is not None, limit_s=LIMIT_S)
        return {ban.cidr: ban for ban in book.holding(time.time()) if ban.cidr != MARK}
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def published(desk: BanDesk) -> None:
    await until("all is published", lambda: not desk._waiting, limit_s=LIMIT_S)


def automatic(cidr: str, duration_s: float = 600) -> Ban:
    now_s = time.time()
    return Ban(cidr, now_s, now_s + duration_s, "malformed", "auth-eu")


async def test_what_auth_finds_does_not_shorten_an_operators_ban_and_the_operator_lifts_it(nats_server: NatsServer) -> None:
    cidr = "192.0.2.41/32"
    async with desk_of(nats_server) as desk:
        ban = await desk.ban(cidr, WEEK_S, "abuse")
        desk.issue(automatic(cidr))
        assert not desk._waiting, "it is not even published"
        found = await read_anew(nats_server, desk)
        assert found[cidr].until_s == pytest.approx(ban.until_s) and found[cidr].issuer == "operator"
        assert [each.cidr for each in await desk.lift(cidr)] == [cidr]
        assert await read_anew(nats_server, desk) == {}


async def test_an_auth_that_has_not_heard_of_an_operators_ban_leaves_it_in_the_stream(nats_server: NatsServer) -> None:
    cidr = "192.0.2.42/32"
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(desk_of(nats_server))
        deaf = await stack.enter_async_context(desk_of(nats_server, is_hearing=False))
        await desk.ban(cidr, WEEK_S, "abuse")
        deaf.issue(automatic(cidr))
        await published(deaf)
        found = await read_anew(nats_server, desk)
        assert (found[cidr].issuer, found[cidr].reason) == ("operator", "abuse")
        await until("the automatic one is heard", lambda: desk.book.last_issued_s(cidr) != found[cidr].issued_s, limit_s=LIMIT_S)
        await desk.lift(cidr)
        assert await read_anew(nats_server, desk) == {}, "both are lifted"


async def test_a_short_ban_after_a_word_of_a_fast_clock_is_as_long_as_asked_and_no_lift(nats_server: NatsServer) -> None:
    cidr = "192.0.2.44/32"
    async with desk_of(nats_server) as desk:
        desk.heard([Ban(cidr, time.time() + 5, time.time() + 605, "malformed", "auth-eu")])
        ban = await desk.ban(cidr, 1, "for a moment")
        assert not ban.is_lifted and ban.until_s - ban.issued_s == pytest.approx(1)


async def test_an_operator_shortens_what_auth_has_issued(nats_server: NatsServer) -> None:
    cidr = "192.0.2.43/32"
    async with desk_of(nats_server) as desk:
        desk.issue(automatic(cidr, 86_400))
        await published(desk)
        await until("it is heard", lambda: desk.book.word(cidr), limit_s=LIMIT_S)
        desk.issue(automatic(cidr))
        assert not desk._waiting, "nor does auth shorten its own"
        await desk.ban(cidr, 60, "less will do")
        found = await read_anew(nats_server, desk)
        assert found[cidr].reason == "less will do" and found[cidr].until_s < time.time() + 61
        info = await desk._client.jetstream().stream_info(BANS)
        assert info.state.messages == 3, "one of each issuer about each address"
