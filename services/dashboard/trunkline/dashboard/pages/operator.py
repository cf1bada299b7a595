"""The operator's pages: tenants, decks, bans."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import AsyncIterator

from google.protobuf.duration_pb2 import Duration
from starlette.datastructures import UploadFile
from starlette.responses import Response

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.routing.v1 import routing_pb2
from trunkline.dashboard.forms import ENDING, Done, Field, Form, answer_form, confirm, quoted, whole
from trunkline.dashboard.pages.service import tenant_of
from trunkline.dashboard.store import MAX_LINK_S, Identity
from trunkline.dashboard.visits import ROWS, Visit, write_options
from trunkline.runtime.listings import first_of

CHUNK_BYTES = 64 << 10
MOST_BAN_MINUTES = 7 * 24 * 60
"""As long as a ban may be."""


async def tenants(visit: Visit) -> Response:
    found, is_cut = await first_of(visit.ask.provisioning.ListTenants, pb.ListTenantsRequest(), "tenants", ROWS)
    return visit.show("tenants.html", tenants=found, is_cut=is_cut)


async def one_tenant(visit: Visit) -> Response:
    """What bounds a tenant as a whole, and how much of it is in use."""
    tenant = await tenant_of(visit)
    uses = (await visit.ask.provisioning.GetLimitUse(pb.GetLimitUseRequest(tenant=tenant.id))).uses
    return visit.show("tenant.html", tenant=tenant, uses={use.label: use for use in uses})


async def look(visit: Visit) -> Response:
    """The customer's pages, as of this tenant; each request still carries the operator's own key."""
    tenant = visit.path("tenant")
    await visit.desk.store.show_tenant(visit.session.secret, tenant)
    return await visit.go("/", f"These are the pages of {tenant}.")


async def look_at_all(visit: Visit) -> Response:
    """Back from one tenant's pages."""
    await visit.desk.store.show_tenant(visit.session.secret, "")
    return await visit.go("/operator/tenants")


async def add_tenant(visit: Visit) -> Response:
    form = Form(
        title="New tenant",
        action="/operator/tenants/new",
        fields=[
            Field("tenant", "Id", "1 to 32 of 0-9 a-z and -, beginning with a letter", is_mono=True),
            Field("name", "Name", "Such as Acme Ltd"),
        ],
        submit="Create tenant",
        command=["tenant", "create", "{tenant}", "--title", "{name}"],
        back="/operator/tenants",
    )

    async def send() -> Done:
        request = pb.CreateTenantRequest(write=write_options(), tenant=visit.value("tenant"), name=visit.value("name"))
        answer = await visit.ask.provisioning.CreateTenant(request)
        return Done(f"Created {answer.tenant.id}.", answer.receipt, f"/operator/tenants/{answer.tenant.id}")

    return await answer_form(visit, form, send)


async def invite(visit: Visit) -> Response:
    """A link that somebody of the tenant logs in by, once, with an API key made for him."""
    tenant = visit.path("tenant")
    form = Form(
        title=f"Invite somebody of {tenant}",
        action=f"/operator/tenants/{tenant}/invite",
        fields=[Field("name", "Who", "Such as jane@acme.example: the audit trail names the key that is made for this person")],
        submit="Make a link",
        command=["apikey", "create", quoted(tenant), "--name", "{name}"],
        text="The link is good for a week and for one login; the person then makes an account of their own.",
        back="/operator/tenants",
    )

    async def send() -> Response:
        key = f"tk_{secrets.token_urlsafe(32)}"
        hashed = hashlib.sha256(key.encode()).digest()
        request = pb.CreateApiKeyRequest(write=write_options(), tenant=tenant, name=visit.value("name"), key_hash=hashed)
        answer = await visit.ask.provisioning.CreateApiKey(request)
        identity = Identity("tenant", tenant, f"tenant:{tenant}/key:{answer.api_key.id}", key)
        secret = await visit.desk.store.add_link(identity, time.time(), MAX_LINK_S)
        link = f"{visit.desk.settings.public_url}/login/{secret}"
        template = "invited.html" if visit.is_fragment else "invited_page.html"
        return visit.show(template, name=request.name, tenant=tenant, invitation=link)

    return await answer_form(visit, form, send)


