"""The command lines that pages show are commands that there are."""

from __future__ import annotations

import html
import json
import re
import shlex
import time

import pytest
from unit.dashboard.conftest import Browser

from trunkline.cli.__main__ import app as command
from trunkline.dashboard.app import OPERATOR_PAGES, PAGES
from trunkline.dashboard.forms import line_of
from trunkline.dashboard.sealing import csrf_of
from trunkline.dashboard.store import Identity
from trunkline.dashboard.web import HERE

FORMS = [path for path, _, methods in (*PAGES, *OPERATOR_PAGES) if methods == ("GET", "POST") and not path.startswith("/account")]
ASK_FIRST = {
    "/domains/{label}/attach",
    "/domains/{label}/digest",
    "/domains/{label}/nearest",
    "/domains/{label}/class-of-service",
    "/domains/{label}/limits",
    "/domains/{label}/identity",
    "/domains/{label}/capture",
    "/operator/tenants/{tenant}/class-of-service",
    "/operator/tenants/{tenant}/limits",
    "/operator/carriers/{carrier}/change",
    "/operator/carriers/{carrier}/gateways/new",
    "/operator/carriers/{carrier}/gateways/change",
    "/webhook/set",
    "/webhook/secret/new",
}
"""Their forms show what is, so they need the services: tests/e2e/test_dashboard_lines.py reads their lines."""
SAMPLES = {
    "minutes": "5", "algorithms": "MD5", "status": "407", "file": "/dev/null", "pdd_limit_s": "5", "number_format": "plus",
    "pai_forms": "both", "from_form": "kept", "hiding": "on",
}  # fmt: skip


def lines_of(groups: list[list[str]]) -> list[str]:
    """With every field filled and ticked, and with none ticked."""
    places = re.findall(r"\{(\w+)([?*!]?)\}", json.dumps(groups))
    filled = {name: SAMPLES.get(name, "sample") for name, _ in places}
    return [line_of(groups, filled), line_of(groups, filled | {name: "" for name, kind in places if kind in ("?", "!")})]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"where": "NL  BE,4420", "price": "0.25", "is_on": "on"}, "set acme NL BE 4420 --on --price 0.25 --name NAME"),
        ({"where": "", "price": "", "is_on": ""}, "set acme --all --off --price '' --name NAME"),
        ({"where": "$(x)", "price": " ", "is_on": ""}, "set acme '$(x)' --off --price '' --name NAME"),
    ],
)
def test_a_line_says_what_the_fields_say(values: dict[str, str], line: str) -> None:
    groups = [
        ["set"], ["acme"], ["{where*}", "{where?}"], ["--all", "{where!}"], ["--on", "{is_on?}"], ["--off", "{is_on!}"],
        ["--price", "{price}"], ["--price", "''", "{price!}"], ["--name"], ["{name}"],
    ]  # fmt: skip
    assert line_of(groups, values) == line


@pytest.mark.parametrize("path", [path for path in FORMS if path not in ASK_FIRST])
async def test_the_command_line_of_every_form_is_one(browser: Browser, path: str) -> None:
    operator = await browser.desk.store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    await browser.desk.store.show_tenant(operator, "acme")
    place = re.sub(r"\{[a-z]+\}", "sample1", path) + "?address=192.0.2.1&username=31000000&acl=office"
    for secret in (operator,) if path in {each for each, _, _ in OPERATOR_PAGES} else (browser.secret, operator):
        answer = await browser.client.get(place, headers={"Cookie": f"{browser.desk.cookie}={secret}"})
        assert answer.status_code == 200 and csrf_of(secret) in answer.text
        shown = re.search(r'data-command="([^"]*)"', answer.text)
        assert shown, path
        for line in lines_of(json.loads(html.unescape(shown[1]))):
            command.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)


def test_the_command_lines_below_pages_are_commands() -> None:
    found = 0
    for template in (HERE / "templates").glob("*.html"):
        for line in re.findall(r'\bcli\(((?:"[a-z0-9-]+"(?:, )?)+)', template.read_text()):
            words = json.loads(f"[{line.rstrip(', ')}]")
            chosen, _, _ = command.parse_commands(words)
            # Some groups have groups of their own: acl address add.
            assert len(chosen) >= min(len(words), 1 if words[0] == "explain" else 2), (template.name, words)
            found += 1
        # By the word that this platform's command is started with, whatever that is.
        assert not re.search(r'(cli|form)_line\([^)]*"trunkline ', template.read_text()), template.name
    assert found > 15
