"""A replica that holds something else than the log is built anew beside, and answers meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from helpers.commits import address, at, commit
from helpers.replicas import WAIT_S, Owner, append_all, following
from helpers.waiting import until

from trunkline.domain.events import Position, TenantId
from trunkline.eventlog.beacon import Beacon
from trunkline.eventlog.log import EventLog, StoredCommit
from trunkline.eventlog.replica import NotCovered

ACME = TenantId("acme")
COUNT = 40


class HeldLog:
    """The log, whose tail stops behind `until` while it is held."""

    def __init__(self, inner: EventLog) -> None:
        self._inner = inner
        self.until = Position(0)
        self.is_stopped = asyncio.Event()
        self._goes_on = asyncio.Event()
        self._goes_on.set()

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def hold(self, until: int) -> None:
        self.until = Position(until)
        self.is_stopped.clear()
        self._goes_on.clear()

    def release(self) -> None:
        self._goes_on.set()

    async def groups(self, from_position: Position) -> AsyncIterator[Sequence[StoredCommit]]:
        async for stored in self._inner.tail(from_position):
            if stored.position > self.until and not self._goes_on.is_set():
                self.is_stopped.set()
                await self._goes_on.wait()
            yield [stored]


async def fill(log: EventLog) -> Position:
    return await append_all(log, [commit("a"), *(commit("a", address(number), version=number + 2) for number in range(COUNT - 1))])


def held(owner: Owner) -> set[str]:
    acl = owner.directory.acls(ACME).get("a")  # type: ignore[call-overload]
    return set(acl.addresses) if acl else set()


def plant_digest(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET digest = zeroblob(16)")


async def true_beacon(log: EventLog, path: Path, end: Position) -> Beacon:
    """What a home that has read the log tells."""
    async with following(log, path) as home:
        await home.replica.wait_covered(end, WAIT_S)
        beacon = home.replica.beacon()
        assert beacon is not None
        return beacon


async def test_a_planted_difference_is_found_and_rebuilt_while_reads_go_on(log: EventLog, tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    end = await fill(log)
    beacon = await true_beacon(log, tmp_path / "home.sqlite", end)
    async with following(log, path) as first:
        await first.replica.wait_covered(end, WAIT_S)
        wanted = held(first)
    plant_digest(path)
    log_held = HeldLog(log)
    async with following(log_held, path) as owner:  # type: ignore[arg-type]
        before = owner.directory
        await until("an epoch", lambda: owner.replica.epoch != "")
        log_held.hold(COUNT // 2)
        owner.replica.on_beacon(beacon)
        await asyncio.wait_for(log_held.is_stopped.wait(), WAIT_S)
        assert owner.replica.is_rebuilding
        assert owner.directory is before, "the half of a new value was put in place"
        assert (held(owner), owner.replica.covered, owner.replica.is_complete) == (wanted, end, True)
        assert (await owner.replica.version_of("config.acl.acme.a")).version == COUNT
        assert owner.replica.beacon() is None, "a digest that is known to be wrong was told"
        with pytest.raises(NotCovered, match="being built anew"):
            await owner.replica.wait_covered(Position(1), 0.05)
        log_held.release()
        await owner.replica.wait_covered(end, WAIT_S)
        assert owner.directory is not before
        assert (held(owner), owner.replica.digest, owner.replica.is_rebuilding) == (wanted, beacon.digest, False)
        assert owner.resets == 1
        assert (await owner.replica.version_of("config.acl.acme.a")).version == COUNT
    assert not list(tmp_path.glob("r.sqlite.next*"))
    again = Owner(log, path)
    await again.replica.open()
    assert (again.replica.is_complete, again.replica.digest, held(again)) == (True, beacon.digest, wanted)
    await again.replica.close()


async def test_a_crash_in_the_middle_of_a_rebuild_leaves_the_old_file(log: EventLog, tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    path = tmp_path / "live" / "r.sqlite"
    end = await fill(log)
    log_held = HeldLog(log)
    async with following(log_held, path) as owner:  # type: ignore[arg-type]
        await owner.replica.wait_covered(end, WAIT_S)
        wanted = held(owner)
        log_held.hold(COUNT // 2)
        owner.replica.on_beacon(Beacon(owner.replica.epoch, end, bytes(16)))
        await asyncio.wait_for(log_held.is_stopped.wait(), WAIT_S)
        beside = path.with_name("r.sqlite.next")

        def has_written() -> bool:
            with closing(sqlite3.connect(beside)) as db:
                return db.execute("SELECT position FROM meta").fetchone() == (COUNT // 2,)

        await until("it has written", has_written)
        # By another process: one that closes a file loses its locks on it, those of SQLite too.
        await asyncio.to_thread(subprocess.run, ["cp", "-r", tmp_path / "live", tmp_path / "crashed"], check=True)
        log_held.release()
        await owner.replica.wait_covered(end, WAIT_S)
    async with following(log, tmp_path / "crashed" / "r.sqlite") as again:
        assert again.replica.is_complete
        assert (again.covered[0], again.resets) == (end, 0)
        assert held(again) == wanted
        assert not list((tmp_path / "crashed").glob("*.next*"))


async def test_what_is_written_during_a_rebuild_comes_once(log: EventLog, tmp_path: Path) -> None:
    end = await fill(log)
    log_held = HeldLog(log)
    async with following(log_held, tmp_path / "r.sqlite") as owner:  # type: ignore[arg-type]
        await owner.replica.wait_covered(end, WAIT_S)
        log_held.hold(COUNT // 2)
        owner.replica.on_beacon(Beacon(owner.replica.epoch, end, bytes(16)))
        await asyncio.wait_for(log_held.is_stopped.wait(), WAIT_S)
        (more,) = await log.append([added := commit("b")], [at(added, 0)])
        log_held.release()
        await owner.replica.wait_covered(more, WAIT_S)
        assert set(owner.directory.acls(ACME)) == {"a", "b"}
        assert owner.commits == list(range(1, more + 1)), "a commit was told of twice, or not at all"


async def test_commits_are_told_of_live_and_not_from_the_file(log: EventLog, tmp_path: Path) -> None:
    end = await fill(log)
    async with following(log, tmp_path / "r.sqlite") as first:
        await first.replica.wait_covered(end, WAIT_S)
        assert first.commits == list(range(1, end + 1))
    async with following(log, tmp_path / "r.sqlite") as second:
        (more,) = await log.append([added := commit("b")], [at(added, 0)])
        await second.replica.wait_covered(more, WAIT_S)
        assert second.commits == [more]


async def test_a_beacon_that_stays_wrong_does_not_have_the_log_read_again_and_again(log: EventLog, tmp_path: Path) -> None:
    end = await fill(log)
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_covered(end, WAIT_S)
        wrong = Beacon(owner.replica.epoch, end, bytes(16))
        for _ in range(5):
            owner.replica.on_beacon(wrong)
            await owner.replica.wait_covered(end, WAIT_S)
        assert owner.resets == 1
        (more,) = await log.append([added := commit("b")], [at(added, 0)])
        await owner.replica.wait_covered(more, WAIT_S)


async def test_a_rebuild_that_ends_with_the_process_leaves_the_old_file(log: EventLog, tmp_path: Path) -> None:
    end = await fill(log)
    log_held = HeldLog(log)
    async with following(log_held, tmp_path / "r.sqlite") as owner:  # type: ignore[arg-type]
        await owner.replica.wait_covered(end, WAIT_S)
        log_held.hold(1)
        owner.replica.on_beacon(Beacon(owner.replica.epoch, end, bytes(16)))
        await asyncio.wait_for(log_held.is_stopped.wait(), WAIT_S)
    assert not list(tmp_path.glob("r.sqlite.next*"))
    again = Owner(log, tmp_path / "r.sqlite")
    await again.replica.open()
    assert (again.replica.covered, again.replica.is_complete) == (end, True)
    await again.replica.close()
