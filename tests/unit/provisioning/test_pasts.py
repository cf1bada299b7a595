"""Pasts of the log: the same as the directory was then, folded once, kept a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from helpers.commits import commit
from unit.domain.histories import History, contents

from trunkline.domain import commands as c
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal
from trunkline.domain.events import CarrierSettings, Position, TenantId
from trunkline.eventlog.log import ALL_SUBJECTS, Expect
from trunkline.eventlog.sqlite import SqliteLog
from trunkline.provisioning.explain import ASK_LIMIT_S
from trunkline.provisioning.pasts import ALL_FOLDS, FOLD_LIMIT_S, MAX_PASTS, Pasts
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S

ACME, BETA = TenantId("acme"), TenantId("beta")
COMMANDS: tuple[c.Command, ...] = (
    c.CreateTenant(ACME),
    c.CreateTenant(BETA),
    c.CreateAcl(ACME, "OFFICE"),
    c.AddAddress(ACME, "OFFICE", "192.0.2.1"),
    c.CreateAcl(BETA, "BETA"),
    c.CreateCarrier("alpha", CarrierSettings()),
    c.AddAddress(ACME, "OFFICE", "192.0.2.2"),
    c.AddAddress(BETA, "BETA", "198.51.100.1"),
    c.RemoveAddress(ACME, "OFFICE", "192.0.2.1"),
)


class CountingLog(SqliteLog):
    """How often it was read from the beginning."""

    reads = 0

    def groups(self, from_position: Position):  # type: ignore[no-untyped-def,override]
        self.reads += 1
        return super().groups(from_position)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[CountingLog]:
    made = await CountingLog.open(tmp_path / "log.sqlite")
    facts = History()
    for command in COMMANDS:
        facts.execute(command)
    for fact in facts.facts:
        written = commit(fact.aggregate, fact.event, kind=fact.kind, tenant=fact.tenant, version=fact.version)
        await made.append([written], [Expect(written.subject, await last_on(made, written.subject))])
    yield made  # type: ignore[misc]
    await made.close()


async def last_on(log: SqliteLog, subject: str) -> Position:
    stored = await log.last(subject)
    return Position(0) if stored is None else stored.position


def folded(commands: tuple[c.Command, ...]) -> Directory:
    facts = History()
    for command in commands:
        facts.execute(command)
    return facts.directory


HEAD = Position(len(COMMANDS))


@pytest.mark.parametrize("position", range(1, len(COMMANDS) + 1))
async def test_a_past_holds_what_the_tenant_had_then(log: CountingLog, position: int) -> None:
    current = folded(COMMANDS)
    moment = await Pasts(log, lambda: current).at(ACME, Position(position), HEAD)
    then = contents(folded(COMMANDS[:position]))
    shown = contents(moment.directory)
    for kind in ("acls", "domains"):
        assert shown[kind][ACME] == then[kind][ACME]  # type: ignore[index]
    assert shown["carriers"] == then["carriers"]
    assert moment.is_changed_since == (position < HEAD)


async def test_where_nothing_of_the_tenants_has_changed_since_nothing_is_folded(log: CountingLog) -> None:
    current = folded(COMMANDS)
    moment = await Pasts(log, lambda: current).at(BETA, Position(8), HEAD)
    assert moment.directory is current and not moment.is_changed_since and log.reads == 0


async def test_a_past_is_kept_for_every_position_that_it_holds_for_and_a_few_are(log: CountingLog) -> None:
    pasts = Pasts(log, Directory)
    await pasts.at(ACME, Position(5), HEAD)
    # The commit at 5 is another tenant's: at 4 it was the same.
    await pasts.at(ACME, Position(4), HEAD)
    assert log.reads == 1
    await pasts.at(ACME, Position(3), HEAD)
    assert log.reads == 2
    for position in (1, 6, 7, 8)[:MAX_PASTS]:
        await pasts.at(ACME, Position(position), HEAD)
    reads = log.reads
    await pasts.at(ACME, Position(5), HEAD)
    assert log.reads == reads + 1, "the oldest was let go"


class HeldLog(CountingLog):
    """Gives nothing out before it is let go."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.is_free = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    async def groups(self, from_position: Position):  # type: ignore[no-untyped-def,override]
        self.reads += 1
        self.begun.release()
        await self.is_free.wait()
        async for group in SqliteLog.groups(self, from_position):
            yield group


