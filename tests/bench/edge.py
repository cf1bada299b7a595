"""Our side of the bench: a whole platform, with a tenant of 1,000 accounts and SIPp as its carrier."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from helpers.platform import Platform
from helpers.platform_grpc import channel
from load import CUSTOMER, GATEWAYS

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.routing.v1 import routing_pb2 as r
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub

ACCOUNTS = 1000
TENANT = "bench"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Bench:
    """Hosts to dial: one admits by address, one by digest."""

    platform: Platform
    ip_host: str
    digest_host: str
    users: Path
    api_key: str


async def provision(platform: Platform, folder: Path) -> Bench:
    """Idempotent: run again on the same state it changes nothing."""
    key = "tk_" + secrets.token_urlsafe(32)
    provisioning = ProvisioningServiceStub(channel(platform, "provisioning-eu"))
    routing = RoutingServiceStub(channel(platform, "routing-eu"))

    def write(name: str) -> WriteOptions:
        return WriteOptions(request_id=f"bench-{name}")

    await provisioning.CreateTenant(p.CreateTenantRequest(write=write("tenant"), tenant=TENANT, name="Bench"))
    await provisioning.CreateApiKey(p.CreateApiKeyRequest(tenant=TENANT, name="bench", key_hash=hashlib.sha256(key.encode()).digest()))
    for acl in ("IP", "DIGEST", "PROBE"):
        await provisioning.CreateAcl(p.CreateAclRequest(write=write(f"acl-{acl}"), tenant=TENANT, acl=acl))
    await provisioning.AddAddress(p.AddAddressRequest(write=write("address"), tenant=TENANT, acl="IP", address=CUSTOMER))
    bound = asyncio.Semaphore(AT_ONCE)

    async def account(number: int) -> None:
        user = f"u{number:06d}"
        async with bound:
            await provisioning.AddAccount(
                p.AddAccountRequest(
                    write=write(user),
                    tenant=TENANT,
                    acl="DIGEST",
                    username=user,
                    password=f"pw{number:06d}",
                    caller_id=f"+1415555{number % 10000:04d}",
                ),
                timeout=30,
            )

    await asyncio.gather(*(account(number) for number in range(1, ACCOUNTS + 1)))
    for label, acl in (("benchip", "IP"), ("benchdigest", "DIGEST"), ("benchprobe", "PROBE")):
        await provisioning.CreateDomain(p.CreateDomainRequest(write=write(f"domain-{label}"), tenant=TENANT, label=label))
        await provisioning.AttachAcl(p.AttachAclRequest(write=write(f"attach-{label}"), tenant=TENANT, label=label, acl=acl))
    for number, (address, port) in enumerate(GATEWAYS):
        carrier = f"bench-{number}"
        settings = r.CreateCarrierRequest(write=write(carrier), carrier=carrier)
        settings.settings.is_trusted = number == 0
        settings.settings.pdd_limit_s = 20
        await routing.CreateCarrier(settings)
        gateway = r.Gateway(
            name=f"{carrier}-gw", host=address, port=port, transport="udp", region="eu", priority=1, weight=1, takes_no_options=True
        )
        await routing.AddGateway(r.AddGatewayRequest(write=write(f"{carrier}-gw"), carrier=carrier, gateway=gateway))
    csv = "prefix,carrier,priority,weight,rate,destination\n1212555,bench-0,1,1,0.01,Bench\n1212555,bench-1,2,1,0.01,Bench\n"

    async def deck() -> object:
        yield r.ImportDeckRequest(write=write("deck"), deck="bench", currency="EUR", csv=csv.encode())

    imported = await routing.ImportDeck(deck())
    async for answer in provisioning.WaitApplied(p.WaitAppliedRequest(position=imported.receipt.position)):
        if not answer.is_applied:
            raise RuntimeError(f"{answer.pop} does not apply: {answer.problem}")
    realm = platform.local["base_domain"]
    users = folder / "users.csv"
    rows = [
        f"u{k:06d};[authentication username=u{k:06d} password=pw{k:06d}];{12125550000 + k:011d};{k % 10000:04d}"
        for k in range(1, ACCOUNTS + 1)
    ]
    users.write_text("RANDOM\n" + "\n".join(rows) + "\n")
    return Bench(platform, f"benchip.{realm}", f"benchdigest.{realm}", users, key)
