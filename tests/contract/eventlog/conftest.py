"""Both engines of the log, made anew for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.nats import NatsServer

from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import EventLog
from trunkline.eventlog.sqlite import SqliteLog
from trunkline.eventlog.streams import ensure_streams


@pytest.fixture(params=["jetstream", "sqlite"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventLog]:
    if request.param == "sqlite":
        sqlite = await SqliteLog.open(tmp_path / "log.sqlite")
        yield sqlite
        await sqlite.close()
        return
    server = NatsServer(tmp_path / "nats")
    await server.start()
    try:
        nc = await server.connect()
        await ensure_streams(nc)
        yield JetStreamLog(nc)
        await nc.close()
    finally:
        await server.kill()
