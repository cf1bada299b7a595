"""Calls: live ones, records, one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response, StreamingResponse

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.attempts import attempt_of, what_happened
from trunkline.dashboard.ladder import from_messages, from_record
from trunkline.dashboard.live import Watched, follow
from trunkline.dashboard.pages.home import LATELY_S, acls_of, attached, domains_of, newest
from trunkline.dashboard.unanswered import unanswered
from trunkline.dashboard.visits import Visit
from trunkline.dashboard.web import fragment
from trunkline.runtime.errors import Problem, decode_status

PAGE: Final = 50
LIVE_SHOWN: Final = 50
OUTCOMES: Final = ("answered", "refused", "failed", "cancelled", "live", "ringing", "trying")
SINCE: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(days=1)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
FILTERS: Final = ("outcome", "since", "domain", "number", "caller_id", "pop", "carrier", "reason")
EXPORTS: Final[Mapping[str, tuple[str, str]]] = {"csv": ("csv", "text/csv; charset=utf-8"), "jsonl": ("jsonl", "application/jsonl")}
EXPORTED: Final = ("tenant", "outcome", "domain", "reason", "number", "number_prefix", "pop", "carrier", "caller_id")


def filter_of(visit: Visit) -> records_pb2.ListRecordsRequest:
    """From the address of the page."""
    number = visit.query("number").replace(" ", "")
    request = records_pb2.ListRecordsRequest(
        tenant=visit.tenant,
        outcome=visit.query("outcome"),
        domain=visit.query("domain").lower(),
        reason=visit.query("reason").upper(),
        pop=visit.query("pop"),
        carrier=visit.query("carrier"),
        caller_id=visit.query("caller_id").replace(" ", ""),
    )
    if number.endswith("*"):
        request.number_prefix = number.lstrip("+").rstrip("*")
    else:
        request.number = number
    since = SINCE.get(visit.query("since"))
    if since is not None:
        time = Timestamp()
        time.FromDatetime(datetime.now(UTC) - since[1])
        request.since.CopyFrom(time)
    return request


async def calls(visit: Visit) -> Response:
    request = filter_of(visit)
    request.page.CopyFrom(common_pb2.Page(size=PAGE, token=visit.query("page")))
    answer = await visit.ask.records.ListRecords(request)
    chosen = {name: visit.query(name) for name in FILTERS if visit.query(name)}
    return visit.show(
        "calls.html",
        attempts=[attempt_of(record, {}) for record in answer.records],
        chosen={name: visit.query(name) for name in FILTERS},
        is_filtered=bool(chosen),
        outcomes=OUTCOMES,
        since=[(key, text) for key, (text, _) in SINCE.items()],
        next_page=urlencode({**chosen, "page": answer.next_page_token}) if answer.next_page_token else "",
        exported=urlencode(chosen),
    )


async def live(visit: Visit) -> Response:
    domains = await domains_of(visit)
    attempts, challenged = await asyncio.gather(newest(visit, attached(domains), LIVE_SHOWN), unanswered(visit, domains, LATELY_S))
    return visit.show("live.html", attempts=attempts, unanswered=challenged)


async def live_events(visit: Visit) -> Response:
    async def render(watched: Watched) -> str:
        domains = await domains_of(visit)
        lists = attached(domains)
        attempts = [attempt_of(record, lists) for record in watched.records]
        challenged = await unanswered(visit, domains, LATELY_S)
        return fragment("attempts.html", visit.common() | {"attempts": attempts, "unanswered": challenged})

    return follow(visit, "calls", LIVE_SHOWN, render)


async def call(visit: Visit) -> Response:
    """One call, with the decision computed again from the log: as of then, or with ?now=1 as it would be now."""
    answer = await visit.ask.records.GetRecord(records_pb2.GetRecordRequest(tenant=visit.tenant, call=visit.path("call")))
    record, is_now = answer.record, visit.query("now") == "1"
    captured, lists, (explained, unexplained) = await asyncio.gather(
        visit.ask.records.ListMessages(records_pb2.ListMessagesRequest(tenant=record.tenant, call=record.call)),
        acls_of(visit),
        _explained(visit, pb.ExplainRequest(tenant=record.tenant, record=record, is_now=is_now)),
    )
    return visit.show(
        "call.html",
        record=record,
        attempt=attempt_of(record, lists),
        happened=what_happened(record),
        ladder=from_messages(captured.messages, record.pop) if captured.messages else from_record(record),
        messages=captured.messages,
        explained=explained,
        unexplained=unexplained,
        is_now=is_now,
    )


async def _explained(visit: Visit, request: pb.ExplainRequest) -> tuple[pb.ExplainResponse | None, str]:
    """Or why it cannot be."""
    try:
        return await visit.ask.provisioning.Explain(request), ""
    except grpc.aio.AioRpcError as error:
        return None, str(decode_status(error).message)


async def export(visit: Visit) -> Response:
    """All records that the filter lets through, as they are read."""
    kind = visit.path("kind")
    if kind not in EXPORTS:
        return visit.show("failed.html", status=404, problem=Problem("NOT_FOUND", "", "there is no such page"))
    form, media = EXPORTS[kind]
    listed = filter_of(visit)
    request = records_pb2.ExportRecordsRequest(format=form, **{name: getattr(listed, name) for name in EXPORTED if getattr(listed, name)})
    if listed.HasField("since"):
        request.since.CopyFrom(listed.since)

    async def pieces() -> AsyncIterator[bytes]:
        async for answer in visit.ask.records.ExportRecords(request):
            yield answer.data

    headers = {"Content-Disposition": f'attachment; filename="calls.{kind}"'}
    return StreamingResponse(pieces(), media_type=media, headers=headers)
