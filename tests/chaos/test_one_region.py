"""One region's NATS server killed, frozen, cut off and restarted, home's too, under commands and calls: nothing lost, nothing doubled.

`TRUNKLINE_CHAOS_COMMANDS` (10,000) and `TRUNKLINE_CHAOS_CALLS` per second (100). What is printed is what is measured: seconds from the end
of a fault until every point of presence stands at the head of the log again, and until the log takes writes again where home was hit.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import pytest
from commands import Commands
from helpers import sipp
from helpers.everywhere import POPS, answered_so_far, demo_caller, equal_digests, load, must_all_succeed, totals
from helpers.platform import Platform, running_platform, wait_for
from helpers.platform_grpc import channel

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

COUNT = int(os.environ.get("TRUNKLINE_CHAOS_COMMANDS", "10000"))
CALLS = int(os.environ.get("TRUNKLINE_CHAOS_CALLS", "100"))
COMMANDS_PER_S = 50
REST_S = 8.0
"""Between two faults, and before the first."""

LOOK_S = 0.02
RECOVERY_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin` and `end` are actions of the laboratory, `lasts_s` what lies between."""

    name: str
    begin: tuple[str, ...]
    end: tuple[str, ...]
    lasts_s: float


FAULTS = (
    Fault("nats-us killed", ("kill", "nats-us"), (), 0),
    Fault("nats-us gone for 3 s", ("hold", "nats-us"), ("release", "nats-us"), 3),
    Fault("nats-us frozen for 12 s", ("freeze", "nats-us"), ("thaw", "nats-us"), 12),
    Fault("link of us cut for 8 s", ("hold", "link-us"), ("release", "link-us"), 8),
    Fault("link of us a black hole for 12 s", ("freeze", "link-us"), ("thaw", "link-us"), 12),
    Fault("nats-us restarted", ("restart", "nats-us"), (), 0),
    Fault("home's nats-eu killed", ("kill", "nats-eu"), (), 0),
    Fault("home's nats-eu gone for 3 s", ("hold", "nats-eu"), ("release", "nats-eu"), 3),
    Fault("home's nats-eu frozen for 6 s", ("freeze", "nats-eu"), ("thaw", "nats-eu"), 6),
    Fault("home's nats-eu restarted", ("restart", "nats-eu"), (), 0),
)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path, links=("us=0", "apac=0")) as platform:
        yield platform


@pytest.mark.timeout(3600)
def test_one_regions_nats_fails_in_every_way_and_nothing_is_lost_or_doubled(platform: Platform, tmp_path: Path) -> None:
    asyncio.run(_scenario(platform, tmp_path))


async def _scenario(platform: Platform, folder: Path) -> None:
    before = totals(platform)
    commands = Commands(platform, COMMANDS_PER_S, seed=secrets.randbelow(1 << 32))
    await commands.prepare()
    faults_s = sum(fault.lasts_s + REST_S for fault in FAULTS) + REST_S
    seconds = int(max(faults_s, COUNT / COMMANDS_PER_S)) + 20
    steps = sipp.answered_call(demo_caller(platform, "+31203030303"))
    calling = asyncio.create_task(asyncio.to_thread(load, platform, folder / "load", steps, POPS, rate=CALLS, seconds=seconds))
    commanding = asyncio.create_task(commands.run(COUNT))
    rows: list[tuple[str, float, float]] = []
    for fault in FAULTS:
        await asyncio.sleep(REST_S)
        assert not commanding.done() or commanding.exception() is None
        rows.append((fault.name, *await _suffer(platform, fault)))
        print(f"{rows[-1][0]:40} writes again after {rows[-1][1]:6.2f} s   all POPs at the head after {rows[-1][2]:6.2f} s", flush=True)
    await commanding
    results = await calling
    count = must_all_succeed(results)
    await commands.check()
    same = await asyncio.to_thread(equal_digests, platform)
    await asyncio.to_thread(
        wait_for, "every record", lambda: answered_so_far(platform) == before.answered + count, timeout_s=120, every_s=0.5
    )
    assert totals(platform).records == before.records + count
    done = commands.done
    print(f"{len(done.requests)} commands, {done.retries} sent again, the slowest {done.worst_s:.2f} s; {count} calls, none failed")
    print(f"all digests {same['digest']} at position {same['position']}")


async def _suffer(platform: Platform, fault: Fault) -> tuple[float, float]:
    """Seconds from the end of the fault: until a write is taken, and until every point of presence has applied it."""
    await asyncio.to_thread(platform.lab, *fault.begin)
    await asyncio.sleep(fault.lasts_s)
    if fault.end:
        await asyncio.to_thread(platform.lab, *fault.end)
    ended = time.monotonic()
    async with _provisioning(platform) as stub:
        position = await _written(stub)
        writes_s = time.monotonic() - ended
        await _everywhere(stub, position)
    return writes_s, time.monotonic() - ended


async def _written(stub: ProvisioningServiceStub) -> int:
    """The position of a write, tried until it is taken."""
    name = f"MARK_{secrets.token_hex(4)}"
    limit = time.monotonic() + RECOVERY_LIMIT_S
    while True:
        try:
            answer = await stub.CreateAcl(p.CreateAclRequest(tenant="chaos", acl=name, write={"request_id": name}), timeout=1)  # type: ignore[arg-type]
        except grpc.aio.AioRpcError as error:
            assert time.monotonic() < limit, f"no write within {RECOVERY_LIMIT_S} s: {error.details()}"
            await asyncio.sleep(LOOK_S)
        else:
            return answer.receipt.position


async def _everywhere(stub: ProvisioningServiceStub, position: int) -> None:
    limit = time.monotonic() + RECOVERY_LIMIT_S
    while True:
        pops = (await stub.ListPops(p.ListPopsRequest())).pops
        behind = [pop.name for pop in pops if not pop.is_reachable or pop.position < position]
        if not behind:
            return
        assert time.monotonic() < limit, f"not at {position} within {RECOVERY_LIMIT_S} s: {behind}"
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _provisioning(platform: Platform) -> AsyncIterator[ProvisioningServiceStub]:
    async with channel(platform, "provisioning-eu") as opened:
        yield ProvisioningServiceStub(opened)
