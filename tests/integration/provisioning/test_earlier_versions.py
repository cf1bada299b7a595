"""A dashboard and a command of today at a provisioning that has not been updated yet: what it knows is shown, what is missing is said."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from helpers.authority import table_of, tls_of
from helpers.earlier import earlier
from helpers.platform import BIN
from helpers.ports import free_port
from helpers.service import OPERATOR_KEY
from integration.provisioning.conftest import Service, key_of

from trunkline.dashboard.app import make_app
from trunkline.dashboard.services import Services
from trunkline.dashboard.settings import DashboardSettings
from trunkline.dashboard.store import Identity, Store
from trunkline.dashboard.visits import Desk
from trunkline.runtime.buckets import Buckets

MISSING = ("GetTenant", "ListPopChanges", "ReadTenant", "ExplainCalls", "ListReplicas")
URL = "http://127.0.0.1:8080"
LIMIT_S = 60.0
IDENTITIES = [
    Identity("operator", "", "operator", OPERATOR_KEY),
    Identity("tenant", "acme", "tenant:acme/key:k1", key_of("acme")),
]


@pytest.fixture
async def old(service: Service) -> AsyncIterator[str]:
    """The address of a provisioning that has not the methods in MISSING; it has a tenant, acme."""
    await service.tenant("acme")
    async with earlier("provisioning", service.process.address, *MISSING) as address:
        yield address


async def pops_page(address: str, identity: Identity, folder: Path, path: str = "/pops") -> httpx2.Response:
    values = {
        "name": "dashboard-eu",
        "region": "eu",
        "state_dir": folder,
        "grpc_listen": "127.0.0.1:0",
        "tls": table_of(tls_of("dashboard", "dashboard-eu")),
        "http_listen": "127.0.0.1:0",
        "public_url": URL,
        "services": dict.fromkeys(("auth", "routing", "records", "dns"), f"127.0.0.1:{free_port()}") | {"provisioning": address},
    }
    settings = DashboardSettings.model_validate(values)
    store = await Store.open(folder / f"{identity.role}.sqlite", settings.idle_limit_s, settings.session_limit_s)
    services = Services(settings.services, settings.tls)
    desk = Desk(settings, store, services, Buckets(1 / 3600, 20), Buckets(1 / 600, 5))
    try:
        cookies = {desk.cookie: await store.add_session(identity, "", time.time())}
        transport = httpx2.ASGITransport(app=make_app(desk))
        async with httpx2.AsyncClient(transport=transport, base_url=URL, cookies=cookies, timeout=LIMIT_S) as client:
            return await client.get(path)
    finally:
        await services.close()
        await store.close()


@pytest.mark.parametrize("identity", IDENTITIES, ids=["operator", "tenant"])
async def test_the_page_of_points_of_presence_shows_them_and_says_why_their_changes_are_missing(
    old: str, service: Service, identity: Identity, tmp_path: Path
) -> None:
    page = await pops_page(old, identity, tmp_path)
    assert page.status_code == 200, page.text
    assert "edge-eu1" in page.text and "Not known: provisioning is of an earlier version and has no ListPopChanges" in page.text
    whole = await pops_page(service.process.address, identity, tmp_path)
    assert "No change yet." in whole.text and "earlier version" not in whole.text


async def run(address: str, key: str, folder: Path, *words: str) -> SimpleNamespace:
    tls = folder / "tls"
    tls.mkdir(exist_ok=True)
    files = tls_of("client")
    for source, name in ((files.ca_file, "ca.crt"), (files.cert_file, "client.crt"), (files.key_file, "client.key")):
        shutil.copy(source, tls / name)
    context = {"services": {"provisioning": address}, "tls": str(tls), "key": key}
    (folder / "contexts.json").write_text(json.dumps({"current": "old", "contexts": {"old": context}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
    process = await asyncio.create_subprocess_exec(
        BIN / "trunkline",
        *words,
        cwd=folder,
        env={**kept, "TRUNKLINE_CONTEXTS": str(folder / "contexts.json")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return SimpleNamespace(code=process.returncode, out=out.decode(), err=err.decode())


async def test_a_tenant_is_shown_as_far_as_it_is_known(old: str, tmp_path: Path) -> None:
    operators = await run(old, OPERATOR_KEY, tmp_path, "tenant", "show", "acme", "-o", "json")
    assert operators.code == 0, operators.err
    assert (json.loads(operators.out)["id"], json.loads(operators.out)["name"]) == ("acme", "Acme")
    own = await run(old, key_of("acme"), tmp_path, "tenant", "show", "-o", "json")
    assert (own.code, json.loads(own.out)) == (0, {"id": "acme"})
    assert "class of service and limits are not known" in own.err and "has no GetTenant: update provisioning" in own.err
    nobody = await run(old, OPERATOR_KEY, tmp_path, "tenant", "show", "nobody")
    assert nobody.code == 3 and "nobody" in nobody.err and "has no GetTenant" in nobody.err
    history = await run(old, OPERATOR_KEY, tmp_path, "pop", "history")
    assert history.code != 0 and "update it: provisioning first" in history.err


async def test_the_page_of_regions_says_what_is_missing(old: str, service: Service, tmp_path: Path) -> None:
    page = await pops_page(old, IDENTITIES[0], tmp_path, "/operator/regions")
    assert page.status_code == 200 and "Not known: provisioning is of an earlier version and has no ListReplicas" in page.text
    whole = await pops_page(service.process.address, IDENTITIES[0], tmp_path, "/operator/regions")
    assert "The log is at home in eu" in whole.text and "edge-eu1" in whole.text


async def test_a_tenant_is_exported_and_what_takes_a_later_version_says_so(old: str, tmp_path: Path) -> None:
    own = await run(old, key_of("acme"), tmp_path, "export", "-o", "json")
    assert (own.code, json.loads(own.out)) == (0, {"acls": {}, "domains": {}}), own.err
    for words in (("undo", "--to", "1", "--yes"), ("export", "--at", "1"), ("explain", "--since", "1h")):
        later = await run(old, key_of("acme"), tmp_path, *words)
        assert later.code == 1 and "earlier version" in later.err, later.err
