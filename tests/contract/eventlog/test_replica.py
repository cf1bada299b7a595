"""A replica over either engine: what it holds is the log, whatever happens to its file."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from helpers.commits import address, claim, commit
from helpers.replicas import WAIT_S, Owner, append_all, following
from helpers.waiting import until

from trunkline.domain.events import (
    AclDeleted,
    AddressRemoved,
    ClaimReleased,
    Commit,
    DomainCreated,
    Kind,
    Position,
    TenantCreated,
    TenantId,
)
from trunkline.eventlog.beacon import Beacon
from trunkline.eventlog.digest import EMPTY, advance
from trunkline.eventlog.log import EventLog
from trunkline.eventlog.replica import NotCovered, ReplicaDiverged

ACME = TenantId("acme")


def history() -> list[Commit]:
    """Creations, changes, removals and deletions, of which compaction leaves a part."""
    found = [
        commit("acme", TenantCreated("Acme"), kind=Kind.TENANT),
        claim("acme", "acme"),
        commit("acme", DomainCreated("acme"), kind=Kind.DOMAIN),
        commit("gone"),
        commit("gone", AclDeleted(), version=2),
        commit("a"),
    ]
    found += [commit("a", address(number), version=number + 2) for number in range(40)]
    found += [commit("a", AddressRemoved(address(number).cidr), version=42 + number) for number in range(10)]
    found.append(commit("label.old", ClaimReleased(), kind=Kind.CLAIM, version=1))
    found.append(commit("gone", version=3, request_id="again"))
    return found


def digest_of(owner: Owner) -> bytes:
    return owner.replica.digest


def content(owner: Owner) -> tuple[object, ...]:
    directory = owner.directory
    acls = {name: (dict(acl.addresses), acl.version) for name, acl in directory.acls(ACME).items()}
    return dict(directory.tenants), acls, dict(directory.domains(ACME)), dict(directory.claims)


async def test_a_replica_follows_the_log_and_becomes_complete(log: EventLog, tmp_path: Path) -> None:
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_complete(WAIT_S)
        end = await append_all(log, history())
        await owner.replica.wait_covered(end, WAIT_S)
        assert owner.replica.covered == end == len(history())
        assert len(owner.directory.acls(ACME)["a"].addresses) == 30  # type: ignore[index]
        assert owner.covered[-1] == end
        assert owner.covered == sorted(owner.covered)


async def test_the_digest_is_that_of_the_log(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    wanted = EMPTY
    async with asyncio.timeout(WAIT_S):
        async for stored in log.tail(Position(1)):
            wanted = advance(wanted, stored.position, stored.commit.subject, stored.body)
            if stored.position == end:
                break
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_covered(end, WAIT_S)
        assert owner.replica.digest == wanted


async def test_a_restart_gives_what_was_there_without_the_log(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    async with following(log, tmp_path / "r.sqlite") as first:
        await first.replica.wait_covered(end, WAIT_S)
        before = content(first)
    again = Owner(log, tmp_path / "r.sqlite")
    await again.replica.open()
    assert again.replica.is_complete
    assert again.replica.covered == end
    assert again.replica.digest == digest_of(first)
    assert content(again) == before
    assert len(again.facts) < len(first.facts), "nothing was compacted: this test shows nothing"
    assert again.covered == [end]
    await again.replica.close()


async def test_after_a_restart_only_what_is_new_is_read(log: EventLog, tmp_path: Path) -> None:
    commits = history()
    await append_all(log, commits)
    async with following(log, tmp_path / "r.sqlite") as first:
        await first.replica.wait_covered(Position(len(commits)), WAIT_S)
    more = commit("b")
    async with following(log, tmp_path / "r.sqlite") as second:
        end = await append_all(log, [more])
        await second.replica.wait_covered(end, WAIT_S)
        assert second.facts[-1].aggregate == "b"
        assert [fact.position for fact in second.facts] == sorted(fact.position for fact in second.facts)


async def test_deleting_the_file_gives_the_same_digest_and_content(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    results = []
    for _ in range(2):
        async with following(log, tmp_path / "r.sqlite") as owner:
            await owner.replica.wait_covered(end, WAIT_S)
            results.append((owner.replica.digest, content(owner)))
        for part in tmp_path.glob("r.sqlite*"):
            part.unlink()
    assert results[0] == results[1]


async def test_a_process_that_dies_without_a_word_loses_nothing(log: EventLog, tmp_path: Path) -> None:
    """The file is copied while it is behind memory: that is what a killed process leaves."""
    path, copy = tmp_path / "r.sqlite", tmp_path / "copy.sqlite"
    end = await append_all(log, history())
    async with following(log, path) as owner:
        await owner.replica.wait_covered(Position(20), WAIT_S)
        with sqlite3.connect(path) as source, sqlite3.connect(copy) as sink:
            source.backup(sink)
        await owner.replica.wait_covered(end, WAIT_S)
        wanted = (owner.replica.digest, content(owner))
    async with following(log, copy) as again:
        await again.replica.wait_covered(end, WAIT_S)
        assert (again.replica.digest, content(again)) == wanted


@pytest.mark.parametrize("damage", ["no database", "cut short", "other schema", "bad row", "changed row", "other application"])
async def test_a_file_that_cannot_be_used_is_set_aside_and_built_again(log: EventLog, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "r.sqlite"
    end = await append_all(log, history())
    async with following(log, path) as owner:
        await owner.replica.wait_covered(end, WAIT_S)
        wanted = (owner.replica.digest, content(owner))
    match damage:
        case "no database":
            path.write_bytes(b"this is no database, but long enough to be looked at" * 100)
        case "cut short":
            path.write_bytes(path.read_bytes()[:5000])
        case "other schema":
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA user_version = 99")
        case "other application":
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA application_id = 1")
        case "changed row":
            # It decodes, and would admit another address.
            with sqlite3.connect(path) as db:
                (event,) = db.execute("SELECT event FROM retained WHERE instr(event, ?)", (b"10.0.0.30",)).fetchone()
                db.execute("UPDATE retained SET event = ? WHERE event = ?", (event.replace(b"10.0.0.30", b"10.9.9.30"), event))
        case _:
            with sqlite3.connect(path) as db:
                db.execute("UPDATE retained SET event = x'ffff' WHERE place = (SELECT max(place) FROM retained)")
    async with following(log, path) as again:
        await again.replica.wait_covered(end, WAIT_S)
        assert (again.replica.digest, content(again)) == wanted
        assert (tmp_path / "r.sqlite.set-aside").exists()


async def test_a_file_of_the_first_version_is_taken_up(log: EventLog, tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    end = await append_all(log, history())
    async with following(log, path) as owner:
        await owner.replica.wait_covered(end, WAIT_S)
        wanted = (owner.replica.digest, content(owner))
    with sqlite3.connect(path) as db:
        db.executescript("ALTER TABLE retained DROP COLUMN crc; PRAGMA user_version = 1;")
    async with following(log, path) as again:
        assert again.covered[0] == end
        assert (again.replica.digest, content(again)) == wanted
        more = await append_all(log, [commit("b")])
        await again.replica.wait_covered(more, WAIT_S)
    assert not (tmp_path / "r.sqlite.set-aside").exists()
    last = Owner(log, path)
    await last.replica.open()
    assert last.replica.covered == more
    await last.replica.close()


async def test_waiting_for_a_position_that_never_comes_ends_and_says_where_it_stands(log: EventLog, tmp_path: Path) -> None:
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_complete(WAIT_S)
        with pytest.raises(NotCovered, match="stands at 0"):
            await owner.replica.wait_covered(Position(1), 0.05)
        end = await append_all(log, [commit("a")])
        await owner.replica.wait_covered(end, WAIT_S)


async def test_a_beacon_that_agrees_changes_nothing_and_tells_lag(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    async with following(log, tmp_path / "home.sqlite") as home, following(log, tmp_path / "r.sqlite") as owner:
        await home.replica.wait_covered(end, WAIT_S)
        beacon = home.replica.beacon()
        assert beacon is not None
        await owner.replica.wait_covered(end, WAIT_S)
        assert owner.replica.age_s is None
        owner.replica.on_beacon(beacon)
        assert owner.replica.lag == 0
        age_s = owner.replica.age_s
        assert age_s is not None
        assert 0 <= age_s < 1
        owner.replica.on_beacon(Beacon(beacon.epoch, Position(end + 7), beacon.digest))
        assert owner.replica.lag == 7
        assert owner.resets == 0


async def test_a_beacon_with_another_digest_has_the_replica_rebuilt(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_covered(end, WAIT_S)
        wanted = (owner.replica.digest, content(owner))
        owner.replica.on_beacon(Beacon(owner.replica.epoch, end, bytes(16)))
        await until("the owner begins anew", lambda: owner.resets == 1)
        await owner.replica.wait_covered(end, WAIT_S)
        assert (owner.replica.digest, content(owner)) == wanted
        assert owner.replica.is_complete
        await until("the file is set aside", (tmp_path / "r.sqlite.set-aside").exists)


async def test_a_beacon_ahead_is_compared_when_its_position_comes(log: EventLog, tmp_path: Path) -> None:
    await append_all(log, [commit("a")])
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_covered(Position(1), WAIT_S)
        owner.replica.on_beacon(Beacon(owner.replica.epoch, Position(2), bytes(16)))
        assert owner.resets == 0
        await append_all(log, [commit("b")])
        await until("the owner begins anew", lambda: owner.resets == 1)
        await owner.replica.wait_covered(Position(2), WAIT_S)


async def test_a_replica_whose_owner_cannot_start_over_ends(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    owner = Owner(log, tmp_path / "r.sqlite", has_reset=False)
    await owner.replica.open()
    running = asyncio.create_task(owner.replica.run())
    await owner.replica.wait_covered(end, WAIT_S)
    owner.replica.on_beacon(Beacon("another epoch", end, owner.replica.digest))
    with pytest.raises(ReplicaDiverged, match="another epoch"):
        await asyncio.wait_for(running, WAIT_S)
    await owner.replica.close()
    async with following(log, tmp_path / "r.sqlite") as again:
        await again.replica.wait_covered(end, WAIT_S)


async def test_an_owner_that_cannot_apply_an_event_stops_the_replica(log: EventLog, tmp_path: Path) -> None:
    """An address of an ACL that never was: the directory raises, and nothing is skipped."""
    await append_all(log, [commit("never", address(1))])
    owner = Owner(log, tmp_path / "r.sqlite")
    await owner.replica.open()
    with pytest.raises(Exception, match="does not exist"):
        await asyncio.wait_for(owner.replica.run(), WAIT_S)
    assert owner.replica.covered == 0
    await owner.replica.close()


async def test_versions_and_requests_are_known_at_once_and_after_a_restart(log: EventLog, tmp_path: Path) -> None:
    end = await append_all(log, history())
    for _ in range(2):
        async with following(log, tmp_path / "r.sqlite") as owner:
            await owner.replica.wait_covered(end, WAIT_S)
            version = await owner.replica.version_of("config.acl.acme.gone")
            assert (version.version, version.position) == (3, end)
            assert (await owner.replica.version_of("config.acl.acme.none")).position == 0
            known = await owner.replica.request(ACME, "again")
            assert known is not None
            assert (known.position, known.kind, known.aggregate, known.version) == (end, Kind.ACL, "gone", 3)
            assert await owner.replica.request(TenantId("beta"), "again") is None
