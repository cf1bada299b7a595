"""Webhook: where this tenant's call records are sent to, how it goes, and what the requests are signed with."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc.aio
from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.forms import Field, Form, answer_form, confirm
from trunkline.dashboard.live import Watched, follow
from trunkline.dashboard.visits import Visit, Wrong, write_options
from trunkline.dashboard.web import fragment
from trunkline.runtime.errors import Problem, missing_method, told_to_customers

PAGE: Final = "/webhook"
HEARD_S: Final = 5.0
"""Until records has heard of an address that provisioning was told; milliseconds as a rule."""
AGAIN_S: Final = 0.1


async def webhook(visit: Visit) -> Response:
    return visit.show("webhook.html", **await _state(visit))


async def events(visit: Visit) -> Response:
    """The state again, as often as it differs."""

    async def render(watched: Watched) -> str:
        return fragment("webhook_live.html", visit.common() | await _state(visit))

    return follow(visit, "webhook", 1, render)


async def _state(visit: Visit) -> dict[str, Any]:
    """`url` is what the log says. `state` is there but where records cannot say how it goes, and `problem` then says why."""
    tenant, (state, problem) = await asyncio.gather(
        visit.ask.provisioning.GetTenant(pb.GetTenantRequest(tenant=visit.tenant)), _deliveries(visit)
    )
    return {"url": tenant.tenant.webhook_url, "state": state, "problem": problem}


async def _deliveries(visit: Visit) -> tuple[records_pb2.GetWebhookResponse | None, Problem | None]:
    try:
        return await visit.ask.records.GetWebhook(records_pb2.GetWebhookRequest(tenant=visit.tenant)), None
    except grpc.aio.AioRpcError as error:
        if missing := missing_method(error, "records", "GetWebhook"):
            return None, Problem("UNIMPLEMENTED", "", missing)
        problem = told_to_customers(error)
        if problem.code not in ("FAILED_PRECONDITION", "UNAVAILABLE", "DEADLINE_EXCEEDED"):
            raise
        return None, problem


async def set_address(visit: Visit) -> Response:
    known = (await visit.ask.provisioning.GetTenant(pb.GetTenantRequest(tenant=visit.tenant))).tenant.webhook_url
    form = Form(
        title="Where call records go",
        action=f"{PAGE}/set",
        fields=[Field("url", "Address", "https://hooks.example.com/records; it must have a public address", value=known, is_mono=True)],
        submit="Send records there",
        command=["webhook", "set", "{url}"],
        text="Each call's record is posted there when it is whole, signed. What they are signed with is shown next.",
        back=PAGE,
    )

    async def send() -> Response:
        request = pb.SetWebhookRequest(write=write_options(), tenant=visit.tenant, url=visit.value("url"))
        answer = await visit.ask.provisioning.SetWebhook(request)
        said = f"Records go to {request.url}."
        # One that changes keeps its secret, which its owner has.
        return await (visit.go(PAGE, said, answer.receipt) if known else _with_secret(visit, "", said, answer.receipt))

    return await answer_form(visit, form, send)


async def new_secret(visit: Visit) -> Response:
    known = (await visit.ask.provisioning.GetTenant(pb.GetTenantRequest(tenant=visit.tenant))).tenant.webhook_url
    form = Form(
        title="Sign with a new secret?",
        action=f"{PAGE}/secret/new",
        fields=[Field("url", "Address", kind="hidden", value=known)],
        submit="Make a new secret",
        command=["webhook", "set", "{url}", "--new-secret"],
        text="Every request from then on is signed with it; a receiver that knows the old one alone refuses them, and they wait.",
        is_dangerous=True,
        back=PAGE,
    )

    async def send() -> Response:
        if not known:
            raise Wrong("", "Records are sent nowhere: name an address first.", "FAILED_PRECONDITION")
        before = await _secret(visit)
        request = pb.SetWebhookRequest(write=write_options(), tenant=visit.tenant, url=known, is_new_secret=True)
        answer = await visit.ask.provisioning.SetWebhook(request)
        return await _with_secret(visit, before, "Records are signed with a new secret.", answer.receipt)

    return await answer_form(visit, form, send)


async def show_secret(visit: Visit) -> Response:
    """Asked for by a form, so that no page has it by itself, and who may only read is not shown it."""
    form = Form(
        title="Show the secret?",
        action=f"{PAGE}/secret",
        fields=[],
        submit="Show",
        command=["webhook", "secret"],
        text="Whoever knows it can sign records as this platform does: for this tenant's receiver alone.",
        back=PAGE,
    )

    async def send() -> Response:
        answer = await visit.ask.records.ShowWebhookSecret(records_pb2.ShowWebhookSecretRequest(tenant=visit.tenant))
        return _shown(visit, answer.secret, None)

    return await answer_form(visit, form, send)


async def remove(visit: Visit) -> Response:
    return await confirm(
        visit,
        "Send records nowhere any more?",
        "Remove webhook",
        ["webhook", "remove"],
        visit.ask.provisioning.SetWebhook,
        pb.SetWebhookRequest(tenant=visit.tenant),
        "Records go nowhere.",
        PAGE,
        text="What waits to be sent is forgotten. The records themselves stay.",
    )


async def _with_secret(visit: Visit, before: str, said: str, receipt: common_pb2.Receipt) -> Response:
    """The secret that is another than before, once records has heard of it; where that takes long, the page, which has a button for it."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + HEARD_S
    while loop.time() < ends:
        if (secret := await _secret(visit)) not in ("", before):
            return _shown(visit, secret, receipt)
        await asyncio.sleep(AGAIN_S)
    return await visit.go(PAGE, f"{said} Its secret is not to be had yet: “Show secret” shows it.", receipt)


async def _secret(visit: Visit) -> str:
    """Empty where records sends nowhere, as far as it has heard, or does not say."""
    try:
        answer = await visit.ask.records.ShowWebhookSecret(records_pb2.ShowWebhookSecretRequest(tenant=visit.tenant))
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            raise
        return ""
    return answer.secret


def _shown(visit: Visit, secret: str, receipt: common_pb2.Receipt | None) -> Response:
    return visit.show("webhook_secret.html" if visit.is_fragment else "webhook_secret_page.html", secret=secret, receipt=receipt)
