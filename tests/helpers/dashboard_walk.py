"""Every page and pop-up of the dashboard, by the list of its routes, so that a new one is looked at too: axe, the keyboard, the width of a
phone, light and dark, command lines, and what hostile text does."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from helpers.dashboard import Visitor, axe_violations
from playwright.sync_api import Locator, expect

from trunkline.cli.__main__ import app as command

NOT_PAGES = {"/events/home", "/events/calls", "/events/webhook", "/calls/export.{kind}", "/receipts/{position:int}/{time_ns:int}"}
"""Feeds, files, and what stands inside of other pages."""
QUERIES = {
    "/access/{acl}/addresses/remove": "?address=127.0.0.1/32", "/access/{acl}/accounts/password": "?username=31000001",
    "/access/{acl}/accounts/remove": "?username=31000001", "/domains/{label}/detach": "?acl=office",
    "/calls/live/{call}/hang-up": "?number=%2B31201234567&back=/calls/live", "/usage": "?span=1h",
    "/routes": "?number=%2B31201234567&prefix=31", "/explain": "?domain={label}&source=192.0.2.1&number=%2B31201234567",
    "/what-if": "?span=24h&domain={label}&with=detach+office", "/operator/carriers/{carrier}/gateways/change": "?gateway=eu",
    "/operator/carriers/{carrier}/gateways/remove": "?gateway=eu", "/operator/bans/lift": "?address=192.0.2.1/32",
}  # fmt: skip
"""What a page needs to have something to show."""
AFTER = {
    "/access/{acl}/accounts/new": {"username": "31000002"}, "/access/{acl}/accounts/password": {}, "/keys/new": {"name": "walked"},
    "/webhook/secret": {}, "/webhook/secret/new": {}, "/operator/tenants/{tenant}/invite": {"name": "walk@example.com"},
}  # fmt: skip
"""Forms that are sent: what they show then is shown once only, and has no address of its own."""
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OWN_FORMS = ("/account",)
"""Forms that are a page in itself, and never a pop-up."""
NOT_FILLED = re.compile(r"\b(MINUTES|FILE)\b")
"""What stands for a field that is empty still is no word there."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A page of the walk."""

    route: str
    path: str
    is_form: bool


def stops(routes: Sequence[tuple[str, Any, tuple[str, ...]]], names: Mapping[str, str]) -> list[Stop]:
    """`names` has a value for every name in braces: a KeyError says of a new route that it needs one."""
    found = []
    for route, _, methods in routes:
        if "GET" in methods and route not in NOT_PAGES:
            text = route + QUERIES.get(route, "")
            path = re.sub(r"\{(\w+)(:\w+)?\}", lambda place: names[place[1]], text)
            found.append(Stop(route, path, methods == ("GET", "POST") and route not in OWN_FORMS))
    return found


def walk(window: Visitor, stops: Sequence[Stop]) -> list[str]:
    """What is wrong, at each of them. Pop-ups are opened over a page that has no form of the kind."""
    found = [f"{stop.path}: {fault}" for stop in stops for fault in _faults(window, stop)]
    window.go(BELOW)
    _turn(window, PHONE, "dark")
    found += [f"{stop.path}, as a pop-up: {fault}" for stop in stops if stop.is_form for fault in _popped_up(window, stop)]
    _turn(window, DESKTOP, "light")
    return found


BELOW = "/account"


def look(window: Visitor, addresses: Sequence[str]) -> list[str]:
    """What is wrong at each of them, whatever their status is: refusals, the login, what is not there."""
    found: list[str] = []
    for address in addresses:
        window.page.goto(address)
        found += [f"{address}: {fault}" for fault in (*axe_violations(window.page), *_on_a_phone(window, is_judged=True))]
    return [*found, *_went_wrong(window)]


def _faults(window: Visitor, stop: Stop) -> list[str]:
    """A form is judged on a phone and by the keyboard where it is a pop-up, as it is for most people."""
    page = window.page
    window.go(stop.path)
    found = _lines(window, stop.path)
    found += [f"axe: {each}" for each in axe_violations(page)]
    if not stop.is_form:
        found += _by_keyboard(window, page.locator("main"), "document.getElementById('main').focus()")
    found += _on_a_phone(window, is_judged=not stop.is_form)
    if page.evaluate("document.querySelector('img[src=x], script:not([src])') !== null"):
        found.append("text has become an element")
    return [*found, *_went_wrong(window)]


