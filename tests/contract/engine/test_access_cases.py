"""The table of cases of the access rule against the engine's own tables: with real digests, and with the digest's result assumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from trunkline.engine import AccessTables, AccessTrace, digest_response, ha1
from trunkline.engine.tables import RotatingKey, SetAccount, SetAddress, SetDomain, SetNonceKeys, TableChange

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "access_cases.yaml").read_text())
CASES: list[dict[str, Any]] = TABLE["cases"]
REALM: str = TABLE["realm"]
TENANT: str = TABLE["tenant"]
NOW_S = 1_795_000_000.0
NUMBER = "31201234567"


def _changes() -> list[TableChange]:
    changes: list[TableChange] = [
        SetNonceKeys((RotatingKey(1, bytes(range(32)), int(NOW_S) - 60, int(NOW_S) + 3600, True),)),
    ]
    for name, acl in TABLE["acls"].items():
        key = f"{TENANT}/{name}"
        changes += [SetAddress(key, entry["cidr"], entry.get("caller_id", "")) for entry in acl.get("addresses", ())]
        for account in acl.get("accounts", ()):
            md5, sha256, sha512 = (
                ha1(algorithm, account["username"], REALM, account["password"]) for algorithm in ("MD5", "SHA-256", "SHA-512-256")
            )
            changes.append(SetAccount(key, account["username"], md5, sha256, sha512, account.get("caller_id", "")))
    for label, domain in TABLE["domains"].items():
        changes.append(
            SetDomain(
                host=f"{label}.{REALM}",
                tenant=TENANT,
                label=label,
                acls=tuple(f"{TENANT}/{name}" for name in domain["acls"]),
                algorithms=tuple(domain.get("algorithms", ("MD5",))),
                challenge_status=domain.get("challenge_status", 407),
            )
        )
    return changes


@pytest.fixture(scope="module")
def tables() -> AccessTables:
    tables = AccessTables(realm=REALM)
    tables.apply(_changes(), 7)
    return tables


def _seen(trace: AccessTrace) -> dict[str, str]:
    seen = {field: getattr(trace, field) for field in ("outcome", "reason", "acl", "account", "address")}
    return seen | {"caller_id": trace.account_caller_id or trace.address_caller_id}


def _wanted(expect: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(("reason", "acl", "account", "address", "caller_id"), "") | expect


def _credentials(tables: AccessTables, case: dict[str, Any]) -> list[str]:
    if "username" not in case:
        return []
    offered = TABLE["domains"].get(case["domain"], {}).get("algorithms", ["MD5"])
    algorithm = case.get("algorithm", offered[0])
    nonce = tables.issue_nonce(now_s=NOW_S, entropy=b"entropy8")
    uri = f"sip:{NUMBER}@{case['domain']}.{REALM}"
    response = digest_response(
        algorithm=algorithm,
        ha1=ha1(algorithm, case["username"], REALM, case["password"]),
        nonce=nonce,
        method="INVITE",
        uri=uri,
        cnonce="0a4f113b",
    )
    return [
        f'Digest username="{case["username"]}", realm="{REALM}", nonce="{nonce}", uri="{uri}", response="{response}", '
        f'algorithm={algorithm}, qop=auth, nc=00000001, cnonce="0a4f113b"'
    ]


def _is_password_right(case: dict[str, Any]) -> bool:
    attached = TABLE["domains"].get(case["domain"], {}).get("acls", ())
    accounts = [account for name in attached for account in TABLE["acls"][name].get("accounts", ())]
    return (case.get("username"), case.get("password")) in [(account["username"], account["password"]) for account in accounts]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_rule_on_real_credentials(tables: AccessTables, case: dict[str, Any]) -> None:
    trace = tables.check(
        host=f"{case['domain']}.{REALM}",
        source=case["source"],
        number=NUMBER,
        sip_call_id="cases",
        credentials=_credentials(tables, case),
        now_s=NOW_S + 1,
    )
    assert _seen(trace) == _wanted(case["expect"]), trace.steps


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_rule_with_the_digest_assumed(tables: AccessTables, case: dict[str, Any]) -> None:
    trace = tables.explain(
        host=f"{case['domain']}.{REALM}",
        source=case["source"],
        username=case.get("username", ""),
        is_password_right=_is_password_right(case),
    )
    assert _seen(trace) == _wanted(case.get("explain", case["expect"])), trace.steps


def test_the_table_holds_every_clause_and_names_its_cases_apart() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 30
    assert {case["expect"]["outcome"] for case in CASES} == {"admit", "challenge", "refuse"}
    assert {case["expect"].get("reason") for case in CASES} == {None, "T201", "T203", "T204"}
    assert {name for domain in TABLE["domains"].values() for name in domain["acls"]} == set(TABLE["acls"]) - {"UNATTACHED"}
