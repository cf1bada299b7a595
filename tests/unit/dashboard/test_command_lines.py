"""The command lines that pages show are commands that there are."""

from __future__ import annotations

import html
import json
import re
import time

import pytest
from unit.dashboard.conftest import Browser

from trunkline.cli.__main__ import app as command
from trunkline.dashboard.app import OPERATOR_PAGES, PAGES
from trunkline.dashboard.sealing import csrf_of
from trunkline.dashboard.store import Identity
from trunkline.dashboard.web import HERE

FORMS = [path for path, _, methods in (*PAGES, *OPERATOR_PAGES) if methods == ("GET", "POST") and path != "/account"]
ASK_FIRST = {"/domains/{label}/attach", "/domains/{label}/digest", "/domains/{label}/nearest"}
"""Their forms show what is, so they need the services."""
SAMPLES = {"minutes": "5", "algorithms": "MD5", "status": "407", "file": "/dev/null"}


def words_of(groups: list[list[str]]) -> list[str]:
    found: list[str] = []
    for group in groups:
        for word in group:
            place = re.search(r"\{(\w+)[?*]?\}", word)
            if place and "?}" in word:
                continue
            found.append(re.sub(r"\{\w+\*?\}", SAMPLES.get(place[1], "sample"), word) if place else word)
    return found


@pytest.mark.parametrize("path", [path for path in FORMS if path not in ASK_FIRST])
async def test_the_command_line_of_every_form_is_one(browser: Browser, path: str) -> None:
    operator = await browser.desk.store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    await browser.desk.store.show_tenant(operator, "acme")
    place = re.sub(r"\{[a-z]+\}", "sample1", path) + "?address=192.0.2.1&username=31000000&acl=office"
    for secret in (operator,) if path in {each for each, _, _ in OPERATOR_PAGES} else (browser.secret, operator):
        answer = await browser.client.get(place, headers={"Cookie": f"{browser.desk.cookie}={secret}"})
        assert answer.status_code == 200 and csrf_of(secret) in answer.text
        shown = re.search(r'data-command="([^"]*)"', answer.text)
        assert shown or path == "/keys/new", "only what the command line cannot do has none"
        if shown:
            words = words_of(json.loads(html.unescape(shown[1])))
            command.parse_args(words[1:], exit_on_error=False, print_error=False)


def test_the_command_lines_below_pages_are_commands() -> None:
    found = 0
    for template in (HERE / "templates").glob("*.html"):
        for line in re.findall(r'\bcli\(((?:"[a-z0-9-]+"(?:, )?)+)', template.read_text()):
            words = json.loads(f"[{line.rstrip(', ')}]")
            chosen, _, _ = command.parse_commands(words)
            assert len(chosen) == min(len(words), 1 if words[0] == "explain" else 2), (template.name, words)
            found += 1
        for line in re.findall(r'cli_line\("trunkline ([a-z -]+)', template.read_text()):
            assert len(command.parse_commands(line.split())[0]) == 2, (template.name, line)
    assert found > 15
