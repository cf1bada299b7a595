"""A name server on a nats-server of its own."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers import pop_reports
from helpers.nats import NatsServer
from helpers.secure_nats import nats_server
from helpers.service import ServiceProcess, make_config

__all__ = ["nats_server"]

HOST = "127.0.0.1"
LIMIT_S = 30.0
POPS = [
    {"name": name, "region": name[:-1], "address": address, "transports": ["udp"]}
    for name, address in {"eu1": "127.0.1.1", "eu2": "127.0.1.2", "us1": "127.0.2.1", "apac1": "127.0.3.1"}.items()
]

NAMES = tuple(str(pop["name"]) for pop in POPS)


class NameServer(ServiceProcess):
    """The process, and the port that it answers on."""

    def __init__(self, folder: Path, nats: NatsServer, **more: object) -> None:
        self.port = free_port_of_both()
        super().__init__("dns", folder, nats, dns_listen=f"{HOST}:{self.port}", pops=POPS, **more)


def free_port_of_both() -> int:
    """For UDP and TCP."""
    for _ in range(100):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((HOST, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((HOST, port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free for both")


@pytest.fixture
async def name_server(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[NameServer]:
    service = NameServer(tmp_path, nats_server)
    try:
        await make_config(nats_server)
        await service.start()
        yield service
    finally:
        await service.kill()


@asynccontextmanager
async def reporting(nats: NatsServer, *silent: str) -> AsyncIterator[None]:
    """All edges but these report all the time, and that they get no answer from them."""
    async with pop_reports.reporting(await nats.connect(), NAMES, NAMES, silent):
        yield
