"""Audit: who changed what, when. API keys."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from starlette.responses import Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import Done, Field, Form, answer_form, quoted
from trunkline.dashboard.visits import Visit, write_options

SHOWN = 200
READ_LIMIT_S = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One commit: `events` are (what, facts)."""

    position: int
    commit: Any
    events: list[tuple[str, str]]


async def audit(visit: Visit) -> Response:
    request = pb.TailEventsRequest(tenant=visit.tenant, is_finite=True)
    found: deque[Change] = deque(maxlen=SHOWN)
    async for answer in visit.ask.provisioning.TailEvents(request, timeout=READ_LIMIT_S):
        found.appendleft(Change(answer.position, answer.commit, [_event(event) for event in answer.commit.events]))
    return visit.show("audit.html", changes=list(found))


def _event(event: Any) -> tuple[str, str]:
    name = str(event.WhichOneof("event") or "unknown")
    fields = MessageToDict(getattr(event, name), preserving_proto_field_name=True) if name != "unknown" else {}
    shown = {key: value for key, value in fields.items() if key not in ("sealed", "key_hash", "sha256")}
    return name.replace("_", " "), ", ".join(f"{key.replace('_', ' ')}: {_text(value)}" for key, value in shown.items())


def _text(value: Any) -> str:
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


async def keys(visit: Visit) -> Response:
    answer = await visit.ask.provisioning.ListApiKeys(pb.ListApiKeysRequest(tenant=visit.tenant))
    return visit.show("keys.html", keys=answer.api_keys)


async def add_key(visit: Visit) -> Response:
    form = Form(
        title="New API key",
        action="/keys/new",
        fields=[Field("name", "Name", "What it is for, such as billing export")],
        submit="Create key",
        command=["apikey", "create", quoted(visit.tenant), "--name", "{name}"],
        text="The key is shown once. The platform keeps its SHA-256 only.",
        back="/keys",
    )

    async def send() -> Response:
        key = f"tk_{secrets.token_urlsafe(32)}"
        request = pb.CreateApiKeyRequest(
            write=write_options(), tenant=visit.tenant, name=visit.value("name"), key_hash=hashlib.sha256(key.encode()).digest()
        )
        answer = await visit.ask.provisioning.CreateApiKey(request)
        template = "key.html" if visit.is_fragment else "key_page.html"
        return visit.show(template, name=request.name, key=key, receipt=answer.receipt)

    return await answer_form(visit, form, send)


async def revoke_key(visit: Visit) -> Response:
    key = visit.path("key")
    form = Form(
        title=f"Revoke key {key}?",
        action=f"/keys/{key}/revoke",
        fields=[],
        submit="Revoke key",
        command=["apikey", "revoke", quoted(visit.tenant), quoted(key)],
        text="Whoever uses it is refused from then on, everywhere.",
        is_dangerous=True,
        back="/keys",
    )

    async def send() -> Done:
        request = pb.RevokeApiKeyRequest(write=write_options(), tenant=visit.tenant, api_key=key)
        return Done(f"Revoked {key}.", (await visit.ask.provisioning.RevokeApiKey(request)).receipt, "/keys")

    return await answer_form(visit, form, send)
