"""Receipts: who waits for a position is told when the tables cover it, and not before."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.edge import applied as applied_module
from trunkline.edge.applied import AppliedPositions, Covered, TooManyWaiting


async def test_a_covered_position_is_answered_at_once_with_the_time_of_its_group() -> None:
    positions = AppliedPositions()
    positions.cover(3, 1.0)
    positions.cover(7, 2.0)
    assert await positions.wait(0, 0) == Covered(3, 1.0)
    assert await positions.wait(3, 0) == Covered(3, 1.0)
    assert await positions.wait(4, 0) == Covered(7, 2.0)
    assert positions.position == 7


async def test_a_waiting_request_is_answered_when_its_position_is_covered() -> None:
    positions = AppliedPositions()
    waiting = asyncio.create_task(positions.wait(5, 10))
    await asyncio.sleep(0)
    positions.cover(4, 1.0)
    await asyncio.sleep(0)
    assert not waiting.done()
    positions.cover(6, 2.0)
    assert await waiting == Covered(6, 2.0)


async def test_a_position_that_does_not_come_is_none_after_the_limit() -> None:
    assert await AppliedPositions().wait(1, 0.01) is None


async def test_covering_the_same_position_again_keeps_its_first_time() -> None:
    positions = AppliedPositions()
    positions.cover(3, 1.0)
    positions.cover(3, 9.0)
    assert positions.when(3) == Covered(3, 1.0)


async def test_the_number_of_waiting_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applied_module, "MAX_WAITING", 2)
    positions = AppliedPositions()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(positions.wait(1, 10)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting):
            await positions.wait(1, 10)
        positions.cover(1, 1.0)
    assert [each.result() for each in waiting] == [Covered(1, 1.0)] * 2
