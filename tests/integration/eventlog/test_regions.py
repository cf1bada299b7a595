"""The log of home as it is seen from three regions, whose servers die, freeze and are cut off. Times are printed with `pytest -s`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import nats.errors
import pytest
from helpers.commits import address, at, commit
from helpers.regions import REGIONS, Regions, answers
from helpers.replicas import following
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.domain.events import Position
from trunkline.eventlog.jetstream import APPEND_LIMIT_S, JetStreamLog
from trunkline.eventlog.log import LogUnavailable
from trunkline.eventlog.streams import CALLS_ALL, api_prefix, ensure_all_calls, ensure_calls, ensure_config
from trunkline.eventlog.tail import SILENCE_LIMIT_S, RawTail

RESUME_LIMIT_S = 15.0
"""Far above what is printed: the machine may be busy. What it must never be is for ever."""

WRITE_FAILS_WITHIN_S = 0.6
FAULT_S = SILENCE_LIMIT_S + 0.5
"""Longer than a tail bears silence, so that it has to find its way back."""


class Follower:
    """Collects the positions that a tail of CONFIG in one region gives, and when the last one came."""

    def __init__(self, nc: Client) -> None:
        self.positions: list[Position] = []
        self.last_s = 0.0
        self._task = asyncio.create_task(self._follow(JetStreamLog(nc)))

    async def _follow(self, log: JetStreamLog) -> None:
        async for group in log.groups(Position(1)):
            self.positions += [stored.position for stored in group]
            self.last_s = time.monotonic()

    async def has(self, end: int) -> None:
        """All positions up to `end`, each once and in order."""
        async with asyncio.timeout(RESUME_LIMIT_S):
            while len(self.positions) < end:
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.005)
        assert self.positions == list(range(1, end + 1))

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Author:
    """Appends one commit after another; what was in doubt is appended again."""

    def __init__(self, nc: Client) -> None:
        self._log = JetStreamLog(nc)
        self.end = 0

    async def append(self, count: int) -> None:
        for _ in range(count):
            written = commit("a", *((address(self.end),) if self.end else ()), version=self.end + 1)
            async with asyncio.timeout(RESUME_LIMIT_S):
                while True:
                    try:
                        (position,) = await self._log.append([written], [at(written, self.end)])
                    except LogUnavailable:
                        continue
                    break
            self.end += 1
            assert position == self.end


@asynccontextmanager
async def with_config(regions: Regions) -> AsyncIterator[dict[str, Client]]:
    """A connection in each region, and CONFIG at home."""
    clients = {region: await regions.connect(region) for region in REGIONS}
    try:
        await ensure_config(clients["eu"], "eu")
        yield clients
    finally:
        for client in clients.values():
            await client.close()


@asynccontextmanager
async def fault(regions: Regions, name: str, author: Author) -> AsyncIterator[None]:
    """Ends healed. Where home takes commits meanwhile, it is given some."""
    match name:
        case "home killed":
            await regions.home.kill()
            await asyncio.sleep(FAULT_S)
            yield
            await regions.home.start()
        case "region killed":
            await regions.servers["us"].kill()
            await author.append(10)
            await asyncio.sleep(FAULT_S)
            yield
            await regions.servers["us"].start()
        case "link cut":
            regions.links["us"].take_down()
            await author.append(10)
            await asyncio.sleep(FAULT_S)
            yield
            regions.links["us"].bring_up()
        case "home frozen":
            regions.home.freeze()
            await asyncio.sleep(FAULT_S)
            yield
            regions.home.thaw()
        case "region frozen":
            regions.servers["us"].freeze()
            await author.append(10)
            await asyncio.sleep(FAULT_S)
            yield
            regions.servers["us"].thaw()
        case _:
            raise AssertionError(name)


@pytest.mark.parametrize("name", ["home killed", "region killed", "link cut", "home frozen", "region frozen"])
async def test_tails_in_every_region_go_on_without_a_gap_or_a_copy(regions: Regions, name: str) -> None:
    async with with_config(regions) as clients:
        followers = {region: Follower(client) for region, client in clients.items()}
        author = Author(clients["eu"])
        await author.append(10)
        for follower in followers.values():
            await follower.has(author.end)
        async with fault(regions, name, author):
            pass
        healed_s = time.monotonic()
        await author.append(10)
        for follower in followers.values():
            await follower.has(author.end)
        resumed = ", ".join(f"{region} {follower.last_s - healed_s:.2f} s" for region, follower in followers.items())
        print(f"\n{name}: behind the head no more after {resumed}")
        for follower in followers.values():
            await follower.end()


async def test_with_the_link_cut_a_write_fails_at_once_and_says_where_and_what_to_do(regions: Regions, tmp_path: Path) -> None:
    async with with_config(regions) as clients, following(JetStreamLog(clients["us"]), tmp_path / "us.sqlite") as owner:
        first = commit("a", request_id="one")
        log = JetStreamLog(clients["us"])
        assert await log.append([first], [at(first, 0)]) == (1,)
        await owner.replica.wait_covered(Position(1), RESUME_LIMIT_S)
        regions.links["us"].take_down()
        await until("the link is gone", lambda: answers(clients["us"]), lambda is_answered: not is_answered, limit_s=RESUME_LIMIT_S)
        second = commit("b", request_id="two")
        for asked in (lambda: log.append([second], [at(second, 0)]), log.head, log.epoch, lambda: log.last("config.>")):
            began_s = time.monotonic()
            with pytest.raises(LogUnavailable, match=r"Home region eu is out of reach.*Reads go on here.*same request id"):
                await asked()  # type: ignore[operator]
            assert time.monotonic() - began_s < WRITE_FAILS_WITHIN_S
        assert "a" in owner.directory.acls(first.tenant)
        regions.links["us"].bring_up()
        await regions.linked(clients["us"])
        assert await log.append([second], [at(second, 0)]) == (2,)
        await owner.replica.wait_covered(Position(2), RESUME_LIMIT_S)
        assert owner.resets == 0


async def test_a_frozen_home_is_given_up_in_time_and_the_same_append_is_stored_once_later(regions: Regions) -> None:
    async with with_config(regions) as clients:
        log = JetStreamLog(clients["us"])
        written = commit("a")
        regions.home.freeze()
        began_s = time.monotonic()
        with pytest.raises(LogUnavailable, match="Home region eu"):
            await log.append([written], [at(written, 0)])
        assert time.monotonic() - began_s < APPEND_LIMIT_S + 0.5
        regions.home.thaw()
        assert await log.append([written], [at(written, 0)]) == (1,)
        assert await log.head() == 1


async def test_a_tail_that_is_started_while_the_link_is_cut_begins_when_it_is_back(regions: Regions) -> None:
    async with with_config(regions) as clients:
        author = Author(clients["eu"])
        await author.append(5)
        regions.links["us"].take_down()
        # The region's own JetStream answers all the while: it is home that does not.
        await until("the link is gone", lambda: answers(clients["us"]), lambda is_answered: not is_answered, limit_s=RESUME_LIMIT_S)
        assert await answers(clients["us"], "us")
        follower = Follower(clients["us"])
        await author.append(5)
        assert follower.positions == []
        regions.links["us"].bring_up()
        began_s = time.monotonic()
        await follower.has(10)
        print(f"\nstarted with the link cut: at the head {follower.last_s - began_s:.2f} s after it was back")
        await follower.end()


async def publish(nc: Client, region: str, number: int) -> None:
    acknowledged = await nc.request(f"calls.{region}.{region}1", b"%d" % number, timeout=5)
    assert b'"seq"' in acknowledged.data


async def test_facts_of_calls_of_every_region_arrive_at_home_once_also_of_one_that_was_cut_off(regions: Regions) -> None:
    async with with_config(regions) as clients:
        async with asyncio.timeout(RESUME_LIMIT_S):
            await ensure_all_calls(clients["eu"], "eu", REGIONS)
        found: list[tuple[str, bytes]] = []

        async def collect() -> None:
            async for message in RawTail(clients["eu"], CALLS_ALL, api_prefix=api_prefix("eu")):
                found.append((message.subject, message.data))

        collecting = asyncio.create_task(collect())
        for region, client in clients.items():
            for number in range(5):
                await publish(client, region, number)
        await until("all are found", lambda: len(found) == 15)
        regions.links["us"].take_down()
        for region, client in clients.items():
            for number in range(5, 10):
                await publish(client, region, number)
        await until("all are found", lambda: len(found) == 25)
        regions.links["us"].bring_up()
        began_s = time.monotonic()
        # By its documentation the server waits up to twenty seconds before it asks a source again that has gone.
        await until("the rest", lambda: len(found) == 30, limit_s=60)
        print(f"\nfacts of a region that was cut off are at home {time.monotonic() - began_s:.1f} s after its link is back")
        assert sorted(found) == sorted((f"calls.{region}.{region}1", b"%d" % number) for region in REGIONS for number in range(10))
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)


async def test_a_region_that_is_away_holds_up_the_streams_of_no_other(regions: Regions) -> None:
    async with with_config(regions) as clients:
        await regions.servers["apac"].kill()
        making = asyncio.create_task(ensure_all_calls(clients["eu"], "eu", REGIONS))

        async def has(region: str, stream: str) -> bool:
            answer = await clients["eu"].request(f"$JS.{region}.API.STREAM.INFO.{stream}", b"", timeout=2)
            return b'"config"' in answer.data

        for region, stream in (("us", "CALLS"), ("eu", "CALLS"), ("eu", CALLS_ALL)):
            await until(f"{stream} of {region}", partial(has, region, stream), despite=(nats.errors.Error,), limit_s=RESUME_LIMIT_S)
        assert not making.done()
        await regions.servers["apac"].start()
        async with asyncio.timeout(RESUME_LIMIT_S):
            await making
        assert await has("apac", "CALLS")


async def test_a_stream_of_calls_of_the_first_version_is_narrowed_and_keeps_what_it_has(regions: Regions) -> None:
    async with with_config(regions) as clients:
        nc = clients["us"]
        js = nc.jetstream()
        await ensure_calls(nc, "us")
        info = await js.stream_info("CALLS")
        await js.update_stream(info.config.evolve(subjects=["calls.>"]))
        await publish(nc, "us", 1)
        await ensure_calls(nc, "us")
        narrowed = await js.stream_info("CALLS")
        assert narrowed.config.subjects == ["calls.us.>"]
        assert narrowed.state.messages == 1
