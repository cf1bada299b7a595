"""The dashboard in a browser: a customer's set-up to the first call and the first refused one, hostile text, keyboard, accessibility."""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable

import pytest
from helpers.dashboard import Operator, Visitor, login_link, place
from helpers.dashboard_walk import Stop, look, stops, walk
from helpers.platform import Platform, wait_for
from playwright.sync_api import expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.__main__ import app as command
from trunkline.dashboard.app import OPERATOR_PAGES, PAGES

HOSTILE = "\"><img src=x onerror=alert(1)>'=cmd()"
OWN, OTHER = "127.0.0.1", "127.0.0.9"

pytestmark = pytest.mark.timeout(300)
"""A test looks at many pages; a busy machine takes seconds for each."""


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
    expect(refused).to_contain_text(re.compile(rf"trunkline acl address add \S+ {OTHER}"))
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
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("region", name="SIP messages")).to_contain_text("INVITE sip:+31201234100@")
    expect(page.locator(".cli").filter(has_text="call messages")).to_be_visible()
    window.go("/audit")
    change = page.get_by_role("row").filter(has_text=f"Address {OTHER} added")
    expect(change).to_contain_text("jane@webone.exampleby the key “test”")
    position = change.get_by_role("cell").last.inner_text()

    # The refused call once more: as it was, as it would be now, and as of the change that let its address in.
    window.go("/calls?reason=T203")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    why = page.get_by_role("region", name="Why: the decision")
    expect(why.locator("[aria-current]")).to_have_text("As it was then")
    expect(why.locator(".note")).to_have_count(0)
    for fill, says, words in ((position, "recorded refuse, computed challenge", f"--at {position}"), ("", "nearest entry", ""),
                              ("2020-01-01", "The log was empty", "--at 2020-01-01T00:00:00Z")):  # fmt: skip
        why.get_by_label("As of position or time").fill(fill)
        why.get_by_role("button", name="Look back").click()
        expect(why).to_contain_text(says)
        line = page.locator(".cli code").filter(has_text="explain --call").inner_text()
        assert re.search(rf"explain --call \w{{32}}{' ' if words else ''}{re.escape(words)}$", line), line
        command.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    why.get_by_label("As of position or time").fill("yesterday")
    page.keyboard.press("Enter")
    expect(why.get_by_role("alert")).to_contain_text("'yesterday' is neither a position (18231) nor a time")
    expect(why.get_by_label("As of position or time")).to_have_attribute("aria-invalid", "true")
    why.get_by_role("link", name="As it would be now").click()
    expect(why).to_contain_text("recorded refuse, computed challenge")
    expect(page.locator(".cli code").filter(has_text="explain --call")).to_have_text(re.compile(r"--now$"))
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
    operator.ask("SetWebhook", pb.SetWebhookRequest(tenant=tenant, url="https://hooks.example.com/hostile"))
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


NAMES = {"acl": "office", "label": "hostile", "call": "last", "tenant": "hostile", "carrier": "alpha", "pop": "eu1"}


def test_every_page_and_pop_up_of_a_customer_can_be_used_by_everybody(
    platform: Platform, visitor: Callable[..., Visitor], hostile_key: str
) -> None:
    window = visitor()
    window.enter(platform, hostile_key)
    # One who has an account sees more of its page.
    window.go("/account")
    window.page.get_by_label("Name").fill("walker@hostile.example")
    window.page.get_by_label("Password", exact=True).fill("a long walk in the rain")
    window.page.get_by_role("button", name="Make the account").click()
    expect(window.page.get_by_role("heading", name="walker@hostile.example")).to_be_visible()
    keys = platform.json("key", "list", "--as-operator", "--tenant", "hostile")
    faults = walk(window, stops(PAGES, NAMES | {"key": keys[0]["id"]}))
    link = login_link(platform, hostile_key)
    refused = [window.base + path for path in ("/access/nobody", "/calls/0123", "/operator/tenants", "/nowhere", "/login", "/login/gone")]
    faults += look(window, [*refused, link])
    assert not faults, "\n".join(faults)
    window.go("/calls/last")
    expect(window.page.get_by_text(HOSTILE, exact=True).first).to_be_visible()


