"""The dashboard's page of questions over many calls: a change that nobody has made, and which calls would be decided otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.dashboard import Customer, Operator, Visitor, axe_violations, place
from helpers.platform import Platform, wait_for
from playwright.sync_api import Browser, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

pytestmark = pytest.mark.timeout(300)
TENANT = "whatif"
OWN, SECOND = "127.0.0.1", "127.0.0.11"
PASSWORD = "long enough to be taken"


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    """A tenant whose domain has had two calls admitted and one refused."""
    operator = Operator(platform)
    made = operator.new_tenant(TENANT)
    for acl, address in (("first", OWN), ("second", SECOND)):
        operator.ask("CreateAcl", pb.CreateAclRequest(tenant=TENANT, acl=acl))
        operator.ask("AddAddress", pb.AddAddressRequest(tenant=TENANT, acl=acl, address=address))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=TENANT, label=TENANT))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=TENANT, label=TENANT, acl="first")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    for source in (OWN, OWN, SECOND):
        place(platform, TENANT, "31000072", PASSWORD, source)
    listed = ("call", "list", "--as-operator", "--tenant", TENANT)

    def outcomes() -> list[str]:
        return sorted(row["outcome"] for row in platform.json(*listed))

    wait_for("three records", lambda: outcomes() == ["answered", "answered", "refused"], every_s=0.5)
    return made


def test_a_change_that_nobody_made_shows_the_calls_that_would_differ_and_the_line_says_the_same(
    platform: Platform, browser: Browser, tmp_path: Path, key: str
) -> None:
    customer = Customer(browser, platform, tmp_path / "own", key)
    window, page = customer.window, customer.window.page
    window.go("/what-if")
    page.get_by_label("If", exact=True).select_option("detach")
    page.get_by_label("List").select_option("first")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 3 calls would now be refused, 1 refused for another reason.")
    group = page.get_by_role("region", name="2 calls that were admitted")
    expect(group).to_contain_text("would be refused (T20")
    assert axe_violations(page) == []
    line = page.locator(".cli code").inner_text()
    assert line.endswith(f"explain {TENANT} --since 24h --with 'detach first' --most 10000"), line
    done = customer.run(line)
    assert done.returncode == 0 and "2 of 3 calls would now be refused" in done.stdout, done.stderr

    # One more on top, then the first one taken out again.
    page.get_by_label("And if").select_option("attach")
    page.get_by_label("List").select_option("second")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 3 calls would now be refused, 1 admitted.")
    page.get_by_label("detach first").uncheck()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("status")).to_contain_text("1 of 3 calls would now be admitted.")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("1 of 3 calls would now be admitted.")
    page.get_by_role("region", name="1 call that was refused").get_by_role("link", name="+31201234100").click()
    expect(page.get_by_role("heading", name="+31201234100")).to_be_visible()

    # What is missing is said; a day of the calendar has its line too.
    window.page.goto(f"{window.base}/what-if?change=remove-address&acl=first")
    expect(page.get_by_role("alert")).to_contain_text("Say which address")
    page.goto(f"{window.base}/what-if?span=24h&with=detach+first")
    expect(page.get_by_role("alert")).to_contain_text("Say which domain")
    window.go("/what-if?span=yesterday")
    expect(page.get_by_role("status")).to_contain_text("None of 0 calls")
    done = customer.run(page.locator(".cli code").inner_text())
    assert done.returncode == 0 and "none of 0 calls" in done.stdout, done.stderr
    assert window.wrong == []
    window.close()


def test_nobody_asks_about_anothers_calls_and_hostile_text_stays_text(
    platform: Platform, visitor: Callable[..., Visitor], key: str
) -> None:
    other = visitor(width=390, height=844, scheme="dark")
    other.enter(platform, Operator(platform).new_tenant("whatelse"))
    answer = other.page.goto(f"{other.base}/what-if?span=24h&domain={TENANT}&with=detach+first")
    assert answer is not None and answer.status == 404
    assert "+31201234100" not in other.page.content()
    other.page.goto(f"{other.base}/what-if?span=24h&domain=x&with=%3Cimg+src=x+onerror=alert(1)%3E&value=%22%3E%3Cimg+src=x%3E")
    assert other.page.locator("img[src=x]").count() == 0
    assert other.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe_violations(other.page) == []
    assert other.wrong == []
