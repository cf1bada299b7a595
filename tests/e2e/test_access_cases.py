"""The table of cases of the access rule over real SIP, by SIPp, and through provisioning's Explain, on one running platform."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import yaml
from helpers import sipp, softphone
from helpers.edge import NOT_YET
from helpers.platform import Platform
from helpers.platform_grpc import channel as channel_to
from helpers.waiting import until

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1.records_pb2 import ListRecordsRequest
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parents[1] / "contract" / "access_cases.yaml").read_text())
CASES = {case["name"]: case for case in TABLE["cases"]}
TENANT = TABLE["tenant"]


def _algorithms(case: dict[str, Any]) -> list[str]:
    return list(TABLE["domains"].get(case["domain"], {}).get("algorithms", ["MD5"]))


PHONES = {
    f"phone{status}{algorithm.replace('-', '').lower()}": (status, algorithm) for status in (401, 407) for algorithm in ("MD5", "SHA-256")
}
"""Domains of the softphone, by label: how each challenges. pjsua2's wheel is built without SHA-512-256."""
# SIPp 3.6.1 knows MD5 only; the other algorithms are run by the engine's and auth's runners, and by pjsua2 below.
OVER_SIP = {name: case for name, case in CASES.items() if case.get("sip", True) and _algorithms(case) == ["MD5"]}


@pytest.fixture(scope="module")
def cases(platform: Platform) -> Platform:
    """The table's tenant, on the shared platform."""
    asyncio.run(_provision(platform))
    return platform


async def _provision(platform: Platform) -> None:
    async with channel_to(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        await stub.CreateTenant(p.CreateTenantRequest(tenant=TENANT, name="Cases"))
        for name, acl in TABLE["acls"].items():
            await stub.CreateAcl(p.CreateAclRequest(tenant=TENANT, acl=name))
            for entry in acl.get("addresses", ()):
                request = p.AddAddressRequest(tenant=TENANT, acl=name, address=entry["cidr"], caller_id=entry.get("caller_id", ""))
                request.allow_everyone = entry["cidr"].endswith("/0")
                await stub.AddAddress(request)
            for account in acl.get("accounts", ()):
                await stub.AddAccount(p.AddAccountRequest(tenant=TENANT, acl=name, **account))
        position = 0
        for label, domain in TABLE["domains"].items():
            written = await stub.CreateDomain(p.CreateDomainRequest(tenant=TENANT, label=label))
            position = max(position, written.receipt.position)
            for acl in domain["acls"]:
                attached = await stub.AttachAcl(p.AttachAclRequest(tenant=TENANT, label=label, acl=acl))
                position = max(position, attached.receipt.position)
            if "algorithms" in domain or "challenge_status" in domain:
                policy = p.SetDigestPolicyRequest(tenant=TENANT, label=label, algorithms=domain.get("algorithms", ["MD5"]))
                policy.challenge_status = domain.get("challenge_status", 407)
                position = max(position, (await stub.SetDigestPolicy(policy)).receipt.position)
        for label, (status, algorithm) in PHONES.items():
            await stub.CreateDomain(p.CreateDomainRequest(tenant=TENANT, label=label))
            await stub.AttachAcl(p.AttachAclRequest(tenant=TENANT, label=label, acl="ACCOUNTS"))
            policy = p.SetDigestPolicyRequest(tenant=TENANT, label=label, algorithms=[algorithm], challenge_status=status)
            position = max(position, (await stub.SetDigestPolicy(policy)).receipt.position)
        async for applied in stub.WaitApplied(p.WaitAppliedRequest(position=position)):
            assert applied.is_applied, applied.problem


def _steps(case: dict[str, Any], caller: sipp.Caller) -> list[str]:
    """Admitted calls go to a number that is busy: 486 is the carrier's word, so the call was admitted."""
    expect = case["expect"]
    challenge_status = TABLE["domains"].get(case["domain"], {}).get("challenge_status", 407)
    match expect["outcome"], expect.get("reason", ""):
        case "admit", _:
            by_digest = bool(expect.get("account"))
            silent = dataclasses.replace(caller, username="", password="")
            return sipp.refused_call(caller if by_digest else silent, 486, "SIP/2.0 486", challenge_status=challenge_status)
        case "challenge", _:
            return sipp.challenged_invite(caller, challenge_status)
        case "refuse", "T204":
            return sipp.refused_call(caller, 403, "T204", challenge_status=challenge_status)
        case "refuse", reason:
            # Refused at once, whatever the caller would have answered.
            return sipp.refused_call(dataclasses.replace(caller, username="", password=""), 403, reason)
        case other:
            raise AssertionError(f"the table has an outcome that this runner does not know: {other}")


@pytest.mark.parametrize("name", OVER_SIP)
async def test_over_sip(cases: Platform, tmp_path: Path, name: str) -> None:
    case = OVER_SIP[name]
    number = f"+3180{list(OVER_SIP).index(name):04d}486"
    host = f"{case['domain']}.{cases.local['base_domain']}"
    caller = sipp.Caller(host=host, number=number, username=case.get("username", ""), password=case.get("password", ""))
    sipp.run(tmp_path, _steps(case, caller), target=cases.edge("eu1"), local_address=case["source"], is_logged=False).must_succeed(1)
    expect = case["expect"]
    if expect["outcome"] == "challenge" or case["domain"] not in TABLE["domains"]:
        return
    async with channel_to(cases, "records-eu") as channel:
        stub = RecordsServiceStub(channel)
        request = ListRecordsRequest(tenant=TENANT, number=number)
        listed = await until(
            f"a record of {number}", lambda: stub.ListRecords(request), lambda answer: answer.records, despite=NOT_YET, limit_s=30
        )
    rows = listed.records
    assert len(rows) == 1
    assert rows[0].reason == expect.get("reason", "")
    if expect["outcome"] == "admit":
        seen = {field: getattr(rows[0], field) for field in ("acl", "account", "address")}
        assert seen == {field: expect.get(field, "") for field in seen}


@pytest.mark.parametrize("name", CASES)
async def test_through_explain(cases: Platform, name: str) -> None:
    case = CASES[name]
    expect = {"reason": "", "acl": "", "account": "", "address": "", **case.get("explain", case["expect"])}
    expect.pop("caller_id", None)
    passwords = {
        account["password"]
        for acl in TABLE["domains"].get(case["domain"], {}).get("acls", ())
        for account in TABLE["acls"][acl].get("accounts", ())
        if account["username"] == case.get("username")
    }
    request = p.ExplainRequest(tenant=TENANT, domain=f"{case['domain']}.{cases.local['base_domain']}", source=case["source"])
    request.username = case.get("username", "")
    request.is_password_right = case.get("password", "") in passwords
    async with channel_to(cases, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        if case["domain"] not in TABLE["domains"]:
            # A person who mistypes a domain is told so; on the wire nobody is.
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Explain(request)
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
            return
        answer = await stub.Explain(request)
    assert {field: getattr(answer, field) for field in expect} == expect
    assert answer.steps


@pytest.mark.parametrize("label", [*PHONES, "strongest"])
async def test_a_softphone_answers_each_algorithm_by_401_and_407(cases: Platform, label: str) -> None:
    order = {
        "proxy": cases.edge("eu1"),
        "uri": f"sip:+31209999999@{label}.{cases.local['base_domain']}",
        "id_uri": f"sip:alice@{label}.{cases.local['base_domain']}",
        "local_address": "127.20.0.1",
        "username": "alice",
        "password": "alice-password-1",
    }
    answer = softphone.place(order)
    assert answer["confirmed"] and answer["over"], answer
