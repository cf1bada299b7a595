"""Customers and carriers on a running platform, made over gRPC in one go, and the records of their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, channel, operator

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1.records_pb2 import ListRecordsRequest, Record
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.api.routing.v1 import routing_pb2 as r
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub


@dataclass(frozen=True, slots=True)
class Trunk:
    """A domain with an ACL of its own. With `address` or `username` or both, all that is given is demanded."""

    label: str
    caller_id: str
    address: str = ""
    username: str = ""
    password: str = ""
    challenge_status: int = 407
    algorithms: tuple[str, ...] = ("MD5",)


def create_customer(platform: Platform, tenant: str, trunks: Sequence[Trunk]) -> None:
    """Returns when every point of presence knows all of it."""
    asyncio.run(_create_customer(platform, tenant, trunks))


async def _create_customer(platform: Platform, tenant: str, trunks: Sequence[Trunk]) -> None:
    async with channel(platform, "provisioning-eu") as to:
        stub = ProvisioningServiceStub(to)
        await stub.CreateTenant(p.CreateTenantRequest(tenant=tenant, name=tenant))
        for trunk in trunks:
            acl, caller_id = trunk.label.upper(), trunk.caller_id
            await stub.CreateAcl(p.CreateAclRequest(tenant=tenant, acl=acl))
            if trunk.address:
                await stub.AddAddress(p.AddAddressRequest(tenant=tenant, acl=acl, address=trunk.address, caller_id=caller_id))
            if trunk.username:
                request = p.AddAccountRequest(tenant=tenant, acl=acl, username=trunk.username, password=trunk.password, caller_id=caller_id)
                await stub.AddAccount(request)
            await stub.CreateDomain(p.CreateDomainRequest(tenant=tenant, label=trunk.label))
            policy = p.SetDigestPolicyRequest(tenant=tenant, label=trunk.label, algorithms=trunk.algorithms)
            policy.challenge_status = trunk.challenge_status
            await stub.SetDigestPolicy(policy)
            position = (await stub.AttachAcl(p.AttachAclRequest(tenant=tenant, label=trunk.label, acl=acl))).receipt.position
        await _applied(stub, position)


def create_carriers(
    platform: Platform, deck: str, gateways: Mapping[str, r.Gateway], *, is_trusted: bool = False, followed_by: str = ""
) -> None:
    """A carrier for each gateway, and behind each of them one that is there already. The keys are prefixes that the demonstration's deck
    does not have."""
    asyncio.run(_create_carriers(platform, deck, gateways, is_trusted, followed_by))


async def _create_carriers(platform: Platform, deck: str, gateways: Mapping[str, r.Gateway], is_trusted: bool, followed_by: str) -> None:
    async with channel(platform, "routing-eu") as to, channel(platform, "provisioning-eu") as to_provisioning:
        stub = RoutingServiceStub(to)
        rows = "prefix,carrier,priority,weight,rate,destination\n"
        for prefix, gateway in gateways.items():
            carrier = f"{deck}-{prefix}"
            settings = config_pb2.CarrierSettings(is_trusted=is_trusted, has_pai_on_ack=True, pdd_limit_s=20)
            await stub.CreateCarrier(r.CreateCarrierRequest(carrier=carrier, settings=settings))
            # Whoever plays it has calls in his script and nothing else.
            gateway.takes_no_options = True
            await stub.AddGateway(r.AddGatewayRequest(carrier=carrier, gateway=gateway))
            rows += f"{prefix},{carrier},0,1,0.01,Test\n"
            rows += f"{prefix},{followed_by},1,1,0.01,Test\n" if followed_by else ""
        requests = [r.ImportDeckRequest(deck=deck, currency="EUR"), r.ImportDeckRequest(csv=rows.encode())]
        imported = await stub.ImportDeck(iter(requests))
        await _applied(ProvisioningServiceStub(to_provisioning), imported.receipt.position)


async def _applied(stub: ProvisioningServiceStub, position: int) -> None:
    async for applied in stub.WaitApplied(p.WaitAppliedRequest(position=position)):
        assert applied.is_applied, applied.problem


def record_of(platform: Platform, tenant: str, number: str, *, outcome: str = "") -> Record:
    """The only record of calls to this number, when it is over; with `outcome`, the only one of that."""
    request = ListRecordsRequest(tenant=tenant, number=number)
    with blocking_channel(platform, "records-eu") as to:
        stub = RecordsServiceStub(to)

        def ask() -> list[Record]:
            rows = list(stub.ListRecords(request, metadata=operator(platform), timeout=5).records)
            rows = [row for row in rows if outcome in ("", row.outcome)]
            return rows if rows and all(row.HasField("end_time") for row in rows) else []

        rows = wait_for(f"a whole record of {number}", ask)
    assert len(rows) == 1, rows
    return rows[0]
