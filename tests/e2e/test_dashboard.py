"""The dashboard in a browser: a customer's set-up to the first call and the first refused one, hostile text, keyboard, accessibility."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator

import pytest
from helpers.dashboard import Operator, Visitor, axe_violations, chromium
from helpers.platform import Platform, wait_for
from playwright.sync_api import Browser, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb

HOSTILE = "\"><img src=x onerror=alert(1)>'=cmd()"
OWN, OTHER = "127.0.0.1", "127.0.0.9"

pytestmark = pytest.mark.timeout(300)
"""A test looks at many pages; a busy machine takes seconds for each."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of this module only: Playwright's loop stands in the way of other tests' loops."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, platform: Platform) -> Iterator[Callable[..., Visitor]]:
    made: list[Visitor] = []

    def make(**options: object) -> Visitor:
        made.append(Visitor(browser, platform, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.close()


def place(platform: Platform, label: str, username: str, password: str, source: str) -> None:
    """A call of one second, or its refusal."""
    platform.cli(
        "call", "place", "+31201234100", "--as", f"{label}/{username}", "--password", password, "--pop", "eu1",
        "--from-address", source, "--hold", "0.2", check=False,
    )  # fmt: skip


def test_a_customer_sets_a_trunk_up_and_lets_a_refused_address_in(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    key = Operator(platform).new_tenant("webone", "Web One")
    window = visitor()
    page = window.page
    window.enter(platform, key)

    # An account of one's own, and in by it.
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("Waiting for your first INVITE")).to_be_visible()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name").fill("jane@webone.example")
    page.get_by_label("Password", exact=True).fill("a long walk in the rain")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("status")).to_contain_text("log in with it from now on")
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Name").fill("jane@webone.example")
    page.get_by_label("Password", exact=True).fill("a long walk in the rain")
    page.get_by_role("button", name="Log in", exact=True).click()

    # Access Control, in pop-ups.
    page.get_by_role("link", name="Create list").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("not a name!")
    dialog.get_by_role("button", name="Create list").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Name").fill("ACL_OUTBOUND_SIP_TRUNK")
    expect(dialog.locator("[data-command]")).to_have_text(re.compile(r"trunkline acl create ACL_OUTBOUND_SIP_TRUNK$"))
    dialog.get_by_role("button", name="Create list").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"Live at 6 of 6 POPs, \d+ ms"))
    addresses = page.get_by_role("region", name="IP Addresses")
    addresses.get_by_role("link", name="Add new").click()
    dialog.get_by_label("IP address or range").fill(OWN)
    dialog.get_by_role("button", name="Add address").click()
    expect(addresses.get_by_role("cell", name=f"{OWN}/32")).to_be_visible()
    page.get_by_role("region", name="Accounts").get_by_role("link", name="Add new").click()
    dialog.get_by_label("Username").fill("31000000")
    dialog.get_by_role("button", name="Add account").click()
    password = dialog.locator("#secret").inner_text()
    assert len(password) >= 20
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("cell", name="31000000")).to_be_visible()
    assert password not in page.content()

    # A domain, with the list from a drop-down.
    page.get_by_role("link", name="Domains").click()
    page.get_by_role("link", name="Add new").click()
    dialog.get_by_label("Name").fill("webone")
    dialog.get_by_role("button", name="Create domain").click()
    page.get_by_label("Attach a list").select_option("ACL_OUTBOUND_SIP_TRUNK")
    page.get_by_role("button", name="Attach").click()
    expect(page.get_by_role("status")).to_contain_text("Live at 6 of 6 POPs")
    expect(page.get_by_role("code").filter(has_text="webone.apac2.sip.trunkline.test")).to_be_visible()
    page.get_by_role("link", name="PBX settings").click()
    expect(page.locator("pre").first).to_contain_text("31000000")

    # The first call is seen without a reload.
    page.get_by_role("link", name="Overview").click()
    place(platform, "webone", "31000000", password, OWN)
    attempts = page.get_by_role("region", name="Attempts as they arrive")
    expect(attempts.get_by_text("answered")).to_be_visible()
    expect(page.get_by_role("region", name="Set-up").get_by_text("complete")).to_be_visible()

    # One from elsewhere is refused, explained, and let in by one click.
    place(platform, "webone", "31000000", password, OTHER)
    refused = attempts.get_by_role("listitem").filter(has_text="T203")
    expect(refused).to_contain_text("Source Not In ACL")
    refused.get_by_role("link", name="+31201234100").click()
    expect(page.get_by_role("region", name="Why: the decision")).to_contain_text("nearest entry")
    expect(page.get_by_role("img", name="Ladder diagram")).to_be_visible()
    page.go_back()
    attempts.get_by_role("button", name=f"Allow {OTHER}").click()
    expect(page.get_by_role("status")).to_contain_text(re.compile(rf"{OTHER} may call.*Live at 6 of 6 POPs", re.S))
    place(platform, "webone", "31000000", password, OTHER)
    expect(attempts.get_by_text("answered")).to_have_count(2)

    # Its record is found by a filter that stands in the address, and exported.
    window.go("/calls?reason=T203")
    expect(page.get_by_role("row")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "T203" in download.value.path().read_text()
    window.go("/audit")
    expect(page.get_by_role("row").filter(has_text="127.0.0.9/32")).to_contain_text("tenant:webone/key:")
    assert window.wrong == []


def hostile_invite(host: str) -> bytes:
    lines = [
        f"INVITE sip:+31201234100@{host} SIP/2.0",
        f"Via: SIP/2.0/UDP {OTHER}:5999;branch=z9hG4bKhostile;rport",
        f'From: "{HOSTILE[2:]}" <sip:<script>alert(1)</script>@evil.example>;tag=1'.replace("<script>alert(1)</script>", "%3Cscript%3E"),
        f'To: "<img src=x onerror=alert(2)>" <sip:+31201234100@{host}>',
        "Call-ID: <img/src=x/onerror=alert(3)>=cmd()@evil",
        "CSeq: 1 INVITE",
        f"Contact: <sip:x@{OTHER}:5999>",
        "Max-Forwards: 70",
        f"User-Agent: {HOSTILE}",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


PAGES = (
    "/", "/access", "/access/office", "/access/new", "/access/office/addresses/new", "/access/office/accounts/new", "/domains",
    "/domains/hostile", "/domains/hostile/pbx", "/domains/hostile/attach", "/domains/hostile/digest", "/calls", "/calls/live",
    "/calls/last", "/usage", "/routes?number=%2B31201234567", "/explain?domain=hostile&source=192.0.2.1&number=%2B31201234567", "/pops",
    "/audit", "/keys", "/keys/new", "/account",
)  # fmt: skip
OPERATOR_PAGES = (
    "/operator/tenants", "/operator/carriers", "/operator/decks", "/operator/bans", "/pops", "/operator/tenants/new", "/operator/bans/new",
    "/operator/decks/import", "/operator/tenants/hostile/invite",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile_key(platform: Platform) -> str:
    """A tenant that has hostile text wherever a customer, or a stranger by SIP, can put some."""
    operator = Operator(platform)
    key = operator.new_tenant("hostile", HOSTILE)
    tenant = "hostile"
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant=tenant, acl="office"))
    operator.ask("AddAddress", pb.AddAddressRequest(tenant=tenant, acl="office", address=OWN, description=HOSTILE))
    operator.ask("AddAccount", pb.AddAccountRequest(tenant=tenant, acl="office", username="31000001", password="long enough to be taken"))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=tenant, label="hostile"))
    operator.ask("CreateApiKey", pb.CreateApiKeyRequest(tenant=tenant, name=HOSTILE, key_hash=bytes(range(32))))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=tenant, label="hostile", acl="office")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    address, _, port = platform.edge("eu1").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind((OTHER, 0))
        caller.settimeout(10)
        caller.sendto(hostile_invite("hostile.sip.trunkline.test"), (address, int(port)))
        assert caller.recv(4096).startswith(b"SIP/2.0 403")
    wait_for("the record of the hostile call", lambda: platform.json("call", "list", "--as-operator", "--tenant", "hostile"), every_s=0.5)
    return key


