"""What may be called and how much, of a domain or of a tenant over all its domains; who a domain's callers are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from starlette.responses import Response

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import Done, Field, Form, answer_form, quoted, whole, words_of
from trunkline.dashboard.visits import Visit, Wrong, write_options

MICROS: Final = 1_000_000
PRICE: Final = re.compile(r"\d{1,4}(\.\d{1,6})?", re.ASCII)
DEFAULT_SOURCES: Final = "asked account address username"
"""Where a domain has none of its own, as `trunkline.domain.caller_ids` says."""
HIDING: Final = (("default", "As each carrier's settings say"), ("on", "At every carrier"))


async def domain_of(visit: Visit) -> pb.Domain:
    """The one that the address names."""
    request = pb.GetDomainRequest(tenant=visit.tenant, label=visit.path("label"))
    return (await visit.ask.provisioning.GetDomain(request)).domain


async def tenant_of(visit: Visit) -> pb.Tenant:
    """The one that an operator's address names."""
    return (await visit.ask.provisioning.GetTenant(pb.GetTenantRequest(tenant=visit.path("tenant")))).tenant


async def domain_class(visit: Visit) -> Response:
    known = await domain_of(visit)
    command = ["domain", "class-of-service", quoted(known.label)]
    return await _class(visit, known.class_of_service, known.label, visit.tenant, command, f"/domains/{known.label}")


async def tenant_class(visit: Visit) -> Response:
    known = await tenant_of(visit)
    command = ["tenant", "class-of-service", quoted(known.id)]
    return await _class(visit, known.class_of_service, "", known.id, command, f"/operator/tenants/{known.id}")


async def _class(
    visit: Visit, known: config_pb2.ClassOfServiceSet, label: str, tenant: str, command: Sequence[str], where: str
) -> Response:
    longest = Field(
        "longest_s",
        "Longest call, in seconds",
        "10 to 86400; 0 is the platform's four hours",
        "number",
        value=str(known.max_duration_s),
        stands_for=["max_duration_s"],
    )
    form = Form(
        title=f"What {label or tenant} may call",
        action=visit.request.url.path,
        fields=[
            Field(
                "destinations",
                "Countries and prefixes",
                "All that may be called, such as NL BE 4420; empty: every number",
                value=" ".join([*known.countries, *known.allowed_prefixes]),
                is_required=False,
                is_mono=True,
                stands_for=["countries", "allowed_prefixes"],
            ),
            Field(
                "premium",
                "Premium services and satellites too",
                "" if label else "Where the domain allows them as well.",
                "check",
                value="on" if known.allows_premium else "",
            ),
            Field(
                "price",
                "Highest price a minute",
                "Such as 0.25: routes that cost more are not used; empty: any price",
                value=price_of(known.max_rate_micros),
                is_required=False,
                stands_for=["max_rate_micros"],
            ),
            Field("currency", "Currency of the price", "ISO 4217, such as EUR", value=known.currency, is_required=False, is_mono=True),
            longest,
        ],
        submit="Change",
        command=[
            *command,
            ("{destinations*}", "{destinations?}"),
            ("--all", "{destinations!}"),
            ("--premium", "{premium?}"),
            ("--no-premium", "{premium!}"),
            ("--price", "{price}", "--currency", "{currency}"),
            ("--price", "0", "{price!}"),
            ("--longest-s", "{longest_s}"),
        ],
        text="For calls from now on. A call must be allowed by its domain and by its tenant.",
        back=where,
        tenant=tenant,
    )

    async def send() -> Done:
        words = [word.removeprefix("+") for word in words_of(visit, "destinations")]
        request = pb.SetClassOfServiceRequest(
            write=write_options(),
            tenant=tenant,
            label=label,
            countries=[word for word in words if word.isalpha()],
            allowed_prefixes=[word for word in words if not word.isalpha()],
            allows_premium=visit.value("premium") == "on",
            max_rate_micros=micros_of(visit.value("price")),
            currency=visit.value("currency").upper(),
            max_duration_s=whole(visit, longest),
        )
        answer = await visit.ask.provisioning.SetClassOfService(request)
        return Done(f"What {label or tenant} may call is changed.", answer.receipt, where)

    return await answer_form(visit, form, send)


def price_of(micros: int) -> str:
    """As it is written into the form; empty for any price."""
    return f"{Decimal(micros) / MICROS:f}" if micros else ""


def micros_of(price: str) -> int:
    """Millionths of a price's currency; 0 for an empty one. Raises Wrong."""
    if not price:
        return 0
    if not PRICE.fullmatch(price):
        raise Wrong("price", f"{price[:16]!r} is not a price such as 0.25, of at most six digits after the point")
    return int(Decimal(price) * MICROS)


