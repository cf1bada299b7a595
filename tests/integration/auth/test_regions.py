"""Auth in three regions: one set of keys, written and forgotten anywhere, and what goes on when home or a peer is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import pytest
from helpers.auth import ACCOUNT, PASSWORD, AuthClient, Provisioned, call, make_trunk
from helpers.regions import HOME, REGIONS, Regions, regions
from helpers.service import OPERATOR_KEY, ServiceProcess, control_state, make_config
from helpers.waiting import until

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.domain import commands
from trunkline.domain.events import TenantId

__all__ = ["regions"]

SAME_LIMIT_S = 5.0
"""A new key is given to peers before anything sealed under it is written, which takes milliseconds; one that was too busy to take it then
has it two seconds later."""

BACK_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Auths:
    """By region."""

    services: dict[str, ServiceProcess]
    clients: dict[str, AuthClient]

    async def same_keys(self, *, among: tuple[str, ...] = REGIONS, limit_s: float = SAME_LIMIT_S) -> auth_pb2.FetchKeysResponse:
        """What an edge is given, the same by all."""

        async def answers() -> list[auth_pb2.FetchKeysResponse]:
            return [await self.clients[region].keys() for region in among]

        found = await until("the same keys everywhere", answers, lambda each: all(one == each[0] for one in each), limit_s=limit_s)
        return found[0]


@pytest.fixture
async def auths(regions: Regions, tmp_path: Path) -> AsyncIterator[Auths]:
    await make_config(regions.home)
    services: dict[str, ServiceProcess] = {}
    for region in REGIONS:
        folder = tmp_path / f"auth-{region}"
        services[region] = ServiceProcess("auth", folder, regions.servers[region])
    for slot, (region, service) in enumerate(services.items()):
        service.configure(
            name=f"auth-{region}",
            region=region,
            kek_file=service.folder / "kek",
            pops=["eu1", "us1"],
            peers=[{"name": f"auth-{other}", "address": peer.address} for other, peer in services.items() if other != region],
            key_slot=slot,
            key_slots=len(REGIONS),
        )
    clients: dict[str, AuthClient] = {}
    try:
        await asyncio.gather(*(service.start() for service in services.values()))
        clients = {region: AuthClient(service) for region, service in services.items()}
        yield Auths(services, clients)
    finally:
        for client in clients.values():
            await client.__aexit__()
        for service in services.values():
            await service.kill()


@pytest.fixture
async def provisioned(auths: Auths, regions: Regions, tmp_path: Path) -> AsyncIterator[Provisioned]:
    async with control_state("provisioning", tmp_path / "other", regions.home) as state:
        yield Provisioned(state)


async def test_three_new_stores_have_one_set_of_keys_and_a_credential_set_anywhere_counts_everywhere(
    auths: Auths, provisioned: Provisioned
) -> None:
    first = await auths.same_keys()
    assert [len(ring) for ring in (first.nonce_keys, first.token_keys)] == [1, 1], "home's, and nobody's besides"
    for region, client in auths.clients.items():
        trunk = await make_trunk(client, provisioned, f"tenant{region}")
        keys = await auths.same_keys()
        assert [key.tenant for key in keys.tenant_keys].count(trunk.tenant) == 1
        for asked in auths.clients.values():
            answer = await call(asked, trunk)
            assert (answer.outcome, answer.digest_algorithm) == ("admit", "MD5"), answer.steps


async def test_a_nonce_of_one_regions_keys_is_good_in_the_others(auths: Auths, provisioned: Provisioned) -> None:
    trunk = await make_trunk(auths.clients["us"], provisioned)
    await auths.same_keys()
    value = await auths.clients["us"].credentials(trunk.host, ACCOUNT, PASSWORD)
    for region in REGIONS:
        answer = await auths.clients[region].authorize(
            host=trunk.host, source="192.0.2.7", number="31201234567", credentials=[value], min_position=trunk.position
        )
        assert answer.outcome == "admit"


async def test_with_home_away_calls_are_authorized_and_writes_say_at_once_what_to_do(
    auths: Auths, provisioned: Provisioned, regions: Regions
) -> None:
    us = auths.clients["us"]
    trunk = await make_trunk(us, provisioned)
    assert (await call(us, trunk)).outcome == "admit"
    await regions.home.kill()
    problem = await us.problem(us.set_credential("c2", PASSWORD))
    assert (problem.code, problem.reason) == ("UNAVAILABLE", "LOG_UNAVAILABLE")
    assert HOME in problem.message
    assert problem.remedy
    assert (await call(us, trunk)).outcome == "admit"
    # and again after a restart, from its own disk
    await auths.services["us"].kill()
    await auths.services["us"].start()
    async with AuthClient(auths.services["us"]) as again:
        assert (await call(again, trunk)).outcome == "admit"
        await regions.home.start()
        codes: list[str] = []
        await until("writes are taken again", lambda: _code_of_write(again, codes), lambda code: code == "", limit_s=BACK_LIMIT_S)
        assert set(codes) <= {"UNAVAILABLE", ""}


async def _code_of_write(client: AuthClient, codes: list[str]) -> str:
    """Empty where it is taken; added to `codes`."""
    code = ""
    try:
        await client.set_credential("c2", PASSWORD, request_id="r2")
    except grpc.aio.AioRpcError as error:
        code = error.code().name
    codes.append(code)
    return code


async def test_a_forgotten_tenants_keys_are_gone_everywhere_also_where_a_store_was_away(auths: Auths, provisioned: Provisioned) -> None:
    trunk = await make_trunk(auths.clients["us"], provisioned)
    await auths.same_keys()
    await auths.services["apac"].kill()
    async with AuthClient(auths.services["us"], OPERATOR_KEY) as operator:
        answer = await operator.stub.ForgetTenant(auth_pb2.ForgetTenantRequest(tenant=trunk.tenant))
        assert {store.store: store.is_forgotten for store in answer.stores} == {"auth-us": True, "auth-eu": True, "auth-apac": False}
        assert next(store for store in answer.stores if not store.is_forgotten).problem
        for name in ("eu", "us"):
            assert not (await auths.clients[name].keys(trunk.tenant)).tenant_keys
            assert (await call(auths.clients[name], trunk)).reason == "T905"
        await auths.services["apac"].start()
        await until(
            "apac has forgotten them too",
            lambda: auths.clients["apac"].keys(trunk.tenant),
            lambda answer: not answer.tenant_keys,
            limit_s=BACK_LIMIT_S,
        )
        await auths.same_keys(limit_s=BACK_LIMIT_S)
        problem = await operator.problem(auths.clients["apac"].set_credential("c3", PASSWORD, tenant=trunk.tenant))
        assert (problem.code, problem.reason) == ("FAILED_PRECONDITION", "TENANT_FORGOTTEN")
        unknown = await operator.problem(operator.stub.ForgetTenant(auth_pb2.ForgetTenantRequest(tenant="nobody")))
        assert unknown.code == "NOT_FOUND"
        for client in auths.clients.values():
            refused = await client.problem(client.stub.ForgetTenant(auth_pb2.ForgetTenantRequest(tenant=trunk.tenant)))
            assert refused.code == "PERMISSION_DENIED"


async def test_a_store_that_was_lost_has_everything_from_its_peers(auths: Auths, provisioned: Provisioned) -> None:
    trunk = await make_trunk(auths.clients["us"], provisioned)
    before = await auths.same_keys()
    await auths.services["us"].kill()
    for path in auths.services["us"].state_dir.glob("keys.sqlite*"):
        path.unlink()
    await auths.services["us"].start()
    after = await auths.same_keys(limit_s=BACK_LIMIT_S)
    assert after == before
    assert (await call(auths.clients["us"], trunk)).outcome == "admit"


async def test_keys_are_exchanged_between_auth_services_only(auths: Auths) -> None:
    for kind in ("edge", "provisioning", "client"):
        async with auths.services["eu"].channel_of(kind) as channel:
            problem = await auths.clients["eu"].problem(AuthServiceStub(channel).SyncKeys(auth_pb2.SyncKeysRequest(wanted=range(4096))))
            assert problem.code in ("PERMISSION_DENIED", "UNAUTHENTICATED")


async def test_a_new_tenants_key_is_at_the_peers_before_its_credential_is_in_the_log(
    auths: Auths, provisioned: Provisioned, regions: Regions
) -> None:
    tenant = TenantId("acme")
    await provisioned.write(commands.CreateTenant(tenant))
    for region in ("us", "apac"):
        await _until_known(auths.clients[region], provisioned)
    await regions.home.kill()
    us = auths.clients["us"]
    assert (await us.problem(us.set_credential("c1", PASSWORD))).code == "UNAVAILABLE"
    assert [key.tenant for key in (await auths.clients["apac"].keys()).tenant_keys] == [tenant]


async def _until_known(client: AuthClient, provisioned: Provisioned) -> None:
    """Until its replica covers what was written."""
    await client.authorize(host="nobody.example", source="192.0.2.1", min_position=provisioned.state.replica.covered)
