"""What a service stands on, when its replica turns out to hold something else than the log."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers.nats import NatsServer
from helpers.replicas import WAIT_S, following
from helpers.service import control_state
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.api.common.v1 import common_pb2
from trunkline.domain.commands import CreateAcl, CreateTenant
from trunkline.domain.errors import Refusal
from trunkline.domain.events import Position, TenantId
from trunkline.eventlog.beacon import publish_beacons
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.streams import ensure_config
from trunkline.runtime.control import ControlState

ACME = TenantId("acme")


async def write(state: ControlState, *commands: CreateTenant | CreateAcl) -> int:
    position = 0
    for command in commands:
        position = (await state.write(command, common_pb2.WriteOptions(), actor="operator")).position
    return position


async def test_a_planted_difference_is_mended_without_an_end_of_the_process(
    nats_server: NatsServer, nc: Client, log: JetStreamLog, tmp_path: Path
) -> None:
    async with control_state("provisioning-eu", tmp_path, nats_server) as state:
        end = await write(state, CreateTenant(ACME, "Acme"), CreateAcl(ACME, "OUT"))
        path = tmp_path / "data" / "provisioning-eu" / "replica.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET digest = zeroblob(16)")
    async with following(log, tmp_path / "home.sqlite") as home, control_state("provisioning-eu", tmp_path, nats_server) as state:
        await home.replica.wait_covered(Position(end), WAIT_S)
        beacon = home.replica.beacon()
        assert beacon is not None
        assert state.replica.digest == bytes(16)
        before = state.directory

        telling = asyncio.create_task(publish_beacons(nc, lambda: beacon))
        await until("the next generation", lambda: state.replica.generation == 1)
        assert state.directory is not before
        telling.cancel()
        assert state.replica.digest == beacon.digest
        assert "OUT" in state.directory.acls(ACME)
        assert await write(state, CreateAcl(ACME, "MORE")) == end + 1
        assert set(state.directory.acls(ACME)) == {"OUT", "MORE"}


async def test_another_log_than_the_replicas_is_read_and_nothing_is_written_before(
    nats_server: NatsServer, nc: Client, tmp_path: Path
) -> None:
    async with control_state("provisioning-eu", tmp_path, nats_server) as state:
        await write(state, CreateTenant(ACME, "Acme"), CreateAcl(ACME, "OUT"))
    await nats_server.forget()
    await nats_server.start()
    await until("the connection", lambda: nc.is_connected)
    await ensure_config(nc)
    async with control_state("provisioning-eu", tmp_path, nats_server) as state:
        # Whether it waits for the rebuild or comes after it: it is not decided on the old tenant.
        with pytest.raises(Refusal) as refused:
            await write(state, CreateAcl(ACME, "MORE"))
        assert refused.value.reason == "TENANT_NOT_FOUND"
        await until("the next generation", lambda: state.replica.generation == 1)
        assert not state.directory.tenants
        assert await write(state, CreateTenant(ACME, "Acme")) == 1
