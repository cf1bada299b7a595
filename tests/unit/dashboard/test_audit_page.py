"""The audit's page: what a customer and an operator are offered, and whose a change is."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest
from unit.dashboard.conftest import Browser, with_services

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer
from trunkline.dashboard.audit_words import KINDS, OPERATORS_KINDS
from trunkline.dashboard.store import Identity

pytestmark = pytest.mark.timeout(60)


class Provisioning(ProvisioningServiceServicer):
    async def ListHistory(self, request: pb.ListHistoryRequest, context: Any) -> pb.ListHistoryResponse:
        return pb.ListHistoryResponse(entries=[pb.HistoryEntry(kind="acl", aggregate="office", tenant="globex", actor="operator")])


@pytest.fixture
async def client(browser: Browser) -> AsyncIterator[httpx2.AsyncClient]:
    async with with_services(browser, Provisioning(), RecordsServiceServicer()) as found:
        yield found


async def as_operator(browser: Browser, tenant: str) -> dict[str, str]:
    secret = await browser.desk.store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    if tenant:
        await browser.desk.store.show_tenant(secret, tenant)
    return {"Cookie": f"{browser.desk.cookie}={secret}"}


def offered(page: str) -> tuple[Sequence[str], Sequence[str]]:
    """Kinds in the filter, and which of them is chosen."""
    choices = re.search(r'<select id="kind".*?</select>', page, re.DOTALL)
    assert choices is not None
    return (
        re.findall(r'<option value="(\w+)"', choices[0]),
        re.findall(r'<option value="(\w+)" selected', choices[0]),
    )


async def test_who_looks_at_a_tenants_changes_is_offered_the_kinds_that_tenants_have(browser: Browser, client: httpx2.AsyncClient) -> None:
    tenants = set(KINDS) - OPERATORS_KINDS
    assert set(offered((await client.get("/audit")).text)[0]) == tenants
    looking = (await client.get("/audit", headers=await as_operator(browser, "globex"))).text
    assert set(offered(looking)[0]) == tenants and 'of <span class="mono">globex' not in looking
    everybodys = (await client.get("/audit", headers=await as_operator(browser, ""))).text
    assert set(offered(everybodys)[0]) == set(KINDS) and 'of <span class="mono">globex' in everybodys


@pytest.mark.parametrize("kind", ["carrier", "lorry"])
async def test_the_filter_shows_the_kind_that_was_asked_for(client: httpx2.AsyncClient, kind: str) -> None:
    assert offered((await client.get(f"/audit?kind={kind}")).text)[1] == [kind]


@pytest.mark.parametrize("tenant", ["", "globex"])
async def test_the_audit_is_linked_once_for_an_operator(browser: Browser, client: httpx2.AsyncClient, tenant: str) -> None:
    page = (await client.get("/audit", headers=await as_operator(browser, tenant))).text
    assert page.count('<a href="/audit" aria-current="page">Audit</a>') == 1
