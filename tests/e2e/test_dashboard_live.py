"""The live page: calls in progress at points of presence of all regions, hanging up, and who keeps the focus while it changes."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers import sipp
from helpers.dashboard import Operator, Visitor, axe_violations
from helpers.platform import Platform, wait_for
from playwright.sync_api import Locator, Page, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.live import MAX_OF_ONE, USUAL_AGAIN_S

pytestmark = pytest.mark.timeout(300)

POPS = ("eu1", "us2", "apac1")
SOON_MS = 30_000
"""The list is asked for every three seconds, on a machine that has nothing else to do."""


def open_trunk(platform: Platform, tenant: str, source: str) -> str:
    """A tenant whose domain of the same name lets that address in without a password; its key."""
    operator = Operator(platform)
    key = operator.new_tenant(tenant)
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant=tenant, acl="office"))
    operator.ask("AddAddress", pb.AddAddressRequest(tenant=tenant, acl="office", address=source))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant=tenant, label=tenant))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=tenant, label=tenant, acl="office")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    return key


def ring(platform: Platform, folder: Path, label: str, source: str, pop: str, number: str) -> sipp.Running:
    """A call that is answered and goes on until the other side, or we, end it."""
    caller = sipp.Caller(host=f"{label}.{platform.local['base_domain']}", number=number)
    return sipp.Running(folder / f"{label}-{pop}", sipp.waiting_call(caller), platform.edge(pop), 1, local_address=source)


def in_progress(page: Page) -> Locator:
    return page.get_by_role("region", name="In progress").locator("tbody tr")


def hang_up(page: Page, number: str) -> None:
    in_progress(page).filter(has_text=number).get_by_role("link", name="Hang up").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=f"Hang up the call to {number}?")).to_be_visible()
    expect(dialog.locator("[data-command]")).to_have_text(re.compile("trunkline call hang-up [0-9a-f]{32}"))
    dialog.get_by_role("button", name="Hang up").click()


def test_calls_of_all_regions_are_listed_and_hung_up_by_their_owner_and_by_the_operator(
    platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    mine, theirs = f"{platform.loopback}.8.61", f"{platform.loopback}.8.62"
    key, _ = open_trunk(platform, "liveone", mine), open_trunk(platform, "livetwo", theirs)
    numbers = {pop: f"+3120123416{place}" for place, pop in enumerate(POPS)}
    running = {pop: ring(platform, tmp_path, "liveone", mine, pop, number) for pop, number in numbers.items()}
    other = ring(platform, tmp_path, "livetwo", theirs, "us1", "+31201234169")

    window, watching = visitor(), visitor()
    page, all_calls = window.page, watching.page
    window.enter(platform, key)
    window.go("/calls/live")
    expect(in_progress(page)).to_have_count(3, timeout=SOON_MS)
    for pop, number in numbers.items():
        expect(in_progress(page).filter(has_text=number)).to_contain_text(pop)
    expect(page.get_by_role("region", name="In progress")).to_contain_text("3 calls · eu1 1 · us2 1 · apac1 1")
    assert "+31201234169" not in page.content()
    assert axe_violations(page) == []
    listed = platform.json("call", "live", "--as-operator", "--tenant", "liveone")
    assert {(row["pop"], row["number"]) for row in listed} == set(numbers.items())
    (only,) = platform.json("call", "live", "--as-operator", "--tenant", "liveone", "--pop", "apac1")
    assert (only["pop"], only["edge"], only["number"]) == ("apac1", "edge-apac1", numbers["apac1"])
    newest = platform.cli("call", "live", "--as-operator", "--tenant", "liveone", "--limit", "2")
    assert "1 more are in progress: --limit 3 lists all" in newest.stderr

    hang_up(page, numbers["apac1"])
    expect(page.get_by_role("status")).to_contain_text("Hung up at apac1")
    running["apac1"].result().must_succeed(1)
    expect(in_progress(page)).to_have_count(2, timeout=SOON_MS)

    watching.enter(platform, platform.local["operator"]["api_key"])
    all_calls.get_by_role("link", name="Live calls").click()
    expect(in_progress(all_calls).filter(has_text="liveone")).to_have_count(2, timeout=SOON_MS)
    hang_up(all_calls, "+31201234169")
    expect(all_calls.get_by_role("status")).to_contain_text("Hung up at us1")
    other.result().must_succeed(1)
    watching.go("/calls/live?pop=us2")
    expect(in_progress(all_calls)).to_have_count(1)
    expect(in_progress(all_calls)).to_contain_text(numbers["us2"])
    hang_up(all_calls, numbers["us2"])
    running["us2"].result().must_succeed(1)
    hang_up(page, numbers["eu1"])
    running["eu1"].result().must_succeed(1)
    expect(page.get_by_text("No call in progress")).to_be_visible(timeout=SOON_MS)

    # One that is over, and one of somebody else: told alike.
    (ended,) = platform.json("call", "list", "--as-operator", "--tenant", "livetwo", "--number", "+31201234169")
    assert (ended["ended_by"], ended["reason"]) == ("edge", "T601")
    for call in (ended["call"], "0" * 32):
        window.go(f"/calls/live/{call}/hang-up")
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_role("alert")).to_contain_text("not in progress any more")
    assert window.wrong == [] and watching.wrong == []


def test_a_page_that_is_one_too_many_says_so_until_it_follows(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    window = visitor()
    page = window.page
    window.enter(platform, Operator(platform).new_tenant("manypages"))
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in window.context.cookies())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(f"{window.base}/events/home", headers={"Accept": "text/event-stream", "Cookie": cookie})
    with ExitStack() as stack:

        def is_followed() -> bool:
            feed = opener.open(asked, timeout=30)
            if feed.readline() != f"retry: {1000 * USUAL_AGAIN_S}\n".encode():
                feed.close()
                return False
            stack.enter_context(feed)
            return True

        # The feed of the page that the login led to has a place for as long as the dashboard takes to see that it is gone.
        window.go("/account")
        for _ in range(MAX_OF_ONE):
            wait_for("a feed", is_followed, every_s=0.5)
        for path in ("/webhook", "/", "/calls/live"):
            window.go(path)
            expect(page.get_by_text("This page stands still.")).to_be_visible()
            assert axe_violations(page) == []
    expect(page.get_by_text("This page stands still.")).to_have_count(0, timeout=SOON_MS)
    assert set(window.wrong) <= {"console: [object Event]"}, "htmx notes each end of a feed there"


def refuse(platform: Platform, folder: Path, label: str, source: str, number: str) -> None:
    caller = sipp.Caller(host=f"{label}.{platform.local['base_domain']}", number=number)
    sipp.run(folder, sipp.refused_call(caller, 403, "T203"), target=platform.edge("eu1"), local_address=source).must_succeed(1)


def test_who_works_by_the_keyboard_keeps_focus_and_choice_while_the_page_changes(
    platform: Platform, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    label, stranger = "focused", f"{platform.loopback}.8.64"
    key = open_trunk(platform, label, f"{platform.loopback}.8.63")
    operator = Operator(platform)
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant=label, acl="second"))
    operator.ask("AddAddress", pb.AddAddressRequest(tenant=label, acl="second", address="192.0.2.64"))
    receipt = operator.ask("AttachAcl", pb.AttachAclRequest(tenant=label, label=label, acl="second")).receipt
    assert all(answer.is_applied for answer in operator.ask("WaitApplied", pb.WaitAppliedRequest(position=receipt.position)))
    refuse(platform, tmp_path / "first", label, stranger, "+31201234170")
    window = visitor()
    page = window.page
    window.enter(platform, key)
    for place, path in enumerate(("/", "/calls/live")):
        window.go(path)
        item = page.locator("#attempts > li").filter(has_text="+31201234170")
        button, choice = item.get_by_role("button", name=f"Allow {stranger}"), item.get_by_label("Access control list")
        expect(button).to_be_visible(timeout=SOON_MS)
        # By keyboard: to the choice, one down, on to the button.
        choice.focus()
        page.keyboard.press("ArrowDown")
        expect(choice).to_have_value("second")
        line = item.locator("[data-command]")
        expect(line).to_have_text(re.compile(rf"acl address add second {stranger}$"))
        for step in range(2):
            number = f"+312012341{8 + place}{step}"
            refuse(platform, tmp_path / f"{place}-{step}", label, stranger, number)
            expect(page.locator("#attempts > li").filter(has_text=number)).to_be_visible(timeout=SOON_MS)
            # The first arrives while the choice has the focus, the second while the button has.
            expect(button if step else choice).to_be_focused()
            expect(choice).to_have_value("second")
            expect(line).to_have_text(re.compile(rf"acl address add second {stranger}$"))
            page.keyboard.press("Tab")
    # What had the focus last is still what Enter presses.
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(f"{stranger} may call")
    found = wait_for("the address", lambda: platform.json("acl", "show", "second", "--as-operator", "--tenant", label))
    assert f"{stranger}/32" in {address["cidr"] for address in found["addresses"]}
    assert window.wrong == []