async def suspend_tenant(visit: Visit) -> Response:
    tenant = visit.path("tenant")
    return await confirm(
        visit,
        f"Suspend {tenant}?",
        "Suspend",
        ["tenant", "suspend", quoted(tenant), ("--ending-calls", "{ending?}")],
        visit.ask.provisioning.SuspendTenant,
        pb.SuspendTenantRequest(tenant=tenant, is_ending_calls=visit.value("ending") == "on"),
        f"{tenant} is suspended.",
        f"/operator/tenants/{tenant}",
        text="Its new calls are refused everywhere (T603).",
        fields=[ENDING],
    )


async def resume_tenant(visit: Visit) -> Response:
    tenant = visit.path("tenant")
    return await confirm(
        visit,
        f"Take calls of {tenant} again?",
        "Resume",
        ["tenant", "resume", quoted(tenant)],
        visit.ask.provisioning.ResumeTenant,
        pb.ResumeTenantRequest(tenant=tenant),
        f"Calls of {tenant} are taken again.",
        f"/operator/tenants/{tenant}",
        is_dangerous=False,
    )


async def decks(visit: Visit) -> Response:
    answer = await visit.ask.routing.ListDecks(routing_pb2.ListDecksRequest())
    return visit.show("decks.html", decks=answer.decks)


async def import_deck(visit: Visit) -> Response:
    form = Form(
        title="Import a route deck",
        action="/operator/decks/import",
        fields=[
            Field("deck", "Deck", "Its name; an existing one is replaced as a whole", is_mono=True),
            Field("currency", "Currency", "ISO 4217, such as EUR", is_mono=True, value="EUR"),
            Field("file", "CSV", "Columns prefix,carrier,priority,weight,rate,destination with a header line", "file", is_required=False),
        ],
        submit="Import",
        command=["route", "import", "{deck}", "{file}", "--currency", "{currency}"],
        text="A bad row refuses the whole deck and names line and column. Calls follow the new deck from its receipt on.",
        back="/operator/decks",
    )

    async def send() -> Done:
        file = visit.form.get("file")
        content = file if isinstance(file, UploadFile) else None

        async def chunks() -> AsyncIterator[routing_pb2.ImportDeckRequest]:
            yield routing_pb2.ImportDeckRequest(write=write_options(), deck=visit.value("deck"), currency=visit.value("currency").upper())
            while content is not None and (chunk := await content.read(CHUNK_BYTES)):
                yield routing_pb2.ImportDeckRequest(csv=chunk)

        answer = await visit.ask.routing.ImportDeck(chunks(), timeout=300)
        return Done(f"{answer.deck.name} has {answer.deck.rows} rows.", answer.receipt, "/operator/decks")

    return await answer_form(visit, form, send)


async def bans(visit: Visit) -> Response:
    answer = await visit.ask.auth.ListBans(auth_pb2.ListBansRequest(address=visit.query("address")))
    address = visit.query("address")
    command = visit.cli("ban", "list", *(["--address", quoted(address)] if address else []))
    return visit.show("bans.html", bans=answer.bans, total=answer.total, address=address, command=command)


async def add_ban(visit: Visit) -> Response:
    minutes = Field("minutes", "Minutes", kind="number", value="60", stands_for=["duration"], most=MOST_BAN_MINUTES)
    form = Form(
        title="Ban an address",
        action="/operator/bans/new",
        fields=[
            Field("address", "IP address or range", is_mono=True),
            minutes,
            Field("reason", "Why", "For people"),
        ],
        submit="Ban",
        command=["ban", "add", "{address}", "--duration", "{minutes}m", "--reason", "{reason}"],
        text="No edge listens to it, but for domains whose lists have the address.",
        is_dangerous=True,
        back="/operator/bans",
    )

    async def send() -> Done:
        duration = Duration(seconds=60 * whole(visit, minutes))
        request = auth_pb2.BanAddressRequest(address=visit.value("address"), duration=duration, reason=visit.value("reason"))
        answer = await visit.ask.auth.BanAddress(request)
        return Done(f"{answer.ban.cidr} is banned.", None, "/operator/bans")

    return await answer_form(visit, form, send)


async def lift_ban(visit: Visit) -> Response:
    address = visit.query("address") or visit.value("address")
    return await confirm(
        visit,
        f"Lift the ban of {address}?",
        "Lift ban",
        ["ban", "lift", quoted(address)],
        visit.ask.auth.LiftBan,
        auth_pb2.LiftBanRequest(address=address),
        f"{address} is heard again.",
        "/operator/bans",
        fields=[Field("address", "Address", kind="hidden", value=address)],
        is_dangerous=False,
    )
