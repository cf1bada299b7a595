"""The demonstration tenant, carriers and route deck, set up over gRPC as an operator would.

What stands there already is left alone, so it can be done again at every start. The password and the API key are made here, told to
`remember` before they are used, and kept nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from google.protobuf import duration_pb2

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.routing.v1 import routing_pb2 as routing
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub
from trunkline.lab.supervisor.plan import BASE_DOMAIN, CLIENT, DEMO_DOMAIN, SIP_PORT, Plan
from trunkline.lab.supervisor.topology import HOME
from trunkline.runtime.errors import decode_status
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.tls import TlsSettings

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub
    from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceAsyncStub

TENANT = DEMO_DOMAIN
ACL = "ACL_OUTBOUND_SIP_TRUNK"
ADDRESS = "127.0.0.1"
ADDRESS6 = "::1"
ACCOUNT = "31000000"
DECK = "demo"
CURRENCY = "EUR"
DEADLINE_S = 20.0
"""Of each write: the first ones meet services that are just up."""
APPLIED_LIMIT_S = 20
DECK_CHUNK_BYTES = 64 * 1024


class DemoProblem(Exception):
    """A service refused something, or the point of presence did not follow."""


@dataclass(frozen=True, slots=True)
class DemoTenant:
    tenant: str
    domain: str
    acl: str
    account: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def deck_csv() -> bytes:
    return resources.files("trunkline.lab").joinpath("data", "demo_deck.csv").read_bytes()


async def seed(plan: Plan, earlier: Mapping[str, str] | None, *, remember: Callable[[dict[str, str]], None]) -> DemoTenant:
    """Returns when the point of presence enforces all of it, everywhere. Raises DemoProblem."""
    known = dict(earlier or {})
    demo = DemoTenant(
        tenant=TENANT,
        domain=TENANT,
        acl=ACL,
        account=ACCOUNT,
        password=known.get("password") or secrets.token_urlsafe(18),
        api_key=known.get("api_key") or f"tk_{secrets.token_urlsafe(32)}",
    )
    remember({**asdict(demo), "hostname": f"{TENANT}.{BASE_DOMAIN}", "address": ADDRESS})
    async with AsyncExitStack() as stack:
        channels = {}
        for service in ("provisioning", "routing"):
            channels[service] = await stack.enter_async_context(_channel(plan, service, plan.chosen.operator_key))
        setup = _Setup(ProvisioningServiceStub(channels["provisioning"]), RoutingServiceStub(channels["routing"]))
        try:
            await setup.carriers(plan)
            await setup.deck()
            await setup.tenant()
            await setup.api_key(plan, demo)
            await setup.acl(demo, has_password="password" in known)
            await setup.domain(demo)
            await setup.applied()
        except grpc.aio.AioRpcError as error:
            raise DemoProblem(str(decode_status(error))) from error
    return demo


class _Setup:
    def __init__(self, provisioning_stub: ProvisioningServiceAsyncStub, routing_stub: RoutingServiceAsyncStub) -> None:
        self._provisioning = provisioning_stub
        self._routing = routing_stub

    async def carriers(self, plan: Plan) -> None:
        listed = await self._routing.ListCarriers(routing.ListCarriersRequest())
        there = {carrier.name: carrier for carrier in listed.carriers}
        for carrier in plan.topology.carriers:
            if carrier.name not in there:
                settings = config_pb2.CarrierSettings(is_trusted=carrier.is_trusted, has_pai_on_ack=True, pdd_limit_s=20)
                request = routing.CreateCarrierRequest(write=_write(), carrier=carrier.name, settings=settings)
                there[carrier.name] = (await self._routing.CreateCarrier(request)).carrier
            wanted = routing.Gateway(
                name=carrier.region,
                host=plan.carrier_host(carrier),
                port=SIP_PORT,
                transport="udp",
                region=carrier.region,
                priority=0,
                weight=1,
            )
            gateways = there[carrier.name].gateways
            found = next((gateway for gateway in gateways if gateway.name == wanted.name), None)
            if found is not None and (found.host, found.port) != (wanted.host, wanted.port):
                # another loopback range than at the last start
                moved = routing.ChangeGatewayRequest(
                    write=_write(), carrier=carrier.name, gateway=wanted.name, host=wanted.host, port=wanted.port
                )
                await self._routing.ChangeGateway(moved)
            if found is None:
                await self._routing.AddGateway(routing.AddGatewayRequest(write=_write(), carrier=carrier.name, gateway=wanted))

    async def deck(self) -> None:
        content = deck_csv()
        rows = content.count(b"\n") - 1
        listed = await self._routing.ListDecks(routing.ListDecksRequest())
        if any(deck.name == DECK and deck.rows == rows for deck in listed.decks):
            return

        async def chunks() -> AsyncIterator[routing.ImportDeckRequest]:
            yield routing.ImportDeckRequest(write=_write(), deck=DECK, currency=CURRENCY)
            for start in range(0, len(content), DECK_CHUNK_BYTES):
                yield routing.ImportDeckRequest(csv=content[start : start + DECK_CHUNK_BYTES])

        await self._routing.ImportDeck(chunks())

    async def tenant(self) -> None:
        try:
            await self._provisioning.CreateTenant(provisioning.CreateTenantRequest(write=_write(), tenant=TENANT, name="Acme"))
        except grpc.aio.AioRpcError as error:
            _expect(error, grpc.StatusCode.ALREADY_EXISTS)

    async def api_key(self, plan: Plan, demo: DemoTenant) -> None:
        """The key of an earlier run is tried, a new one registered."""
        async with _channel(plan, "provisioning", demo.api_key) as channel:
            try:
                await ProvisioningServiceStub(channel).ListAcls(provisioning.ListAclsRequest(tenant=TENANT))
                return
            except grpc.aio.AioRpcError as error:
                _expect(error, grpc.StatusCode.UNAUTHENTICATED)
        key_hash = hashlib.sha256(demo.api_key.encode()).digest()
        await self._provisioning.CreateApiKey(
            provisioning.CreateApiKeyRequest(write=_write(), tenant=TENANT, name="demonstration", key_hash=key_hash)
        )

    async def acl(self, demo: DemoTenant, *, has_password: bool) -> None:
        """Both halves are demanded: the address and the account."""
        try:
            acl = (await self._provisioning.GetAcl(provisioning.GetAclRequest(tenant=TENANT, acl=ACL))).acl
        except grpc.aio.AioRpcError as error:
            _expect(error, grpc.StatusCode.NOT_FOUND)
            acl = (await self._provisioning.CreateAcl(provisioning.CreateAclRequest(write=_write(), tenant=TENANT, acl=ACL))).acl
        for address, cidr in ((ADDRESS, f"{ADDRESS}/32"), (ADDRESS6, f"{ADDRESS6}/128")):
            if not any(there.cidr == cidr for there in acl.addresses):
                await self._provisioning.AddAddress(
                    provisioning.AddAddressRequest(write=_write(), tenant=TENANT, acl=ACL, address=address, description="this machine")
                )
        if not any(account.username == ACCOUNT for account in acl.accounts):
            await self._provisioning.AddAccount(
                provisioning.AddAccountRequest(write=_write(), tenant=TENANT, acl=ACL, username=ACCOUNT, password=demo.password)
            )
        elif not has_password:
            # local.json was lost: nobody knows the old password
            await self._provisioning.SetAccountPassword(
                provisioning.SetAccountPasswordRequest(write=_write(), tenant=TENANT, acl=ACL, username=ACCOUNT, password=demo.password)
            )

    async def domain(self, demo: DemoTenant) -> None:
        label = demo.domain
        try:
            domain = (await self._provisioning.GetDomain(provisioning.GetDomainRequest(tenant=TENANT, label=label))).domain
        except grpc.aio.AioRpcError as error:
            _expect(error, grpc.StatusCode.NOT_FOUND)
            request = provisioning.CreateDomainRequest(write=_write(), tenant=TENANT, label=label)
            domain = (await self._provisioning.CreateDomain(request)).domain
        if ACL not in domain.acls:
            await self._provisioning.AttachAcl(provisioning.AttachAclRequest(write=_write(), tenant=TENANT, label=label, acl=ACL))

    async def applied(self) -> None:
        """Until every point of presence covers the head of the log."""
        head = (await self._provisioning.ListPops(provisioning.ListPopsRequest())).head
        request = provisioning.WaitAppliedRequest(position=head, timeout=duration_pb2.Duration(seconds=APPLIED_LIMIT_S))
        async for answer in self._provisioning.WaitApplied(request):
            if not answer.is_applied:
                raise DemoProblem(f"{answer.pop} has not applied position {head}: {answer.problem}")


def _channel(plan: Plan, service: str, key: str) -> grpc.aio.Channel:
    """To home's."""
    tls = TlsSettings.of(plan.tls_table(CLIENT))
    address = plan.chosen.address(f"{service}-{HOME}")
    return open_channel(address, tls=tls, peer=service, key=key, deadline_s=DEADLINE_S, is_waiting=True)


def _write() -> common_pb2.WriteOptions:
    return common_pb2.WriteOptions(request_id=secrets.token_hex(16))


def _expect(error: grpc.aio.AioRpcError, code: grpc.StatusCode) -> None:
    """Lets this outcome pass and no other."""
    if error.code() is not code:
        raise error
