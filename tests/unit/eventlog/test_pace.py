"""When commits leave."""

from __future__ import annotations

import asyncio

from trunkline.eventlog.pace import Pace

GATHER_S = 0.05


async def test_the_first_commit_leaves_at_once_and_those_behind_it_together() -> None:
    pace, loop = Pace(GATHER_S), asyncio.get_running_loop()
    left: list[float] = []

    async def send() -> None:
        await pace.wait(is_alone=False)
        left.append(loop.time())

    began = loop.time()
    await asyncio.gather(*(send() for _ in range(5)))
    assert left[0] - began < GATHER_S
    assert all(each - left[0] >= GATHER_S * 0.9 for each in left[1:])
    assert max(left[1:]) - min(left[1:]) < GATHER_S / 2


async def test_one_who_is_alone_waits_for_nobody() -> None:
    pace = Pace(gather_s=3600)
    async with asyncio.timeout(1):
        for _ in range(3):
            await pace.wait(is_alone=True)


async def test_a_commit_after_a_pause_leaves_at_once() -> None:
    pace = Pace(gather_s=0)
    async with asyncio.timeout(1):
        for _ in range(3):
            await pace.wait(is_alone=False)


async def test_one_who_is_cancelled_takes_no_others_along() -> None:
    pace = Pace(GATHER_S)
    await pace.wait(is_alone=False)
    waiting = [asyncio.create_task(pace.wait(is_alone=False)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting[1:])
