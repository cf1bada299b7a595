"""Fixtures of real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.edge import EdgeBench, edge_bench
from helpers.nats import NatsServer
from helpers.secure_nats import nats_server

__all__ = ["nats_server"]


@pytest.fixture
async def bench(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[EdgeBench]:
    async with edge_bench(tmp_path, nats_server) as bench:
        yield bench
