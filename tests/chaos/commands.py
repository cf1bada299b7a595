"""Fifty random commands a second, as several customers' programs would send them: each is repeated with its request id until it is
answered, and a model holds what must then be true."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc
import grpc.aio
from helpers.platform import Platform
from helpers.platform_grpc import channel

from trunkline.api.common.v1.common_pb2 import Receipt, WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

TENANT = "chaos"
ACLS = tuple(f"LIST_{number}" for number in range(8))
"""One worker each: what a worker did last is what its list must hold."""

RETRY_S = 0.2
GIVE_UP_S = 120.0
"""A command that is not answered for so long is lost, and the run fails."""

_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED}


@dataclass
class Done:
    """`requests` are the ids of all commands that were answered, with their positions. `worst_s`: the longest that one took."""

    requests: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    worst_s: float = 0.0


@dataclass
class Commands:
    """`rate` commands per second in all until `count` are done or `stop` is set."""

    platform: Platform
    rate: float
    seed: int
    model: dict[str, set[str]] = field(default_factory=lambda: {acl: set() for acl in ACLS})
    done: Done = field(default_factory=Done)

    async def prepare(self) -> None:
        async with channel(self.platform, "provisioning-eu") as opened:
            stub = ProvisioningServiceStub(opened)
            await stub.CreateTenant(p.CreateTenantRequest(write=WriteOptions(request_id="chaos-tenant"), tenant=TENANT, name="Chaos"))
            for acl in ACLS:
                await stub.CreateAcl(p.CreateAclRequest(write=WriteOptions(request_id=f"chaos-{acl}"), tenant=TENANT, acl=acl))

    async def run(self, count: int) -> None:
        print(f"seed of the commands: {self.seed}")
        share = [count // len(ACLS) + (1 if index < count % len(ACLS) else 0) for index in range(len(ACLS))]
        async with channel(self.platform, "provisioning-eu", deadline_s=5) as opened:
            stub = ProvisioningServiceStub(opened)
            await asyncio.gather(*(self._work(stub, acl, commands) for acl, commands in zip(ACLS, share, strict=True)))

    async def _work(self, stub: ProvisioningServiceStub, acl: str, count: int) -> None:
        choice = random.Random(f"{self.seed}-{acl}")
        held = self.model[acl]
        next_s = time.monotonic()
        for _ in range(count):
            next_s += len(ACLS) / self.rate
            # No catching up after an outage in one burst: the rate is what is promised, not the backlog.
            next_s = max(next_s, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            address = f"10.{ACLS.index(acl)}.{choice.randrange(4)}.{choice.randrange(32)}/32"
            options = WriteOptions(request_id=secrets.token_hex(16))
            if address in held:
                request = p.RemoveAddressRequest(write=options, tenant=TENANT, acl=acl, address=address)
                receipt = await self._until_answered(lambda request=request: stub.RemoveAddress(request))
                held.remove(address)
            else:
                added = p.AddAddressRequest(write=options, tenant=TENANT, acl=acl, address=address)
                receipt = await self._until_answered(lambda added=added: stub.AddAddress(added))
                held.add(address)
            self.done.requests[options.request_id] = receipt.position

    async def _until_answered(self, send: Callable[[], Awaitable[p.AddAddressResponse | p.RemoveAddressResponse]]) -> Receipt:
        began = time.monotonic()
        while True:
            try:
                receipt = (await send()).receipt
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    raise
                if time.monotonic() - began > GIVE_UP_S:
                    raise AssertionError(f"a command was not answered within {GIVE_UP_S} s: {error.details()}") from error
                self.done.retries += 1
                await asyncio.sleep(RETRY_S)
            else:
                self.done.worst_s = max(self.done.worst_s, time.monotonic() - began)
                return receipt

    async def check(self) -> None:
        """Nothing lost: each list is as in the model. Nothing doubled: each request id stands in the log once, where its receipt said."""
        async with channel(self.platform, "provisioning-eu", deadline_s=30) as opened:
            stub = ProvisioningServiceStub(opened)
            lists = [(await stub.GetAcl(p.GetAclRequest(tenant=TENANT, acl=acl))).acl for acl in ACLS]
            listed = {acl.name: {each.cidr for each in acl.addresses} for acl in lists}
            assert listed == self.model
            found: dict[str, list[int]] = {}
            async for event in stub.TailEvents(p.TailEventsRequest(tenant=TENANT, is_finite=True)):
                if event.commit.request_id in self.done.requests:
                    found.setdefault(event.commit.request_id, []).append(event.position)
        assert found == {request: [position] for request, position in self.done.requests.items()}