def _on_a_phone(window: Visitor, *, is_judged: bool) -> list[str]:
    """The page that is there, narrow and in the dark."""
    _turn(window, PHONE, "dark")
    found = [*_widths(window), *(axe_violations(window.page) if is_judged else [])]
    _turn(window, DESKTOP, "light")
    return [f"on a phone, in the dark: {each}" for each in found]


def _turn(window: Visitor, size: dict[str, int], scheme: Literal["dark", "light"]) -> None:
    window.page.set_viewport_size(size)  # type: ignore[arg-type]
    window.page.emulate_media(color_scheme=scheme)


def _went_wrong(window: Visitor) -> list[str]:
    told = list(window.wrong)
    window.wrong.clear()
    return told


def _popped_up(window: Visitor, stop: Stop) -> list[str]:
    """The form in a pop-up, on a phone in the dark; with what is wrong told in it; what it shows after it was sent."""
    page, dialog = window.page, window.page.locator("#dialog")
    page.evaluate("path => { htmx.ajax('GET', path, '#dialog-body'); }", stop.path)
    expect(dialog).to_be_visible()
    found = [*_widths(window), *axe_violations(page, "#dialog")]
    if not page.evaluate("document.getElementById('dialog').contains(document.activeElement)"):
        found.append("the focus is not in it")
    found += _by_keyboard(window, dialog, "")
    required = dialog.locator("input[required]:not([type=file])")
    if required.count():
        required.first.evaluate("each => { each.value = ''; each.form.noValidate = true; each.form.requestSubmit(); }")
        expect(dialog.locator("[aria-invalid=true]").first).to_be_focused()
        found += [f"with what is wrong: {each}" for each in axe_violations(page, "#dialog")]
    if stop.route in AFTER:
        for name, value in AFTER[stop.route].items():
            dialog.locator(f"[name={name}]").fill(value)
        dialog.locator("form button:not([type=button])").click()
        expect(dialog.locator(".secret").first).to_be_visible()
        found += [f"after it was sent: {each}" for each in (*_widths(window), *axe_violations(page, "#dialog"))]
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    return [*found, *_went_wrong(window)]


def _lines(window: Visitor, path: str) -> list[str]:
    """The command line of a form is a command, and one without a script is told the same."""
    found = []
    plain = [html.unescape(each) for each in re.findall(r"<code data-command=[^>]*>([^<]*)</code>", _plain(window, path))]
    for line in window.page.locator("main code[data-command]").all_inner_texts():
        if line not in plain:
            found.append(f"without a script the command is not {line!r}: {plain}")
        if not NOT_FILLED.search(line):
            command.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
    return found


def _plain(window: Visitor, path: str) -> str:
    if not window.page.locator("main code[data-command]").count():
        return ""
    return window.context.request.get(window.base + path).text()


def _widths(window: Visitor) -> list[str]:
    wide = window.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{wide} pixels wider than the window"] if wide > 0 else []


def _by_keyboard(window: Visitor, where: Locator, start: str) -> list[str]:
    """What can be clicked there is reached by Tab, and seen when it has the focus."""
    page = window.page
    page.evaluate(start)
    left = where.evaluate(_FOCUSABLE)
    for _ in range(left + MORE_STOPS):
        if not left:
            break
        page.keyboard.press("Tab")
        left = where.evaluate(_VISITED)
    return [f"by the keyboard: {each}" for each in where.evaluate(_UNSEEN)]


MORE_STOPS = 12
"""Parts that scroll get the focus too, and once around a pop-up lies the browser's own frame."""
_FOCUSABLE = """(root) => {
  const all = [...root.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
  for (const each of all) { if (each.checkVisibility({ visibilityProperty: true }) && !each.disabled) each.dataset.toVisit = ""; }
  return root.querySelectorAll("[data-to-visit]").length;
}"""
_VISITED = """(root) => {
  const each = document.activeElement;
  if (root.contains(each) && "toVisit" in each.dataset) {
    delete each.dataset.toVisit;
    const style = getComputedStyle(each);
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) === 0) each.dataset.unseen = "";
  }
  return root.querySelectorAll("[data-to-visit]").length;
}"""
_UNSEEN = """(root) => {
  const told = (each) => each.outerHTML.slice(0, 160);
  const missed = [...root.querySelectorAll("[data-to-visit]")].map((each) => `not reached: ${told(each)}`);
  const unseen = [...root.querySelectorAll("[data-unseen]")].map((each) => `not seen with the focus: ${told(each)}`);
  for (const each of root.querySelectorAll("[data-to-visit], [data-unseen]")) { delete each.dataset.toVisit; delete each.dataset.unseen; }
  return [...missed, ...unseen];
}"""
