"""`trunkline webhook`: call records sent to an address of the tenant's own."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.connection import session
from trunkline.cli.options import READING, WRITING, Reading, Writing
from trunkline.cli.output import clock, plain, show_one
from trunkline.cli.writing import finish

webhook = App(name="webhook", help="Call records, sent to an address of the tenant's own.")


@webhook.command(name="set")
async def set_webhook(url: str, *, new_secret: Annotated[bool, Parameter(negative="")] = False, options: Writing = WRITING) -> None:
    """Sends each call's record to an address when it is whole, signed; docs/webhooks.md says what a receiver gets.

    Parameters
    ----------
    url: https://hooks.example.com/records; it must have a public address.
    new_secret: Sign with another secret from now on.
    """
    request = provisioning.SetWebhookRequest(write=options.options(), tenant=options.tenant, url=url, is_new_secret=new_secret)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetWebhook(request)
        await finish(connected, options, f"records go to {url}", answer.receipt, answer.tenant)


@webhook.command(name="remove")
async def remove_webhook(*, options: Writing = WRITING) -> None:
    """Sends records nowhere any more; what waits is forgotten."""
    request = provisioning.SetWebhookRequest(write=options.options(), tenant=options.tenant)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetWebhook(request)
        await finish(connected, options, "records go nowhere", answer.receipt, answer.tenant)


@webhook.command(name="show")
async def show_webhook(*, options: Reading = READING) -> None:
    """Shows where records are sent to and how it goes: how many wait and were taken, and what was wrong last."""
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.records()).GetWebhook(records.GetWebhookRequest(tenant=options.tenant))
    shown = plain(answer)
    if not options.is_data:
        shown["url"] = shown["url"] or "none: records are sent nowhere"
        for field in ("last_delivery_time", "next_try_time"):
            shown[field] = clock(shown[field]) if shown[field] else None
    show_one(options.output, shown)


@webhook.command(name="secret")
async def show_secret(*, options: Reading = READING) -> None:
    """Shows what records are signed with, for whoever checks the signature."""
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.records()).ShowWebhookSecret(records.ShowWebhookSecretRequest(tenant=options.tenant))
    show_one(options.output, plain(answer))
