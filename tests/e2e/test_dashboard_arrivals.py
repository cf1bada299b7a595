"""What arrives is seen where one waits for it: challenges that nobody answers, with what to check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import sipp
from helpers.dashboard import Operator, Visitor, axe_violations
from helpers.platform import Platform
from playwright.sync_api import expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

pytestmark = pytest.mark.timeout(300)

TOLD_MS = 100_000
"""An edge tells a minute five seconds after it is over."""


def challenging(platform: Platform, tenant: str, *, algorithms: tuple[str, ...] = ("MD5",)) -> str:
    """A tenant with a domain of its name that asks everybody for a password; its key."""
    operator = Operator(platform)
    key = operator.new_tenant(tenant)
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant=tenant, acl="phones"))
    operator.ask("AddAccount", pb.AddAccountRequest(tenant=tenant, acl="phones", username="31000009", password="long enough to be taken"))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=tenant, label=tenant))
    operator.ask("SetDigestPolicy", pb.SetDigestPolicyRequest(tenant=tenant, label=tenant, algorithms=algorithms, challenge_status=407))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=tenant, label=tenant, acl="phones")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    return key


def ignore_challenges(platform: Platform, folder: Path, label: str, source: str, calls: int, pop: str = "eu1") -> None:
    """A client that calls, takes the 407 with an ACK as RFC 3261 wants it, and gives up."""
    caller = sipp.Caller(host=f"{label}.{platform.local['base_domain']}", number="+31201234100")
    steps = [
        sipp.send(caller.request("INVITE", 1), retrans=True),
        sipp.recv(407),
        sipp.send(caller.request("ACK", 1, to_tag=True).replace("branch=[branch]", "branch=[branch-2]")),
    ]
    sipp.run(folder, steps, target=platform.edge(pop), local_address=source, calls=calls).must_succeed(calls)


def test_a_pbx_that_answers_no_challenge_is_seen_where_one_waits_for_it(
    platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    source = f"{platform.loopback}.8.60"
    key = challenging(platform, "mutepbx", algorithms=("SHA-256", "MD5"))
    window = visitor()
    page = window.page
    window.enter(platform, key)
    expect(page.get_by_text("Waiting for your first INVITE")).to_be_visible()
    ignore_challenges(platform, tmp_path / "one", "mutepbx", source, 3)
    ignore_challenges(platform, tmp_path / "two", "mutepbx", source, 1, pop="us1")

    found = page.get_by_role("list", name="Challenges that nobody answered").get_by_role("listitem").filter(has_text=source)
    expect(found).to_contain_text(re.compile(rf"{re.escape(source)} was challenged \d times? at .*and never answered"), timeout=TOLD_MS)
    expect(found).to_contain_text(f"{source} was challenged 4 times at eu1, us1 and never answered", timeout=TOLD_MS)
    expect(page.get_by_text("Waiting for the first INVITE that is signed")).to_be_visible()
    found.get_by_text("What to check").click()
    expect(found).to_contain_text("mutepbx challenges with 407 and offers SHA-256, then MD5")
    assert axe_violations(page) == []
    line = found.locator(".cli code").inner_text()
    assert line.endswith(f"trunkline call unrecorded --domain mutepbx --source {source}")
    told = platform.json("call", "unrecorded", "--domain", "mutepbx", "--source", source, "--as-operator", "--tenant", "mutepbx")
    assert sum(int(row["number"]) for row in told) == 4 and {edge for row in told for edge in row["edges"]} == {"edge-eu1", "edge-us1"}

    window.go("/calls/live")
    expect(page.get_by_role("main")).to_contain_text(f"{source} was challenged 4 times")
    window.go("/domains/mutepbx")
    card = page.get_by_role("region", name="Challenged and never answered")
    expect(card).to_contain_text(f"{source} was challenged 4 times at eu1, us1")
    assert axe_violations(page) == []

    # Nobody else is told.
    other = visitor()
    other.enter(platform, Operator(platform).new_tenant("mutepbx-neighbour"))
    expect(other.page.get_by_text("Waiting for your first INVITE")).to_be_visible()
    assert source not in other.page.content()
    assert window.wrong == [] and other.wrong == []
