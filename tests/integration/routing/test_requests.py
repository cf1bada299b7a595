"""What the routing service answers: one process for all of these, with two carriers and a deck."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from helpers.routing import DECK, HEADER, Client
from helpers.secure_nats import SecureNats
from helpers.service import ServiceProcess, make_config

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2, routing_pb2_grpc

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("routing")
    nats = SecureNats(folder / "nats")
    service = ServiceProcess("routing", folder, nats)
    try:
        await nats.start()
        await make_config(nats)
        await service.start()
        yield service
    finally:
        await service.kill()
        await nats.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(routing: ServiceProcess) -> AsyncIterator[Client]:
    async with Client(routing) as made:
        await made.carriers()
        await made.deck(DECK)
        yield made


@pytest.mark.parametrize(("number", "reason"), [("31-20", "T102"), ("+2101234567", "T404"), ("+49301234567", "T401")])
async def test_a_number_that_goes_nowhere_says_why(client: Client, number: str, reason: str) -> None:
    answer = await client.resolve(number)
    assert (answer.reason, list(answer.gateways)) == (reason, [])


async def test_a_carrier_without_gateways_says_so(client: Client) -> None:
    await client.carrier("lonely")
    await client.deck(HEADER + "351,lonely,0,1,1,PT\n", name="lonely")
    assert (await client.resolve("+351211234567")).reason == "T403"


async def test_a_bad_deck_is_refused_whole_with_line_and_column(client: Client) -> None:
    problem = await client.problem(
        client.deck(HEADER + "49,alpha,0,1,1,DE\n49x,alpha,0,1,1,DE\n49,gamma,0,1,1.5,DE\n49,alpha,0,1,free,DE\n")
    )
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "DECK_INVALID", "csv")
    for place in ("line 3, column prefix", "line 4, column carrier", "line 5, column rate"):
        assert place in problem.message
    assert (await client.resolve("+31201234567")).prefix == "31"
    assert (await client.resolve("+4930123456")).reason == "T401"


async def test_carriers_are_changed_and_listed_with_their_gateways(client: Client) -> None:
    await client.carrier("gamma", "127.0.8.1", "127.0.8.3")
    await client.carrier("delta", "127.0.8.2")
    await client.stub.ChangeCarrier(
        routing_pb2.ChangeCarrierRequest(
            carrier="delta", settings=config_pb2.CarrierSettings(is_trusted=True, pdd_limit_s=7, takes_refer=True)
        )
    )
    await client.stub.RemoveGateway(routing_pb2.RemoveGatewayRequest(carrier="gamma", gateway="g1"))
    found = {carrier.name: carrier for carrier in (await client.stub.ListCarriers(routing_pb2.ListCarriersRequest())).carriers}
    gamma, delta = found["gamma"], found["delta"]
    assert [gateway.name for gateway in gamma.gateways] == ["g2"]
    assert (delta.settings.is_trusted, delta.settings.pdd_limit_s, gamma.settings.pdd_limit_s) == (True, 7, 20)
    assert (delta.settings.takes_refer, gamma.settings.takes_refer) == (True, False)


async def test_a_gateway_over_tls_has_its_port_and_the_name_of_its_certificate(client: Client) -> None:
    await client.stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier="secure", settings=config_pb2.CarrierSettings(pdd_limit_s=20)))
    wanted = routing_pb2.Gateway(name="g1", host="2001:db8::9", region="eu", transport="tls", tls_name="sip.carrier.example")
    answer = await client.stub.AddGateway(routing_pb2.AddGatewayRequest(carrier="secure", gateway=wanted))
    (made,) = answer.carrier.gateways
    assert (made.host, made.port, made.transport, made.tls_name) == ("2001:db8::9", 5061, "tls", "sip.carrier.example")


@pytest.mark.parametrize(
    ("gateway", "field"),
    [
        (routing_pb2.Gateway(name="g1", host="carrier.example.com", region="eu"), "gateway.host"),
        (routing_pb2.Gateway(name="g1", host="192.0.2.1", region="eu", transport="sctp"), "gateway.transport"),
        (routing_pb2.Gateway(name="g1", host="192.0.2.1", region="eu", transport="tls", tls_name="*.example.com"), "gateway.tls_name"),
        (routing_pb2.Gateway(name="G 1", host="192.0.2.1", region="eu"), "gateway.name"),
        (routing_pb2.Gateway(name="g1", host="192.0.2.1"), "gateway.region"),
    ],
)
async def test_a_bad_gateway_names_the_field(client: Client, gateway: routing_pb2.Gateway, field: str) -> None:
    problem = await client.problem(client.stub.AddGateway(routing_pb2.AddGatewayRequest(carrier="alpha", gateway=gateway)))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", field)


async def test_a_gateway_is_changed_once_and_at_the_version_that_was_meant(client: Client) -> None:
    await client.carrier("moving", "127.0.7.1")
    version = (
        await client.stub.AddGateway(
            routing_pb2.AddGatewayRequest(carrier="moving", gateway=routing_pb2.Gateway(name="b", host="127.0.7.2", region="eu"))
        )
    ).carrier.version
    write = common_pb2.WriteOptions(request_id="move-1", expected_version=version)
    request = routing_pb2.ChangeGatewayRequest(carrier="moving", gateway="b", host="127.0.7.3", port=5070, weight=0, write=write)
    moved, again = await client.stub.ChangeGateway(request), await client.stub.ChangeGateway(request)
    assert (moved.receipt.repeated, again.receipt.repeated, again.receipt.position) == (False, True, moved.receipt.position)
    [changed] = [each for each in again.carrier.gateways if each.name == "b"]
    assert (changed.host, changed.port, changed.weight, changed.transport, changed.region) == ("127.0.7.3", 5070, 0, "udp", "eu")
    request.write.request_id, request.port = "move-2", 5080
    problem = await client.problem(client.stub.ChangeGateway(request))
    assert (problem.code, problem.reason) == ("ABORTED", "VERSION_CHANGED")
    problem = await client.problem(client.stub.ChangeGateway(routing_pb2.ChangeGatewayRequest(carrier="moving", gateway="b", host="g1")))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", "host")
    problem = await client.problem(client.stub.ChangeGateway(routing_pb2.ChangeGatewayRequest(carrier="moving", gateway="c")))
    assert problem.code == "NOT_FOUND"


async def test_only_operators_write(routing: ServiceProcess, client: Client) -> None:
    async with routing.channel_of("provisioning") as channel:
        stub: Any = routing_pb2_grpc.RoutingServiceStub(channel)
        problem = await client.problem(stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier="omega")))
        assert (problem.code, problem.reason) == ("PERMISSION_DENIED", "SERVICE_NOT_ALLOWED")
    names = [carrier.name for carrier in (await client.stub.ListCarriers(routing_pb2.ListCarriersRequest())).carriers]
    assert "alpha" in names and "omega" not in names


async def test_a_stale_version_is_refused(client: Client) -> None:
    write = common_pb2.WriteOptions(expected_version=7)
    request = routing_pb2.ChangeCarrierRequest(carrier="alpha", settings=config_pb2.CarrierSettings(pdd_limit_s=7), write=write)
    problem = await client.problem(client.stub.ChangeCarrier(request))
    assert (problem.code, problem.reason) == ("ABORTED", "VERSION_CHANGED")


async def test_a_carrier_is_not_changed_by_leaving_its_settings_out(client: Client) -> None:
    problem = await client.problem(client.stub.ChangeCarrier(routing_pb2.ChangeCarrierRequest(carrier="alpha")))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", "settings")
