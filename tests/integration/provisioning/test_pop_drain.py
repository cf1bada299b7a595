"""A drain is refused where those that are left are down, by what their neighbours say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

import grpc
import grpc.aio
import pytest
from helpers.nats import NatsServer
from helpers.pop_reports import reporting
from helpers.ports import free_port
from helpers.service import ServiceProcess
from helpers.waiting import until
from integration.provisioning.conftest import Service

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.runtime.errors import decode_status

LIMIT_S = 30.0
NAMES = ("eu1", "us1", "apac1")


@pytest.mark.parametrize(("drained", "dead"), [("apac1", ("us1",)), ("", ("us1", "apac1"))], ids=["one is down", "most are down"])
async def test_the_last_point_of_presence_that_lives_is_not_drained(
    nats_server: NatsServer, new_process: Callable[..., ServiceProcess], stack: AsyncExitStack, drained: str, dead: tuple[str, ...]
) -> None:
    pops = [{"name": name, "region": name[:-1], "edge": f"edge-{name}", "grpc_address": f"127.0.0.1:{free_port()}"} for name in NAMES]
    process = new_process(pops=pops)
    await process.start()
    try:
        operator = await Service(process, stack).stub()
        listing = partial(operator.ListPops, pb.ListPopsRequest())
        async with reporting(await nats_server.connect(), NAMES, NAMES, dead):

            def is_seen(answer: pb.ListPopsResponse) -> bool:
                return {pop.name for pop in answer.pops if pop.health == "down" or pop.health_reason} == set(dead)

            await until("they are seen dead", listing, is_seen, limit_s=LIMIT_S)
            if drained:
                await operator.DrainPop(pb.DrainPopRequest(pop=drained))
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await operator.DrainPop(pb.DrainPopRequest(pop="eu1"))
            problem = decode_status(raised.value)
            assert problem.reason == "LAST_POP" and all(pop in problem.message for pop in dead), problem
            await operator.DrainPop(pb.DrainPopRequest(pop="us1"))
    finally:
        await process.kill()
