"""A call's page where the decision takes long to compute: it comes without, and asks for that part of itself."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from unit.dashboard.conftest import Browser, with_services

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer
from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer
from trunkline.dashboard.pages import calls
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S

pytestmark = pytest.mark.timeout(60)


CALLS: dict[str, Any] = {
    "c1": {"outcome": "refused"},
    "trying": {"outcome": "trying"},
    "failed": {
        "outcome": "failed",
        "ended_by": "callee",
        "status": 404,
        "attempts": [records_pb2.GatewayAttempt(number=1, carrier="alpha", gateway="g", result="status", status=404)],
    },
    "untold": {"outcome": "answered", "ended_by": "presumed", "answer_time": Timestamp(seconds=1000)},
}


class Provisioning(ProvisioningServiceServicer):
    """Explains when it is told to; `given_s` is how long each asker gave it."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()
        self.given_s: list[float] = []

    async def Explain(self, request: pb.ExplainRequest, context: Any) -> pb.ExplainResponse:
        self.given_s.append(context.time_remaining())
        await self.is_read.wait()
        return pb.ExplainResponse(outcome="refuse", position=request.at_position, text="as it was at that position")

    async def ListDomains(self, request: pb.ListDomainsRequest, context: Any) -> pb.ListDomainsResponse:
        return pb.ListDomainsResponse()

    async def ListPops(self, request: pb.ListPopsRequest, context: Any) -> pb.ListPopsResponse:
        return pb.ListPopsResponse()


class Records(RecordsServiceServicer):
    async def GetRecord(self, request: records_pb2.GetRecordRequest, context: Any) -> records_pb2.GetRecordResponse:
        return records_pb2.GetRecordResponse(record=records_pb2.Record(number="31201234567", call=request.call, **CALLS[request.call]))

    async def ListMessages(self, request: records_pb2.ListMessagesRequest, context: Any) -> records_pb2.ListMessagesResponse:
        return records_pb2.ListMessagesResponse()


@dataclass(frozen=True, slots=True)
class Pages:
    client: httpx2.AsyncClient
    provisioning: Provisioning


@pytest.fixture
async def pages(browser: Browser) -> AsyncIterator[Pages]:
    provisioning = Provisioning()
    async with with_services(browser, provisioning, Records()) as client:
        yield Pages(client, provisioning)


async def test_a_call_page_does_not_wait_for_a_long_log_and_fetches_the_decision_when_it_is_there(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE_S", 0.5)
    begun = time.monotonic()
    page = (await pages.client.get("/calls/c1?at=7")).text
    assert time.monotonic() - begun < 15 and "Being computed" in page and "Who and what" in page
    more = re.search(r'hx-get="([^"]+)" hx-trigger="load"', page)
    assert more is not None and more[1] == "/calls/c1?at=7"
    pages.provisioning.is_read.set()
    part = (await pages.client.get(more[1], headers={"HX-Request": "true"})).text
    assert "position 7" in part and "Being computed" not in part and "Who and what" not in part and part.count("<section") == 1
    # What the page asked has come too late to be counted where the connection took as long to be made.
    *quick, patient = pages.provisioning.given_s
    assert all(each_s < 1 for each_s in quick) and patient > EXPLAIN_LIMIT_S - 20


@pytest.mark.parametrize(
    ("call", "figures"),
    [
        ("trying", []),
        ("failed", ["alpha ended it", "404 final response"]),
        ("untold", ["not known how it ended: nobody told"]),
    ],
)
async def test_the_figures_of_a_call_say_what_is_known(pages: Pages, call: str, figures: list[str]) -> None:
    pages.provisioning.is_read.set()
    page = (await pages.client.get(f"/calls/{call}")).text
    box = re.search(r'<div class="figures">(.*?)</div>\s*</div>', page, re.DOTALL)
    found = re.findall(r"<strong>(.*?)</strong><span>(.*?)</span>", box[1]) if box else []
    assert [" ".join(each) for each in found] == figures and ('class="figures"' in page) == bool(figures)


async def test_a_call_that_is_described_is_waited_for(pages: Pages) -> None:
    pages.provisioning.is_read.set()
    answer = await pages.client.get("/explain?domain=acme&source=192.0.2.1&at=7")
    assert answer.status_code == 200 and "as it was at that position" in answer.text
    assert pages.provisioning.given_s[0] > EXPLAIN_LIMIT_S - 20
