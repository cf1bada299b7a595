"""Moments that people write, and filters made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from starlette.datastructures import FormData
from starlette.requests import Request
from unit.dashboard.conftest import Browser

from trunkline.dashboard.filters import Chosen
from trunkline.dashboard.store import Session
from trunkline.dashboard.times import moment_of
from trunkline.dashboard.visits import Visit, Wrong


@pytest.mark.parametrize(
    ("text", "is_end", "found"),
    [
        ("2026-11-22T20:01", False, datetime(2026, 11, 22, 20, 1, tzinfo=UTC)),
        ("2026-11-22 20:01:07", True, datetime(2026, 11, 22, 20, 1, 7, tzinfo=UTC)),
        ("2026-11-22T20:01Z", False, datetime(2026, 11, 22, 20, 1, tzinfo=UTC)),
        ("2026-11-22T20:01+02:00", False, datetime(2026, 11, 22, 18, 1, tzinfo=UTC)),
        ("2026-11-22", False, datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22", True, datetime(2026, 11, 23, tzinfo=UTC)),
        ("", True, None),
    ],
)
def test_times_without_a_zone_are_utc_and_a_day_is_whole(text: str, is_end: bool, found: datetime | None) -> None:
    assert moment_of(text, "to", is_end=is_end) == found


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "20:01", "20261123", "2026-W47-7", "0001-01-01T00:00+14:00", "9999-12-31"])
def test_what_is_no_time_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Wrong) as wrong:
        moment_of(text, "to", is_end=True)
    assert wrong.value.problem.field == "to" and text[:40] in wrong.value.problem.message


NOW = datetime(2026, 11, 24, 9, 30, 5, 250_000, tzinfo=UTC)


def chosen(browser: Browser, query: str, now: datetime = NOW) -> Chosen:
    request = Request({"type": "http", "method": "GET", "path": "/calls", "query_string": query.encode(), "headers": []})
    session: Session = None  # type: ignore[assignment]
    return Chosen.of(Visit(request, browser.desk, session, browser.desk.services.asked_by("tk_x"), FormData()), now)


async def test_a_filter_is_the_request_its_export_and_the_command(browser: Browser) -> None:
    query = "from=2026-11-22T20:01&to=2026-11-23&since=1h&account=31000000&number=%2B31%2020*&domain=ACME&reason=t203&outcome=refused"
    found = chosen(browser, query)
    listed, exported = found.request("acme"), found.export("acme", "csv")
    for request in (listed, exported):
        assert (request.account, request.number_prefix, request.domain, request.reason) == ("31000000", "3120", "acme", "T203")
        assert request.since.ToDatetime(UTC) == datetime(2026, 11, 22, 20, 1, tzinfo=UTC)
        assert request.until.ToDatetime(UTC) == datetime(2026, 11, 24, tzinfo=UTC)
    assert exported.format == "csv" and "since" not in found.given, "a beginning takes the place of a span"
    assert found.words == [
        "--outcome", "refused", "--domain", "ACME", "--account", "31000000", "--reason", "t203", "--number", "+3120",
        "--since", "2026-11-22T20:01:00Z", "--until", "2026-11-24T00:00:00Z",
    ]  # fmt: skip
    assert chosen(browser, "since=7d").words == ["--since", "7d"]
    assert chosen(browser, "number=%2B31%2020").words == ["--number", "+3120", "--exactly"]
    with pytest.raises(Wrong):
        chosen(browser, "from=yesterday")


async def test_the_next_page_of_a_span_keeps_the_moment_at_which_it_began(browser: Browser) -> None:
    """A page token is good with the filter that it was made with, to the second."""
    first = chosen(browser, "since=24h&domain=acme")
    assert first.since == NOW.replace(microsecond=0) - timedelta(days=1)
    later, address = NOW + timedelta(seconds=2), urlencode(first.fixed)
    second = chosen(browser, f"{address}&page=token", later)
    assert second.request("acme") == first.request("acme") and second.fixed == first.fixed
    assert second.given == first.given, "the form shows the span, and no beginning"
    begins_anew = chosen(browser, address, later)
    assert begins_anew.since == first.since + timedelta(seconds=2), "no further page"
    with pytest.raises(Wrong):
        chosen(browser, "since=24h&begun=yesterday&page=token")
    for query in ("from=2026-11-22T20:01&to=2026-11-23", "domain=acme"):
        assert chosen(browser, query).fixed == chosen(browser, query).given
