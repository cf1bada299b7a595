"""The table of cases of the access rule against the tables that explain fills from a scene: for a past, and for what is assumed."""

from __future__ import annotations

from typing import Any

import pytest
from contract.engine.test_access_cases import CASES, REALM, TABLE, TENANT, _is_password_right, _seen, _wanted
from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.events import DomainLabel, TenantId
from trunkline.domain.scene import Scene
from trunkline.provisioning.access_trace import Asked, SceneAccess

POPS = ("eu1", "us1")


@pytest.fixture(scope="module")
def history() -> History:
    made, tenant = History(), TenantId(TENANT)
    made.execute(c.CreateTenant(tenant))
    for name, acl in TABLE["acls"].items():
        made.execute(c.CreateAcl(tenant, name))
        for entry in acl.get("addresses", ()):
            is_everyone = entry["cidr"].endswith("/0")
            made.execute(c.AddAddress(tenant, name, entry["cidr"], entry.get("caller_id", ""), "", is_everyone))
        for number, account in enumerate(acl.get("accounts", ())):
            credential = f"{name}-{number}".lower()
            made.execute(c.SetCredential(tenant, credential, account["username"], REALM, "k", b"s" * SEALED_BYTES))
            made.execute(c.AddAccount(tenant, name, account["username"], credential, account.get("caller_id", "")))
    for label, domain in TABLE["domains"].items():
        made.execute(c.CreateDomain(tenant, label))
        for name in domain["acls"]:
            made.execute(c.AttachAcl(tenant, label, name))
    return made


@pytest.mark.parametrize("case", [case for case in CASES if case["domain"] in TABLE["domains"]], ids=lambda case: case["name"])
def test_the_rule_on_a_scene(history: History, case: dict[str, Any]) -> None:
    domain = history.directory.domain(TenantId(TENANT), DomainLabel(case["domain"].lower()))
    assert domain is not None
    access = SceneAccess(Scene(history.directory, domain), POPS, REALM)
    asked = Asked(f"{case['domain']}.{REALM}", case["source"], case.get("username", ""), _is_password_right(case))
    trace = access.trace(asked)
    assert _seen(trace) == _wanted(case.get("explain", case["expect"])), trace.steps


def test_an_account_whose_credential_is_another_realms_admits_nobody() -> None:
    made, tenant = History(), TenantId("other")
    made.execute(c.CreateTenant(tenant))
    made.execute(c.CreateAcl(tenant, "A"))
    made.execute(c.SetCredential(tenant, "c1", "alice", "sip.elsewhere.test", "k", b"s" * SEALED_BYTES))
    made.execute(c.AddAccount(tenant, "A", "alice", "c1"))
    made.execute(c.CreateDomain(tenant, "other"))
    made.execute(c.AttachAcl(tenant, "other", "A"))
    domain = made.directory.domain(tenant, DomainLabel("other"))
    assert domain is not None
    trace = SceneAccess(Scene(made.directory, domain), POPS, REALM).trace(Asked(f"other.us1.{REALM}", "192.0.2.1", "alice", True))
    assert (trace.outcome, trace.reason) == ("refuse", "T905")
