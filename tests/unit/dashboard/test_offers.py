"""What pages that are sent again and again ask about lists: provisioning is asked no more often than what it says is looked at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import StreamingResponse
from unit.dashboard.conftest import Browser, serving

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer
from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer
from trunkline.dashboard.attempts import SOURCE_NOT_IN_ACL, Offer
from trunkline.dashboard.pages import home, live
from trunkline.dashboard.visits import Visit

pytestmark = pytest.mark.timeout(60)

LISTS = {"acme": ["office", "people"], "globex": ["lab"]}


class Provisioning(ProvisioningServiceServicer):
    """Domains with lists of one address each; `asked` are the names of lists that were asked for one by one."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def GetAcl(self, request: pb.GetAclRequest, context: Any) -> pb.GetAclResponse:
        self.asked.append(request.acl)
        return pb.GetAclResponse(acl=acl(request.acl))

    async def ListAcls(self, request: pb.ListAclsRequest, context: Any) -> pb.ListAclsResponse:
        return pb.ListAclsResponse(acls=[acl(name) for names in LISTS.values() for name in names])

    async def ListDomains(self, request: pb.ListDomainsRequest, context: Any) -> pb.ListDomainsResponse:
        return pb.ListDomainsResponse(domains=[pb.Domain(label=label, acls=names) for label, names in LISTS.items()])


class Records(RecordsServiceServicer):
    """Tells of the attempts that are put into `told`."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[records_pb2.Record] = asyncio.Queue()

    async def WatchCalls(self, request: Any, context: Any) -> AsyncIterator[records_pb2.WatchCallsResponse]:
        while True:
            yield records_pb2.WatchCallsResponse(record=await self.told.get())

    async def ListRecords(self, request: Any, context: Any) -> records_pb2.ListRecordsResponse:
        return records_pb2.ListRecordsResponse()

    async def ListUnrecorded(self, request: Any, context: Any) -> records_pb2.ListUnrecordedResponse:
        return records_pb2.ListUnrecordedResponse()


def acl(name: str) -> pb.Acl:
    return pb.Acl(name=name, addresses=[pb.Address(cidr="198.51.100.1/32")])


def refused(number: int, label: str) -> records_pb2.Record:
    return records_pb2.Record(
        call=f"c{number}", domain=label, source=f"192.0.2.{number}:5060", outcome="refused", reason=SOURCE_NOT_IN_ACL,
        setup_time=Timestamp(seconds=1000 + number),
    )  # fmt: skip


class Watching:
    """A visit with these two services behind it, and a feed of it."""

    def __init__(self, visit: Visit, provisioning: Provisioning, records: Records) -> None:
        self.visit = visit
        self.provisioning = provisioning
        self.records = records

    async def shown(self, feed: StreamingResponse, attempts: Sequence[records_pb2.Record]) -> list[str]:
        """What the page looks like after each of the attempts."""
        found: list[str] = []
        pieces = aiter(feed.body_iterator)
        async with asyncio.timeout(30):
            for attempt in attempts:
                self.records.told.put_nowait(attempt)
                while f"/calls/{attempt.call}" not in (piece := bytes(await anext(pieces)).decode()):  # type: ignore[arg-type]
                    pass
                found.append(piece)
        await pieces.aclose()  # type: ignore[attr-defined]
        return found


@pytest.fixture
async def watching(browser: Browser) -> AsyncIterator[Watching]:
    provisioning, records = Provisioning(), Records()
    session = await browser.desk.store.session(browser.secret, time.time())
    assert session is not None
    request = Request({"type": "http", "method": "GET", "path": "/events/x", "query_string": b"", "headers": []})
    async with serving(provisioning, records) as services:
        yield Watching(Visit(request, browser.desk, session, services.asked_by("tk_key-of-acme"), FormData()), provisioning, records)


async def test_the_overview_asks_for_no_list_that_it_has_just_read(watching: Watching) -> None:
    first, second = await watching.shown(await home.attempts(watching.visit), [refused(1, "acme"), refused(2, "globex")])
    assert "Allow 192.0.2.1" in first and '<option id="acl-c1-people" value="people">' in first
    assert "Allow 192.0.2.2 in lab" in second
    assert watching.provisioning.asked == []


async def test_the_live_page_keeps_what_it_knows_of_a_domain_and_asks_at_once_of_another(watching: Watching) -> None:
    attempts = [refused(1, "acme"), refused(2, "acme"), refused(3, "globex"), refused(4, "acme")]
    pages = await watching.shown(await live.events(watching.visit), attempts)
    assert (
        all("Allow 192.0.2.1" in page for page in pages) and "Allow 192.0.2.3 in lab" in pages[2] and "Allow 192.0.2.3 in lab" in pages[3]
    )
    assert sorted(watching.provisioning.asked[:2]) == ["office", "people"] and watching.provisioning.asked[2:] == ["lab"]


async def test_the_live_page_looks_at_the_lists_again_after_a_while(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COUNT_S", 0.0)
    await watching.shown(await live.events(watching.visit), [refused(1, "globex"), refused(2, "globex")])
    assert len(watching.provisioning.asked) >= 2 and set(watching.provisioning.asked) == {"lab"}


async def test_no_page_asks_for_more_lists_than_a_bound_and_those_of_the_newest_refusal_come_first(watching: Watching) -> None:
    names = [f"z{number}" for number in range(home.MOST_LISTS - 1)]
    domains = [pb.Domain(label="newest", acls=names), pb.Domain(label="older", acls=["a1", "a2", "z0"])]
    offers = await home.offers_at(watching.visit, ["newest", "older", "gone"], domains)
    assert [offer.name for offer in offers["newest"]] == names
    assert offers["older"] == [Offer("a1", asks_password=False), Offer("z0", asks_password=False)] and offers["gone"] == []
    assert sorted(watching.provisioning.asked) == sorted([*names, "a1"])


async def test_nothing_is_asked_where_no_source_was_refused(watching: Watching) -> None:
    answered = records_pb2.Record(call="c1", domain="acme", source="192.0.2.1:5060", outcome="answered")
    unknown = records_pb2.Record(call="c2", domain="globex", source="192.0.2.2:5060", outcome="refused", reason="T202")
    shown = await home.attempts_of(watching.visit, [answered, unknown], [pb.Domain(label="acme", acls=["office"])])
    assert [attempt.acls for attempt in shown] == [(), ()] and watching.provisioning.asked == []
