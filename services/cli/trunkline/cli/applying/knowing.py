"""A tenant as the service says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import grpc.aio

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.applying import normal
from trunkline.cli.applying.model import MICROS, Account, Acl, Address, ClassOfService, Digest, Domain, Identity, Limits, Tenant
from trunkline.cli.commands.tenants import tenant_named
from trunkline.cli.connection import Session
from trunkline.cli.times import set_moment
from trunkline.runtime.errors import missing_method
from trunkline.runtime.listings import each_of

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub

READ_LIMIT_S: Final = 90.0
"""Of a past, which may have to be read from the beginning of the log."""


async def known_tenant(connected: Session, tenant: str, *, is_operator: bool) -> Tenant:
    """`tenant` empty: the key's. What bounds the whole tenant is known to operators only. Lists are whole, however large; a service of an
    earlier version cuts those that have tens of thousands of entries."""
    stub = await connected.provisioning()
    try:
        return (await past_tenant(stub, tenant, "", is_operator=is_operator)).tenant
    except grpc.aio.AioRpcError as error:
        if not missing_method(error, "provisioning", "ReadTenant"):
            raise
    acls: dict[str, Acl] = {}
    async for message in each_of(stub.ListAcls, pb.ListAclsRequest(tenant=tenant), "acls"):
        # A page cuts long ones.
        whole = (await stub.GetAcl(pb.GetAclRequest(tenant=tenant, acl=message.name))).acl
        acls[whole.name] = _acl(whole)
    listed = each_of(stub.ListDomains, pb.ListDomainsRequest(tenant=tenant), "domains")
    domains = {message.label: _domain(message) async for message in listed}
    if not is_operator:
        return Tenant(tenant, acls, domains)
    owner = await tenant_named(stub, tenant)
    bounds = _class_of_service(owner.class_of_service) if owner.HasField("class_of_service") else None
    return Tenant(tenant, acls, domains, bounds, _limits(owner.limits))


@dataclass(frozen=True, slots=True)
class Past:
    """`time`: when the commit at `position` was stored."""

    tenant: Tenant
    position: int
    time: datetime


async def past_tenant(stub: ProvisioningServiceAsyncStub, tenant: str, at: str, *, is_operator: bool, option: str = "--at") -> Past:
    """As `known_tenant`, at a position or time, or with an empty `at` now. Raises CommandError, AioRpcError."""
    request = pb.ReadTenantRequest(tenant=tenant)
    set_moment(request, at, option)
    acls: dict[str, Acl] = {}
    domains: dict[str, Domain] = {}
    bounds: tuple[ClassOfService | None, Limits | None] = (None, None)
    answer = pb.ReadTenantResponse()
    async for answer in stub.ReadTenant(request, timeout=READ_LIMIT_S):
        match answer.WhichOneof("part"):
            case "tenant" if is_operator:
                owner = answer.tenant
                service = _class_of_service(owner.class_of_service) if owner.HasField("class_of_service") else None
                bounds = (service, _limits(owner.limits))
            case "acl":
                part, before = _acl(answer.acl), acls.get(answer.acl.name, Acl(answer.acl.name))
                acls[part.name] = Acl(part.name, {**before.addresses, **part.addresses}, {**before.accounts, **part.accounts})
            case "domain":
                domains[answer.domain.label] = _domain(answer.domain)
    return Past(Tenant(tenant, acls, domains, *bounds), answer.position, answer.position_time.ToDatetime(UTC))


def _acl(message: pb.Acl) -> Acl:
    addresses = {each.cidr: Address(each.cidr, each.caller_id, each.description, each.is_ban_exempt) for each in message.addresses}
    return Acl(message.name, addresses, {each.username: Account(each.username, each.caller_id) for each in message.accounts})


def _domain(message: pb.Domain) -> Domain:
    return Domain(
        message.label,
        tuple(message.acls),
        Digest(tuple(message.digest_algorithms), message.challenge_status, message.is_qop_optional),
        _class_of_service(message.class_of_service),
        _limits(message.limits),
        _identity(message.identity),
        message.nearest_pop,
    )


def _class_of_service(message: config_pb2.ClassOfServiceSet) -> ClassOfService:
    price = Decimal(message.max_rate_micros) / MICROS
    return normal.class_of_service(
        ClassOfService(
            tuple(message.countries),
            tuple(message.allowed_prefixes),
            message.allows_premium,
            message.max_duration_s,
            price,
            message.currency,
        )
    )


def _limits(message: config_pb2.LimitsSet) -> Limits:
    return Limits(message.max_calls, message.max_calls_per_second)


def _identity(message: config_pb2.IdentityPolicy) -> Identity:
    return normal.identity(
        Identity(
            tuple(message.sources),
            tuple(message.allowed_caller_ids),
            message.default_caller_id,
            message.is_refusing,
            message.shows_callee,
            message.hiding,
        )
    )
