"""Receipts: what a real edge has applied, beside one that is not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from helpers.nats import NatsServer
from helpers.platform import free_loopback
from helpers.ports import free_port
from helpers.service import ServiceProcess
from helpers.waiting import until
from integration.provisioning.conftest import Service

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb


@pytest.fixture
async def with_edge(
    nats_server: NatsServer, tmp_path: Path, new_process: Callable[..., ServiceProcess], stack: AsyncExitStack
) -> AsyncIterator[tuple[Service, ServiceProcess]]:
    auth = ServiceProcess("auth", tmp_path, nats_server, kek_file=tmp_path / "kek", pops=["eu1", "us1"])
    loopback = free_loopback()
    edge = ServiceProcess("edge", tmp_path, nats_server, pop="eu1", listen=[f"{loopback}.1.1:5060"], auth_addresses=[auth.address])
    pops = [
        {"name": "eu1", "region": "eu", "edge": "edge", "grpc_address": edge.address},
        {"name": "us1", "region": "us", "edge": "edge-us1", "grpc_address": f"127.0.0.1:{free_port()}"},
    ]
    provisioning = new_process(auth_addresses=[auth.address], pops=pops)
    try:
        await asyncio.gather(auth.start(), provisioning.start())  # auth waits for the stream that provisioning makes
        await edge.start()
        yield Service(provisioning, stack), edge
    finally:
        for process in (edge, provisioning, auth):
            await process.kill()


async def test_a_receipt_says_where_a_change_is_in_force_and_names_who_cannot_be_reached(
    with_edge: tuple[Service, ServiceProcess],
) -> None:
    service, edge = with_edge
    acme = await service.tenant("acme")
    for number in range(5):
        created = await acme.CreateAcl(pb.CreateAclRequest(acl=f"acl-{number}"))
        request = pb.WaitAppliedRequest(position=created.receipt.position, pops=["eu1"])
        (applied,) = [one async for one in acme.WaitApplied(request)]
        assert (applied.pop, applied.edge, applied.is_applied, applied.problem) == ("eu1", "edge", True, "")
        assert applied.position >= created.receipt.position
        assert applied.applied_time.seconds > 0
    everyone = {one.pop: one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1))}
    assert everyone["eu1"].is_applied and not everyone["us1"].is_applied
    assert "edge-us1" in everyone["us1"].problem
    pops = {pop.name: pop for pop in (await acme.ListPops(pb.ListPopsRequest())).pops}
    assert (pops["eu1"].is_reachable, pops["eu1"].state) == (True, "READY")
    assert pops["eu1"].position == (await acme.ListPops(pb.ListPopsRequest())).head
    assert len(pops["eu1"].digest) == 32
    assert (pops["us1"].is_reachable, pops["us1"].state) == (False, "UNREACHABLE")
    ahead = pb.WaitAppliedRequest(position=created.receipt.position + 1000, pops=["eu1"], timeout=Duration(nanos=200_000_000))
    (late,) = [one async for one in acme.WaitApplied(ahead)]
    assert not late.is_applied and str(created.receipt.position) in late.problem
    await edge.kill()
    (dead,) = [one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1, pops=["eu1"]))]
    assert not dead.is_applied and "edge" in dead.problem
    await edge.start()

    async def back() -> pb.WaitAppliedResponse:
        (one,) = [one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1, pops=["eu1"]))]
        return one

    # The channel may have to wait out its backoff, which is as long as an edge is waited for.
    await until("the edge is reached again", back, lambda one: one.is_applied, limit_s=30.0)
