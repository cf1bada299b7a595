"""Changes of points of presence over three real regions: one change is one event, whoever writes it, and it is written with home away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from helpers import pop_reports
from helpers.nats import NatsServer
from helpers.regions import HOME, REGIONS, Regions, regions
from helpers.waiting import until
from integration.dns.conftest import LIMIT_S, NAMES, NameServer, reporting

from trunkline.dns.recording import Recording
from trunkline.domain.directory import Directory
from trunkline.domain.pop_health import Health
from trunkline.eventlog.streams import POPS, ensure_pops
from trunkline.runtime.pop_log import Taken, follow_changes
from trunkline.runtime.pop_watch import PopWatch

__all__ = ["regions"]

ONES = ("eu1", "us1", "apac1")
HEALED_S = 60.0


class Judge:
    """What a dns service of a region has for it: its own ear, its own judgement, its own pen."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def history(self, pop: str) -> list[tuple[str, str]]:
        """Newest first."""
        return [(str(change.after), change.by) for change in self.recording.book.newest_first(pop)]

    def words(self, pop: str) -> list[str]:
        return [word for word, _ in self.history(pop)]


@asynccontextmanager
async def judging(found: Regions) -> AsyncIterator[dict[str, Judge]]:
    """In every region."""
    tasks, clients, judges = [], [], {}
    for region in REGIONS:
        client = await found.connect(region)
        clients.append(client)
        recording = Recording(client, name=f"dns-{region}", region=region, home=HOME, regions=REGIONS)
        directory = Directory()
        watch = PopWatch(ONES, lambda directory=directory: directory, on_judged=recording.judged)
        tasks += [asyncio.create_task(watch.run(client)), asyncio.create_task(recording.run())]
        judges[region] = Judge(recording)
    try:
        yield judges
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            await client.close()


@asynccontextmanager
async def edges(found: Regions, *silent: str) -> AsyncIterator[None]:
    """One in each region, each at its own server; the silent ones say nothing, and nobody gets an answer from them."""
    async with AsyncExitStack() as stack:
        for pop in ONES:
            await stack.enter_async_context(pop_reports.reporting(await found.connect(pop[:-1]), (pop,), ONES, silent))
        yield


async def stored(found: Regions, region: str) -> int:
    client = await found.connect(region)
    try:
        return (await client.jetstream().stream_info(POPS)).state.messages
    finally:
        await client.close()


async def test_each_change_is_one_event_in_three_regions_and_home_keeps_them_all(regions: Regions) -> None:
    async with judging(regions) as judges:

        async def all_say(pop: str, *words: str) -> None:
            def holds() -> bool:
                return all(judge.words(pop) == list(words) for judge in judges.values())

            await until(
                f"{pop} {words} everywhere",
                lambda: {region: judge.history(pop) for region, judge in judges.items()},
                lambda _: holds(),
                limit_s=HEALED_S,
            )

        async with edges(regions):
            for pop in ONES:
                await all_say(pop, "ready")
        async with edges(regions, "us1"):
            await all_say("us1", "down", "ready")
        async with edges(regions):
            await all_say("us1", "ready", "down", "ready")
        changes = judges["apac"].recording.book.newest_first("us1")
        assert "2 of 2 observers get no answer to OPTIONS" in changes[1].reason
        assert changes[0].reason == "seen well for 10 s"
        assert [str(change.before) for change in changes] == ["down", "ready", "None"]
        assert [change.time_us for change in changes] == sorted((change.time_us for change in changes), reverse=True)
        # Not only read as one: there is one.
        assert (await stored(regions, HOME), await stored(regions, "us"), await stored(regions, "apac")) == (5, 0, 0)


