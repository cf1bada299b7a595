"""Audit: who changed what, when, from where. API keys."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.audit_words import KINDS, OPERATORS_KINDS, said
from trunkline.dashboard.forms import Field, Form, answer_form, confirm, quoted
from trunkline.dashboard.times import moment_of, written
from trunkline.dashboard.visits import Visit, Wrong, status_of, write_options
from trunkline.domain.scopes import Scope
from trunkline.runtime.errors import told_to_customers

PAGE: Final = 100
FILTERS: Final = ("kind", "aggregate", "actor", "source", "since", "until")
DAY_S: Final = 86_400
LIFES: Final = (("", "does not end"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"))
SCOPES: Final = {
    Scope.READ: "Read everything of this tenant",
    Scope.ACCESS_WRITE: "Change access control",
    Scope.TRUNKS_WRITE: "Change domains and their policies",
    Scope.CALLS_WRITE: "Hang up calls",
    Scope.KEYS_WRITE: "Make and revoke API keys",
}


async def audit(visit: Visit) -> Response:
    chosen = {name: visit.query(name) for name in FILTERS}
    answer, problem, times = pb.ListHistoryResponse(), None, dict[str, datetime]()
    try:
        for name in _TIMES:
            moment = moment_of(chosen[name], name, is_end=name == "until")
            times |= {name: moment} if moment is not None else {}
        answer = await visit.ask.provisioning.ListHistory(_asked(visit, chosen, times))
    except Wrong as error:
        problem = error.problem
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if problem.code != "INVALID_ARGUMENT":
            raise
    given = {name: value for name, value in chosen.items() if value}
    # Without a zone the command would take a time as this machine's.
    told = given | {name: written(moment) for name, moment in times.items()}
    return visit.show(
        "audit.html",
        status=HTTPStatus.OK if problem is None else status_of(problem),
        problem=problem,
        wrong_field=problem.field if problem else "",
        entries=[(entry, said(entry)) for entry in answer.entries],
        kinds={kind: text for kind, text in KINDS.items() if not visit.tenant or kind not in OPERATORS_KINDS},
        kind_names=KINDS,
        chosen=chosen,
        is_filtered=bool(given),
        options=[f"--{_OPTIONS[name]} {quoted(value)}" for name, value in told.items() if not (problem and name == problem.field)],
        next_page=urlencode({**given, "page": answer.next_page_token}) if answer.next_page_token else "",
    )


def _asked(visit: Visit, chosen: Mapping[str, str], times: Mapping[str, datetime]) -> pb.ListHistoryRequest:
    page = common_pb2.Page(size=PAGE, token=visit.query("page"))
    texts = {name: chosen[name] for name in FILTERS if name not in _TIMES}
    request = pb.ListHistoryRequest(tenant=visit.tenant, page=page, **texts)  # type: ignore[arg-type]
    for name, moment in times.items():
        getattr(request, name).FromDatetime(moment)
    return request


_TIMES: Final = ("since", "until")
_OPTIONS: Final = {"kind": "kind", "aggregate": "what", "actor": "who", "source": "from", "since": "since", "until": "until"}


async def keys(visit: Visit) -> Response:
    answer = await visit.ask.provisioning.ListApiKeys(pb.ListApiKeysRequest(tenant=visit.tenant))
    return visit.show("keys.html", keys=answer.api_keys)


async def add_key(visit: Visit) -> Response:
    form = Form(
        title="New API key",
        action="/keys/new",
        fields=[
            Field("name", "Name", "What it is for, such as billing export"),
            *(Field(_field(scope), text, kind="check") for scope, text in SCOPES.items()),
            Field("days", "Ends", kind="select", options=LIFES, value="", is_required=False),
        ],
        submit="Create key",
        command=[
            "key",
            "create",
            ("--name", "{name}"),
            *(("--scopes", scope.value, f"{{{_field(scope)}?}}") for scope in SCOPES),
            ("--expires", "{days}d"),
        ],
        text="Without a tick it may do all that this tenant may. The key is shown once; the platform keeps its SHA-256 only.",
        back="/keys",
    )

    async def send() -> Response:
        key = f"tk_{secrets.token_urlsafe(32)}"
        request = pb.CreateApiKeyRequest(
            write=write_options(),
            tenant=visit.tenant,
            name=visit.value("name"),
            key_hash=hashlib.sha256(key.encode()).digest(),
            scopes=[scope.value for scope in SCOPES if visit.value(_field(scope)) == "on"],
        )
        days = visit.value("days")
        if days in dict(LIFES) and days:
            request.expire_time.CopyFrom(Timestamp(seconds=int(time.time()) + int(days) * DAY_S))
        answer = await visit.ask.provisioning.CreateApiKey(request)
        template = "key.html" if visit.is_fragment else "key_page.html"
        return visit.show(template, name=request.name, key=key, receipt=answer.receipt)

    return await answer_form(visit, form, send)


def _field(scope: Scope) -> str:
    return scope.name.lower()


async def revoke_key(visit: Visit) -> Response:
    key = visit.path("key")

    async def revoke(request: pb.RevokeApiKeyRequest) -> pb.RevokeApiKeyResponse:
        """With the sessions and one-time links here that open it; elsewhere they end when they next ask."""
        answer = await visit.ask.provisioning.RevokeApiKey(request)
        await visit.desk.store.end_all_of(f"tenant:{visit.tenant}/key:{key}")
        return answer

    return await confirm(
        visit,
        f"Revoke key {key}?",
        "Revoke key",
        ["key", "revoke", quoted(key)],
        revoke,
        pb.RevokeApiKeyRequest(tenant=visit.tenant, api_key=key),
        f"Revoked {key}.",
        "/keys",
        text="Whoever uses it is refused from then on, everywhere. What began with it, sessions and links, ends.",
    )
