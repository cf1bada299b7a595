"""Calls: records, one call, files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import grpc
import grpc.aio
from starlette.responses import Response, StreamingResponse

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.attempts import Attempt, attempt_of, what_happened, who_ended
from trunkline.dashboard.filters import FILTERS, OUTCOMES, SINCE, Chosen
from trunkline.dashboard.forms import quoted
from trunkline.dashboard.ladder import from_messages, from_record
from trunkline.dashboard.pages.home import attempts_of, domains_of
from trunkline.dashboard.times import place_of, set_place, written
from trunkline.dashboard.visits import Visit, Wrong, status_of
from trunkline.runtime.errors import Problem, decode_status, told_to_customers
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S
from trunkline.runtime.logs import logger

PAGE: Final = 50
PATIENCE_S: Final = 3.0
"""Of a call's page, for the decision: it takes some tens of milliseconds where the log need not be read."""
MOST_MESSAGES: Final = 200
"""Of a call, that records keeps (`MAX_PER_CALL` there)."""
EXPORTS: Final[Mapping[str, tuple[str, str]]] = {"csv": ("csv", "text/csv; charset=utf-8"), "jsonl": ("jsonl", "application/jsonl")}


async def calls(visit: Visit) -> Response:
    problem, answer = None, records_pb2.ListRecordsResponse()
    chosen = Chosen({name: visit.query(name) for name in FILTERS}, None, None)
    try:
        chosen = Chosen.of(visit, datetime.now(UTC))
        request = chosen.request(visit.tenant)
        request.page.CopyFrom(common_pb2.Page(size=PAGE, token=visit.query("page")))
        answer = await visit.ask.records.ListRecords(request)
    except Wrong as error:
        problem = error.problem
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if problem.code != "INVALID_ARGUMENT":
            raise
    token = answer.next_page_token
    return visit.show(
        "calls.html",
        status=HTTPStatus.OK if problem is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        problem=problem,
        wrong_field=_FIELD_OF.get(problem.field, problem.field) if problem else "",
        attempts=[attempt_of(record, {}) for record in answer.records],
        chosen=chosen.values,
        is_filtered=bool(chosen.given),
        outcomes=OUTCOMES,
        since=[(key, text) for key, (text, _) in SINCE.items()],
        next_page=urlencode({**chosen.fixed, "page": token}) if token else "",
        exported=urlencode(chosen.given),
        command=visit.cli("call", "list", *chosen.words),
    )


_FIELD_OF: Final = {"number_prefix": "number", "until": "to"}
"""Of a request, to the page's."""


async def call(visit: Visit) -> Response:
    """One call, with the decision computed again from the log: as of then, with ?now=1 as it would be now, with ?at= as of another position
    or time. Where that takes its time the page comes without, and asks for that part of itself (as htmx does)."""
    answer = await visit.ask.records.GetRecord(records_pb2.GetRecordRequest(tenant=visit.tenant, call=visit.path("call")))
    record = answer.record
    if visit.is_fragment:
        return visit.show("call_trace.html", record=record, again=await _again(visit, record, EXPLAIN_LIMIT_S))
    captured, (attempt,), again = await asyncio.gather(
        visit.ask.records.ListMessages(records_pb2.ListMessagesRequest(tenant=record.tenant, call=record.call)),
        _attempts(visit, record),
        _again(visit, record, PATIENCE_S),
    )
    return visit.show(
        "call.html",
        status=HTTPStatus.OK if again.problem is None else status_of(again.problem),
        record=record,
        attempt=attempt,
        happened=what_happened(record),
        ended_by=who_ended(record),
        ladder=from_messages(captured.messages, record.pop) if captured.messages else from_record(record),
        messages=captured.messages,
        most_messages=MOST_MESSAGES,
        again=again,
    )


@dataclass(frozen=True, slots=True)
class Again:
    """The decision once more, or why there is none: `problem` is of what was asked for (`at`), `why_not` of anything else. `is_pending`: it
    is not there yet."""

    explained: pb.ExplainResponse | None
    command: str
    at: str = ""
    is_now: bool = False
    why_not: str = ""
    problem: Problem | None = None
    is_pending: bool = False


async def _again(visit: Visit, record: records_pb2.Record, limit_s: float) -> Again:
    is_now = visit.query("now") == "1"
    at = "" if is_now else visit.query("at")
    words = ["explain", "--call", quoted(record.call)]
    request = pb.ExplainRequest(tenant=record.tenant, record=record, is_now=is_now)
    try:
        place = place_of(at, "at")
    except Wrong as error:
        return Again(None, visit.cli(*words), at, problem=error.problem)
    set_place(request, place)
    # Without a zone the command would take a time as this machine's.
    told = ["--now"] if is_now else ["--at", quoted(written(place) if isinstance(place, datetime) else at)] if at else []
    command = visit.cli(*words, *told)
    try:
        return Again(await visit.ask.provisioning.Explain(request, timeout=limit_s), command, at, is_now)
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if at and problem.code in ("INVALID_ARGUMENT", "NOT_FOUND"):
            return Again(None, command, at, problem=problem)
        # A page that did not wait; what provisioning reads of the log meanwhile is kept for who asks next.
        is_pending = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and limit_s < EXPLAIN_LIMIT_S
        return Again(None, command, at, is_now, why_not=problem.message, is_pending=is_pending)


async def _attempts(visit: Visit, record: records_pb2.Record) -> list[Attempt]:
    return await attempts_of(visit, [record], await domains_of(visit))


async def export(visit: Visit) -> Response:
    """All records that the filter lets through, as they are read. It begins when the first of them are there, so that an error before them
    is an answer of its own; what goes wrong later ends the connection without the last chunk, which browsers and clients call a failed
    download: no part of a file passes for the whole."""
    kind = visit.path("kind")
    if kind not in EXPORTS:
        return visit.show("failed.html", status=404, problem=Problem("NOT_FOUND", "", "there is no such page"))
    form, media = EXPORTS[kind]
    answers = visit.ask.records.ExportRecords(Chosen.of(visit, datetime.now(UTC)).export(visit.tenant, form))
    begun: list[bytes] = []
    async for answer in answers:
        begun.append(answer.data)
        if answer.records:
            break

    async def pieces() -> AsyncIterator[bytes]:
        try:
            for piece in begun:
                yield piece
            async for answer in answers:
                yield answer.data
        except grpc.aio.AioRpcError as error:
            _log.warning("an export was cut off", why=decode_status(error).message, tenant=visit.tenant)
            raise
        finally:
            answers.cancel()

    headers = {"Content-Disposition": f'attachment; filename="calls.{kind}"'}
    return StreamingResponse(pieces(), media_type=media, headers=headers)


_log = logger("dashboard")
