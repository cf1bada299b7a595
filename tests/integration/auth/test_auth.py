"""The auth service as other services see it: a process of its own on a real log, with real digests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
import time
from pathlib import Path

import pytest
from helpers.auth import HASHES, AuthClient, Provisioned
from helpers.nats import NatsServer
from helpers.service import OPERATOR_KEY, REALM, ServiceProcess

from trunkline.api.auth.v1 import auth_pb2
from trunkline.domain.commands import (
    AddAccount,
    AddAddress,
    AttachAcl,
    ChangeAccountCredential,
    CreateAcl,
    CreateDomain,
    RemoveAccount,
    SetDigestPolicy,
)
from trunkline.domain.events import Position, TenantId

ACME = TenantId("acme")
HOST = f"acme.{REALM}"
PASSWORD = "correct horse battery staple"
NUMBER = "31201234567"


async def account(client: AuthClient, provisioned: Provisioned, *algorithms: str) -> int:
    """acme with a domain whose ACL holds 192.0.2.0/24 and one account; the position of the last commit."""
    await provisioned.tenant()
    await client.set_credential("c1", PASSWORD)
    return await provisioned.write(
        CreateAcl(ACME, "OUT"),
        AddAddress(ACME, "OUT", "192.0.2.0/24"),
        AddAccount(ACME, "OUT", "31000000", "c1", "+31201234000"),
        CreateDomain(ACME, "acme"),
        AttachAcl(ACME, "acme", "OUT"),
        *([SetDigestPolicy(ACME, "acme", algorithms)] if algorithms else []),
    )


async def call(
    client: AuthClient, position: int, password: str = PASSWORD, *, host: str = HOST, algorithm: str = "MD5", **fields: str
) -> auth_pb2.AuthorizeResponse:
    value = await client.credentials(host, fields.pop("username", "31000000"), password, algorithm=algorithm, number=NUMBER)
    request = {"source": "192.0.2.7", "number": NUMBER, "sip_call_id": "a84b4c76e66710", **fields}
    return await client.authorize(host=host, credentials=[value], min_position=position, **request)


@pytest.mark.parametrize("algorithm", list(HASHES))
async def test_the_right_password_is_admitted_and_a_wrong_one_is_not(client: AuthClient, provisioned: Provisioned, algorithm: str) -> None:
    position = await account(client, provisioned, algorithm)
    admitted = await call(client, position, algorithm=algorithm)
    assert (admitted.outcome, admitted.reason, admitted.tenant, admitted.domain) == ("admit", "", "acme", "acme")
    assert (admitted.acl, admitted.account, admitted.address) == ("OUT", "31000000", "192.0.2.0/24")
    assert admitted.caller_id == "+31201234000"
    assert admitted.position >= position
    wrong = await call(client, position, "wrong password", algorithm=algorithm)
    assert (wrong.outcome, wrong.reason) == ("refuse", "T204")
    unknown = await call(client, position, username="32000000", algorithm=algorithm)
    assert (unknown.outcome, unknown.reason) == ("refuse", "T204")


async def test_the_name_bound_to_a_pop_is_served_and_others_are_not(client: AuthClient, provisioned: Provisioned) -> None:
    position = await account(client, provisioned)
    assert (await call(client, position, host=f"acme.eu1.{REALM}")).outcome == "admit"
    assert (await call(client, position, host=f"acme.us1.{REALM}")).reason == "T201"


async def test_an_assumed_result_needs_no_digest_and_the_steps_are_told(client: AuthClient, provisioned: Provisioned) -> None:
    position = await account(client, provisioned)
    asked = {"host": HOST, "min_position": position}
    assert (await client.authorize(source="192.0.2.7", **asked)).outcome == "challenge"
    assert (await client.authorize(source="203.0.113.1", **asked)).reason == "T203"
    right = await client.authorize(source="192.0.2.7", assumed_username="31000000", is_assumed_right=True, **asked)
    assert (right.outcome, right.account) == ("admit", "31000000")
    assert any("OUT" in step for step in right.steps)
    assert (await client.authorize(source="192.0.2.7", assumed_username="31000000", **asked)).reason == "T204"


async def test_a_new_password_counts_at_its_position_and_the_old_one_no_more(client: AuthClient, provisioned: Provisioned) -> None:
    await account(client, provisioned)
    await client.set_credential("c2", "another password")
    position = await provisioned.write(ChangeAccountCredential(ACME, "OUT", "31000000", "c2"))
    assert (await call(client, position, "another password")).outcome == "admit"
    assert (await call(client, position)).reason == "T204"


async def test_a_repeated_request_gives_the_first_answer(client: AuthClient, provisioned: Provisioned) -> None:
    await provisioned.tenant()
    first = await client.set_credential("c1", PASSWORD, request_id="r1")
    again = await client.set_credential("c1", PASSWORD, request_id="r1")
    assert (again.position, again.commit_id, again.repeated) == (first.position, first.commit_id, True)
    reused = await client.problem(client.set_credential("c2", PASSWORD, request_id="r1"))
    assert (reused.code, reused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


async def test_a_tenant_is_known_the_moment_it_was_made_and_one_that_is_not_gets_no_key(
    client: AuthClient, provisioned: Provisioned
) -> None:
    await provisioned.tenant()
    assert (await client.set_credential("c1", PASSWORD)).position > 0
    problem = await client.problem(client.set_credential("c1", PASSWORD, tenant="globex"))
    assert (problem.code, problem.reason) == ("NOT_FOUND", "TENANT_NOT_FOUND")
    assert [key.tenant for key in (await client.keys()).tenant_keys] == ["acme"]


@pytest.mark.parametrize("password", ["short", "x" * 129, "with\nnewline"])
async def test_a_bad_password_is_refused_and_not_repeated(
    client: AuthClient, provisioned: Provisioned, auth: ServiceProcess, password: str
) -> None:
    await provisioned.tenant()
    problem = await client.problem(client.set_credential("c1", password))
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "PASSWORD_INVALID", "password")
    assert password not in f"{problem} {auth.output()}"


async def test_neither_password_nor_ha1_is_on_disk_in_the_stream_or_in_the_log(
    client: AuthClient, provisioned: Provisioned, auth: ServiceProcess, tmp_path: Path
) -> None:
    position = await account(client, provisioned)
    assert (await call(client, position)).outcome == "admit"
    assert await auth.stop() == 0
    needles = {"the password": PASSWORD.encode()}
    for name in HASHES.values():
        ha1 = hashlib.new(name, f"31000000:{REALM}:{PASSWORD}".encode()).digest()
        needles |= {f"{name} raw": ha1, f"{name} hex": ha1.hex().encode(), f"{name} base64": base64.b64encode(ha1).rstrip(b"=")}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files}
    assert any(b"31000000" in content for path, content in contents.items() if "store" in path.parts), "the stream is among the files"
    assert any(path.name == "keys.sqlite" for path in files)
    for path, content in contents.items():
        for what, needle in needles.items():
            assert needle not in content, f"{what} in {path}"


async def test_keys_go_to_services_only(auth: ServiceProcess, client: AuthClient, provisioned: Provisioned) -> None:
    await provisioned.tenant()
    async with AuthClient(auth, OPERATOR_KEY) as operator:
        for work in (operator.keys(), operator.set_credential("c1", PASSWORD)):
            assert (await operator.problem(work)).code == "PERMISSION_DENIED"
    keys = await client.keys()
    for ring in (keys.nonce_keys, keys.token_keys):
        assert [key.is_current for key in ring] == [True]
        assert (len(ring[0].key), ring[0].key_id) == (32, 0)
        assert ring[0].not_before.seconds <= time.time() < ring[0].not_after.seconds


async def test_after_a_kill_keys_and_secrets_are_the_same(auth: ServiceProcess, client: AuthClient, provisioned: Provisioned) -> None:
    position = await account(client, provisioned)
    before = await client.keys()
    await auth.kill()
    await auth.start()
    async with AuthClient(auth) as again:
        assert await again.keys() == before
        assert (await call(again, position)).outcome == "admit"


async def test_with_every_file_but_the_keys_deleted_it_answers_the_same(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned
) -> None:
    position = await account(client, provisioned)
    assert await auth.stop() == 0
    for path in auth.state_dir.iterdir():
        if not path.name.startswith("keys.sqlite"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await call(again, position)).outcome == "admit"


async def test_without_its_key_store_accounts_stay_and_admit_nobody(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned
) -> None:
    position = await account(client, provisioned)
    assert await auth.stop() == 0
    for path in auth.state_dir.glob("keys.sqlite*"):
        path.unlink()
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await again.authorize(host=HOST, source="192.0.2.7", min_position=position)).outcome == "challenge"
        assert (await call(again, position)).outcome == "refuse"


async def test_with_the_log_away_it_starts_and_authorizes_from_its_replica(
    auth: ServiceProcess, client: AuthClient, provisioned: Provisioned, nats_server: NatsServer
) -> None:
    position = await account(client, provisioned)
    assert (await call(client, position)).outcome == "admit"
    assert await auth.stop() == 0
    await nats_server.kill()
    await auth.start()
    async with AuthClient(auth) as again:
        assert (await call(again, position)).outcome == "admit"
        problem = await again.problem(again.set_credential("c2", PASSWORD))
        assert (problem.code, problem.reason) == ("UNAVAILABLE", "LOG_UNAVAILABLE")
        await nats_server.start()
        assert (await again.set_credential("c2", PASSWORD)).position > position


async def test_a_credential_that_no_account_names_is_swept_and_others_are_not(client: AuthClient, provisioned: Provisioned) -> None:
    await account(client, provisioned)
    await client.set_credential("orphan", PASSWORD, username="32000000")
    await provisioned.state.catch_up()
    directory = provisioned.state.directory
    assert {name for _, name in directory.credentials} == {"c1", "orphan"}
    await _until_credentials(provisioned, {"c1"})
    await provisioned.write(RemoveAccount(ACME, "OUT", "31000000"))
    await _until_credentials(provisioned, set())


async def _until_credentials(provisioned: Provisioned, expected: set[str]) -> None:
    async with asyncio.timeout(15):
        while {name for _, name in provisioned.state.directory.credentials} != expected:
            await provisioned.state.replica.wait_covered(Position(provisioned.state.replica.covered + 1), 15)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"source": "not an address"}, "source"),
        ({"source": "192.0.2.1", "credentials": ["Digest"] * 9}, "credentials"),
    ],
)
async def test_a_dry_run_that_cannot_be_made_names_the_field(client: AuthClient, fields: dict[str, object], field: str) -> None:
    problem = await client.problem(client.authorize(host=HOST, **fields))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", field)


async def test_a_position_that_is_never_reached_is_told_in_time(client: AuthClient) -> None:
    problem = await client.problem(client.authorize(host=HOST, source="192.0.2.1", min_position=10_000))
    assert problem.code == "UNAVAILABLE"
    assert "10000" in problem.message
