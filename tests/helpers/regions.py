"""Three nats-servers joined as in production: one JetStream domain per region, us and apac as leaf nodes of eu. Fixture `regions`.

Each leaf link passes a TCP proxy that can be cut. Plain TCP: who may do what is tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import nats.errors
import pytest
from helpers.nats import NatsServer
from helpers.ports import free_port
from helpers.tcp_proxy import TcpProxy, tcp_proxy
from helpers.waiting import until
from nats.aio.client import Client

HOME = "eu"
REGIONS = (HOME, "us", "apac")
LINK_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Regions:
    """`servers` by region; `links` by the region away from home."""

    servers: dict[str, NatsServer]
    links: dict[str, TcpProxy]

    @property
    def home(self) -> NatsServer:
        return self.servers[HOME]

    async def connect(self, region: str) -> Client:
        return await self.servers[region].connect()

    async def linked(self, nc: Client, domain: str = HOME) -> None:
        """Until the JetStream of `domain` answers on that connection."""
        await until(f"{domain} answers", lambda: answers(nc, domain), limit_s=LINK_LIMIT_S)


async def answers(nc: Client, domain: str = HOME) -> bool:
    try:
        answer = await nc.request(f"$JS.{domain}.API.INFO", b"", timeout=1)
    except (nats.errors.Error, OSError):
        return False
    return "error" not in json.loads(answer.data)


@pytest.fixture
async def regions(tmp_path: Path) -> AsyncIterator[Regions]:
    leaf_port = free_port()
    async with AsyncExitStack() as stack:
        servers = {HOME: NatsServer(tmp_path / HOME, domain=HOME, leaf_port=leaf_port)}
        links: dict[str, TcpProxy] = {}
        for region in REGIONS[1:]:
            links[region] = await stack.enter_async_context(tcp_proxy(leaf_port))
            servers[region] = NatsServer(tmp_path / region, domain=region, home_port=links[region].port)
        for server in servers.values():
            stack.push_async_callback(server.kill)
            await server.start()
        found = Regions(servers, links)
        for region in REGIONS[1:]:
            nc = await found.connect(region)
            await found.linked(nc)
            await nc.close()
        yield found
