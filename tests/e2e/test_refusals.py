"""Each way to be refused: the registry's code on the wire, the facts in the owner's record, and a write that changes the next call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import sipp
from helpers.platform import Platform, wait_for

LISTED = "127.0.0.1"
Make = Callable[[Platform], sipp.Caller]


def demo(platform: Platform, number: str, **changes: str) -> sipp.Caller:
    local = platform.local["demo"]
    fields = {"host": f"acme.{platform.local['base_domain']}", "username": local["account"], "password": local["password"]}
    return sipp.Caller(number=number, **{**fields, **changes})


def refused_record(platform: Platform, number: str, reason: str) -> dict[str, Any]:
    return wait_for(
        f"a record of {number} with {reason}",
        lambda: [row for row in platform.json("call", "list", "--number", number) if row["reason"] == reason],
    )[0]


CASES = {
    "wrong password": (403, "T204", lambda p: demo(p, "+31200000001", password="not-the-password")),
    "unknown user": (403, "T204", lambda p: demo(p, "+31200000002", username="31999999")),
    "no route": (404, "T401", lambda p: demo(p, "+29022158")),
    "bad number": (484, "T102", lambda p: demo(p, "reception")),
}


@pytest.mark.parametrize("case", CASES)
def test_an_authenticated_attempt_is_refused_with_its_code_and_a_record(platform: Platform, tmp_path: Path, case: str) -> None:
    status, code, make = CASES[case]
    caller = make(platform)
    pattern = f"SIP/2.0 {status} [^\\r\\n]* {code}"
    sipp.run(tmp_path, sipp.refused_call(caller, status, pattern), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    record = refused_record(platform, caller.number, code)
    assert record["status"] == status
    assert record["outcome"] == "refused"


def test_an_unlisted_source_is_refused_without_a_challenge_until_its_address_is_added(platform: Platform, tmp_path: Path) -> None:
    outside = f"{platform.loopback}.7.7"
    caller = demo(platform, "+31200000010", username="", password="")
    refused = sipp.refused_call(caller, 403, "SIP/2.0 403 Source Not In ACL T203")
    run = sipp.run(tmp_path / "refused", refused, target=platform.edge("eu1"), local_address=outside)
    run.must_succeed(1)
    assert "Proxy-Authenticate" not in run.messages
    assert re.search(r'Reason: Q\.850;cause=21;text="T203', run.messages), run.messages
    assert outside not in re.findall(r"SIP/2\.0 403 [^\r\n]*|Reason: [^\r\n]*", run.messages), "facts do not go to strangers"
    shown = platform.json("call", "show", refused_record(platform, caller.number, "T203")["call"])
    assert outside in shown["facts"]

    acl = platform.local["demo"]["acl"]
    receipt = platform.cli("acl", "address", "add", acl, outside, "--wait", "-o", "json").stdout
    assert json.loads(receipt.splitlines()[0])
    demo_account = platform.local["demo"]
    admitted = demo(platform, "+31200000011", username=demo_account["account"], password=demo_account["password"])
    sipp.run(tmp_path / "admitted", sipp.answered_call(admitted), target=platform.edge("eu1"), local_address=outside).must_succeed(1)
    platform.cli("acl", "address", "remove", acl, outside, "--wait")
    sipp.run(tmp_path / "again", refused, target=platform.edge("eu1"), local_address=outside).must_succeed(1)


def test_an_unknown_domain_and_a_domain_without_acl_look_the_same(platform: Platform, tmp_path: Path) -> None:
    platform.cli("domain", "create", "lonely", "--wait")
    answers = []
    for label in ("nosuchdomain", "lonely"):
        caller = demo(platform, "+31200000020", host=f"{label}.{platform.local['base_domain']}", username="", password="")
        run = sipp.run(tmp_path / label, sipp.refused_call(caller, 403, "T201"), target=platform.edge("eu1"), local_address=LISTED)
        run.must_succeed(1)
        answers.append(re.findall(r"SIP/2\.0 403 [^\r\n]*|Reason: [^\r\n]*", run.messages))
    assert answers[0] == answers[1] and answers[0]
    assert refused_record(platform, "+31200000020", "T201")["domain"] == "lonely"


def test_an_account_of_an_acl_that_is_not_attached_is_unknown(platform: Platform, tmp_path: Path) -> None:
    platform.cli("acl", "create", "ELSEWHERE")
    platform.cli("account", "add", "ELSEWHERE", "32000000", "--password", "a-good-password", "--wait")
    caller = demo(platform, "+31200000030", username="32000000", password="a-good-password")
    refused = sipp.refused_call(caller, 403, "T204")
    sipp.run(tmp_path / "refused", refused, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    platform.cli("domain", "attach", "acme", "ELSEWHERE", "--wait")
    sipp.run(tmp_path / "admitted", sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    platform.cli("domain", "detach", "acme", "ELSEWHERE", "--wait")
    sipp.run(tmp_path / "again", refused, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
