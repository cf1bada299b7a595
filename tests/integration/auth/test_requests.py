"""What the auth service answers: one process for all of these, a tenant for each."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from helpers.auth import HASHES, PASSWORD, AuthClient, Provisioned, call, make_trunk
from helpers.secure_nats import SecureNats
from helpers.service import OPERATOR_KEY, REALM, ServiceProcess, control_state, make_config

from trunkline.api.auth.v1 import auth_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def auth(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("auth")
    nats = SecureNats(folder / "nats")
    service = ServiceProcess("auth", folder, nats, kek_file=folder / "keys" / "kek", pops=["eu1"])
    try:
        await nats.start()
        await make_config(nats)
        await service.start()
        yield service
    finally:
        await service.kill()
        await nats.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(auth: ServiceProcess) -> AsyncIterator[AuthClient]:
    async with AuthClient(auth) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provisioned(auth: ServiceProcess) -> AsyncIterator[Provisioned]:
    async with control_state("provisioning", auth.folder / "other", auth.nats) as state:
        yield Provisioned(state)


@pytest.fixture
def tenant() -> str:
    """A name that no other test has."""
    return f"tenant{next(_numbers)}"


@pytest.mark.parametrize("algorithm", list(HASHES))
async def test_the_right_password_is_admitted_and_a_wrong_one_is_not(
    client: AuthClient, provisioned: Provisioned, tenant: str, algorithm: str
) -> None:
    trunk = await make_trunk(client, provisioned, tenant, (algorithm,))
    admitted = await call(client, trunk, algorithm=algorithm)
    assert (admitted.outcome, admitted.reason, admitted.tenant, admitted.domain) == ("admit", "", tenant, tenant)
    assert (admitted.acl, admitted.account, admitted.address) == ("OUT", "31000000", "192.0.2.0/24")
    assert admitted.account_caller_id == "+31201234000"
    assert admitted.position >= trunk.position
    wrong = await call(client, trunk, "wrong password", algorithm=algorithm)
    assert (wrong.outcome, wrong.reason) == ("refuse", "T204")
    unknown = await call(client, trunk, username="32000000", algorithm=algorithm)
    assert (unknown.outcome, unknown.reason) == ("refuse", "T204")


async def test_the_name_bound_to_a_pop_is_served_and_others_are_not(client: AuthClient, provisioned: Provisioned, tenant: str) -> None:
    trunk = await make_trunk(client, provisioned, tenant)
    assert (await call(client, trunk, host=f"{tenant}.eu1.{REALM}")).outcome == "admit"
    assert (await call(client, trunk, host=f"{tenant}.us1.{REALM}")).reason == "T201"


async def test_an_assumed_result_needs_no_digest_and_the_steps_are_told(client: AuthClient, provisioned: Provisioned, tenant: str) -> None:
    trunk = await make_trunk(client, provisioned, tenant)
    asked = {"host": trunk.host, "min_position": trunk.position}
    assert (await client.authorize(source="192.0.2.7", **asked)).outcome == "challenge"
    assert (await client.authorize(source="203.0.113.1", **asked)).reason == "T203"
    right = await client.authorize(source="192.0.2.7", assumed_username="31000000", is_assumed_right=True, **asked)
    assert (right.outcome, right.account) == ("admit", "31000000")
    assert any("OUT" in step for step in right.steps)
    assert (await client.authorize(source="192.0.2.7", assumed_username="31000000", **asked)).reason == "T204"


async def test_a_repeated_request_gives_the_first_answer(client: AuthClient, provisioned: Provisioned, tenant: str) -> None:
    await provisioned.tenant(tenant)
    first = await client.set_credential("c1", PASSWORD, tenant=tenant, request_id="r1")
    again = await client.set_credential("c1", PASSWORD, tenant=tenant, request_id="r1")
    assert (again.position, again.commit_id, again.repeated) == (first.position, first.commit_id, True)
    reused = await client.problem(client.set_credential("c2", PASSWORD, tenant=tenant, request_id="r1"))
    assert (reused.code, reused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    other = await client.problem(client.set_credential("c1", "another password", tenant=tenant, request_id="r1"))
    assert (other.code, other.reason, other.field) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", "write.request_id")


async def test_a_tenant_is_known_the_moment_it_was_made_and_one_that_is_not_gets_no_key(
    client: AuthClient, provisioned: Provisioned, tenant: str
) -> None:
    await provisioned.tenant(tenant)
    assert (await client.set_credential("c1", PASSWORD, tenant=tenant)).position > 0
    problem = await client.problem(client.set_credential("c1", PASSWORD, tenant="globex"))
    assert (problem.code, problem.reason) == ("NOT_FOUND", "TENANT_NOT_FOUND")
    assert [key.tenant for key in (await client.keys()).tenant_keys].count("globex") == 0


@pytest.mark.parametrize("password", ["short", "x" * 129, "with\nnewline"])
async def test_a_bad_password_is_refused_and_not_repeated(
    client: AuthClient, provisioned: Provisioned, tenant: str, auth: ServiceProcess, password: str
) -> None:
    await provisioned.tenant(tenant)
    problem = await client.problem(client.set_credential("c1", password, tenant=tenant))
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "PASSWORD_INVALID", "password")
    assert password not in f"{problem} {auth.output()}"


async def test_keys_go_to_edges_and_secrets_come_from_provisioning_only(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned, tenant: str
) -> None:
    await provisioned.tenant(tenant)
    async with AuthClient(auth, OPERATOR_KEY) as operator:
        assert (await operator.problem(operator.set_credential("c1", PASSWORD, tenant=tenant))).code == "PERMISSION_DENIED"
        assert (await operator.problem(operator.stub.FetchKeys(auth_pb2.FetchKeysRequest()))).code == "PERMISSION_DENIED"
    assert (await client.problem(client.stub.FetchKeys(auth_pb2.FetchKeysRequest()))).reason == "SERVICE_NOT_ALLOWED"
    keys = await client.keys()
    for ring in (keys.nonce_keys, keys.token_keys):
        assert [key.is_current for key in ring] == [True]
        assert len(ring[0].key) == 32
        assert ring[0].not_before.seconds <= time.time() < ring[0].not_after.seconds


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": "not an address"}, "source"),
        ({"source": "192.0.2.1", "credentials": ["Digest"] * 9}, "credentials"),
    ],
)
async def test_a_dry_run_that_cannot_be_made_names_the_field(client: AuthClient, fields: dict[str, object], field: str) -> None:
    problem = await client.problem(client.authorize(host=f"acme.{REALM}", **fields))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", field)


async def test_a_position_that_is_never_reached_is_told_in_time(client: AuthClient) -> None:
    problem = await client.problem(client.authorize(host=f"acme.{REALM}", source="192.0.2.1", min_position=10_000))
    assert problem.code == "UNAVAILABLE"
    assert "10000" in problem.message
