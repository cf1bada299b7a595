"""How much later than it is enforced at the points of presence a new domain is answered for by DNS: by the times that both say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from helpers.platform import Platform
from helpers.platform_grpc import channel

from trunkline.api.dns.v1.dns_pb2 import WaitServedRequest
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

TENANT = "acme"
TRIALS = 9
"""What the median of so many says does not depend on one that a busy machine let wait."""


async def seconds_after_enforced(platform: Platform, to_dns: grpc.aio.Channel, resolves: Callable[[str], bool]) -> float:
    """The median over domains that are made and deleted again: from when the last point of presence enforced it until the dns service said
    that it is served everywhere. `resolves` asks the name server for a label, once: where DNS is said to serve it, it is there."""
    found: list[float] = []
    async with channel(platform, "provisioning-eu") as to:
        provisioning, names = ProvisioningServiceStub(to), DnsServiceStub(to_dns)
        for trial in range(TRIALS):
            label = f"justmade{trial}"
            assert not await asyncio.to_thread(resolves, label)
            made = await provisioning.CreateDomain(pb.CreateDomainRequest(tenant=TENANT, label=label))
            position = made.receipt.position
            served, enforced_s = await asyncio.gather(
                names.WaitServed(WaitServedRequest(position=position)), _enforced_s(provisioning, position)
            )
            assert served.is_served and served.position >= position, served.problem
            assert await asyncio.to_thread(resolves, label), f"{label} is said to be served and is not there"
            found.append(_seconds(served.served_time) - enforced_s)
            await provisioning.DeleteDomain(pb.DeleteDomainRequest(tenant=TENANT, label=label))
    return median(found)


async def _enforced_s(provisioning: ProvisioningServiceStub, position: int) -> float:
    """Unix time, at the point of presence that was last."""
    last_s = 0.0
    async for each in provisioning.WaitApplied(pb.WaitAppliedRequest(position=position)):
        assert each.is_applied, each
        last_s = max(last_s, _seconds(each.applied_time))
    assert last_s
    return last_s


def _seconds(time: Timestamp) -> float:
    return time.seconds + time.nanos / 1e9
