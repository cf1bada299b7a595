"""What every engine of the log must do, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from helpers.commits import TIME, address, at, claim, commit

from trunkline.domain.events import AclDeleted, Position
from trunkline.eventlog.digest import EMPTY, advance
from trunkline.eventlog.log import (
    MAX_COMMIT_BYTES,
    MAX_COMMITS_A_BATCH,
    Conflict,
    EventLog,
    Expect,
    LogDamaged,
    LogUnavailable,
    StoredCommit,
)

WAIT_S = 10.0


async def take(log: EventLog, count: int, start: int = 1) -> Sequence[StoredCommit]:
    found: list[StoredCommit] = []
    tail = log.tail(Position(start))
    async with asyncio.timeout(WAIT_S):
        async for stored in tail:
            found.append(stored)
            if len(found) == count:
                break
    return found


async def test_an_empty_log_has_head_zero_and_no_last(log: EventLog) -> None:
    assert await log.head() == 0
    assert await log.last("config.>") is None


async def test_a_commit_is_read_back_as_it_was_appended(log: EventLog) -> None:
    written = commit("a", address(1), address(2), request_id="r1")
    assert await log.append([written], [at(written, 0)]) == (1,)
    assert await log.head() == 1
    stored = await log.last(written.subject)
    assert stored is not None
    assert stored.commit == written
    assert stored.commit.time == TIME
    assert stored.position == 1
    assert (await take(log, 1))[0] == stored


async def test_a_commit_is_read_by_its_position(log: EventLog) -> None:
    for number in (1, 2):
        written = commit(f"a{number}", source="192.0.2.1")
        await log.append([written], [at(written, 0)])
    assert [await log.at(Position(position)) for position in (1, 2)] == list(await take(log, 2))
    with pytest.raises(LogDamaged, match="nothing at position 3"):
        await log.at(Position(3))


async def test_positions_count_from_one_without_a_gap(log: EventLog) -> None:
    for number in range(1, 6):
        written = commit(f"a{number}")
        assert await log.append([written], [at(written, 0)]) == (number,)
    assert [stored.position for stored in await take(log, 5)] == [1, 2, 3, 4, 5]


async def test_an_append_on_an_old_position_is_a_conflict_and_stores_nothing(log: EventLog) -> None:
    first, second = commit("a"), commit("a", AclDeleted(), version=2)
    await log.append([first], [at(first, 0)])
    await log.append([second], [at(second, 1)])
    late = commit("a", address(1), version=2)
    with pytest.raises(Conflict):
        await log.append([late], [at(late, 1)])
    with pytest.raises(Conflict):
        await log.append([late], [at(late, 0)])
    assert await log.head() == 2


async def test_creating_what_is_there_is_a_conflict(log: EventLog) -> None:
    first, second = commit("a"), commit("a")
    await log.append([first], [at(first, 0)])
    with pytest.raises(Conflict):
        await log.append([second], [at(second, 0)])


async def test_appending_the_same_commit_again_gives_its_position_again(log: EventLog) -> None:
    written = commit("a")
    assert await log.append([written], [at(written, 0)]) == (1,)
    assert await log.append([written], [at(written, 0)]) == (1,)
    assert await log.head() == 1


async def test_appending_the_same_batch_again_gives_its_positions_again(log: EventLog) -> None:
    taken, written = claim("acme", "acme"), commit("acme")
    assert await log.append([taken, written], [at(taken, 0), at(written, 0)]) == (1, 2)
    assert await log.append([taken, written], [at(taken, 0), at(written, 0)]) == (1, 2)
    assert await log.head() == 2


async def test_a_batch_is_stored_whole_or_not_at_all(log: EventLog) -> None:
    mine = [claim("acme", "one"), commit("acme", tenant="one")]
    await log.append(mine, [at(each, 0) for each in mine])
    theirs = [claim("acme", "two"), commit("acme", tenant="two")]
    with pytest.raises(Conflict):
        await log.append(theirs, [at(each, 0) for each in theirs])
    assert await log.head() == 2
    assert await log.last(theirs[1].subject) is None


async def test_a_batch_fails_on_its_last_commit_too(log: EventLog) -> None:
    standing = commit("acme")
    await log.append([standing], [at(standing, 0)])
    batch = [claim("acme", "acme"), commit("acme")]
    with pytest.raises(Conflict):
        await log.append(batch, [at(each, 0) for each in batch])
    assert await log.head() == 1


async def test_a_batch_of_three_keeps_its_order(log: EventLog) -> None:
    batch = [claim("a", "acme"), claim("b", "acme"), commit("c")]
    assert await log.append(batch, [at(each, 0) for each in batch]) == (1, 2, 3)
    assert [stored.commit for stored in await take(log, 3)] == batch


async def test_of_fifty_who_claim_one_name_one_gets_it(log: EventLog) -> None:
    async def race(number: int) -> bool:
        batch = [claim("acme", f"t{number}"), commit("acme", tenant=f"t{number}")]
        for _ in range(10):
            try:
                await log.append(batch, [at(each, 0) for each in batch])
            except Conflict:
                return False
            except LogUnavailable:
                continue  # a busy machine: the outcome is unknown, and the same append may be repeated
            return True
        raise AssertionError("the log did not answer ten times")

    won = await asyncio.gather(*(race(number) for number in range(50)))
    assert sum(won) == 1
    assert await log.head() == 2
    stored = await log.last("config.claim.label.acme")
    assert stored is not None
    assert stored.commit.tenant == f"t{won.index(True)}"


async def test_a_filter_guards_the_whole_tenant(log: EventLog) -> None:
    acl, other = commit("a"), commit("b", tenant="beta")
    await log.append([acl], [at(acl, 0)])
    await log.append([other], [at(other, 0)])
    whole = "config.*.acme.>"
    first = commit("c")
    assert await log.append([first], [Expect(whole, Position(1))]) == (3,)
    late = commit("d")
    with pytest.raises(Conflict):
        await log.append([late], [Expect(whole, Position(1))])
    found = await log.last(whole)
    assert found is not None
    assert found.position == 3


async def test_a_filter_over_nothing_expects_zero(log: EventLog) -> None:
    first = commit("a", tenant="new")
    assert await log.append([first], [Expect("config.*.new.>", Position(0))]) == (1,)


async def test_concurrent_appends_to_one_aggregate_lose_no_update(log: EventLog) -> None:
    first = commit("a")
    await log.append([first], [at(first, 0)])

    async def add(number: int) -> int:
        for lost in range(200):
            last = await log.last(first.subject)
            assert last is not None
            written = commit("a", address(number), version=last.commit.version + 1)
            try:
                await log.append([written], [at(written, last.position)])
            except Conflict:
                continue
            return lost
        raise AssertionError("lost two hundred races")

    await asyncio.gather(*(add(number) for number in range(10)))
    versions = [stored.commit.version for stored in await take(log, 11)]
    assert versions == list(range(1, 12))


async def test_one_request_is_one_commit_whatever_aggregate_it_is_of(log: EventLog) -> None:
    first = commit("a", request_id="r")
    assert await log.append([first], [at(first, 0)]) == (1,)
    second = commit("b", request_id="r")
    with pytest.raises(Conflict):
        await log.append([second], [at(second, 0)])
    batch = [claim("b", "acme"), second]
    with pytest.raises(Conflict):
        await log.append(batch, [at(each, 0) for each in batch])
    assert await log.append([first], [at(first, 0)]) == (1,)
    assert await log.head() == 1
    other = commit("b", tenant="beta", request_id="r")
    assert await log.append([other], [at(other, 0)]) == (2,)


async def test_one_request_in_a_batch_is_one_commit_later_too(log: EventLog) -> None:
    batch = [claim("a", "acme"), commit("a", request_id="r")]
    await log.append(batch, [at(each, 0) for each in batch])
    second = commit("b", request_id="r")
    with pytest.raises(Conflict):
        await log.append([second], [at(second, 0)])
    assert await log.append(batch, [at(each, 0) for each in batch]) == (1, 2)
    assert await log.head() == 2


async def test_a_tail_starts_where_it_is_told_and_goes_on_with_what_comes(log: EventLog) -> None:
    for number in range(1, 4):
        written = commit(f"a{number}")
        await log.append([written], [at(written, 0)])
    following = asyncio.create_task(take(log, 4, start=2))
    for number in range(4, 6):
        written = commit(f"a{number}")
        await log.append([written], [at(written, 0)])
    assert [stored.position for stored in await following] == [2, 3, 4, 5]


async def test_a_tail_waits_for_what_is_not_there_yet(log: EventLog) -> None:
    following = asyncio.create_task(take(log, 1, start=1))
    await asyncio.sleep(0)
    written = commit("a")
    await log.append([written], [at(written, 0)])
    assert (await following)[0].commit == written


async def test_a_thousand_commits_come_in_order_over_several_batches(log: EventLog) -> None:
    for start in range(0, 3000, 600):
        batch = [commit(f"a{number}") for number in range(start, start + 600)]
        await log.append(batch, [at(each, 0) for each in batch])
    found = await take(log, 3000)
    assert [stored.commit.aggregate for stored in found] == [f"a{number}" for number in range(3000)]


async def test_the_digest_runs_over_what_is_stored(log: EventLog) -> None:
    for number in range(3):
        written = commit(f"a{number}", id=f"01M000000000000000000000{number:02}")
        await log.append([written], [at(written, 0)])
    digest = EMPTY
    for stored in await take(log, 3):
        digest = advance(digest, stored.position, stored.commit.subject, stored.body)
    # The same for both engines, today and later: nothing of an engine is in it, and replicas in the field keep theirs.
    assert digest.hex() == "3e322d35b175bd70fbb7e65ab1670f73"


async def test_the_epoch_is_there_and_stays(log: EventLog) -> None:
    epoch = await log.epoch()
    assert epoch
    assert await log.epoch() == epoch


@pytest.mark.parametrize("count", [0, MAX_COMMITS_A_BATCH + 1])
async def test_a_batch_out_of_bounds_is_refused(log: EventLog, count: int) -> None:
    batch = [commit(f"a{number}") for number in range(count)]
    with pytest.raises(ValueError, match="1 to 1000"):
        await log.append(batch, [at(each, 0) for each in batch])
    assert await log.head() == 0


async def test_a_commit_that_is_too_large_is_refused(log: EventLog) -> None:
    large = commit("a", *(address(number) for number in range(MAX_COMMIT_BYTES // 30)))
    with pytest.raises(ValueError, match="split it"):
        await log.append([large], [at(large, 0)])
    assert await log.head() == 0


async def test_an_expectation_must_cover_its_commit(log: EventLog) -> None:
    written = commit("a")
    with pytest.raises(ValueError, match="does not cover"):
        await log.append([written], [Expect("config.*.beta.>", Position(0))])


async def test_two_commits_on_one_subject_are_no_batch(log: EventLog) -> None:
    batch = [commit("a"), commit("a", version=2)]
    with pytest.raises(ValueError, match="one subject"):
        await log.append(batch, [at(each, 0) for each in batch])