def test_every_page_and_pop_up_of_an_operator_can_be_used_by_everybody(
    platform: Platform, visitor: Callable[..., Visitor], hostile_key: str
) -> None:
    window = visitor()
    window.enter(platform, platform.local["operator"]["api_key"])
    pops = Stop("/pops", "/pops", is_form=False)
    faults = walk(window, [pops, *stops(OPERATOR_PAGES, NAMES)])
    assert not faults, "\n".join(faults)


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
    for path in (
        "/access/office", "/domains/hostile", "/domains/hostile/pbx", "/domains/hostile/class-of-service", "/domains/hostile/limits",
        "/domains/hostile/identity", f"/calls/{record['call']}",
    ):  # fmt: skip
        answer = window.page.goto(window.base + path)
        assert answer is not None and answer.status == 404, path
    for path in ("/calls", "/calls?domain=hostile", "/calls/live", "/audit", "/keys", "/domains", "/access"):
        window.go(path)
        assert "hostile" not in window.page.locator("main").inner_text().replace("hostile", "", int("domain=hostile" in path)), path
    for path in ("/calls/export.csv", "/calls/export.jsonl"):
        assert record["call"] not in window.context.request.get(window.base + path).text()
    for path in (
        "/operator/tenants", "/operator/tenants/hostile", "/operator/tenants/webtwo/limits", "/operator/carriers", "/operator/carriers/new",
        "/operator/bans", "/operator/decks",
    ):  # fmt: skip
        answer = window.page.goto(window.base + path)
        assert answer is not None and answer.status == 403, path


def test_what_a_domain_may_call_is_set_and_what_is_wrong_is_said_at_its_field(
    platform: Platform, visitor: Callable[..., Visitor], hostile_key: str
) -> None:
    window = visitor()
    page = window.page
    window.enter(platform, hostile_key)
    window.go("/domains/hostile")
    settings, dialog = page.get_by_role("region", name="Settings"), page.get_by_role("dialog")
    settings.get_by_role("link", name="Change what may be called").click()
    where, price = dialog.get_by_label("Countries and prefixes"), dialog.get_by_label("Highest price")
    where.fill("NL, be 4420 XX")
    dialog.get_by_role("checkbox", name="Premium").check()
    price.fill("a quarter")
    page.keyboard.press("Enter")
    expect(price).to_have_attribute("aria-invalid", "true")
    expect(price).to_be_focused()
    expect(dialog.get_by_role("alert")).to_contain_text("'a quarter' is not a price")
    price.fill("0.25")
    dialog.get_by_label("Currency").fill("EUR")
    page.keyboard.press("Enter")
    expect(where).to_have_attribute("aria-invalid", "true")
    expect(where).to_have_attribute("aria-describedby", "h-destinations e-destinations")
    expect(dialog.get_by_role("alert")).to_contain_text("'XX' is no country")
    expect(dialog.get_by_role("checkbox", name="Premium")).to_be_checked()
    where.fill("NL, be 4420")
    line = dialog.locator("[data-command]")
    expect(line).to_have_text(
        re.compile(r"domain class-of-service hostile NL be 4420 --premium --price 0.25 --currency EUR --longest-s 0$")
    )
    dialog.get_by_role("button", name="Change").click()
    expect(page.get_by_role("status")).to_contain_text("Live at 6 of 6 POPs")
    expect(settings).to_contain_text("BE, NL, 4420; premium services too; at most 0.25 EUR a minute")
    settings.get_by_role("link", name="Change the limits").click()
    dialog.get_by_label("Calls at a time").fill("7")
    dialog.get_by_label("New calls a second").fill("100001")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("100001 is not 0 to 100000")
    dialog.get_by_label("New calls a second").fill("3")
    page.keyboard.press("Enter")
    expect(settings).to_contain_text("of 7 in use")
    settings.get_by_role("link", name="Change the caller ID").click()
    dialog.get_by_label("Where a caller's number comes from").fill("account domain")
    dialog.get_by_label("Numbers that callers may show").fill("+3120*")
    dialog.get_by_label("Number of the domain").fill("+31201234100")
    dialog.get_by_role("checkbox", name="Refuse a call").check()
    page.keyboard.press("Enter")
    expect(settings).to_contain_text("from account, domain; also +3120*; other numbers are refused")
    found = platform.json("domain", "show", "hostile", "--as-operator", "--tenant", "hostile")
    assert (found["class_of_service"]["max_rate_micros"], found["limits"]["max_calls_per_second"]) == (250_000, 3)
    assert found["identity"]["default_caller_id"] == "+31201234100" and window.wrong == []


