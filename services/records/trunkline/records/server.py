"""The records service's gRPC face. A customer sees its own records only; another tenant's call is NOT_FOUND like one that never was."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1 import records_pb2 as pb
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer
from trunkline.domain.errors import invalid, not_found
from trunkline.records import unrecorded
from trunkline.records.exporting import format_named
from trunkline.records.filters import Filter, check
from trunkline.records.following import follow
from trunkline.records.messages import Messages
from trunkline.records.queries import LAST, Queries
from trunkline.records.usage_queries import usage
from trunkline.records.watching import Watchers
from trunkline.records.webhook_face import WebhookFace
from trunkline.runtime.authentication import Role, current, require, tenant_for
from trunkline.runtime.fields import unix_ns

MAX_CALL_CHARACTERS: Final = 1024
"""Of a SIP Call-ID."""

MAX_RECENT: Final = 100

MAX_GATHER_MS: Final = 10_000

Context = grpc.aio.ServicerContext[Any, Any]


class RecordsServicer(RecordsServiceServicer):
    def __init__(self, queries: Queries, watchers: Watchers, messages: Messages, webhooks: WebhookFace) -> None:
        self._webhooks = webhooks
        self._queries = queries
        self._messages = messages
        self._watchers = watchers

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Context) -> pb.ListRecordsResponse:
        records, token = await self._queries.page(_filter(request), request.page.size, request.page.token)
        return pb.ListRecordsResponse(records=records, next_page_token=token)

    async def GetRecord(self, request: pb.GetRecordRequest, context: Context) -> pb.GetRecordResponse:
        return pb.GetRecordResponse(record=await self._record(request.tenant, request.call))

    async def ExportRecords(self, request: pb.ExportRecordsRequest, context: Context) -> AsyncIterator[pb.ExportRecordsResponse]:
        head, encode = format_named(request.format)
        wanted = _filter(request)
        check(wanted)
        if head:
            yield pb.ExportRecordsResponse(data=head)
        async for records in self._queries.all(wanted):
            if records:
                yield pb.ExportRecordsResponse(data=encode(records), records=len(records))

    async def WatchCalls(self, request: pb.WatchCallsRequest, context: Context) -> AsyncIterator[pb.WatchCallsResponse]:
        if request.recent > MAX_RECENT:
            raise invalid("TOO_MANY_RECENT", "recent", f"{request.recent} is more than {MAX_RECENT}", "ListRecords has more")
        if request.gather_ms > MAX_GATHER_MS:
            raise invalid("GATHER_TOO_LONG", "gather_ms", f"{request.gather_ms} is more than {MAX_GATHER_MS}", "ask for a shorter time")
        tenant = _tenant(request.tenant)
        with self._watchers.watching(tenant, request.domain) as watcher:
            # So that the caller knows from here on that nothing is missed.
            await context.send_initial_metadata(())
            async for answer in follow(watcher, self._queries, Filter(tenant=tenant, domain=request.domain), request):
                yield answer

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.GetUsageResponse:
        return await usage(
            self._queries.database,
            tenant=_tenant(request.tenant),
            domain=request.domain,
            pop=request.pop,
            interval=request.interval,
            since_ns=_time_ns(request, "since"),
            until_ns=_time_ns(request, "until"),
            now_ns=time.time_ns(),
        )

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        record = await self._record(request.tenant, request.call)
        return pb.ListMessagesResponse(call=record.call, messages=await self._messages.of(record))

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Context) -> pb.GetWebhookResponse:
        return await self._webhooks.get(tenant_for(request.tenant))

    async def ShowWebhookSecret(self, request: pb.ShowWebhookSecretRequest, context: Context) -> pb.ShowWebhookSecretResponse:
        return pb.ShowWebhookSecretResponse(secret=self._webhooks.secret(tenant_for(request.tenant)))

    async def ListUnrecorded(self, request: pb.ListUnrecordedRequest, context: Context) -> pb.ListUnrecordedResponse:
        wanted = unrecorded.Wanted(
            tenant=_tenant(request.tenant),
            what=request.what,
            domain=request.domain,
            source=request.source,
            since_ns=_time_ns(request, "since"),
            until_ns=_time_ns(request, "until"),
        )
        return await unrecorded.page(self._queries.database, wanted, request.page.size, request.page.token)

    async def GetTotals(self, request: pb.GetTotalsRequest, context: Context) -> pb.GetTotalsResponse:
        require(Role.OPERATOR, Role.SERVICE)
        totals = await self._queries.totals()
        return pb.GetTotalsResponse(records=totals.records, facts=totals.facts, answered=totals.answered, open=totals.open)

    async def _record(self, tenant: str, call: str) -> pb.Record:
        if not call or len(call) > MAX_CALL_CHARACTERS:
            raise invalid("CALL_MISSING", "call", "which call?", f"give the call's id, its SIP Call-ID, or {LAST!r}")
        record = await self._queries.one(_tenant(tenant), call)
        if record is None:
            message = "there is no record yet" if call == LAST else f"no record of a call {call!r:.80}"
            raise not_found("NO_SUCH_CALL", "call", message, "a record appears some milliseconds after the call is tried")
        return record


def _filter(request: pb.ListRecordsRequest | pb.ExportRecordsRequest) -> Filter:
    return Filter(
        tenant=_tenant(request.tenant),
        outcome=request.outcome,
        domain=request.domain,
        reason=request.reason,
        number=request.number,
        since_ns=_time_ns(request, "since"),
        until_ns=_time_ns(request, "until"),
        number_prefix=request.number_prefix,
        pop=request.pop,
        carrier=request.carrier,
        caller_id=request.caller_id,
        account=request.account,
    )


Timed = pb.ListRecordsRequest | pb.ExportRecordsRequest | pb.GetUsageRequest | pb.ListUnrecordedRequest


def _time_ns(request: Timed, field: str) -> int:
    """0 where it is not set."""
    given: Timestamp = getattr(request, field)
    return unix_ns(given, field) if request.HasField(field) else 0


def _tenant(requested: str) -> str:
    """Empty: every tenant's, which operators and services may ask for."""
    if not requested and current().role is not Role.TENANT:
        return ""
    return tenant_for(requested)