async def until_read_again(log: HeldLog) -> None:
    async with asyncio.timeout(10):
        await log.begun.acquire()


@pytest.fixture
async def held(log: CountingLog, tmp_path: Path) -> AsyncIterator[HeldLog]:
    made = await HeldLog.open(tmp_path / "log.sqlite")
    yield made  # type: ignore[misc]
    await made.close()


async def test_a_fold_outlives_who_asked_for_it_and_whoever_asks_again_waits_for_the_same(held: HeldLog) -> None:
    pasts = Pasts(held, Directory)
    asked = asyncio.create_task(pasts.at(ACME, Position(5), HEAD))
    await until_read_again(held)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    again = [asyncio.create_task(pasts.at(ACME, Position(5), HEAD)) for _ in range(3)]
    held.is_free.set()
    assert {moment.position for moment in await asyncio.gather(*again)} == {5}
    await pasts.at(ACME, Position(5), HEAD)
    assert held.reads == 1


async def test_one_tenants_questions_hold_up_no_other_and_are_few(held: HeldLog) -> None:
    pasts = Pasts(held, Directory)
    mine = [asyncio.create_task(pasts.at(ACME, Position(position), HEAD)) for position in (3, 1)]
    await until_read_again(held)
    with pytest.raises(Refusal, match="2 other positions") as refused:
        await pasts.at(ACME, Position(8), HEAD)
    assert refused.value.reason == "HISTORY_BUSY"
    # The second waits for the first, though there is a place: whoever asks of the log here has let it have its turn.
    assert await held.last(ALL_SUBJECTS) is not None and held.reads == 1
    theirs = asyncio.create_task(pasts.at(BETA, Position(2), HEAD))
    await until_read_again(held)
    held.is_free.set()
    assert (await theirs).position == 2 and {(await each).position for each in mine} == {3, 1}
    assert held.reads == 3


async def test_no_more_than_a_few_tenants_wait_for_their_turn(held: HeldLog) -> None:
    pasts = Pasts(held, Directory)
    # What concerns none of them but the operator's carrier came at 6.
    tenants = [TenantId(f"tenant{number}") for number in range(ALL_FOLDS)]
    asked = [asyncio.create_task(pasts.at(tenant, Position(2), HEAD)) for tenant in tenants]
    await until_read_again(held)
    await until_read_again(held)
    with pytest.raises(Refusal, match="for others") as refused:
        await pasts.at(ACME, Position(2), HEAD)
    assert refused.value.reason == "HISTORY_BUSY"
    held.is_free.set()
    assert {moment.position for moment in await asyncio.gather(*asked)} == {2}
    assert (await pasts.at(ACME, Position(2), HEAD)).position == 2


def test_whoever_asks_for_an_explanation_waits_for_the_longest_fold() -> None:
    """Besides the record, that is asked for first, and auth."""
    assert EXPLAIN_LIMIT_S > FOLD_LIMIT_S + 2 * ASK_LIMIT_S


async def test_folds_end_with_the_service(held: HeldLog) -> None:
    pasts = Pasts(held, Directory)
    asked = asyncio.create_task(pasts.at(ACME, Position(5), HEAD))
    await until_read_again(held)
    await pasts.close()
    with pytest.raises(asyncio.CancelledError):
        await asked


async def test_a_position_beyond_the_log_is_refused(log: CountingLog) -> None:
    with pytest.raises(Refusal, match="ends at 9"):
        await Pasts(log, Directory).at(ACME, Position(10), HEAD)


async def test_a_time_is_the_last_position_that_was_stored_by_then(log: CountingLog) -> None:
    pasts = Pasts(log, Directory)
    for position in range(1, HEAD + 1):
        stored = await log.at(Position(position))
        found = await pasts.position_at(stored.stored_time, HEAD)
        # Two may have been stored within the clock's tick.
        assert found >= position and (await pasts.time_of(found)) == stored.stored_time
        assert await pasts.position_at(stored.stored_time + timedelta(days=1), HEAD) == HEAD
    first = await log.at(Position(1))
    with pytest.raises(Refusal, match="was empty"):
        await pasts.position_at(first.stored_time - timedelta(microseconds=1), HEAD)


async def test_the_fixture_is_a_log_of_all_commands(log: CountingLog) -> None:
    last = await log.last(ALL_SUBJECTS)
    assert last is not None and last.position == HEAD
