"""Whose turn it is: together, one after another, alone."""

from __future__ import annotations

import asyncio

import pytest

from trunkline.domain.events import TenantId
from trunkline.eventlog.turns import Turns

ACME, BETA = TenantId("acme"), TenantId("beta")


class Diary:
    """Who is inside, and who was there together."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.inside: set[str] = set()
        self.met: set[frozenset[str]] = set()
        self.order: list[str] = []

    async def write(self, name: str, tenant: TenantId, subject: str | None, until: asyncio.Event | None = None) -> None:
        async with self.turns.of(tenant, subject):
            self.inside.add(name)
            self.order.append(name)
            self.met.add(frozenset(self.inside))
            if until is None:
                await asyncio.sleep(0)
            else:
                await until.wait()
            self.inside.remove(name)


async def test_commands_of_different_aggregates_go_together() -> None:
    diary = Diary()
    await asyncio.gather(diary.write("one", ACME, "a"), diary.write("two", ACME, "b"))
    assert frozenset({"one", "two"}) in diary.met


async def test_commands_of_one_aggregate_go_one_after_another_in_their_order() -> None:
    diary = Diary()
    await asyncio.gather(*(diary.write(str(number), ACME, "a") for number in range(5)))
    assert diary.order == ["0", "1", "2", "3", "4"]
    assert all(len(each) == 1 for each in diary.met)


async def test_one_that_looks_at_the_whole_tenant_goes_alone() -> None:
    diary = Diary()
    await asyncio.gather(diary.write("one", ACME, "a"), diary.write("all", ACME, None), diary.write("two", ACME, "b"))
    assert frozenset({"all"}) in diary.met
    assert not any("all" in each and len(each) > 1 for each in diary.met)
    assert diary.order == ["one", "all", "two"]


async def test_tenants_do_not_wait_for_each_other() -> None:
    diary = Diary()
    await asyncio.gather(diary.write("acme", ACME, None), diary.write("beta", BETA, None))
    assert frozenset({"acme", "beta"}) in diary.met


@pytest.mark.parametrize("subject", ["b", None])
async def test_one_who_is_cancelled_while_it_waits_holds_nobody_up(subject: str | None) -> None:
    diary, until = Diary(), asyncio.Event()
    first = asyncio.create_task(diary.write("first", ACME, None, until))
    waiting = asyncio.create_task(diary.write("cancelled", ACME, subject))
    last = asyncio.create_task(diary.write("last", ACME, "c"))
    await asyncio.sleep(0)
    waiting.cancel()
    until.set()
    async with asyncio.timeout(1):
        await asyncio.gather(first, last)
    assert diary.order == ["first", "last"]


async def test_one_who_is_cancelled_as_its_turn_comes_gives_it_on() -> None:
    diary = Diary()
    async with diary.turns.of(ACME, None):
        waiting = asyncio.create_task(diary.write("cancelled", ACME, None))
        last = asyncio.create_task(diary.write("last", ACME, "c"))
        await asyncio.sleep(0)
    # Admitted, and not run again yet.
    waiting.cancel()
    async with asyncio.timeout(1):
        await last
    assert diary.order == ["last"]
