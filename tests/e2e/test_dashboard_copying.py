"""Buttons that copy: what is copied, what they say then, and what happens where a browser lets nobody write into its clipboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from helpers.dashboard import Operator, Visitor
from helpers.platform import Platform, wait_for
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.timeout(300)


def pasted(page: Page) -> str:
    """What is in the clipboard, by a field that is made for it: those of the page take no more than they need."""
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    field = page.locator("#pasted")
    field.press("Control+V")
    return field.input_value()


def copier(page: Page) -> Locator:
    """The one at the command line below the page, whatever it says now."""
    return page.locator(".cli button[data-copy]")


def test_a_button_that_copied_is_itself_again_however_often_it_was_pressed(platform: Platform, visitor: Callable[..., Visitor]) -> None:
    window = visitor()
    page = window.page
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.enter(platform, Operator(platform).new_tenant("copying"))
    page.clock.install()
    window.go("/calls?domain=copied")
    # The page's clock stands still: the second time comes while the first is still said.
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    before = copier(page).inner_html()
    assert before == 'Copy<span class="hidden"> the command line</span>'
    for _ in range(2):
        copier(page).click()
        expect(page.get_by_role("button", name="Copied the command line")).to_be_visible()

    def is_itself() -> bool:
        # The clipboard may take the second text only now, and what is said of it begins then.
        page.clock.run_for(1600)
        return page.get_by_role("button", name="Copy the command line").is_visible()

    wait_for("the button is itself again", is_itself)
    assert copier(page).inner_html() == before
    assert pasted(page) == page.locator(".cli code").inner_text()
    assert window.wrong == []


def test_copying_goes_another_way_where_a_page_has_no_clipboard_and_says_so_where_there_is_none(
    platform: Platform, visitor: Callable[..., Visitor]
) -> None:
    """A browser gives pages of plain HTTP no clipboard, but for those of its own machine, which this one is."""
    window = visitor()
    page = window.page
    window.enter(platform, Operator(platform).new_tenant("copyingtwo"))
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})")
    window.go("/calls?domain=without")
    line = page.locator(".cli code").inner_text()
    copier(page).click()
    expect(page.get_by_role("button", name="Copied the command line")).to_be_visible()
    assert pasted(page) == line and "--domain without" in line

    page.add_init_script("Document.prototype.execCommand = () => false")
    window.go("/calls?domain=byhand")
    copier(page).click()
    expect(page.get_by_role("button", name="Selected: press Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == page.locator(".cli code").inner_text()
    page.keyboard.press("Control+C")
    assert "--domain byhand" in pasted(page)
    assert window.wrong == []
