"""The records service's gRPC face. A customer sees its own records only; another tenant's call is NOT_FOUND like one that never was."""

from __future__ import annotations

from typing import Any

import grpc.aio

from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceServicer
from trunkline.domain.errors import invalid, not_found
from trunkline.records.queries import LAST, Filter, Queries
from trunkline.runtime.authentication import Role, current, require, tenant_for
from trunkline.runtime.fields import unix_ns

MAX_CALL_CHARACTERS = 1024
"""Of a SIP Call-ID."""


class RecordsServicer(RecordsServiceServicer):
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def ListRecords(
        self, request: records_pb2.ListRecordsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> records_pb2.ListRecordsResponse:
        since_ns = unix_ns(request.since, "since") if request.HasField("since") else 0
        wanted = Filter(_tenant(request.tenant), request.outcome, request.domain, request.reason, request.number, since_ns)
        records, token = await self._queries.page(wanted, request.page.size, request.page.token)
        return records_pb2.ListRecordsResponse(records=records, next_page_token=token)

    async def GetRecord(
        self, request: records_pb2.GetRecordRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> records_pb2.GetRecordResponse:
        if not request.call or len(request.call) > MAX_CALL_CHARACTERS:
            raise invalid("CALL_MISSING", "call", "which call?", f"give the call's id, its SIP Call-ID, or {LAST!r}")
        record = await self._queries.one(_tenant(request.tenant), request.call)
        if record is None:
            message = "there is no record yet" if request.call == LAST else f"no record of a call {request.call!r:.80}"
            raise not_found("NO_SUCH_CALL", "call", message, "a record appears some milliseconds after the call is tried")
        return records_pb2.GetRecordResponse(record=record)

    async def GetTotals(
        self, request: records_pb2.GetTotalsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> records_pb2.GetTotalsResponse:
        require(Role.OPERATOR, Role.SERVICE)
        totals = await self._queries.totals()
        return records_pb2.GetTotalsResponse(records=totals.records, facts=totals.facts, answered=totals.answered, open=totals.open)


def _tenant(requested: str) -> str:
    """Empty: every tenant's, which operators and services may ask for."""
    if not requested and current().role is not Role.TENANT:
        return ""
    return tenant_for(requested)
