"""Calls: live ones, records, one call."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response, StreamingResponse

from trunkline.api.common.v1 import common_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.attempts import attempt_of, what_happened
from trunkline.dashboard.ladder import from_record
from trunkline.dashboard.live import follow
from trunkline.dashboard.pages.home import acls_of, newest
from trunkline.dashboard.visits import Visit
from trunkline.dashboard.web import fragment

PAGE: Final = 50
LIVE_SHOWN: Final = 50
OUTCOMES: Final = ("answered", "refused", "failed", "cancelled", "live", "ringing", "trying")
SINCE: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(days=1)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
FILTERS: Final = ("outcome", "domain", "number", "reason", "since")


def filter_of(visit: Visit) -> records_pb2.ListRecordsRequest:
    """From the address of the page."""
    request = records_pb2.ListRecordsRequest(
        tenant=visit.tenant,
        outcome=visit.query("outcome"),
        domain=visit.query("domain").lower(),
        number=visit.query("number").replace(" ", ""),
        reason=visit.query("reason").upper(),
    )
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
    return visit.show("live.html", attempts=await newest(visit, await acls_of(visit), LIVE_SHOWN))


async def live_events(visit: Visit) -> Response:
    async def render() -> str:
        return fragment("attempts.html", visit.common() | {"attempts": await newest(visit, await acls_of(visit), LIVE_SHOWN)})

    return follow(visit, "calls", render)


async def call(visit: Visit) -> Response:
    answer = await visit.ask.records.GetRecord(records_pb2.GetRecordRequest(tenant=visit.tenant, call=visit.path("call")))
    record = answer.record
    return visit.show(
        "call.html",
        record=record,
        attempt=attempt_of(record, await acls_of(visit)),
        happened=what_happened(record),
        ladder=from_record(record),
    )


async def export(visit: Visit) -> Response:
    """All records that the filter lets through, as they are read."""
    kind = "json" if visit.path("kind") == "json" else "csv"
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/x-ndjson"
    headers = {"Content-Disposition": f'attachment; filename="calls.{kind}"'}
    return StreamingResponse(_exported(visit, kind), media_type=media, headers=headers)


async def _exported(visit: Visit, kind: str) -> AsyncIterator[str]:
    request = filter_of(visit)
    request.page.size = 1000
    if kind == "csv":
        yield _csv_line(COLUMNS)
    while True:
        answer = await visit.ask.records.ListRecords(request)
        for record in answer.records:
            row = MessageToDict(record, preserving_proto_field_name=True)
            yield _csv_line([row.get(name, "") for name in COLUMNS]) if kind == "csv" else json.dumps(row) + "\n"
        if not answer.next_page_token:
            return
        request.page.token = answer.next_page_token


COLUMNS: Final = (
    "call", "setup_time", "answer_time", "end_time", "duration_ms", "outcome", "status", "reason", "reason_text", "domain", "number",
    "caller_id", "presented", "account", "address", "acl", "source", "pop", "ended_by", "price_micros", "currency", "sip_call_id",
)  # fmt: skip


def _csv_line(values: Any) -> str:
    """A value that a spreadsheet would take for a formula gets an apostrophe before it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([harmless(str(value)) for value in values])
    return buffer.getvalue()


def harmless(value: str) -> str:
    return f"'{value}" if value[:1] in "=+-@\t\r" and not value[1:].isdigit() else value
