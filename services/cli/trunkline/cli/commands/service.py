"""`trunkline domain class-of-service` and `trunkline tenant class-of-service`: what may be called."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.commands.domains import domain
from trunkline.cli.commands.tenants import tenant, tenant_named
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import WRITING, DomainLabel, Natural, TenantName, Writing
from trunkline.cli.writing import finish

__all__ = ["domain", "domain_class", "tenant", "tenant_class"]

_MICROS: Final = 1_000_000

Price = Annotated[Decimal, Parameter(validator=Number(gte=0, lte=1000))]
"""Of a minute, in units of a currency."""

Everywhere = Annotated[bool, Parameter(name="--all", negative="")]


@domain.command(name="class-of-service")
async def domain_class(
    label: DomainLabel,
    *destinations: str,
    everywhere: Everywhere = False,
    longest_s: Natural | None = None,
    premium: bool | None = None,
    price: Price | None = None,
    currency: str = "",
    options: Writing = WRITING,
) -> None:
    """Sets what a domain may call, for how long and at what price. What is left out stays as it was.

    Parameters
    ----------
    label: The domain's label.
    destinations: Countries, such as NL BE, and E.164 prefixes, such as 31 4420: all that may be called.
    everywhere: Every destination.
    longest_s: Seconds after which a call is ended; 0: the platform's four hours.
    premium: Call premium services and satellites too.
    price: Highest price a minute that a route may have; 0: any.
    currency: Of the price, ISO 4217, such as EUR.
    """
    request = provisioning.SetClassOfServiceRequest(write=options.options(), tenant=options.tenant, label=label)
    _fill(request, longest_s, premium, price, currency)
    are_kept = _are_kept(request, destinations, everywhere=everywhere)
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        if are_kept:
            known = (await stub.GetDomain(provisioning.GetDomainRequest(tenant=options.tenant, label=label))).domain
            _keep(request, known.class_of_service)
        answer = await stub.SetClassOfService(request)
        await finish(connected, options, f"{label} may call {_told(answer.domain.class_of_service)}", answer.receipt, answer.domain)


@tenant.command(name="class-of-service")
async def tenant_class(
    name: TenantName,
    *destinations: str,
    everywhere: Everywhere = False,
    longest_s: Natural | None = None,
    premium: bool | None = None,
    price: Price | None = None,
    currency: str = "",
    options: Writing = WRITING,
) -> None:
    """Sets what all domains of a tenant may call at most. What is left out stays as it was, and premium services are off at first.

    Parameters
    ----------
    name: The tenant.
    destinations: Countries, such as NL BE, and E.164 prefixes, such as 31 4420: all that may be called.
    everywhere: Every destination.
    longest_s: Seconds after which a call is ended; 0: the platform's four hours.
    premium: Call premium services and satellites too, where the domain allows it.
    price: Highest price a minute that a route may have; 0: any.
    currency: Of the price, ISO 4217, such as EUR.
    """
    request = provisioning.SetClassOfServiceRequest(write=options.options(), tenant=name)
    _fill(request, longest_s, premium, price, currency)
    are_kept = _are_kept(request, destinations, everywhere=everywhere)
    async with session(is_operator=True) as connected:
        stub = await connected.provisioning()
        if are_kept:
            _keep(request, (await tenant_named(stub, name)).class_of_service)
        answer = await stub.SetClassOfService(request)
        await finish(connected, options, f"{name} may call {_told(answer.tenant.class_of_service)}", answer.receipt, answer.tenant)


def _fill(
    request: provisioning.SetClassOfServiceRequest, longest_s: int | None, premium: bool | None, price: Decimal | None, currency: str
) -> None:
    if longest_s is not None:
        request.max_duration_s = longest_s
    if premium is not None:
        request.allows_premium = premium
    if price is not None:
        request.max_rate_micros = int(price * _MICROS)
        request.currency = currency.upper()


def _are_kept(request: provisioning.SetClassOfServiceRequest, destinations: Sequence[str], *, everywhere: bool) -> bool:
    """Takes over the destinations that are named; whether none is, so that those of before are to stay. Raises CommandError."""
    if destinations and everywhere:
        raise CommandError("which numbers may be called is said twice", remedy="name destinations, or give --all", code=Exit.USAGE)
    asked = ("max_duration_s", "allows_premium", "max_rate_micros")
    if not destinations and not everywhere and not any(request.HasField(field) for field in asked):
        raise CommandError(
            "which numbers may be called is not said", remedy="name countries or prefixes, or give --all for no limit", code=Exit.USAGE
        )
    for word in destinations:
        (request.countries if word.isalpha() else request.allowed_prefixes).append(word.removeprefix("+"))
    return not destinations and not everywhere


def _keep(request: provisioning.SetClassOfServiceRequest, known: config_pb2.ClassOfServiceSet) -> None:
    request.countries[:] = known.countries
    request.allowed_prefixes[:] = known.allowed_prefixes


def _told(known: config_pb2.ClassOfServiceSet) -> str:
    where = ", ".join([*known.countries, *known.allowed_prefixes]) or "every number"
    return f"{where}, premium services too" if known.allows_premium else f"{where} but premium services"