def test_an_operator_keeps_carriers_gateways_and_what_a_tenant_may(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    Operator(platform).new_tenant("bounded")
    window = visitor()
    page = window.page
    window.enter(platform, platform.local["operator"]["api_key"])
    window.go("/operator/carriers")
    dialog = page.get_by_role("dialog")
    page.get_by_role("link", name="Add new").click()
    dialog.get_by_label("Name").fill("webcarrier")
    dialog.get_by_label("Numbers are written").select_option("prefixed")
    page.get_by_role("button", name="Create carrier").click()
    expect(dialog.get_by_label("International prefix")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("International prefix").fill("00")
    page.get_by_role("button", name="Create carrier").click()
    carrier = page.get_by_role("region", name="webcarrier")
    expect(carrier).to_contain_text("No gateway yet")
    carrier.get_by_role("link", name="Add gateway").click()
    dialog.get_by_label("Name", exact=True).fill("one")
    dialog.get_by_label("IP address").fill("not an address")
    page.get_by_role("button", name="Add gateway").click()
    expect(dialog.get_by_label("IP address")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("IP address").fill("2001:db8::9")
    page.get_by_role("button", name="Add gateway").click()
    expect(carrier.get_by_role("row").filter(has_text="[2001:db8::9]:5060")).to_be_visible()
    carrier.get_by_role("link", name="Change one").click()
    dialog.get_by_role("spinbutton", name="Port").fill("5070")
    dialog.get_by_label("Priority").fill("70000")
    line = dialog.locator("[data-command]")
    expect(line).to_contain_text("carrier gateway change webcarrier one --host 2001:db8::9 --port 5070 --transport udp --region eu")
    page.get_by_role("button", name="Change gateway").click()
    expect(dialog.get_by_label("Priority")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Priority").fill("7")
    page.get_by_role("button", name="Change gateway").click()
    expect(carrier.get_by_role("row").filter(has_text="[2001:db8::9]:5070")).to_be_visible()
    carrier.get_by_role("link", name="Settings").click()
    dialog.get_by_role("checkbox", name="Trusted: it is told").check()
    page.get_by_role("button", name="Change").click()
    expect(carrier.get_by_text("trusted", exact=True)).to_be_visible()
    carrier.get_by_role("link", name="Remove one").click()
    page.get_by_role("button", name="Remove gateway").click()
    expect(carrier).to_contain_text("No gateway yet")
    carrier.get_by_role("link", name="Suspend").click()
    page.get_by_role("button", name="Suspend").click()
    expect(carrier.get_by_text("suspended", exact=True)).to_be_visible()

    # The form of a tenant says whose it is, whosever pages were looked at before.
    window.go("/operator/tenants/bounded")
    page.get_by_role("link", name="Change the limits").click()
    expect(dialog.locator("[data-command]")).to_have_text(re.compile(r"limit set --calls 0 --rate 0 --as-operator --tenant bounded$"))
    dialog.get_by_label("Calls at a time").fill("9")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Live at 6 of 6 POPs")
    expect(page.get_by_role("main")).to_contain_text("of 9 in use")
    page.get_by_role("link", name="Suspend").click()
    dialog.get_by_role("checkbox", name="End calls in progress too").check()
    expect(dialog.locator("[data-command]")).to_contain_text("tenant suspend bounded --ending-calls")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("It is suspended")).to_be_visible()
    assert window.wrong == []


SOON_MS = 60_000
"""A feed looks every three seconds, on a machine that has nothing else to do."""


def test_a_session_ends_when_its_owner_its_key_or_its_account_says_so(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    operator = Operator(platform)
    key = operator.new_tenant("webthree")
    first, second, third, other = (visitor() for _ in range(4))
    for window in (first, second, third):
        window.enter(platform, key)
    other.enter(platform, operator.new_tenant("webfour"))
    first.go("/account")
    listed = first.page.get_by_role("region", name="Where you are logged in")
    expect(listed.get_by_role("row")).to_have_count(4)
    expect(listed.get_by_role("row").filter(has_text="this one")).to_contain_text("Chrome on Linux")
    listed.get_by_role("button", name="End the session").first.click()
    expect(listed.get_by_role("row")).to_have_count(3)
    listed.get_by_role("button", name="End all others").click()
    expect(listed.get_by_role("row")).to_have_count(2)
    for window in (second, third):
        # They look at the overview, and its live feed leads them to the login.
        expect(window.page.get_by_role("heading", name="Log in")).to_be_visible(timeout=SOON_MS)

    # An account that is deleted, whoever has the key.
    first.page.get_by_label("Name").fill("webthree@example.com")
    first.page.get_by_label("Password", exact=True).fill("a long walk in the rain")
    first.page.get_by_role("button", name="Make the account").click()
    second.enter(platform, key)
    first.page.get_by_role("link", name="Delete account").click()
    dialog = first.page.get_by_role("dialog")
    dialog.get_by_label("Current password").fill("another one")
    first.page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("current password is another")
    dialog.get_by_label("Current password").fill("a long walk in the rain")
    first.page.keyboard.press("Enter")
    expect(first.page.get_by_role("heading", name="Log in")).to_be_visible()
    first.page.goto(f"{first.base}/domains")
    expect(first.page.get_by_role("heading", name="Log in")).to_be_visible()

    # A key that is revoked elsewhere: by the next thing that is asked, also on pages that show nothing of a service.
    (found,) = operator.ask("ListApiKeys", pb.ListApiKeysRequest(tenant="webthree")).api_keys
    third.enter(platform, key)
    operator.ask("RevokeApiKey", pb.RevokeApiKeyRequest(tenant="webthree", api_key=found.id))
    expect(third.page.get_by_role("heading", name="Log in")).to_be_visible(timeout=SOON_MS)
    second.page.goto(f"{second.base}/account")
    expect(second.page.get_by_role("heading", name="Log in")).to_be_visible()
    other.go("/account")
    assert [window.wrong for window in (first, second, third, other)] == [[]] * 4
