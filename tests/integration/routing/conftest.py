"""A routing service on a nats-server of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.nats import NatsServer
from helpers.secure_nats import nats_server
from helpers.service import ServiceProcess, make_config

__all__ = ["nats_server"]


@pytest.fixture
async def routing(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess("routing", tmp_path, nats_server)
    try:
        await make_config(nats_server)
        await service.start()
        yield service
    finally:
        await service.kill()
