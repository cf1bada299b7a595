"""`DecideCall`: what an edge would decide itself, asked of routing by an edge that cannot yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from helpers.nats import NatsServer
from helpers.routing import DECK, Client
from helpers.service import OPERATOR_KEY, REALM, ServiceProcess, control_state
from helpers.waiting import until

from trunkline.api.common.v1 import common_pb2
from trunkline.api.routing.v1 import routing_pb2
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub
from trunkline.domain import commands
from trunkline.domain.events import TenantId
from trunkline.domain.policy import AdmittedCall, decide_call
from trunkline.engine import Reject, Route
from trunkline.runtime.control import ControlState
from trunkline.runtime.deciding import decision_of
from trunkline.runtime.decision_messages import decision_in, request_of

ACME = TenantId("acme")
ANSWER_LIMIT_S = 10.0
CALLS = [
    AdmittedCall("acme", "acme", f"acme.{REALM}", "+31201234567", "31000000", "+31201234000", f"sip:31000000@acme.{REALM}"),
    AdmittedCall("acme", "acme", f"acme.eu1.{REALM}", "31201234567", "", "", f"sip:acme.{REALM}", ("id",)),
    AdmittedCall("acme", "acme", f"acme.{REALM}", "31201234567", "31000000", "", "sip:a@b", (), ("<sip:+31000000@x>",)),
    AdmittedCall("acme", "acme", f"acme.{REALM}", "+12125550100", "31000000", "+31201234000", "sip:a@b"),
    AdmittedCall("acme", "acme", f"acme.us1.{REALM}", "+31201234567", "31000000", "", "sip:a@b"),
    AdmittedCall("acme", "acme", f"acme.{REALM}", "no number", "31000000", "", "sip:a@b"),
    AdmittedCall("acme", "other", f"other.{REALM}", "+31201234567", "31000000", "", "sip:a@b"),
]


@pytest.fixture
async def edge(routing: ServiceProcess) -> AsyncIterator[RoutingServiceStub]:
    async with routing.channel_of("edge") as channel:
        yield RoutingServiceStub(channel)


@pytest.fixture
async def state(routing: ServiceProcess, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[ControlState]:
    """Two carriers, a deck, and the domain acme, which may call +31 only."""
    async with Client(routing) as client, control_state("provisioning", tmp_path / "other", nats_server) as opened:
        await client.carrier("alpha", "127.0.9.1", is_trusted=True)
        await client.carrier("beta", "127.0.9.4", region="us")
        await client.deck(DECK)
        for command in (
            commands.CreateTenant(ACME),
            commands.CreateDomain(ACME, "acme"),
            commands.SetClassOfService(ACME, "acme", ("31",)),
        ):
            await opened.write(command, common_pb2.WriteOptions(), actor="operator")
        yield opened


@pytest.mark.parametrize("region", ["eu", "us"])
async def test_each_call_is_decided_as_an_edge_with_the_same_replica_would(
    edge: RoutingServiceStub, state: ControlState, region: str
) -> None:
    await _until(edge, state.replica.covered)
    kinds = set()
    for asked in CALLS:
        mine = decision_of(decide_call(asked, state.directory, region=region, realm=REALM, randomness=0.5))
        response = await edge.DecideCall(request_of(asked, region))
        assert decision_in(response) == mine
        assert response.position >= state.replica.covered
        kinds.add((type(mine), mine.reason if isinstance(mine, Reject) else ""))
    assert {(Route, ""), (Reject, "T102"), (Reject, "T201"), (Reject, "T301")} <= kinds


async def test_only_edges_have_calls_decided(routing: ServiceProcess, edge: RoutingServiceStub) -> None:
    for channel in (routing.channel(OPERATOR_KEY), routing.channel_of("provisioning"), routing.channel_of("routing")):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await RoutingServiceStub(channel).DecideCall(request_of(CALLS[0], "eu"))
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await edge.DecideCall(routing_pb2.DecideCallRequest(number="3" * 100_000))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_routing_service_that_does_not_know_enough_lets_another_be_asked(nats_server: NatsServer, tmp_path: Path) -> None:
    cold = ServiceProcess("routing", tmp_path, nats_server)
    await nats_server.kill()
    try:
        await cold.start(is_awaited=False)
        async with cold.channel_of("edge") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await RoutingServiceStub(channel).DecideCall(request_of(CALLS[0], "eu"), timeout=ANSWER_LIMIT_S)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert "another region's" in (caught.value.details() or "")
    finally:
        await cold.kill()


async def _until(edge: RoutingServiceStub, position: int) -> None:
    """Until the service decides by what stands at this position."""
    await until(f"position {position}", lambda: edge.DecideCall(request_of(CALLS[0], "eu")), lambda answer: answer.position >= position)
