"""An auth service on a nats-server of its own, and what provisioning would have written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.auth import AuthClient, Provisioned
from helpers.nats import NatsServer
from helpers.secure_nats import nats_server
from helpers.service import ServiceProcess, control_state, make_config

__all__ = ["nats_server"]


@pytest.fixture
async def auth(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess(
        "auth",
        tmp_path / "state",
        nats_server,
        kek_file=tmp_path / "state" / "keys" / "kek",
        pops=["eu1"],
        orphan_age_s=1,
        sweep_period_s=1,
    )
    try:
        await make_config(nats_server)
        await service.start()
        yield service
    finally:
        await service.kill()


@pytest.fixture
async def client(auth: ServiceProcess) -> AsyncIterator[AuthClient]:
    async with AuthClient(auth) as made:
        yield made


@pytest.fixture
async def provisioned(auth: ServiceProcess, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Provisioned]:
    async with control_state("provisioning", tmp_path / "other", nats_server) as state:
        yield Provisioned(state)
