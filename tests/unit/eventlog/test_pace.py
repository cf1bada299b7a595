"""When commits leave."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.eventlog.pace import Pace

GATHER_S = 0.05


async def test_the_first_commit_leaves_at_once_and_those_behind_it_together() -> None:
    pace, loop = Pace(GATHER_S), asyncio.get_running_loop()
    began = loop.time()
    first = pace.wait(is_alone=False)
    with pytest.raises(StopIteration):
        first.send(None)
    behind = [asyncio.create_task(pace.wait(is_alone=False)) for _ in range(4)]
    async with asyncio.timeout(10):
        await asyncio.wait(behind, return_when=asyncio.FIRST_COMPLETED)
        assert loop.time() - began >= GATHER_S * 0.9
        # What woke one has woken all: they need no further time, only their turn.
        await asyncio.sleep(0)
    assert all(each.done() for each in behind)


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