def looked_at(window: Visitor, path: str) -> None:
    window.go(path)
    assert window.page.locator("img[src=x], script:not([src])").count() == 0, path
    assert axe_violations(window.page) == [], path
    assert window.wrong == [], path


def test_every_page_stands_hostile_text_and_is_accessible(platform: Platform, visitor: Callable[..., Visitor], hostile_key: str) -> None:
    window = visitor()
    window.enter(platform, hostile_key)
    for path in PAGES:
        looked_at(window, path)
    window.go("/calls/last")
    expect(window.page.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    answer = window.context.request.get(f"{window.base}/calls/export.csv")
    assert all(not re.search(r'(^|,)"?=cmd', line) for line in answer.text().splitlines())


def test_the_operators_pages_too_and_in_the_dark_and_on_a_phone(
    platform: Platform, visitor: Callable[..., Visitor], hostile_key: str
) -> None:
    window = visitor(scheme="dark")
    window.enter(platform, platform.local["operator"]["api_key"])
    for path in OPERATOR_PAGES:
        looked_at(window, path)
    phone = visitor(width=390, height=844, scheme="dark")
    phone.enter(platform, hostile_key)
    for path in ("/", "/access/office", "/domains/hostile", "/calls", "/calls/last", "/usage"):
        looked_at(phone, path)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than a phone"


def test_a_list_is_made_by_the_keyboard_alone(platform: Platform, visitor: Callable[..., Visitor], hostile_key: str) -> None:
    window = visitor()
    window.enter(platform, hostile_key)
    window.go("/access")
    page = window.page
    keyboard = page.keyboard
    keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    keyboard.press("Enter")
    for _ in range(20):
        keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Add new":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "what has the focus is shown"
    keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    keyboard.type("by_keyboard")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by_keyboard")).to_be_visible()
    assert window.wrong == []


def test_a_customer_sees_nothing_of_another(platform: Platform, visitor: Callable[..., Visitor], hostile_key: str) -> None:
    """Not by an address that was guessed, not by a form, not by the live feed."""
    other = Operator(platform).new_tenant("webtwo")
    window = visitor()
    window.enter(platform, other)
    record = platform.json("call", "list", "--as-operator", "--tenant", "hostile")[0]
    for path in ("/access/office", "/domains/hostile", "/domains/hostile/pbx", f"/calls/{record['call']}"):
        answer = window.page.goto(window.base + path)
        assert answer is not None and answer.status == 404, path
    for path in ("/calls", "/calls?domain=hostile", "/calls/live", "/audit", "/keys", "/domains", "/access"):
        window.go(path)
        assert "hostile" not in window.page.locator("main").inner_text().replace("hostile", "", int("domain=hostile" in path)), path
    for path in ("/calls/export.csv", "/calls/export.jsonl"):
        assert record["call"] not in window.context.request.get(window.base + path).text()
    for path in ("/operator/tenants", "/operator/carriers", "/operator/bans", "/operator/decks"):
        answer = window.page.goto(window.base + path)
        assert answer is not None and answer.status == 403, path
