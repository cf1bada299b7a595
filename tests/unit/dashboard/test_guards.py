"""What holds of every page, whatever it shows: session, CSRF, CSP, host, throttle. docs/security.md names these tests."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message
from unit.dashboard.conftest import URL, Browser, browsing

from trunkline.dashboard import people
from trunkline.dashboard.app import OPERATOR_PAGES, PAGES, make_app
from trunkline.dashboard.live import MAX_OF_ONE, Watched, follow
from trunkline.dashboard.sealing import csrf_of
from trunkline.dashboard.store import Identity
from trunkline.dashboard.visits import Visit, guarded, is_own_path
from trunkline.dashboard.web import HERE

POSTED = [path for path, _, methods in (*PAGES, *OPERATOR_PAGES) if "POST" in methods]


def filled(path: str) -> str:
    return re.sub(r"\{[a-z_]+(:[a-z]+)?\}", "1", path)


@pytest.mark.parametrize("path", POSTED)
async def test_no_form_is_taken_without_the_token_of_its_session(browser: Browser, path: str) -> None:
    operator = await browser.desk.store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    cookie = {"Cookie": f"{browser.desk.cookie}={operator}"}
    for sent in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": csrf_of("another session")}):
        answer = await browser.client.post(filled(path), data={**sent, "name": "x"}, headers=cookie)
        assert answer.status_code == 403 and "token is not this session" in answer.text


async def test_a_form_with_the_token_is_taken_and_one_of_another_site_is_not(browser: Browser) -> None:
    form = {"csrf": csrf_of(browser.secret)}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = await browser.client.post("/logout", data=form, headers=headers)
        assert answer.status_code == 403 and "another site" in answer.text
    answer = await browser.client.post("/logout", data=form, headers={"Origin": URL, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303 and answer.headers["location"] == "/login"
    assert (await browser.client.get("/account")).status_code == 303, "the session is over on the server too"


def test_every_page_is_behind_the_checks(browser: Browser) -> None:
    """But for those that somebody needs who is not logged in."""
    guarded = {path for path, _, _ in (*PAGES, *OPERATOR_PAGES)}
    routes = {route.path for route in make_app(browser.desk).routes if isinstance(route, Route)}
    assert routes - guarded == {"/healthz", "/links", "/login", "/login/{secret}"}


@pytest.mark.parametrize(("path", "methods"), [(path, methods) for path, _, methods in (*PAGES, *OPERATOR_PAGES)])
async def test_nobody_sees_a_page_without_a_session(browser: Browser, path: str, methods: tuple[str, ...]) -> None:
    browser.client.cookies.clear()
    method = browser.client.get if "GET" in methods else browser.client.post
    for cookie in ("", "x" * 43):
        answer = await method(filled(path), headers={"Cookie": f"{browser.desk.cookie}={cookie}"})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login"), path


@pytest.mark.parametrize("path", [path for path, _, methods in OPERATOR_PAGES if "GET" in methods])
async def test_the_operators_pages_are_not_for_customers(browser: Browser, path: str) -> None:
    answer = await browser.client.get(filled(path))
    assert answer.status_code == 403 and "for operators" in answer.text


@pytest.mark.parametrize("path", [path for path, _, methods in OPERATOR_PAGES if "POST" in methods])
async def test_the_operators_forms_are_not_for_customers(browser: Browser, path: str) -> None:
    answer = await browser.client.post(filled(path), data={"csrf": csrf_of(browser.secret), "name": "x", "address": "192.0.2.1"})
    assert answer.status_code == 403 and "for operators" in answer.text


async def test_no_form_of_the_operators_is_read_for_a_customer(browser: Browser) -> None:
    """One of them may have as many bytes as a route deck."""

    async def nothing() -> Message:
        raise AssertionError("the form was asked for")

    async def handler(visit: Visit) -> Response:
        raise AssertionError("the page was shown")

    headers = [
        (b"cookie", f"{browser.desk.cookie}={browser.secret}".encode()),
        (b"host", b"x"),
        (b"content-length", b"60000000"),
        (b"content-type", b"multipart/form-data; boundary=x"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/operator/decks/import", "query_string": b"", "headers": headers}
    answer = await guarded(browser.desk, handler, is_for_operators=True)(Request(scope, nothing))
    assert answer.status_code == 403 and b"for operators" in bytes(answer.body)


@pytest.mark.parametrize("path", ["/login", "/account", "/nowhere", "/static/app.css", "/access/new"])
async def test_every_answer_forbids_inline_scripts_and_frames(browser: Browser, path: str) -> None:
    headers = (await browser.client.get(path)).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'" and policy["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
    assert path.startswith("/static/") or headers["cache-control"] == "no-store"


def test_no_template_has_inline_scripts_styles_or_handlers() -> None:
    for template in sorted((HERE / "templates").glob("*.html")):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|safe|autoescape", text), template.name


async def test_the_dashboard_answers_under_its_own_name_only(browser: Browser) -> None:
    answer = await browser.client.get("/login", headers={"Host": "evil.example"})
    assert answer.status_code == 421 and "password" not in answer.text


async def test_a_large_body_is_refused_before_it_is_read(browser: Browser) -> None:
    answer = await browser.client.post("/login", content=b"x" * 70_000)
    assert answer.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"

    assert (await browser.client.post("/login", content=endless())).status_code == 413


async def test_guessing_is_throttled_by_name_and_by_source(browser: Browser) -> None:
    seen = [(await browser.client.post("/login", data={"name": "jane", "password": "wrong"})).status_code for _ in range(7)]
    assert seen == [401] * 5 + [429] * 2
    answer = await browser.client.post("/login", data={"name": "jane", "password": "wrong"})
    assert 0 < int(answer.headers["retry-after"]) <= 600 and "wait" in answer.text
    # Other names from the same source, until that is enough too.
    seen = [(await browser.client.post("/login", data={"name": f"n{number}", "password": "wrong"})).status_code for number in range(20)]
    assert 429 in seen and seen[-1] == 429


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer tk_guessed"}, 503)])
async def test_guessing_keys_for_one_time_links_is_throttled_by_source(browser: Browser, headers: dict[str, str], status: int) -> None:
    """503: the service that would know the key is away here; whether a guess was good is not known, and it counts."""
    burst = browser.desk.by_source.burst
    seen = [(await browser.client.post("/links", headers=headers)).status_code for _ in range(burst + 2)]
    assert seen == [status] * burst + [429] * 2
    # Its tries with names and with links are counted with them, another source's are not.
    assert (await browser.client.post("/login", data={"name": "jane", "password": "wrong"})).status_code == 429
    assert (await browser.client.get("/login/guessed")).status_code == 429
    transport = httpx2.ASGITransport(app=make_app(browser.desk), client=("192.0.2.77", 1))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as other:
        assert (await other.post("/links", headers=headers)).status_code == status


async def test_over_https_the_cookie_is_this_hosts_alone_and_goes_nowhere_in_clear(tmp_path: Path) -> None:
    async with browsing(tmp_path, "https://trunks.example.com") as browser:
        link = await browser.desk.store.add_link(Identity("tenant", "acme", "a", "tk_k"), time.time())
        answer = await browser.client.post(f"/login/{link}")
        name, _, rest = answer.headers["set-cookie"].partition("=")
        attributes = {part.strip().lower() for part in rest.split(";")[1:]}
        # What browsers demand of the prefix, else they take none: Secure, the whole host, and no Domain.
        assert name == "__Host-trunkline" and {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
        assert not any(each.startswith("domain") for each in attributes)
        assert int(answer.headers["strict-transport-security"].partition("=")[2]) >= 180 * 86_400
        opened = rest.partition(";")[0]
        plain = {"Cookie": f"trunkline={opened}"}
        browser.client.cookies.clear()
        assert (await browser.client.get("/account", headers=plain)).status_code == 303, "under the name of plain HTTP it opens nothing"
        assert (await browser.client.get("/account", headers={"Cookie": f"{name}={opened}"})).status_code != 303, "under its own it does"


async def test_over_plain_http_no_cookie_pretends_to_be_secure(browser: Browser) -> None:
    link = await browser.desk.store.add_link(Identity("tenant", "acme", "a", "tk_k"), time.time())
    answer = await browser.client.post(f"/login/{link}")
    assert answer.headers["set-cookie"].startswith("trunkline=") and "secure" not in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" not in answer.headers


async def test_a_network_of_ipv6_that_guesses_is_one_source(browser: Browser) -> None:
    """A host may draw any address of its /64."""

    async def guess(address: str) -> int:
        transport = httpx2.ASGITransport(app=make_app(browser.desk), client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
            return (await client.post("/login", data={"name": f"n{address[-4:]}", "password": "wrong"})).status_code

    burst = browser.desk.by_source.burst
    assert [await guess(f"2001:db8:0:1::{number:x}") for number in range(1, burst + 1)] == [401] * burst
    assert await guess("2001:db8:0:1:ffff::1") == 429 and await guess("2001:db8:0:2::1") == 401


async def test_who_found_a_session_open_may_not_guess_its_password_for_ever(browser: Browser) -> None:
    store, password = browser.desk.store, "correct horse staple"
    session = await store.session(browser.secret, time.time())
    assert session is not None and await people.make_account(store, session, "jane", password)

    async def delete(current: str) -> str:
        answer = await browser.client.post("/account/delete", data={"csrf": csrf_of(browser.secret), "current": current})
        return answer.text.lower()

    for _ in range(5):
        assert "the current password is another" in await delete("guessed")
    assert "too many tries" in await delete(password)
    assert await people.check_password(store, "jane", password), "the account is still there"
    browser.desk.by_name.forget("jane")
    await delete(password)
    assert await people.check_password(store, "jane", password) is None


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_a_login_leads_to_pages_of_ours_only(browser: Browser, where: str) -> None:
    shown = await browser.client.get("/login", params={"next": where})
    assert 'name="next" value=""' in shown.text


async def test_a_login_leads_to_the_page_that_was_asked_for_with_its_filters(browser: Browser) -> None:
    browser.client.cookies.clear()
    asked = "/calls?since=24h&number=%2B31201234567&domain=a%26b"
    sent = (await browser.client.get(asked)).headers["location"]

    def kept(page: str) -> list[str]:
        return [html.unescape(each) for each in re.findall(r'name="next" value="([^"]*)"', page)]

    assert kept((await browser.client.get(sent)).text) == [asked, asked], "by password and by key"
    for tried in ({"name": "jane", "password": "wrong"}, {"key": "tk_unknown"}):
        failed = await browser.client.post("/login", data={**tried, "next": asked})
        assert failed.status_code in (401, 503) and kept(failed.text) == [asked, asked], "a failed try loses nothing"
        assert ("<details open>" in failed.text) == ("key" in tried), "the form that was sent is there"
    elsewhere = await browser.client.post("/login", data={"name": "jane", "password": "wrong", "next": "//evil.example"})
    assert elsewhere.status_code == 401 and kept(elsewhere.text) == ["", ""]


async def test_an_operator_comes_back_from_the_pages_of_a_tenant(browser: Browser) -> None:
    store = browser.desk.store
    operator = await store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    await store.show_tenant(operator, "acme")
    cookie = {"Cookie": f"{browser.desk.cookie}={operator}"}
    assert "All tenants" in (await browser.client.get("/account", headers=cookie)).text
    assert "All tenants" not in (await browser.client.get("/account")).text, "a customer has nowhere to go back to"
    answer = await browser.client.post("/operator/look-at-all", data={"csrf": csrf_of(operator)}, headers=cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/operator/tenants")
    session = await store.session(operator, time.time())
    assert session is not None and session.tenant == ""
    assert "All tenants" not in (await browser.client.get("/account", headers=cookie)).text


@pytest.mark.parametrize("minutes", ["²", "abc", "-5", "5.0", "10081"])
async def test_minutes_that_are_no_number_are_told_at_their_field(browser: Browser, minutes: str) -> None:
    operator = await browser.desk.store.add_session(Identity("operator", "", "operator", "ok_key"), "", time.time())
    form = {"csrf": csrf_of(operator), "address": "192.0.2.1", "minutes": minutes, "reason": "x"}
    answer = await browser.client.post("/operator/bans/new", data=form, headers={"Cookie": f"{browser.desk.cookie}={operator}"})
    assert answer.status_code == 422 and re.search(r'name="minutes"[^>]*aria-invalid="true"', answer.text)
    assert "is not a whole number from 0 to 10080" in answer.text


@pytest.mark.parametrize(("path", "says"), [("/access/office/delete", "detach it first"), ("/domains/acme/delete", "detach them first")])
async def test_who_deletes_is_told_what_is_refused(browser: Browser, path: str, says: str) -> None:
    answer = await browser.client.get(path)
    assert f"is not deleted: {says}" in answer.text


async def test_a_link_that_is_looked_at_is_not_used_up(browser: Browser) -> None:
    link = await browser.desk.store.add_link(Identity("tenant", "acme", "a", "tk_k"), time.time())
    for _ in range(3):
        assert (await browser.client.get(f"/login/{link}")).status_code == 200
    answer = await browser.client.post(f"/login/{link}")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and browser.secret not in cookie
    assert await browser.desk.store.session(browser.secret, time.time()) is None, "the session before the login is over"
    assert (await browser.client.post(f"/login/{link}")).status_code == 410


async def test_services_that_are_away_are_said_to_be_and_nothing_else_is_told(browser: Browser) -> None:
    answer = await browser.client.get("/access")
    assert answer.status_code == 503 and "That did not work" in answer.text and "Traceback" not in answer.text


async def test_a_feed_without_a_session_says_that_it_has_ended(browser: Browser) -> None:
    """A redirect would be followed, not understood, and tried again for ever."""
    await browser.desk.store.end_session(browser.secret)
    answer = await browser.client.get("/events/home", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == "event: ended\ndata: over\n\n"


async def feed_of(browser: Browser) -> AsyncGenerator[Any]:
    """Of a page on which nothing changes."""
    session = await browser.desk.store.session(browser.secret, time.time())
    assert session is not None
    request = Request({"type": "http", "method": "GET", "path": "/events/home", "headers": []})
    visit = Visit(request, browser.desk, session, browser.desk.services.asked_by("tk_key-of-acme"), FormData())

    async def render(_: Watched) -> str:
        return "as it is"

    return cast(AsyncGenerator[Any], follow(visit, "home", 1, render).body_iterator)


FOLLOWS = b"retry: 3000\nevent: still\ndata:\n\n"
"""A page that was one too many waits no longer than others from now on."""


async def test_the_feed_of_a_session_that_is_ended_ends(browser: Browser) -> None:
    """Also while no service answers and nothing changes."""
    pieces = await feed_of(browser)
    assert await anext(pieces) == FOLLOWS
    assert await anext(pieces) == b"event: home\ndata: as it is\n\n"
    await browser.desk.store.end_session(browser.secret)
    assert [piece async for piece in pieces] == [b"event: ended\ndata: over\n\n"]


async def test_a_page_that_is_one_too_many_says_that_it_stands_still_and_follows_when_another_is_closed(browser: Browser) -> None:
    first, *others = [await feed_of(browser) for _ in range(MAX_OF_ONE)]
    for pieces in (first, *others):
        assert await anext(pieces) == FOLLOWS
    told = b"".join([piece async for piece in await feed_of(browser)]).decode()
    assert told.startswith("retry: 10000\nevent: still\ndata: ") and f"{MAX_OF_ONE} pages of this login follow calls already" in told
    await first.aclose()
    again = await feed_of(browser)
    assert await anext(again) == FOLLOWS
    for pieces in (*others, again):
        await pieces.aclose()


@pytest.mark.parametrize(("path", "is_seen"), [("/events/home", False), ("/events/calls", False), ("/calls/live", True)])
async def test_a_feed_that_connects_again_is_no_sign_of_its_owner(browser: Browser, path: str, is_seen: bool) -> None:
    """A page that is left open would keep its session for ever."""
    store = browser.desk.store

    async def shown(visit: Visit) -> Response:
        return Response(visit.tenant)

    async def seen_s() -> float:
        session = await store.session(browser.secret, time.time(), is_seen=False)
        assert session is not None
        return (await store.sign_ins(session, time.time()))[0].seen_s

    await store._database.execute("UPDATE sessions SET seen_s = seen_s - 100")
    before_s = await seen_s()
    cookie = f"{browser.desk.cookie}={browser.secret}".encode()
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"cookie", cookie), (b"host", b"x")]}
    assert (await guarded(browser.desk, shown)(Request(scope))).status_code == 200
    assert (await seen_s() > before_s + 90) == is_seen


async def test_the_feed_of_a_session_that_is_idle_too_long_ends(browser: Browser) -> None:
    pieces = await feed_of(browser)
    assert [await anext(pieces) for _ in range(2)][1] == b"event: home\ndata: as it is\n\n"
    await browser.desk.store._database.execute(f"UPDATE sessions SET seen_s = seen_s - {browser.desk.settings.idle_limit_s + 1}")
    assert [piece async for piece in pieces] == [b"event: ended\ndata: over\n\n"]


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/", True),
        ("/calls/live?pop=eu1&tenant=acme", True),
        ("/calls?from=2026-11-22T20%3A01", True),
        ("", False),
        ("calls", False),
        ("https://evil.example/", False),
        ("//evil.example/", False),
        ("/\\evil.example/", False),
        ("/\t\\evil.example/", False),
        ("/\t/evil.example/", False),
        ("/calls\\..\\", False),
        ("/calls\r\nSet-Cookie: x", False),
        ("/ä", False),
    ],
)
def test_nobody_is_led_to_another_site_by_a_way_back(path: str, is_own: bool) -> None:
    assert is_own_path(path) is is_own
