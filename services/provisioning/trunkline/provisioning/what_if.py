"""`ExplainCalls`: "17 of yesterday's calls would now be refused"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.errors import failed_precondition, invalid
from trunkline.domain.events import TenantId
from trunkline.domain.scene import Scene, with_change
from trunkline.provisioning.assuming import MAX_CHANGES, assumed
from trunkline.provisioning.questions import MAX_CHANGES as MAX_WITH
from trunkline.provisioning.questions import change_of
from trunkline.provisioning.reconsidering import DEFAULT_CALLS, DEFAULT_EXAMPLES, MAX_CALLS, MAX_EXAMPLES, Reconsidering, Tally
from trunkline.provisioning.settings import PopSettings
from trunkline.runtime.control import ControlState
from trunkline.runtime.fields import unix_ns
from trunkline.runtime.grpc_pool import PeerPool

DAY_NS: Final = 86_400 * 1_000_000_000
PAGE: Final = 1_000
PAGE_LIMIT_S: Final = 3.0
MAX_WAITING: Final = 8
"""Questions at a time, of which one is answered: ten thousand calls are a third of a second of this process."""


class WhatIf:
    """`records` asks records services; None: none is known."""

    def __init__(self, state: ControlState, records: PeerPool | None, realm: str, pops: Sequence[PopSettings]) -> None:
        self._state = state
        self._records = records
        self._realm = realm
        self._regions = {pop.name: pop.region for pop in pops}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def explain_calls(self, tenant: TenantId, request: pb.ExplainCallsRequest) -> pb.ExplainCallsResponse:
        """One after the other. Raises Refusal, LogUnavailable, AioRpcError of records."""
        if self._waiting >= MAX_WAITING:
            text = f"{MAX_WAITING} questions about many calls are being answered."
            raise failed_precondition("TOO_MANY_QUESTIONS", text, "Ask again in some seconds, or another instance.")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._explained(tenant, request)
        finally:
            self._waiting -= 1

    async def _explained(self, tenant: TenantId, request: pb.ExplainCallsRequest) -> pb.ExplainCallsResponse:
        wanted, most, tally = _checked(tenant, request)
        if self._records is None:
            remedy = "Name records services: records_addresses of provisioning's settings."
            raise failed_precondition("RECORDS_UNKNOWN", "This service knows no records service to ask.", remedy)
        await self._state.existing_tenant(tenant)
        # What was written just now, by whichever service, counts.
        await self._state.catch_up()
        position = self._state.replica.covered
        directory = assumed(self._state.directory, tenant, request.changes, realm=self._realm, pops=tuple(self._regions))
        domain = ""
        said: list[str] = []
        if request.domain:
            scene = Scene(directory, existing_domain(directory, tenant, request.domain))
            domain = scene.domain.label
            for change in request.domain_changes:
                scene, text = with_change(scene, change_of(change))
                said.append(text)
        again = Reconsidering(directory, tenant, self._regions, self._realm, tuple(map(change_of, request.domain_changes)))
        wanted.domain = domain
        reading = _Reading(self._records, wanted, most)
        await again.all(reading.all(), tally)
        answer = pb.ExplainCallsResponse(
            calls=reading.count,
            same=tally.same,
            changed=sum(group.calls for group in tally.groups.values()),
            left_out=tally.left_out,
            groups=tally.most_first,
            is_cut=reading.is_cut,
            position=position,
            assumed=said,
            since=reading.oldest if reading.is_cut else wanted.since,
            until=wanted.until,
        )
        return answer


class _Reading:
    """The newest records, at most `most`."""

    def __init__(self, records: PeerPool, wanted: records_pb2.ListRecordsRequest, most: int) -> None:
        self._records = records
        self._wanted = wanted
        self._most = most
        self.count = 0
        self.is_cut = False
        self.oldest = Timestamp()

    async def all(self) -> AsyncIterator[records_pb2.Record]:
        request = records_pb2.ListRecordsRequest()
        request.CopyFrom(self._wanted)
        while True:
            # One more than is wanted says that there are more.
            request.page.size = min(PAGE, self._most - self.count + 1)
            answer = await self._records.ask(lambda channel: RecordsServiceStub(channel).ListRecords(request), try_s=PAGE_LIMIT_S)
            for record in answer.records:
                if self.count == self._most:
                    self.is_cut = True
                    return
                self.count += 1
                self.oldest = record.setup_time
                yield record
            if not answer.next_page_token:
                return
            request.page.token = answer.next_page_token


def _checked(tenant: TenantId, request: pb.ExplainCallsRequest) -> tuple[records_pb2.ListRecordsRequest, int, Tally]:
    """What is asked of records, how many at most, and the empty tally. Raises Refusal."""
    if len(request.changes) > MAX_CHANGES:
        raise invalid("TOO_MANY_CHANGES", "changes", f"{len(request.changes)} changes; at most {MAX_CHANGES} are assumed at once.")
    if len(request.domain_changes) > MAX_WITH:
        text = f"{len(request.domain_changes)} changes; at most {MAX_WITH} are assumed at once."
        raise invalid("TOO_MANY_CHANGES", "domain_changes", text)
    if request.domain_changes and not request.domain:
        raise invalid("DOMAIN_MISSING", "domain", "Changes of one domain, and no domain.", "Name it, or say them as changes.")
    if request.most > MAX_CALLS:
        raise invalid("TOO_MANY_CALLS", "most", f"{request.most} calls; at most {MAX_CALLS} are looked at.")
    if request.examples > MAX_EXAMPLES:
        raise invalid("TOO_MANY_EXAMPLES", "examples", f"{request.examples} examples; at most {MAX_EXAMPLES} of each kind are given.")
    until_ns = unix_ns(request.until, "until") if request.HasField("until") else time.time_ns()
    since_ns = unix_ns(request.since, "since") if request.HasField("since") else max(until_ns - DAY_NS, 0)
    if until_ns <= since_ns:
        raise invalid("TIMES_REVERSED", "until", "It is not after since.", "Swap them.")
    wanted = records_pb2.ListRecordsRequest(tenant=tenant)
    wanted.since.FromNanoseconds(since_ns)
    wanted.until.FromNanoseconds(until_ns)
    return wanted, request.most or DEFAULT_CALLS, Tally(request.examples or DEFAULT_EXAMPLES)