async def test_of_three_who_write_at_the_same_moment_one_is_taken(regions: Regions) -> None:
    """None has heard yet what the others write."""
    clients = [await regions.connect(region) for region in REGIONS]
    await ensure_pops(clients[0], HOME)
    pens = [
        Recording(client, name=f"dns-{region}", region=region, home=HOME, regions=(HOME,))
        for client, region in zip(clients, REGIONS, strict=True)
    ]
    for pen in pens:
        pen.judged(dict.fromkeys(ONES, Health(well_since_s=0.0, was_well=True)))
    running = [asyncio.create_task(pen.run()) for pen in pens]
    try:
        await until(
            "all have read all",
            lambda: [len(pen.book.newest_first()) for pen in pens],
            lambda found: set(found) == {len(ONES)},
            limit_s=HEALED_S,
        )
        assert await stored(regions, HOME) == len(ONES)
        assert len({str(pen.book.newest_first()) for pen in pens}) == 1
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for client in clients:
            await client.close()


async def test_changes_are_written_while_home_is_away_and_are_one_again_when_it_is_back(regions: Regions) -> None:
    async with judging(regions) as judges:

        def told(pop: str) -> object:
            return {region: judge.history(pop) for region, judge in judges.items()}

        async with edges(regions):
            for pop in ONES:
                await until(
                    f"{pop} is ready",
                    lambda pop=pop: told(pop),
                    lambda _, pop=pop: all(j.words(pop) == ["ready"] for j in judges.values()),
                    limit_s=HEALED_S,
                )
        # Who sees a point of presence first writes that, and two may be the first.
        before = {region: await stored(regions, region) for region in ("us", "apac")}
        links = regions.links.values()
        for link in links:
            link.take_down()
        # Each of the two regions that are cut off sees by its own edge alone that eu1 is gone.
        async with edges(regions, "eu1"):
            away = ("us", "apac")
            await until(
                "written in both",
                lambda: told("eu1"),
                lambda _: all(judges[r].words("eu1")[:1] == ["down"] for r in away),
                limit_s=HEALED_S,
            )
            assert {judges[region].history("eu1")[0][1] for region in away} == {f"dns-{region}" for region in away}
            assert "no self-report for" in judges["us"].recording.book.newest_first("eu1")[0].reason
            for link in links:
                link.bring_up()

            def is_one() -> bool:
                return (
                    all(j.words("eu1") == ["down", "ready"] for j in judges.values())
                    and len({str(j.history("eu1")) for j in judges.values()}) == 1
                )

            await until("the same change everywhere", lambda: told("eu1"), lambda _: is_one(), limit_s=HEALED_S)
            assert {region: await stored(regions, region) for region in away} == {region: before[region] + 1 for region in away}


async def test_the_name_server_writes_with_the_rights_that_it_has(name_server: NameServer, nats_server: NatsServer) -> None:
    """And what it wrote is there when it is started again, and is not written a second time."""
    taken: list[Taken] = []
    client = await nats_server.connect()
    following = asyncio.create_task(follow_changes(client, "eu", lambda region, more: taken.extend(more)))

    def words(pop: str) -> list[str]:
        return [str(change.after) for _, change in taken if change.pop == pop]

    def since_start() -> str:
        return name_server.output().rpartition("dns listens")[2]

    try:
        async with reporting(nats_server, "eu1"):
            await until("eu1 is down", lambda: words("eu1"), lambda found: found == ["down"], limit_s=LIMIT_S)
            others = [pop for pop in NAMES if pop != "eu1"]
            await until(
                "the others are ready",
                lambda: [words(pop) for pop in others],
                lambda found: all(len(each) == 1 for each in found),
                limit_s=LIMIT_S,
            )
            await name_server.kill()
            await name_server.start()
            await until("it is judged again", since_start, lambda text: "point of presence changed" in text, limit_s=LIMIT_S)
        # Changes are written in the order in which they are seen: with the next ones there, none of the old ones is under way.
        async with reporting(nats_server, "us1"):
            await until("us1 is down", lambda: words("us1"), lambda found: found == ["ready", "down"], limit_s=LIMIT_S)
            await until("eu1 is back", lambda: words("eu1"), lambda found: found == ["down", "ready"], limit_s=LIMIT_S)
        assert len(taken) == len(NAMES) + 2
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await client.close()
