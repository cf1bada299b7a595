"""Random commands through writers in two regions while servers die and links are cut: nothing lost, nothing doubled, all replicas equal.

`TRUNKLINE_EVENTLOG_COMMANDS` sets how many (10,000 take half a minute), `TRUNKLINE_EVENTLOG_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers.regions import REGIONS, Regions
from helpers.replicas import WAIT_S, Owner, following
from helpers.waiting import until

from trunkline.domain.commands import (
    AddAddress,
    AttachAcl,
    Command,
    CreateAcl,
    CreateDomain,
    CreateTenant,
    DeleteAcl,
    DeleteDomain,
    DetachAcl,
    RemoveAddress,
    fingerprint,
)
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import Kind, Position, TenantId
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import Conflict, EventLog, LogUnavailable
from trunkline.eventlog.streams import ensure_config
from trunkline.eventlog.writer import Writer, Written

COUNT = int(os.environ.get("TRUNKLINE_EVENTLOG_COMMANDS", "5000"))
TENANTS = tuple(map(TenantId, ("acme", "beta", "gamma", "delta")))
WORKERS = 8
TWICE_EVERY = 5
"""One command in so many is sent to both regions at once, with one request id."""

ANSWER_LIMIT_S = 60.0
DOWN_S = 0.3


def random_command(choice: random.Random) -> Command:
    """Over few names, so that most find what they need, and many collide."""
    tenant = choice.choice(TENANTS)
    acl, label = choice.choice(("A", "B")), choice.choice(("one", "two", "three"))
    cidr = f"192.0.2.{choice.randrange(100)}/32"
    return choice.choice(
        (
            *[CreateAcl(tenant, acl)] * 3,
            DeleteAcl(tenant, acl),
            *[AddAddress(tenant, acl, cidr)] * 6,
            *[RemoveAddress(tenant, acl, cidr)] * 2,
            CreateDomain(tenant, label),
            DeleteDomain(tenant, label),
            AttachAcl(tenant, label, acl),
            DetachAcl(tenant, label, acl),
        )
    )


@dataclass
class Station:
    """A writing process of one region."""

    owner: Owner
    writer: Writer

    async def answer(self, command: Command, request_id: str) -> Written | Refusal:
        """Asks with the same request id until there is an answer."""
        async with asyncio.timeout(ANSWER_LIMIT_S):
            while True:
                try:
                    return await self.writer.execute(
                        command,
                        lambda asked: decide(self.owner.directory, asked),
                        actor="operator",
                        tenant=command.tenant,
                        request_id=request_id,
                        request_hash=fingerprint(command),
                    )
                except Refusal as refusal:
                    return refusal
                except (Conflict, LogUnavailable):
                    await asyncio.sleep(0.02)


@dataclass
class Run:
    stations: Sequence[Station]
    choice: random.Random
    begun: int = 0
    done: int = 0
    written: dict[str, Position] = field(default_factory=dict)
    untouched: set[str] = field(default_factory=set)

    async def work(self) -> None:
        while self.begun < COUNT:
            self.begun += 1
            command, request_id = random_command(self.choice), secrets.token_hex(8)
            asked = list(self.stations) if self.begun % TWICE_EVERY == 0 else [self.choice.choice(self.stations)]
            answers = await asyncio.gather(*(station.answer(command, request_id) for station in asked))
            positions = {each.position for each in answers if isinstance(each, Written) and each.position}
            assert len(positions) <= 1, f"{command} with the request id {request_id} was answered with {positions}"
            if positions:
                self.written[request_id] = positions.pop()
            else:
                self.untouched.add(request_id)
            self.done += 1

    async def reached(self, part: float) -> None:
        await until(f"{part:.0%} of the commands", lambda: self.done >= part * COUNT, limit_s=ANSWER_LIMIT_S)


async def trouble(run: Run, regions: Regions) -> None:
    """Each fault at a share of the commands, so that a slow machine has them all too."""
    await run.reached(0.1)
    await regions.servers["us"].kill()
    await asyncio.sleep(DOWN_S)
    await regions.servers["us"].start()
    await run.reached(0.3)
    await regions.home.kill()
    await asyncio.sleep(DOWN_S)
    await regions.home.start()
    await run.reached(0.5)
    regions.links["us"].take_down()
    await asyncio.sleep(DOWN_S)
    regions.links["us"].bring_up()
    await run.reached(0.7)
    regions.links["us"].lose_answers()
    await asyncio.sleep(DOWN_S)
    regions.links["us"].cut()
    await run.reached(0.85)
    await regions.home.kill()
    await regions.home.start()


async def requests_in(log: EventLog, end: Position) -> Counter[tuple[str, Position]]:
    """What the log has of each request: its commit's position, claims apart."""
    found: Counter[tuple[str, Position]] = Counter()
    async with asyncio.timeout(WAIT_S):
        async for stored in log.tail(Position(1)):
            if stored.commit.kind is not Kind.CLAIM:
                found[stored.commit.request_id, stored.position] += 1
            if stored.position == end:
                break
    return found


async def test_nothing_is_lost_or_doubled_and_all_replicas_are_equal(regions: Regions, tmp_path: Path) -> None:
    seed = int(os.environ.get("TRUNKLINE_EVENTLOG_SEED", secrets.randbelow(1 << 32)))
    print(f"\nseed of the commands: {seed}")
    clients = {region: await regions.connect(region) for region in REGIONS}
    await ensure_config(clients["eu"], "eu")
    logs = {region: JetStreamLog(client) for region, client in clients.items()}
    async with (
        following(logs["eu"], tmp_path / "eu.sqlite") as eu,
        following(logs["us"], tmp_path / "us.sqlite") as us,
        following(logs["apac"], tmp_path / "apac.sqlite") as apac,
    ):
        stations = [Station(owner, Writer(logs[region], owner.replica)) for region, owner in (("eu", eu), ("us", us))]
        for tenant in TENANTS:
            assert isinstance(await stations[0].answer(CreateTenant(tenant, tenant), f"tenant-{tenant}"), Written)
        run = Run(stations, random.Random(seed))
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble(run, regions))
            for _ in range(WORKERS):
                group.create_task(run.work())
        took_s = time.monotonic() - began_s
        end = await logs["eu"].head()
        found = await requests_in(logs["eu"], end)
        ours = {key for key in found if not key[0].startswith("tenant-")}
        assert ours == set(run.written.items()), "a commit was lost, doubled, or stands elsewhere than its answer says"
        assert set(found.values()) == {1}
        assert not run.untouched & {request for request, _ in ours}, "a refused request has written"
        async with following(logs["apac"], tmp_path / "new.sqlite") as new:
            for owner in (eu, us, apac, new):
                await owner.replica.wait_covered(end, WAIT_S)
            assert len({owner.replica.digest for owner in (eu, us, apac, new)}) == 1
            assert [owner.resets for owner in (eu, us, apac, new)] == [0, 0, 0, 0]
            for owner in (eu, us, apac):
                assert owner.commits == list(range(1, end + 1))
                assert owner.directory.claims == new.directory.claims
        share = len(run.written) / COUNT
        print(f"{COUNT} commands in {took_s:.1f} s, {len(run.written)} written ({share:.0%}), head {end}")
        assert share > 0.2, "hardly any command wrote: this test shows little"
    for client in clients.values():
        await client.close()
