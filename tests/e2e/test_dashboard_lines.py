"""The command lines that a customer's pages show are run by a customer: with the key of its own, and no other within reach."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.dashboard import Customer, Operator, Visitor
from helpers.platform import BIN, Platform, wait_for
from playwright.sync_api import Browser, expect

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.__main__ import app as command
from trunkline.dashboard.app import OPERATOR_PAGES
from trunkline.dashboard.app import PAGES as PAGES_OF_APP

pytestmark = pytest.mark.timeout(300)

PAGES = (
    "/", "/access", "/access/office", "/domains", "/domains/lined", "/domains/lined/pbx", "/calls", "/calls/live", "/usage",
    "/routes?number=%2B31201234567", "/explain?domain=lined&source=192.0.2.1&number=%2B31201234567", "/pops", "/audit?kind=acl", "/keys",
    "/webhook", "/what-if?span=1h", "/what-if?span=yesterday&domain=lined&with=detach+office", "/usage?span=7d&domain=lined&pop=eu1",
)  # fmt: skip


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    operator = Operator(platform)
    made = operator.new_tenant("lined")
    operator.ask("CreateAcl", pb.CreateAclRequest(tenant="lined", acl="office"))
    operator.ask("CreateDomain", pb.CreateDomainRequest(tenant="lined", label="lined"))
    operator.ask("SetWebhook", pb.SetWebhookRequest(tenant="lined", url="https://hooks.example.com/lined"))
    return made


@pytest.fixture
def customer(browser: Browser, platform: Platform, tmp_path: Path, key: str) -> Iterator[Customer]:
    made = Customer(browser, platform, tmp_path / "own", key)
    yield made
    made.window.close()


def test_a_customer_runs_every_line_below_its_pages_and_manages_keys_by_those_of_the_forms(customer: Customer) -> None:
    window, page = customer.window, customer.window.page
    found: set[str] = set()
    for path in PAGES:
        window.go(path)
        found |= {line for line in page.locator(".cli code:not([data-command])").all_inner_texts() if line.split()[0].endswith("trunkline")}
    assert len(found) >= 10, found
    for line in sorted(found):
        done = customer.run(line)
        assert done.returncode == 0, f"{line}: {done.returncode}: {done.stdout}{done.stderr}"

    window.go("/keys")
    page.get_by_role("link", name="Add new").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("by its line")
    dialog.get_by_role("checkbox", name="Read everything").check()
    dialog.get_by_label("Ends").select_option("30")
    line = dialog.locator("[data-command]").inner_text()
    assert line.endswith("key create --name 'by its line' --scopes read --expires 30d"), line
    made = customer.run(line)
    key = re.search(r"tk_\S{43}", made.stderr)
    assert made.returncode == 0 and key, made.stderr
    listed = customer.run("trunkline key list -o json")
    [row] = [row for row in json.loads(listed.stdout) if row["name"] == "by its line"]
    assert (row["scopes"], row["last_use_time"]) == (["read"], None)

    # Used once by another service than the one that lists keys; it is told within seconds.
    around = {**customer.around, "TRUNKLINE_API_KEY": key[0]}
    subprocess.run([BIN / "trunkline", "call", "list"], env=around, check=True, capture_output=True, timeout=60)

    def used() -> bool:
        rows = json.loads(customer.run("trunkline key list -o json").stdout)
        return any(row["name"] == "by its line" and row["last_use_time"] for row in rows)

    wait_for("the use of the key", used, every_s=0.5)
    window.go("/keys")
    shown = page.get_by_role("row").filter(has_text="by its line")
    expect(shown.get_by_text("not yet")).to_have_count(0)
    shown.get_by_role("link", name="Revoke").click()
    revoke = dialog.locator("[data-command]").inner_text()
    done = customer.run(revoke)
    assert done.returncode == 0 and row["id"] in revoke, done.stderr
    window.go("/keys")
    expect(page.get_by_role("row").filter(has_text="by its line")).to_have_count(0)
    assert window.wrong == []


def test_a_line_says_what_is_chosen_on_its_page_and_begins_with_the_platforms_command(
    customer: Customer, browser: Browser, platform: Platform
) -> None:
    operator = Visitor(browser, platform)
    operator.enter(platform, platform.local["operator"]["api_key"])
    for window, path, words in (
        (operator, "/operator/decks", "route decks --as-operator"),
        (operator, "/operator/carriers", "carrier list --as-operator"),
        (operator, "/operator/bans?address=192.0.2.1", "ban list --address 192.0.2.1 --as-operator"),
        (operator, "/operator/tenants/lined", "tenant show lined --as-operator"),
        (customer.window, "/domains/lined/pbx?pop=us1&transport=tcp", "dns settings lined --pbx asterisk --transport tcp --pop us1"),
        (customer.window, "/calls?number=%2B31201234567", "call list --number +31201234567 --exactly"),
        (customer.window, "/calls?number=3120*", "call list --number 3120"),
    ):
        window.go(path)
        line = window.page.locator(".cli code").last.inner_text()
        assert line == f"{COMMAND} {words}", path
        command.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    operator.close()


COMMAND = ".venv/bin/trunkline"
"""What a platform of `make up` is told to call it."""
WITHOUT_LINE = ("/account", "/account/delete")
"""What the dashboard keeps by itself: accounts and sessions are nothing of the platform's."""
NOT_FILLED = re.compile(r"\b(MINUTES|FILE)\b")
"""What stands for a field that is empty still is no word there."""


def test_every_form_shows_a_command_that_there_is(customer: Customer, browser: Browser, platform: Platform) -> None:
    """Of every page that takes a form, for whoever may open it; the line is read with the fields as they are."""
    operator = Visitor(browser, platform)
    operator.enter(platform, platform.local["operator"]["api_key"])
    names = {
        "acl": "office", "label": "lined", "key": "0123", "pop": "eu1", "tenant": "lined", "carrier": "alpha",
        "call": "0123456789abcdef" * 2,
    }  # fmt: skip
    asked = "?address=192.0.2.1&username=31000000&acl=office&gateway=eu"
    # The drop-down on a domain's page is a form too.
    customer.window.go("/domains/lined")
    shown_line = customer.window.page.locator("[data-command]").inner_text()
    assert shown_line.endswith("domain attach lined office"), shown_line
    command.parse_args(shlex.split(shown_line)[1:], exit_on_error=False, print_error=False)
    read = 0
    for pages, window in ((PAGES_OF_APP, customer.window), (OPERATOR_PAGES, operator)):
        for path, _, methods in pages:
            if methods != ("GET", "POST") or path in WITHOUT_LINE:
                continue
            answer = window.context.request.get(f"{window.base}{path.format(**names)}{asked}")
            shown = re.search(r"<code data-command=[^>]*>([^<]*)</code>", answer.text())
            assert answer.status == 200 and shown, f"{path}: {answer.status}"
            line = html.unescape(shown[1])
            if not NOT_FILLED.search(line):
                command.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
            read += 1
    assert read >= 40
    operator.close()
