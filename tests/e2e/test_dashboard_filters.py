"""Filters that stay in the address, explaining at a moment, and coming back to where one was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from e2e.test_dashboard_live import open_trunk, refuse
from helpers import sipp
from helpers.dashboard import Operator, Visitor, axe_violations
from helpers.platform import Platform, wait_for
from playwright.sync_api import expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.pages.calls import PAGE

pytestmark = pytest.mark.timeout(300)

ACCOUNT = "31000195"


def test_calls_are_filtered_by_time_and_account_and_a_wrong_filter_is_said_at_its_field(
    platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    listed, stranger = f"{platform.loopback}.8.72", f"{platform.loopback}.8.73"
    key = open_trunk(platform, "filtered", listed)
    operator = Operator(platform)
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant="filtered", acl="phones"))
    account = pb.AddAccountRequest(tenant="filtered", acl="phones", username=ACCOUNT, password="long enough to be taken")
    operator.ask("AddAccount", account)
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant="filtered", label="filteredacct"))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant="filtered", label="filteredacct", acl="phones")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    refuse(platform, tmp_path / "refused", "filtered", stranger, "+31201234195")
    platform.cli(
        "call", "place", "+31201234196", "--as", f"filteredacct/{ACCOUNT}", "--password", "long enough to be taken", "--pop", "eu1",
        "--hold", "0.2",
    )  # fmt: skip
    wanted = ("call", "list", "--as-operator", "--tenant", "filtered")
    wait_for("both records", lambda: {row["outcome"] for row in platform.json(*wanted)} == {"refused", "answered"}, every_s=0.5)

    window = visitor()
    page = window.page
    window.enter(platform, key)
    window.go("/calls")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    now = datetime.now(UTC)
    page.get_by_label("From (UTC)").fill(f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}")
    page.get_by_label("To (UTC)").fill(f"{now:%Y-%m-%d}")
    page.get_by_label("Account").fill(ACCOUNT)
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("+31201234196")
    for part in ("from=20", "to=20", f"account={ACCOUNT}"):
        assert part in page.url, "a view can be passed on"
    assert axe_violations(page) == []
    line = page.locator(".cli code").inner_text()
    assert re.search(rf"call list --account {ACCOUNT} --since \d{{4}}-.*Z --until \d{{4}}-.*Z$", line)
    exported = window.context.request.get(window.base + str(page.get_by_role("link", name="CSV").get_attribute("href"))).text()
    assert [row["account"] for row in csv.DictReader(io.StringIO(exported))] == [ACCOUNT]
    window.go(f"/calls?to={now - timedelta(days=1):%Y-%m-%d}")
    expect(page.get_by_text("No call fits the filter")).to_be_visible()
    for query, field in (("from=yesterday", "From (UTC)"), ("to=x", "To (UTC)"), ("from=2026-11-22&to=2026-11-20", "To (UTC)")):
        answer = page.goto(f"{window.base}/calls?{query}")
        assert answer is not None and answer.status == 422
        expect(page.get_by_label(field)).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("alert")).to_be_visible()
        assert axe_violations(page) == []

    # Allowed at the page of a refused call, one is back at that page.
    (refused,) = [row for row in platform.json(*wanted) if row["outcome"] == "refused"]
    window.go(f"/calls/{refused['call']}")
    expect(page.get_by_role("main")).to_contain_text(re.compile(rf"trunkline acl address add \S+ {stranger}"))
    page.get_by_role("button", name=f"Allow {stranger}").click()
    expect(page.get_by_role("status")).to_contain_text(f"{stranger} may call")
    assert page.url == f"{window.base}/calls/{refused['call']}"
    assert window.wrong == []


def test_a_call_is_explained_at_a_position_at_a_time_and_at_a_point_of_presence(
    platform: Platform, visitor: Callable[..., Visitor]
) -> None:
    source = f"{platform.loopback}.8.74"
    key = open_trunk(platform, "explained", source)
    operator = Operator(platform)
    before = operator.ask("ListPops", pb.ListPopsRequest()).head
    moment = datetime.now(UTC)
    removed = operator.ask("RemoveAddress", pb.RemoveAddressRequest(tenant="explained", acl="office", address=source)).receipt.position
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=removed)))
    window = visitor()
    page = window.page
    window.enter(platform, key)
    call = f"/explain?domain=explained&source={source}&number=%2B31201234567"
    status = page.get_by_role("status")
    for at, outcome in (("", "refuse"), (str(before), "admit"), (f"{moment:%Y-%m-%dT%H:%M:%S.%f}", "admit"), (str(removed), "refuse")):
        window.go(f"{call}&at={at}")
        expect(status).to_contain_text(outcome)
        # A time has its zone: the command would take it as its machine's.
        line = page.locator(".cli code").inner_text()
        assert ("--at" not in line) == (at == "") and line.endswith("Z") == ("T" in at), line
    window.go("/explain")
    page.get_by_label("Domain").fill("explained")
    page.get_by_label("From the address").fill(source)
    page.get_by_label("POP").select_option("us1")
    page.get_by_label("Position or time").fill("last Tuesday")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_label("Position or time")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("'last Tuesday' is neither a position")
    assert "--at" not in page.locator(".cli code").inner_text()
    for at in ("999999999999", "0", "1970-01-02"):
        answer = page.goto(f"{window.base}{call}&at={at}")
        assert answer is not None and answer.status == 422, at
        expect(page.get_by_label("Position or time")).to_have_attribute("aria-invalid", "true")
        assert axe_violations(page) == []
    page.get_by_label("Position or time").fill(str(before))
    page.get_by_label("POP").select_option("us1")
    page.get_by_role("button", name="Explain").click()
    expect(status).to_contain_text("admit")
    line = page.locator(".cli code").inner_text().partition("trunkline ")[2].split()
    assert ["--pop", "us1", "--at", str(before)] == line[-4:]
    shown = platform.cli(*line, "--as-operator", "--tenant", "explained").stdout
    assert "admit" in shown and f"as of position {before}" in shown
    assert window.wrong == []


def test_older_calls_of_a_span_are_a_page_further_on(platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    """The span begins where it began when the first page was opened."""
    key = open_trunk(platform, "paged", f"{platform.loopback}.8.78")
    caller = sipp.Caller(host=f"paged.{platform.local['base_domain']}", number="+31201234198")
    steps = sipp.refused_call(caller, 403, "T203")
    calls = PAGE + 5
    sipp.run(tmp_path, steps, target=platform.edge("eu1"), local_address=f"{platform.loopback}.8.79", calls=calls, rate=20).must_succeed(
        calls
    )
    wanted = ("call", "list", "--as-operator", "--tenant", "paged", "--limit", "100")
    wait_for("all records", lambda: len(platform.json(*wanted)) == calls, every_s=0.5)

    window = visitor()
    page = window.page
    window.enter(platform, key)
    window.go("/calls")
    page.get_by_label("When").select_option("24h")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row")).to_have_count(PAGE + 1)
    page.get_by_role("link", name="Older calls").click()
    expect(page.get_by_role("row")).to_have_count(calls - PAGE + 1)
    assert "begun=20" in page.url and page.get_by_label("From (UTC)").input_value() == ""
    expect(page.get_by_role("alert")).to_have_count(0)
    # Another span is taken from there too, and begins with its first page.
    expect(page.get_by_label("When")).to_have_value("24h")
    page.get_by_label("When").select_option("1h")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("since=1h"))
    expect(page.get_by_label("When")).to_have_value("1h")
    expect(page.get_by_role("row")).to_have_count(PAGE + 1)
    assert "begun" not in page.url and "--since 1h" in page.locator(".cli code").inner_text()
    assert window.wrong == []
