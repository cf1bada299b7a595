"""Every form that changes something, sent as its owner sends it: what it says was done is what the platform then has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.dashboard import Operator, Visitor
from helpers.platform import Platform, wait_for
from playwright.sync_api import Page, expect

from trunkline.dashboard.app import OPERATOR_PAGES, PAGES

pytestmark = pytest.mark.timeout(300)

READY_S = 90
SOON_MS = 30_000
"""A change waits for the log, and a busy machine for everything."""


class Desk:
    """One window, and the forms that were sent in it."""

    def __init__(self, window: Visitor) -> None:
        self.window = window
        self.page: Page = window.page
        self.sent: set[str] = set()

    def send(self, path: str, said: str, *, button: str = "", **fields: str) -> None:
        """Opens the form as a page of its own, fills its fields by their names, sends it; the next page says what was done."""
        self.window.go(path)
        form = self.page.locator("main form.form")
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            match field.evaluate("each => each.tagName === 'SELECT' ? 'select' : each.type"):
                case "select":
                    field.select_option(value)
                case "checkbox":
                    field.set_checked(value == "on")
                case "file":
                    field.set_input_files(value)
                case _:
                    field.fill(value)
        action = form.get_attribute("action") or ""
        (form.get_by_role("button", name=button, exact=True) if button else form.locator("button.main, button.danger")).click()
        expect(self.page.get_by_role("main")).to_contain_text(re.compile(said), timeout=SOON_MS)
        self.sent.add(action)


def show(platform: Platform, tenant: str, *words: str) -> Any:
    return platform.json(*words, "--as-operator", "--tenant", tenant)


def test_a_customers_forms_do_what_they_say(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    tenant = "formsone"
    key = Operator(platform).new_tenant(tenant)
    window = visitor()
    window.enter(platform, key)
    desk = Desk(window)
    desk.send("/access/new", "Created phones", acl="phones")
    desk.send("/access/phones/addresses/new", "192.0.2.40", address="192.0.2.40", description="here", caller_id="+31201234567")
    desk.send("/access/phones/accounts/new", "31000040", username="31000040", caller_id="+31201234568")
    first = desk.page.locator("#secret").inner_text()
    desk.send("/access/phones/accounts/password?username=31000040", "31000040")
    assert desk.page.locator("#secret").inner_text() != first
    acl = show(platform, tenant, "acl", "show", "phones")
    assert [(each["cidr"], each["caller_id"]) for each in acl["addresses"]] == [("192.0.2.40/32", "+31201234567")]
    assert [(each["username"], each["caller_id"]) for each in acl["accounts"]] == [("31000040", "+31201234568")]

    desk.send("/domains/new", "Created formsone", label="formsone")
    desk.send("/domains/formsone/attach", "Attached phones", acl="phones")
    desk.send("/domains/formsone/digest", "offers SHA-256, MD5", algorithms="SHA-256 MD5", status="401", qop="on")
    desk.send("/domains/formsone/nearest", "leads to us1 first", pop="us1")
    desk.send("/domains/formsone/capture", "captured of formsone is changed", percent="25", until="1d")
    desk.send("/domains/formsone/class-of-service", "What formsone may call is changed", destinations="NL", longest_s="600")
    desk.send("/domains/formsone/limits", "Limits of .* are changed", calls="5", rate="0")
    desk.send("/domains/formsone/identity", "of formsone is changed", sources="account")
    domain = show(platform, tenant, "domain", "show", "formsone")
    assert (domain["digest_algorithms"], domain["challenge_status"], domain["is_qop_optional"]) == (["SHA-256", "MD5"], 401, True)
    assert (domain["nearest_pop"], domain["capture_percent"], domain["acls"]) == ("us1", 25, ["phones"])
    assert domain["limits"]["max_calls"] == 5 and domain["identity"]["sources"] == ["account"]

    desk.send("/keys/new", "export", name="billing export", read="on", days="30")
    made = next(each for each in show(platform, tenant, "key", "list") if each["name"] == "billing export")
    assert made["scopes"] == ["read"] and made["expire_time"]
    desk.send(f"/keys/{made['id']}/revoke", f"Revoked {made['id']}")
    assert made["id"] not in {each["id"] for each in show(platform, tenant, "key", "list") if not each.get("revoke_time")}

    desk.send("/access/phones/accounts/remove?username=31000040", "Removed 31000040")
    desk.send("/access/phones/addresses/remove?address=192.0.2.40/32", "Removed 192.0.2.40/32")
    desk.send("/domains/formsone/detach?acl=phones", "Detached phones")
    acl = show(platform, tenant, "acl", "show", "phones")
    assert (acl["addresses"], acl["accounts"], acl["attached_domains"]) == ([], [], [])
    desk.send("/access/phones/delete", "Deleted phones")
    desk.send("/domains/formsone/delete", "Deleted formsone")
    assert show(platform, tenant, "acl", "list") == [] and show(platform, tenant, "domain", "list") == []
    assert window.wrong == []
    missing = unsent(PAGES, desk.sent, {"acl": "phones", "label": "formsone", "key": made["id"]})
    assert missing <= ELSEWHERE, f"no test sends {missing - ELSEWHERE}"


def test_an_operators_forms_do_what_they_say(platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    window = visitor()
    window.enter(platform, platform.local["operator"]["api_key"])
    desk = Desk(window)
    page = desk.page
    desk.send("/operator/tenants/new", "Created formstwo", tenant="formstwo", name="Forms Two")
    desk.send("/operator/tenants/formstwo/class-of-service", "What formstwo may call is changed", destinations="BE")
    desk.send("/operator/tenants/formstwo/limits", "Limits of .* are changed", calls="4", rate="0")
    desk.send("/operator/tenants/formstwo/suspend", "formstwo is suspended")
    desk.send("/operator/tenants/formstwo/resume", "Calls of formstwo are taken again")
    desk.send("/operator/tenants/formstwo/invite", "/login/", name="jane@formstwo.example")
    link = re.search(r"http://[^\s]+/login/[\w-]+", page.get_by_role("main").inner_text())
    assert link
    window.go("/operator/tenants/formstwo")
    page.locator("form[action='/operator/tenants/formstwo/look'] button").click()
    page.get_by_role("button", name="All tenants").click()
    expect(page.get_by_role("heading", name="Tenants")).to_be_visible()
    expect(page.get_by_role("button", name="All tenants")).to_have_count(0)
    page.locator("form[action='/operator/tenants/formstwo/look'] button").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    invited = visitor()
    invited.page.goto(link[0])
    invited.page.get_by_role("button", name="Log in").click()
    expect(invited.page.locator("header.side")).to_contain_text("formstwo")
    tenant = next(each for each in platform.json("tenant", "list") if each["id"] == "formstwo")
    assert tenant["name"] == "Forms Two" and not tenant["is_suspended"]

    desk.send("/operator/carriers/new", "formscarrier", carrier="formscarrier")
    desk.send("/operator/carriers/formscarrier/change", "formscarrier is changed", is_trusted="on")
    desk.send("/operator/carriers/formscarrier/gateways/new", "Added one to formscarrier", name="one", host="192.0.2.41", no_options="on")
    desk.send("/operator/carriers/formscarrier/gateways/change?gateway=one", "Changed one of formscarrier", host="192.0.2.42")
    desk.send("/operator/carriers/formscarrier/gateways/remove?gateway=one", "Removed one from formscarrier")
    desk.send("/operator/carriers/formscarrier/suspend", "formscarrier")
    desk.send("/operator/carriers/formscarrier/resume", "formscarrier gets calls again")
    carrier = platform.json("carrier", "show", "formscarrier")
    assert carrier["gateways"] == []
    deck = tmp_path / "deck.csv"
    deck.write_text("prefix,carrier,priority,weight,rate,destination\n88299,formscarrier,0,1,0.5,Forms\n")
    desk.send("/operator/decks/import", "formsdeck has 1 rows", deck="formsdeck", currency="EUR", file=str(deck))
    desk.send("/operator/bans/new", "198.51.100.41/32 is banned", address="198.51.100.41", minutes="5", reason="a test")
    assert "198.51.100.41/32" in {each["cidr"] for each in platform.json("ban", "list")}
    desk.send("/operator/bans/lift?address=198.51.100.41/32", "is heard again")
    assert "198.51.100.41/32" not in {each["cidr"] for each in platform.json("ban", "list")}

    try:
        desk.send("/pops/apac2/drain", "apac2", note="a test of a form")
        wait_for("it drains", lambda: health(platform, "apac2") == "draining", every_s=0.5)
        desk.send("/pops/apac2/undrain", "apac2 is in service again")
    finally:
        platform.cli("pop", "undrain", "apac2", check=False)
        wait_for("it is ready again", lambda: health(platform, "apac2") == "ready", every_s=0.5, timeout_s=READY_S)
    assert window.wrong == [] and invited.wrong == []
    missing = unsent(OPERATOR_PAGES, desk.sent, {"tenant": "formstwo", "carrier": "formscarrier", "pop": "apac2"})
    assert missing <= ELSEWHERE, f"no test sends {missing - ELSEWHERE}"


def health(platform: Platform, pop: str) -> str:
    return next(str(each["health"]) for each in platform.json("pop", "list") if each["name"] == pop)


def unsent(pages: Any, sent: set[str], names: dict[str, str]) -> set[str]:
    """Paths of forms that were not sent."""
    paths = {path for path, _, methods in pages if "POST" in methods}
    return {path for path in paths if re.sub(r"\{(\w+)\}", lambda place: names.get(place[1], place[0]), path) not in sent}


ELSEWHERE = {
    "/allow", "/calls/live/{call}/hang-up", "/account", "/account/delete", "/account/sessions/end-others",
    "/account/sessions/{session}/end", "/logout", "/operator/tenants/{tenant}/look", "/operator/look-at-all",
    "/webhook/set", "/webhook/secret",
    "/webhook/secret/new", "/webhook/remove",
}  # fmt: skip
"""Sent by other tests of the dashboard, or above, but by no form of their own page."""
