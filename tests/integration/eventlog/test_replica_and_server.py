"""Replicas while the server dies, loses its store, or holds what they do not know."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from helpers.commits import address, at, commit
from helpers.nats import NatsServer
from helpers.replicas import WAIT_S, Owner, append_all, following
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.api.events.v1 import commit_pb2
from trunkline.domain.events import Position, TenantId
from trunkline.eventlog.codec import UnknownEvent, encode_commit
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.sqlite import SqliteLog
from trunkline.eventlog.streams import ensure_streams


async def test_replicas_agree_after_kills_while_commits_go_on(nats_server: NatsServer, log: JetStreamLog, tmp_path: Path) -> None:
    async with following(log, tmp_path / "one.sqlite") as one, following(log, tmp_path / "two.sqlite") as two:
        await append_all(log, [commit("a")])
        for number in range(1, 61):
            written = commit("a", address(number), version=number + 1)
            await log.append([written], [at(written, number)])
            if number % 20 == 0:
                await nats_server.kill()
                await nats_server.start()
        for owner in (one, two):
            await owner.replica.wait_covered(Position(61), WAIT_S)
        assert one.replica.digest == two.replica.digest
        assert one.resets == two.resets == 0


async def test_both_engines_lead_to_the_same_digest(log: JetStreamLog, tmp_path: Path) -> None:
    commits = [commit("a")] + [commit("a", address(number), version=number + 2) for number in range(20)]
    other = await SqliteLog.open(tmp_path / "log.sqlite")
    end = await append_all(log, commits)
    assert await append_all(other, commits) == end
    async with following(log, tmp_path / "one.sqlite") as one, following(other, tmp_path / "two.sqlite") as two:
        for owner in (one, two):
            await owner.replica.wait_covered(end, WAIT_S)
        assert one.replica.digest == two.replica.digest
    await other.close()


async def test_a_replica_of_a_log_that_was_lost_is_rebuilt(nats_server: NatsServer, nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    await append_all(log, [commit("old"), commit("older")])
    async with following(log, tmp_path / "r.sqlite") as owner:
        await owner.replica.wait_covered(Position(2), WAIT_S)
        await nats_server.forget()
        await nats_server.start()
        await until("the connection", lambda: nc.is_connected)
        await ensure_streams(nc)
        await until("the owner begins anew", lambda: owner.resets == 1)
        end = await append_all(log, [commit("new")])
        await owner.replica.wait_covered(end, WAIT_S)
        assert list(owner.directory.acls(owner.facts[0].tenant)) == ["new"]
        assert owner.covered[-1] == 1


async def test_a_log_that_has_lost_its_end_is_read_again(nats_server: NatsServer, nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    """As after a power cut at a home that does not sync: the epoch is the same, positions are used again for other commits."""
    await append_all(log, [commit("a"), commit("b")])
    await nats_server.kill()
    shutil.copytree(nats_server.folder / "store", tmp_path / "older")
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected)
    async with following(log, tmp_path / "r.sqlite") as owner:
        await append_all(log, [commit("c"), commit("d")])
        await owner.replica.wait_covered(Position(4), WAIT_S)
        await nats_server.forget()
        shutil.copytree(tmp_path / "older", nats_server.folder / "store")
        await nats_server.start()
        await until("the connection", lambda: nc.is_connected)
        await until("the next generation", lambda: owner.replica.generation == 1)
        await append_all(log, [commit("e")])
        await owner.replica.wait_covered(Position(3), WAIT_S)
        assert set(owner.directory.acls(TenantId("acme"))) == {"a", "b", "e"}
        assert owner.replica.epoch == await log.epoch()


async def test_other_commits_at_positions_that_were_lost_are_found_by_the_beacon(
    nats_server: NatsServer, nc: Client, log: JetStreamLog, tmp_path: Path
) -> None:
    await append_all(log, [commit("a"), commit("b")])
    await nats_server.kill()
    shutil.copytree(nats_server.folder / "store", tmp_path / "older")
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected)
    async with following(log, tmp_path / "r.sqlite") as first:
        await append_all(log, [commit("c"), commit("d")])
        await first.replica.wait_covered(Position(4), WAIT_S)
    await nats_server.forget()
    shutil.copytree(tmp_path / "older", nats_server.folder / "store")
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected)
    await append_all(log, [commit("e"), commit("f"), commit("g")])
    async with following(log, tmp_path / "home.sqlite") as home, following(log, tmp_path / "r.sqlite") as owner:
        for each in (home, owner):
            await each.replica.wait_covered(Position(5), WAIT_S)
        assert set(owner.directory.acls(TenantId("acme"))) == {"a", "b", "c", "d", "g"}, "nothing was lost: this test shows nothing"
        beacon = home.replica.beacon()
        assert beacon is not None
        owner.replica.on_beacon(beacon)
        await until("the next generation", lambda: owner.replica.generation == 1)
        assert owner.replica.digest == home.replica.digest
        assert set(owner.directory.acls(TenantId("acme"))) == {"a", "b", "e", "f", "g"}


async def test_a_replica_starts_without_the_server_and_goes_on_with_it(
    nats_server: NatsServer, nc: Client, log: JetStreamLog, tmp_path: Path
) -> None:
    end = await append_all(log, [commit("a")])
    async with following(log, tmp_path / "r.sqlite") as first:
        await first.replica.wait_covered(end, WAIT_S)
    await nats_server.kill()
    async with following(log, tmp_path / "r.sqlite") as again:
        assert again.replica.is_complete
        assert again.replica.covered == end
        await nats_server.start()
        await until("the connection", lambda: nc.is_connected)
        end = await append_all(log, [commit("b")])
        await again.replica.wait_covered(end, WAIT_S)


async def test_an_event_of_a_later_version_stops_the_replica_before_it(nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    await append_all(log, [commit("a")])
    message = commit_pb2.Commit.FromString(encode_commit(commit("b")))
    del message.events[:]
    # Field 999 of the oneof, empty.
    message.events.append(commit_pb2.Event.FromString(b"\xba\x3e\x00"))
    await nc.jetstream().publish("config.acl.acme.b", message.SerializeToString())
    owner = Owner(log, tmp_path / "r.sqlite")
    await owner.replica.open()
    with pytest.raises(UnknownEvent, match=r"position 2.*Update the program"):
        await asyncio.wait_for(owner.replica.run(), WAIT_S)
    assert owner.replica.covered == 1
    await owner.replica.close()


async def test_a_message_that_is_no_commit_stops_the_replica(nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    await nc.jetstream().publish("config.acl.acme.b", b"rubbish")
    owner = Owner(log, tmp_path / "r.sqlite")
    await owner.replica.open()
    with pytest.raises(LogDamaged, match="position 1"):
        await asyncio.wait_for(owner.replica.run(), WAIT_S)
    await owner.replica.close()


async def test_a_commit_on_anothers_subject_stops_the_replica(nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    await nc.jetstream().publish("config.acl.beta.a", encode_commit(commit("a")))
    owner = Owner(log, tmp_path / "r.sqlite")
    await owner.replica.open()
    with pytest.raises(LogDamaged, match=r"belongs on config\.acl\.acme\.a"):
        await asyncio.wait_for(owner.replica.run(), WAIT_S)
    await owner.replica.close()


async def test_a_request_id_that_the_log_has_twice_keeps_its_first_answer(nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    """Logs of the first version may have it twice; today's refuses the second."""
    for each in (commit("a", request_id="r"), commit("b", request_id="r")):
        await nc.jetstream().publish(each.subject, encode_commit(each))
    for _ in range(2):
        async with following(log, tmp_path / "r.sqlite") as owner:
            await owner.replica.wait_covered(Position(2), WAIT_S)
            known = await owner.replica.request(TenantId("acme"), "r")
            assert known is not None
            assert known.position == 1
