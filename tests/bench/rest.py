"""Writes a second over REST, and the same over gRPC in the same run: what HTTP, JSON and one more process cost.

Each write sets a domain's limits, whose answer does not grow, and is answered when it stands in the log. One after another the time is that
of the log; many at once go to as many domains, so that none waits for another. REST takes turns with gRPC, and its process's CPU is read
from the kernel.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from figures import Row, percentile
from helpers.platform import Platform, free_loopback
from helpers.platform_grpc import channel
from options import Options

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

TENANT = "restbench"
AT_ONCE = (1, 32)
ROUNDS = 3
WRITES = {1: 100, 32: 1_000}
KEYS = 16
"""Used in turn: one alone is bounded to 100 requests a second."""

Write = Callable[[int, int], Awaitable[None]]
"""The number of the writer, whose domain it is, and of the write."""


def rows(options: Options) -> list[Row]:
    platform = Platform(options.folder / "rest", free_loopback())
    platform.start()
    try:
        return asyncio.run(_rows(platform))
    finally:
        platform.stop()


async def _rows(platform: Platform) -> list[Row]:
    numbers = itertools.count(1)
    found: list[Row] = []
    async with channel(platform, "provisioning-eu", deadline_s=30) as opened, httpx2.AsyncClient(timeout=30) as client:
        stub = ProvisioningServiceStub(opened)
        keys = await _prepare(platform, stub, client)

        async def by_grpc(writer: int, number: int) -> None:
            await stub.SetLimits(p.SetLimitsRequest(tenant=TENANT, label=f"{TENANT}{writer}", max_calls=number))

        async def by_rest(writer: int, number: int) -> None:
            url = f"{platform.local['rest']}/v1/domains/{TENANT}{writer}/limits"
            headers = {"Authorization": f"Bearer {keys[number % KEYS]}"}
            answer = await client.put(url, json={"max_calls": number}, headers=headers)
            if answer.status_code != 200:
                raise RuntimeError(f"{answer.status_code}: {answer.text}")

        for at_once in AT_ONCE:
            for round_ in range(ROUNDS):
                for way, write in (("grpc", by_grpc), ("rest", by_rest)):
                    before_s = _cpu_s(platform)
                    times, took_s = await _measure(write, at_once, WRITES[at_once], numbers)
                    row: Row = {"way": way, "at_once": at_once, "round": round_, "writes_per_s": round(len(times) / took_s)}
                    row |= {f"ms_p{share}": percentile(times, share) for share in (50, 99)}
                    row["rest_cpu_us"] = round(1e6 * (_cpu_s(platform) - before_s) / len(times))
                    found.append(row)
                    print(f"  {row}", flush=True)
    return found


async def _prepare(platform: Platform, stub: ProvisioningServiceStub, client: httpx2.AsyncClient) -> list[str]:
    """The tenant, its domains, and its keys, made by REST."""
    await stub.CreateTenant(p.CreateTenantRequest(write=WriteOptions(request_id="rb"), tenant=TENANT, name="REST"))
    for number in range(max(AT_ONCE)):
        await stub.CreateDomain(p.CreateDomainRequest(tenant=TENANT, label=f"{TENANT}{number}"))
    headers = {"Authorization": f"Bearer {platform.local['operator']['api_key']}"}
    keys = []
    for number in range(KEYS):
        url = f"{platform.local['rest']}/v1/keys?tenant={TENANT}"
        answer = await client.post(url, content=json.dumps({"name": str(number)}), headers={**headers, "Content-Type": "application/json"})
        keys.append(answer.json()["key"])
    return keys


async def _measure(write: Write, at_once: int, count: int, numbers: itertools.count[int]) -> tuple[list[float], float]:
    """Milliseconds of each, seconds of all."""
    times: list[float] = []
    left = iter(range(count))

    async def writer(which: int) -> None:
        for _ in left:
            began = time.perf_counter()
            await write(which, next(numbers))
            times.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    await asyncio.gather(*(writer(which) for which in range(at_once)))
    return times, time.perf_counter() - began


def _cpu_s(platform: Platform) -> float:
    """That REST's process has used."""
    fields = Path(f"/proc/{platform.refresh()['pids']['rest-eu']}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
