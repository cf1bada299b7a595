"""What pages say: who changed what, what rates are in, where a number goes, which services are silent, how far a set-up has come."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.dashboard import Customer, Operator, Visitor, axe_violations, place
from helpers.platform import Platform, wait_for
from helpers.rest import Rest
from playwright.sync_api import Browser, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

pytestmark = pytest.mark.timeout(300)
PASSWORD = "long enough to be taken"


def test_the_audit_names_people_and_keys_and_says_that_there_is_more(platform: Platform, browser: Browser, tmp_path: Path) -> None:
    customer = Customer(browser, platform, tmp_path / "own", Operator(platform).new_tenant("audited"))
    window, page = customer.window, customer.window.page
    window.go("/account")
    page.get_by_label("Name").fill("ann.audit")
    page.get_by_label("Password").fill("a quiet harbour at dawn")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="ann.audit")).to_be_visible()
    window.go("/access/new")
    page.get_by_label("Name").fill("by_ann")
    page.get_by_role("button", name="Create list").click()
    assert customer.run("trunkline acl create by_program").returncode == 0

    window.go("/audit?kind=acl")
    expect(page.get_by_role("row").filter(has_text="by_ann")).to_contain_text(re.compile(r"ann\.audit\s*by the key “test”"))
    program = page.get_by_role("row").filter(has_text="by_program")
    expect(program).to_contain_text("test")
    expect(program).not_to_contain_text("ann.audit")
    # axe does not judge text that has the colour of its ground.
    colours = page.evaluate("['td', 'td.actor strong'].map((each) => getComputedStyle(document.querySelector(each)).color)")
    assert colours[0] == colours[1], colours
    expect(page.get_by_text("2 changes on this page, the oldest that fits among them.")).to_be_visible()
    assert axe_violations(page) == []
    line = page.locator(".cli code").inner_text()
    assert line.endswith("history list --kind acl"), line
    told = customer.run(line)
    assert told.returncode == 0 and "ann.audit (test, " in told.stdout, told.stdout + told.stderr
    # By time and by source; the command below the page says the same.
    assert Rest(platform.local["rest"], customer.key, source="127.0.98.9").ask("POST", "/v1/acls", {"acl": "by_rest"}).status == 201
    times = {entry["aggregate"]: entry["time"] for entry in json.loads(customer.run("trunkline history list --kind acl -o json").stdout)}
    moment = times["by_program"]
    for asked, wanted in (("source=127.0.98.9", {"by_rest"}), (f"since={moment}", {"by_program", "by_rest"}),
                          (f"until={moment}", {"by_ann"}), (f"since={moment}&until={times['by_rest']}", {"by_program"})):  # fmt: skip
        window.go(f"/audit?kind=acl&{asked}")
        shown = page.locator("main tbody").inner_text()
        assert {name for name in times if name in shown} == wanted, asked
        told = customer.run(page.locator(".cli code").inner_text())
        assert told.returncode == 0 and {name for name in times if name in told.stdout} == wanted, told.stdout + told.stderr
    page.get_by_label("From (UTC)").fill("yesterday")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_contain_text("'yesterday' is no time")
    expect(page.get_by_label("From (UTC)")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("From (UTC)").fill("")
    page.get_by_label("Address").fill("no address")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    short = customer.run("trunkline history list --limit 1")
    assert short.returncode == 0 and "there are more" in short.stderr, short.stderr
    assert window.wrong == []
    window.close()


def test_the_menu_of_a_phone_is_folded_before_the_script_runs_and_has_every_heading(platform: Platform, browser: Browser) -> None:
    window = Visitor(browser, platform, width=390, height=844)
    window.enter(platform, platform.local["demo"]["api_key"])
    page, heights = window.page, []
    page.route("**/static/app.js", lambda route: route.abort())
    for _ in range(2):
        window.go("/account")
        expect(page.locator("#menu")).to_be_visible()
        expect(page.locator("#side-pages")).to_be_hidden()
        heights.append(page.locator(".side").bounding_box()["height"])  # type: ignore[index]
        page.unroute("**/static/app.js")
    assert heights[0] == heights[1], "the page jumps"
    page.locator("#menu").click()
    for heading in page.locator("nav h2, nav h3").all():
        assert heading.bounding_box()["height"] > 10, heading.inner_text()  # type: ignore[index]
    expect(page.get_by_role("heading", name="SIP Trunks", exact=True)).to_be_visible()
    assert axe_violations(page) == []
    # Without scripts it is a strip.
    bare = browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state()
    )
    strip = bare.new_page()
    strip.goto(f"{window.base}/account")
    expect(strip.locator("#side-pages")).to_be_visible()
    expect(strip.locator("#menu")).to_be_hidden()
    bare.close()
    window.close()


def test_rates_have_a_currency_and_a_deck_and_a_numbers_way_is_told_by_region(platform: Platform, browser: Browser, tmp_path: Path) -> None:
    customer = Customer(browser, platform, tmp_path / "own", Operator(platform).new_tenant("rated"))
    window, page = customer.window, customer.window.page
    window.go("/routes?prefix=31&number=%2B31201234567&region=us")
    rates = page.get_by_role("region", name="Rates")
    expect(rates.get_by_role("row").nth(1)).to_contain_text(re.compile(r"\+31.*EUR.*by the second.*demo"))
    way = page.get_by_role("region", name="Where would this number go?")
    expect(way).to_contain_text("as called from us")
    first = way.get_by_role("row").nth(1).inner_text().split()
    window.go("/routes?prefix=31&number=%2B31201234567&region=eu")
    assert first[2] == "us" and way.get_by_role("row").nth(1).inner_text().split()[2] == "eu", "the region's own gateways are tried first"
    assert axe_violations(page) == []
    resolve, listed = page.locator(".cli code").all_inner_texts()
    told = customer.run(resolve)
    assert "--region eu" in resolve and told.returncode == 0 and re.search(r"1\s+alpha\s+eu\s.*EUR", told.stdout), told.stdout
    # Rates are filtered beside the number that was asked for, and it is asked for beside the rates.
    for field, value, button in (("Prefix", "3120", "Filter"), ("Number", "+31201234568", "Resolve")):
        page.get_by_label(field, exact=True).fill(value)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_label(field, exact=True)).to_have_value(value)
        expect(way).to_contain_text("as called from eu")
        assert "prefix=3120&" in page.url or page.url.endswith("prefix=3120"), page.url
    told = customer.run(listed)
    assert told.returncode == 0 and re.search(r"31\s+alpha.*EUR.*Netherlands\s+demo", told.stdout), told.stdout + told.stderr
    window.close()


def test_usage_shows_the_figures_of_the_rfc_as_the_command_does(platform: Platform, browser: Browser, tmp_path: Path) -> None:
    operator = Operator(platform)
    key = operator.new_tenant("figured")
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant="figured", acl="office"))
    operator.ask("AddAddress", pb.AddAddressRequest(tenant="figured", acl="office", address="127.0.0.1"))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant="figured", label="figured"))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant="figured", label="figured", acl="office")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    customer = Customer(browser, platform, tmp_path / "own", key)
    window, page = customer.window, customer.window.page

    # The set-up is done by a call; then it folds away, and stays unfolded where somebody wants to see it.
    window.go("/")
    expect(page.get_by_role("region", name="Set-up")).to_contain_text("4 of 6 done")
    place(platform, "figured", "31000073", PASSWORD, "127.0.0.1")
    expect(page.get_by_role("region", name="Set-up").get_by_text("complete")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Attach the list to the domain")).to_be_hidden()
    page.locator("summary").filter(has_text="Set-up").click()
    expect(page.get_by_text("Attach the list to the domain")).to_be_visible()
    place(platform, "figured", "31000073", PASSWORD, "127.0.0.9")
    expect(page.locator(".attempts").get_by_text("refused", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Attach the list to the domain")).to_be_visible()

    window.go("/usage?span=1h")
    for title in ("Attempts", "Answer-seizure ratio", "Session ratios", "Average duration", "Post-dial delay"):
        expect(page.get_by_role("region", name=title, exact=True).locator("canvas")).to_be_visible()
    told = page.get_by_role("region", name="By RFC 6076").inner_text()
    for name, value, section in (("SER", "50.0 %", "4.6"), ("ISA", "0.0 %", "4.8"), ("SCR", "50.0 %", "4.9")):
        assert re.search(rf"^{name}\s+{re.escape(value)}\s.*{re.escape(section)}$", told, re.MULTILINE), told
    assert axe_violations(page) == []
    line = page.locator(".cli code").inner_text()
    shown = customer.run(line)
    assert shown.returncode == 0 and "SER" in shown.stdout and "50.0 %" in shown.stdout, line + shown.stdout + shown.stderr
    assert window.wrong == []
    window.close()


def test_navigation_leads_by_the_words_of_the_contract_and_change_stands_out_before_remove(
    platform: Platform, visitor: Callable[..., Visitor]
) -> None:
    window = visitor()
    page = window.page
    window.enter(platform, platform.local["demo"]["api_key"])
    words = re.sub(r"\s+", " ", page.get_by_role("navigation", name="Pages").inner_text())
    assert re.search(r"voice › sip trunking access control sip trunks domains", words, re.IGNORECASE), words
    window.go("/domains/acme")
    assert page.locator(".crumbs").inner_text() == "Voice › SIP Trunking › SIP Trunks › Domains"
    window.enter(platform, platform.local["operator"]["api_key"])
    window.go("/operator/carriers")
    sizes = page.evaluate(
        """['Change', 'Remove'].map((word) => [...document.querySelectorAll('td a')].find((each) => each.textContent.startsWith(word)))
           .map((each) => getComputedStyle(each)).map((style) => [parseFloat(style.fontSize), Number(style.fontWeight)])"""
    )
    (change, change_weight), (remove, remove_weight) = sizes
    assert change >= remove and change_weight >= remove_weight, sizes


def test_a_service_that_is_expected_and_says_nothing_is_listed_as_silent(one_pop: Platform, browser: Browser) -> None:
    """Killed and held before provisioning is started anew: nothing is known of it but that it should be there."""
    with one_pop.held("routing-eu"):
        one_pop.lab("restart", "provisioning-eu")

        def rows() -> dict[str, dict[str, object]]:
            done = one_pop.cli("region", "show", "-o", "json", check=False)
            return {row["name"]: row for row in json.loads(done.stdout)} if done.returncode == 0 else {}

        wait_for("auth is heard again", lambda: rows().get("auth-eu", {}).get("state") == "following", every_s=0.5)
        window = Visitor(browser, one_pop)
        window.enter(one_pop, one_pop.local["operator"]["api_key"])
        window.go("/operator/regions")
        row = window.page.get_by_role("row").filter(has_text="routing-eu")
        expect(row).to_contain_text(re.compile(r"silent.*nothing was heard of it since provisioning began.*never", re.DOTALL))
        expect(window.page.get_by_role("row").filter(has_text="auth-eu")).to_contain_text("following")
        assert axe_violations(window.page) == []
        window.close()
