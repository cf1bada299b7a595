"""The table of cases of the access rule, asked of auth's Authorize: sealed credentials through the log, real digests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.auth import AuthClient, Provisioned
from helpers.secure_nats import SecureNats
from helpers.service import REALM, ServiceProcess, control_state, make_config

from trunkline.api.auth.v1 import auth_pb2
from trunkline.domain.commands import AddAccount, AddAddress, AttachAcl, CreateAcl, CreateDomain, SetDigestPolicy

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "contract" / "access_cases.yaml").read_text())
CASES: list[dict[str, Any]] = TABLE["cases"]
NAMES = [case["name"] for case in CASES]
NUMBER = "31201234567"

Answers = dict[str, auth_pb2.AuthorizeResponse]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answers, Answers]:
    """By the names of the cases: what Authorize says to real credentials, and with the digest's result assumed."""
    return asyncio.run(_ask(tmp_path_factory.mktemp("cases")))


async def _ask(folder: Path) -> tuple[Answers, Answers]:
    nats = SecureNats(folder / "nats")
    auth = ServiceProcess("auth", folder / "state", nats, kek_file=folder / "state" / "keys" / "kek", pops=["eu1"])
    try:
        await nats.start()
        await make_config(nats)
        await auth.start()
        async with AuthClient(auth) as client, control_state("provisioning", folder / "other", nats) as state:
            position = await _provision(client, Provisioned(state))
            real = {case["name"]: await _with_credentials(client, case, position) for case in CASES}
            assumed = {case["name"]: await _with_assumption(client, case) for case in CASES}
            return real, assumed
    finally:
        await auth.kill()
        await nats.kill()


async def _provision(client: AuthClient, provisioned: Provisioned) -> int:
    tenant = await provisioned.tenant(TABLE["tenant"])
    for name, acl in TABLE["acls"].items():
        await provisioned.write(CreateAcl(tenant, name))
        for entry in acl.get("addresses", ()):
            is_everyone = entry["cidr"].endswith("/0")
            await provisioned.write(AddAddress(tenant, name, entry["cidr"], entry.get("caller_id", ""), allow_everyone=is_everyone))
        for number, account in enumerate(acl.get("accounts", ())):
            credential, user = f"{name}-{number}", account["username"]
            await client.set_credential(credential, account["password"], tenant=tenant, username=user)
            await provisioned.write(AddAccount(tenant, name, user, credential, account.get("caller_id", "")))
    position = 0
    for label, domain in TABLE["domains"].items():
        position = await provisioned.write(CreateDomain(tenant, label))
        for name in domain["acls"]:
            position = await provisioned.write(AttachAcl(tenant, label, name))
        if "algorithms" in domain or "challenge_status" in domain:
            algorithms = tuple(domain.get("algorithms", ("MD5",)))
            position = await provisioned.write(SetDigestPolicy(tenant, label, algorithms, domain.get("challenge_status", 407)))
    return position


async def _with_credentials(client: AuthClient, case: dict[str, Any], position: int) -> auth_pb2.AuthorizeResponse:
    host, values = f"{case['domain']}.{REALM}", []
    if "username" in case:
        offered = TABLE["domains"].get(case["domain"], {}).get("algorithms", ["MD5"])
        algorithm = case.get("algorithm", offered[0])
        values = [await client.credentials(host, case["username"], case["password"], algorithm=algorithm, number=NUMBER)]
    return await client.authorize(
        host=host, source=case["source"], number=NUMBER, sip_call_id="cases", credentials=values, min_position=position
    )


async def _with_assumption(client: AuthClient, case: dict[str, Any]) -> auth_pb2.AuthorizeResponse:
    return await client.authorize(
        host=f"{case['domain']}.{REALM}",
        source=case["source"],
        assumed_username=case.get("username", ""),
        is_assumed_right=_is_password_right(case),
    )


def _is_password_right(case: dict[str, Any]) -> bool:
    attached = TABLE["domains"].get(case["domain"], {}).get("acls", ())
    accounts = [account for name in attached for account in TABLE["acls"][name].get("accounts", ())]
    return (case.get("username"), case.get("password")) in [(account["username"], account["password"]) for account in accounts]


def _seen(answer: auth_pb2.AuthorizeResponse) -> dict[str, str]:
    seen = {field: getattr(answer, field) for field in ("outcome", "reason", "acl", "account", "address")}
    return seen | {"caller_id": answer.account_caller_id or answer.address_caller_id}


def _wanted(expect: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(("reason", "acl", "account", "address", "caller_id"), "") | expect


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_authorize_follows_the_rule_on_real_credentials(answers: tuple[Answers, Answers], case: dict[str, Any]) -> None:
    answer = answers[0][case["name"]]
    assert _seen(answer) == _wanted(case["expect"]), list(answer.steps)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_authorize_follows_the_rule_with_the_digest_assumed(answers: tuple[Answers, Answers], case: dict[str, Any]) -> None:
    answer = answers[1][case["name"]]
    assert _seen(answer) == _wanted(case.get("explain", case["expect"])), list(answer.steps)
