"""The application with a store of its own; the services behind it are away, which no check here waits for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import grpc.aio
import httpx2
import pytest
from helpers.authority import table_of, tls_of
from helpers.ports import free_port

from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer, add_ProvisioningServiceServicer_to_server
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer, add_RecordsServiceServicer_to_server
from trunkline.dashboard.app import make_app
from trunkline.dashboard.services import Services
from trunkline.dashboard.settings import Addresses, DashboardSettings
from trunkline.dashboard.store import Identity, Store
from trunkline.dashboard.visits import Desk
from trunkline.runtime.buckets import Buckets

URL = "http://127.0.0.1:8080"
ACME = Identity("tenant", "acme", "tenant:acme/key:k1", "tk_key-of-acme")


@dataclass(frozen=True, slots=True)
class Browser:
    """Who is logged in, with the token of the session's forms."""

    client: httpx2.AsyncClient
    desk: Desk
    secret: str


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browsing(tmp_path, URL) as found:
        yield found


@asynccontextmanager
async def browsing(folder: Path, url: str) -> AsyncIterator[Browser]:
    """Of a dashboard that browsers reach at that address."""
    nobody = f"127.0.0.1:{free_port()}"
    settings = DashboardSettings.model_validate(
        {
            "name": "dashboard-eu",
            "region": "eu",
            "state_dir": folder,
            "grpc_listen": "127.0.0.1:0",
            "tls": table_of(tls_of("dashboard", "dashboard-eu")),
            "http_listen": "127.0.0.1:0",
            "public_url": url,
            "services": dict.fromkeys(("provisioning", "auth", "routing", "records", "dns"), nobody),
        }
    )
    store = await Store.open(folder / "dashboard.sqlite", settings.idle_limit_s, settings.session_limit_s)
    services = Services(settings.services, settings.tls)
    desk = Desk(settings, store, services, Buckets(1 / 3600, 20), Buckets(1 / 600, 5))
    secret = await store.add_session(ACME, "", time.time())
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=make_app(desk)), base_url=url, cookies={desk.cookie: secret}, timeout=20
    ) as client:
        yield Browser(client, desk, secret)
    await services.close()
    await store.close()


@asynccontextmanager
async def serving(provisioning: ProvisioningServiceServicer, records: RecordsServiceServicer) -> AsyncIterator[Services]:
    """These two on servers of their own; the others are away."""
    servers, addresses = [], dict.fromkeys(("auth", "routing", "dns"), f"127.0.0.1:{free_port()}")
    for peer, add in (
        ("provisioning", lambda server: add_ProvisioningServiceServicer_to_server(provisioning, server)),
        ("records", lambda server: add_RecordsServiceServicer_to_server(records, server)),
    ):
        tls, server = tls_of(peer), grpc.aio.server()
        add(server)
        pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
        credentials = grpc.ssl_server_credentials([pair], tls.ca_file.read_bytes(), require_client_auth=True)
        addresses[peer] = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
        await server.start()
        servers.append(server)
    services = Services(Addresses.model_validate(addresses), tls_of("dashboard", "dashboard-eu"))
    try:
        yield services
    finally:
        await services.close()
        for server in servers:
            await server.stop(None)


@asynccontextmanager
async def with_services(
    browser: Browser, provisioning: ProvisioningServiceServicer, records: RecordsServiceServicer
) -> AsyncIterator[httpx2.AsyncClient]:
    """The same dashboard and login with these two behind it."""
    async with serving(provisioning, records) as services:
        desk = replace(browser.desk, services=services)
        transport = httpx2.ASGITransport(app=make_app(desk))
        async with httpx2.AsyncClient(transport=transport, base_url=URL, cookies={desk.cookie: browser.secret}, timeout=30) as client:
            yield client
