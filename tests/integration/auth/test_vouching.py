"""Right credentials that one region saw spare their source in all, and after a restart: over real servers of three regions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from helpers.regions import Regions, regions
from helpers.waiting import until

from trunkline.auth.vouching import VouchDesk
from trunkline.domain.bans import Ban, Offence, Suspicion

__all__ = ["regions"]

LIMIT_S = 30.0
REGIONS = ("eu", "us")


class Auth:
    """What one run of an auth service knows of its sources."""

    def __init__(self, name: str) -> None:
        self.suspicion = Suspicion(name)
        self.bans: list[Ban] = []
        self.heard: list[str] = []

    def hear(self, cidr: str, time_s: float) -> None:
        self.suspicion.hear_vouch(cidr, time_s)
        self.heard.append(cidr)

    def is_banned(self, address: str) -> bool:
        now_s = time.time()
        return any(self.suspicion.accuse(address, Offence.WRONG_CREDENTIALS, now_s) is not None for _ in range(30))


@asynccontextmanager
async def running(regions: Regions, region: str) -> AsyncIterator[tuple[Auth, VouchDesk]]:
    client = await regions.connect(region)
    await regions.linked(client)
    auth = Auth(f"auth-{region}")
    desk = VouchDesk(client, region, auth.hear)
    task = asyncio.create_task(desk.run(REGIONS))
    try:
        yield auth, desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:1:2::7"])
async def test_who_sent_right_credentials_in_one_region_is_banned_in_none_and_after_no_restart(regions: Regions, address: str) -> None:
    async with running(regions, "us") as (us, _):
        async with running(regions, "eu") as (eu, desk):
            cidr = eu.suspicion.vouch(address, time.time())
            assert cidr is not None
            desk.tell(cidr, time.time())
            await until("us has heard", lambda: us.heard == [cidr], limit_s=LIMIT_S)
            assert not us.is_banned(address) and not eu.is_banned(address)
        # Its next run knows nothing of its own.
        async with running(regions, "eu") as (again, desk):
            # Before it accuses anybody.
            await desk.wait_read(LIMIT_S)
            assert again.heard == [cidr]
            assert not again.is_banned(address) and again.is_banned("192.0.2.99")


async def test_a_region_that_is_away_is_not_waited_for_longer_than_said(regions: Regions) -> None:
    client = await regions.connect("eu")
    desk = VouchDesk(client, "eu", lambda cidr, time_s: None)
    task = asyncio.create_task(desk.run(("eu", "nowhere")))
    try:
        began_s = time.monotonic()
        await desk.wait_read(1.0)
        assert time.monotonic() - began_s >= 1.0
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