async def domain_limits(visit: Visit) -> Response:
    known = await domain_of(visit)
    return await _limits(visit, known.limits, known.label, visit.tenant, ["limit", "set", quoted(known.label)], f"/domains/{known.label}")


async def tenant_limits(visit: Visit) -> Response:
    known = await tenant_of(visit)
    return await _limits(visit, known.limits, "", known.id, ["limit", "set"], f"/operator/tenants/{known.id}")


async def _limits(visit: Visit, known: config_pb2.LimitsSet, label: str, tenant: str, command: Sequence[str], where: str) -> Response:
    calls = Field(
        "calls",
        "Calls at a time",
        "From the INVITE to the end; 0: no limit",
        "number",
        value=str(known.max_calls),
        stands_for=["max_calls"],
    )
    rate = Field(
        "rate", "New calls a second", "0: no limit", "number", value=str(known.max_calls_per_second), stands_for=["max_calls_per_second"]
    )
    form = Form(
        title=f"Limits of {label or tenant}",
        action=visit.request.url.path,
        fields=[calls, rate],
        submit="Change",
        command=[*command, ("--calls", "{calls}"), ("--rate", "{rate}")],
        text="Over all points of presence. What is above them is refused: 503, T305 and T306."
        + ("" if label else " Of all the tenant's domains together."),
        back=where,
        tenant=tenant,
    )

    async def send() -> Done:
        request = pb.SetLimitsRequest(
            write=write_options(), tenant=tenant, label=label, max_calls=whole(visit, calls), max_calls_per_second=whole(visit, rate)
        )
        answer = await visit.ask.provisioning.SetLimits(request)
        return Done(f"Limits of {label or tenant} are changed.", answer.receipt, where)

    return await answer_form(visit, form, send)


async def identity(visit: Visit) -> Response:
    """Who a domain's callers are."""
    domain = await domain_of(visit)
    label, known = domain.label, domain.identity
    shows = Field(
        "shows_callee", "Show whom a trusted carrier asserts to be called", kind="check", value="on" if known.shows_callee else ""
    )
    form = Form(
        title=f"Caller ID of {label}",
        action=visit.request.url.path,
        fields=[
            Field(
                "sources",
                "Where a caller's number comes from, first to last",
                "Some of: asked (by P-Asserted-Identity), from (the From header), account, address, username, domain (the number below). "
                "The first that gives a number decides",
                value=" ".join(known.sources) or DEFAULT_SOURCES,
                is_mono=True,
            ),
            Field(
                "allow",
                "Numbers that callers may show beside their own",
                "Such as +31201234567, or +3120* for all that begin so",
                value=" ".join(known.allowed_caller_ids),
                is_required=False,
                is_mono=True,
                stands_for=["allowed_caller_ids"],
            ),
            Field(
                "default",
                "Number of the domain",
                "For the source “domain”",
                value=known.default_caller_id,
                is_required=False,
                is_mono=True,
                stands_for=["default_caller_id"],
            ),
            Field(
                "refuse",
                "Refuse a call that asks for a number that is not allowed",
                "Else the number is passed over, and the record says so.",
                "check",
                value="on" if known.is_refusing else "",
            ),
            Field("hiding", "Hide Via, Record-Route and Contact", kind="select", options=HIDING, value=known.hiding or "default"),
            *([shows] if visit.is_operator else []),
        ],
        submit="Change",
        command=[
            "domain",
            "identity",
            quoted(label),
            ("--sources", "{sources*}"),
            ("--allow", "{allow*}"),
            ("--allow", "''", "{allow!}"),
            ("--default", "{default}"),
            ("--default", "''", "{default!}"),
            ("--refuse", "{refuse?}"),
            ("--no-refuse", "{refuse!}"),
            ("--hiding", "{hiding}"),
            *([("--shows-callee", "{shows_callee?}"), ("--no-shows-callee", "{shows_callee!}")] if visit.is_operator else []),
        ],
        text="How numbers are written, and who is told them, is each carrier's. What a caller asks to be kept private is kept so.",
        back=f"/domains/{label}",
    )

    async def send() -> Done:
        policy = config_pb2.IdentityPolicy(
            sources=words_of(visit, "sources"),
            allowed_caller_ids=words_of(visit, "allow"),
            default_caller_id=visit.value("default"),
            is_refusing=visit.value("refuse") == "on",
            shows_callee=visit.value("shows_callee") == "on" if visit.is_operator else known.shows_callee,
            hiding=visit.value("hiding"),
        )
        request = pb.SetIdentityPolicyRequest(write=write_options(), tenant=visit.tenant, label=label, policy=policy)
        answer = await visit.ask.provisioning.SetIdentityPolicy(request)
        return Done(f"Caller ID of {label} is changed.", answer.receipt, f"/domains/{label}")

    return await answer_form(visit, form, send)
