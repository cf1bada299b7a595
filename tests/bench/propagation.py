"""Acknowledged → enforced: how long after a write's receipt the last point of presence decides calls by it.

Addresses are added at a steady rate; each receipt's arrival is noted, and afterwards every edge is asked when its engine's tables covered
the position. All on one machine, so one clock. That a covered position decides the next INVITE is what `tests/e2e` shows.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

from figures import Row, percentile
from helpers.platform import Platform, free_loopback
from helpers.platform_grpc import channel
from options import Options

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

LINKS_MS = (0, 40, 110)
"""One way between the regions; at 0 the links' processes are there all the same."""

TENANT = "propagation"
LISTS = 32
"""Written to at once; each write goes to the list that was written to longest ago, so that none waits for another."""

AT_ONCE = 64
SAMPLE = 400
"""Receipts that are asked for: an edge remembers when it covered the last 4,096 groups."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds. `write` is request → receipt, `enforced` receipt → the last POP's tables, `late` how far the pace fell behind."""

    write: list[float]
    enforced: list[float]
    by_pop: dict[str, list[float]]
    late: float


def rows(options: Options) -> list[Row]:
    return [row for link_ms in LINKS_MS for row in _spread(options, link_ms)]


def _spread(options: Options, link_ms: int) -> list[Row]:
    """With so many milliseconds one way to the other regions."""
    links = (f"us={link_ms}", f"apac={link_ms}")
    platform = Platform(options.folder / f"propagation-{link_ms}", free_loopback(), links=links)
    platform.start()
    found: list[Row] = []
    try:
        for rate, times in asyncio.run(curve(platform, [(10, options.writes), (500, 10 * options.writes)])):
            row: Row = {"link_ms": link_ms, "writes_per_s": rate, "writes": len(times.write), "late_ms": round(times.late, 1)}
            for name, values in (("write_ms", times.write), ("enforced_ms", times.enforced)):
                row |= {f"{name}_p{share}": percentile(values, share) for share in (50, 99)}
            row["p50_by_pop"] = {pop: percentile(values, 50) for pop, values in sorted(times.by_pop.items())}
            found.append(row)
            print(f"  {row}", flush=True)
    finally:
        platform.stop()
    return found


async def prepare(platform: Platform) -> None:
    async with channel(platform, "provisioning-eu") as opened:
        stub = ProvisioningServiceStub(opened)
        await stub.CreateTenant(p.CreateTenantRequest(write=WriteOptions(request_id="p-tenant"), tenant=TENANT, name="Propagation"))
        for number in range(LISTS):
            options = WriteOptions(request_id=f"p-list-{number}")
            await stub.CreateAcl(p.CreateAclRequest(write=options, tenant=TENANT, acl=f"LIST_{number}"))


async def measure(platform: Platform, rate: float, count: int, seed: int) -> Times:
    """`count` writes, `rate` a second. `seed` keeps the addresses of two runs apart."""
    async with channel(platform, "provisioning-eu", deadline_s=30) as opened:
        stub = ProvisioningServiceStub(opened)
        gate = asyncio.Semaphore(AT_ONCE)
        lists = [asyncio.Lock() for _ in range(LISTS)]
        acknowledged: list[tuple[int, float]] = []
        write_ms: list[float] = []

        async def write(number: int) -> None:
            which = number % LISTS
            async with gate, lists[which]:
                request = p.AddAddressRequest(
                    tenant=TENANT, acl=f"LIST_{which}", address=f"10.{seed}.{(number >> 8) % 256}.{number % 256}/32"
                )
                began = time.perf_counter()
                answer = await stub.AddAddress(request)
                acknowledged.append((answer.receipt.position, time.time()))
                write_ms.append(1000 * (time.perf_counter() - began))

        began = time.perf_counter()
        writes = []
        late_s = 0.0
        for number in range(count):
            due = began + number / rate
            now = time.perf_counter()
            late_s = max(late_s, now - due)
            await asyncio.sleep(max(0.0, due - now))
            writes.append(asyncio.create_task(write(number)))
        await asyncio.gather(*writes)
        sample = acknowledged[:: max(1, len(acknowledged) // SAMPLE)]
        enforced, by_pop = await _enforced(stub, sample)
    return Times(write_ms, enforced, by_pop, 1000 * late_s)


async def _enforced(stub: ProvisioningServiceStub, sample: Sequence[tuple[int, float]]) -> tuple[list[float], dict[str, list[float]]]:
    last: list[float] = []
    by_pop: dict[str, list[float]] = {}
    for position, acknowledged_s in sample:
        request = p.WaitAppliedRequest(position=position)
        answers = [answer async for answer in stub.WaitApplied(request)]
        missing = [answer.problem for answer in answers if not answer.is_applied]
        if missing or not answers:
            raise RuntimeError(f"position {position} is not enforced: {missing}")
        after = {answer.pop: answer.applied_time.ToNanoseconds() / 1e6 - 1000 * acknowledged_s for answer in answers}
        last.append(max(after.values()))
        for pop, value in after.items():
            by_pop.setdefault(pop, []).append(value)
    return last, by_pop


async def curve(platform: Platform, rates: Sequence[tuple[float, int]]) -> list[tuple[float, Times]]:
    """(writes per second, count) in turn."""
    await prepare(platform)
    numbers = itertools.count(1)
    return [(rate, await measure(platform, rate, count, next(numbers))) for rate, count in rates]
