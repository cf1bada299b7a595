"""Beacons over a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.commits import at, commit
from helpers.nats import NatsServer
from helpers.replicas import WAIT_S, following
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.domain.events import Position
from trunkline.eventlog.beacon import SUBJECT, Beacon, encode_beacon, follow_beacons, parse_beacon, publish_beacons
from trunkline.eventlog.jetstream import JetStreamLog

BEACON = Beacon("epoch", Position(7), bytes(range(16)))


def test_a_beacon_survives_its_encoding() -> None:
    assert parse_beacon(encode_beacon(BEACON)) == BEACON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"epoch":"e","seq":-1,"digest":"00000000000000000000000000000000"}',
        b'{"epoch":"e","seq":"1","digest":"00000000000000000000000000000000"}',
        b'{"epoch":"e","seq":1,"digest":"00"}',
        b'{"epoch":"e","seq":1,"digest":"no hexadecimal"}',
        b"\xff",
    ],
)
def test_what_is_no_beacon_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_beacon(body)


async def test_a_replica_is_told_where_home_stands(nc: Client, log: JetStreamLog, tmp_path: Path) -> None:
    async with following(log, tmp_path / "home.sqlite") as home, following(log, tmp_path / "edge.sqlite") as edge:
        await home.replica.wait_complete(WAIT_S)
        seen: list[Beacon] = []

        def on_beacon(beacon: Beacon) -> None:
            seen.append(beacon)
            edge.replica.on_beacon(beacon)

        end = await follow_beacons(nc, on_beacon)
        publishing = asyncio.create_task(publish_beacons(nc, home.replica.beacon))
        written = commit("a")
        await log.append([written], [at(written, 0)])
        await nc.publish(SUBJECT, b"not a beacon")
        await until("the beacon of position 1", lambda: any(beacon.position == 1 for beacon in seen))
        assert seen[-1].digest == edge.replica.digest
        assert edge.replica.age_s is not None
        assert edge.resets == 0
        await end()
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


async def test_beacons_go_on_after_the_server_was_killed(nats_server: NatsServer, nc: Client) -> None:
    seen: list[Beacon] = []
    await follow_beacons(nc, seen.append)
    publishing = asyncio.create_task(publish_beacons(nc, lambda: BEACON))
    await until("a beacon", lambda: len(seen) > 0)
    await nats_server.kill()
    count = len(seen)
    await nats_server.start()
    await until("a beacon", lambda: len(seen) > count)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
