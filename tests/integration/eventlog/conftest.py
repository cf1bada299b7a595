"""A nats-server with the platform's streams, and what follows it; three of them in three regions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from helpers.nats import NatsServer, nats_server
from helpers.regions import regions
from nats.aio.client import Client

from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.streams import ensure_streams

__all__ = ["nats_server", "regions"]


@pytest.fixture
async def nc(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats_server.connect()
    await ensure_streams(client)
    yield client
    await client.close()


@pytest.fixture
def log(nc: Client) -> JetStreamLog:
    return JetStreamLog(nc)
