"""The routing service as its callers see it: a process of its own on a real log."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from helpers.nats import NatsServer
from helpers.service import SERVICE_KEY, ServiceProcess, control_state

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2, routing_pb2_grpc
from trunkline.domain.events import DeckId, Position
from trunkline.runtime.errors import Problem, decode_status

STANDARD = DeckId("standard")
HEADER = "prefix,carrier,priority,weight,rate,destination\n"
DECK = (
    HEADER
    + "31,alpha,0,1,0.0125,Netherlands\n"
    + "3197,beta,0,1,0.02,Netherlands machines\n"
    + "3197,alpha,1,1,0.03,Netherlands machines\n"
    + "1,beta,0,1,0.005,North America\n"
)


class Client:
    """The service's stub with the requests written shorter."""

    def __init__(self, service: ServiceProcess) -> None:
        self._channel = service.channel()
        self.stub: Any = routing_pb2_grpc.RoutingServiceStub(self._channel)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def carrier(self, name: str, *hosts: str, is_trusted: bool = False, region: str = "eu") -> None:
        settings = config_pb2.CarrierSettings(is_trusted=is_trusted, has_pai_on_ack=True)
        await self.stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier=name, settings=settings))
        for number, host in enumerate(hosts, 1):
            gateway = routing_pb2.Gateway(name=f"g{number}", host=host, port=5060, transport="udp", region=region, priority=number)
            await self.stub.AddGateway(routing_pb2.AddGatewayRequest(carrier=name, gateway=gateway))

    async def carriers(self) -> None:
        await self.carrier("alpha", "127.0.9.1", "127.0.9.3", is_trusted=True)
        await self.carrier("beta", "127.0.9.2")

    async def deck(self, csv: str, *, name: str = "standard", request_id: str = "", chunk: int = 1 << 20) -> routing_pb2.ImportDeckResponse:
        def messages() -> Iterator[routing_pb2.ImportDeckRequest]:
            write = common_pb2.WriteOptions(request_id=request_id)
            yield routing_pb2.ImportDeckRequest(deck=name, currency="EUR", write=write)
            content = csv.encode()
            for start in range(0, len(content), chunk):
                yield routing_pb2.ImportDeckRequest(csv=content[start : start + chunk])

        response: routing_pb2.ImportDeckResponse = await self.stub.ImportDeck(messages())
        return response

    async def resolve(self, number: str, **fields: Any) -> routing_pb2.ResolveResponse:
        response: routing_pb2.ResolveResponse = await self.stub.Resolve(routing_pb2.ResolveRequest(number=number, **fields))
        return response

    async def problem(self, work: Any) -> Problem:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await work
        return decode_status(caught.value)


@pytest.fixture
async def client(routing: ServiceProcess) -> AsyncIterator[Client]:
    async with Client(routing) as made:
        yield made


async def test_a_number_goes_by_its_longest_prefix_to_the_carriers_gateways_in_order(client: Client) -> None:
    await client.carriers()
    response = await client.deck(DECK)
    assert (response.deck.revision, response.deck.rows, response.deck.currency) == (1, 4, "EUR")
    answer = await client.resolve("+31201234567")
    assert (answer.reason, answer.prefix, answer.destination) == ("", "31", "Netherlands")
    assert [(gateway.carrier, gateway.gateway, gateway.address) for gateway in answer.gateways] == [
        ("alpha", "g1", "127.0.9.1:5060"),
        ("alpha", "g2", "127.0.9.3:5060"),
    ]
    assert (answer.gateways[0].rate_micros, answer.gateways[0].currency) == (12_500, "EUR")
    machine = await client.resolve("31971234567")
    assert machine.prefix == "3197"
    assert [gateway.carrier for gateway in machine.gateways] == ["beta", "alpha", "alpha"]
    assert machine.position == response.receipt.position


@pytest.mark.parametrize(("number", "reason"), [("31-20", "T102"), ("+2101234567", "T404"), ("+49301234567", "T401")])
async def test_a_number_that_goes_nowhere_says_why(client: Client, number: str, reason: str) -> None:
    await client.carriers()
    await client.deck(DECK)
    answer = await client.resolve(number)
    assert (answer.reason, list(answer.gateways)) == (reason, [])


async def test_a_carrier_without_gateways_says_so(client: Client) -> None:
    await client.carrier("alpha")
    await client.deck(HEADER + "31,alpha,0,1,1,NL\n")
    assert (await client.resolve("+31201234567")).reason == "T403"


async def test_a_bad_deck_is_refused_whole_with_line_and_column(client: Client) -> None:
    await client.carriers()
    await client.deck(DECK)
    problem = await client.problem(
        client.deck(HEADER + "49,alpha,0,1,1,DE\n49x,alpha,0,1,1,DE\n49,gamma,0,1,1.5,DE\n49,alpha,0,1,free,DE\n")
    )
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "DECK_INVALID", "csv")
    for place in ("line 3, column prefix", "line 4, column carrier", "line 5, column rate"):
        assert place in problem.message
    assert (await client.resolve("+31201234567")).prefix == "31"
    assert (await client.resolve("+4930123456")).reason == "T401"


async def test_a_new_deck_replaces_the_old_one_as_a_whole(client: Client) -> None:
    await client.carriers()
    await client.deck(DECK)
    again = await client.deck(HEADER + "49,alpha,0,1,1,DE\n")
    assert (again.deck.revision, again.deck.rows) == (2, 1)
    assert (await client.resolve("+31201234567")).reason == "T401"
    assert (await client.resolve("+4930123456")).prefix == "49"


async def test_a_repeated_import_gives_the_first_answer(client: Client) -> None:
    await client.carriers()
    first = await client.deck(DECK, request_id="import-1")
    again = await client.deck(DECK, request_id="import-1", chunk=7)
    assert (again.receipt.position, again.receipt.commit_id) == (first.receipt.position, first.receipt.commit_id)
    assert (first.receipt.repeated, again.receipt.repeated) == (False, True)
    assert again.deck.revision == 1
    problem = await client.problem(client.deck(DECK + "49,alpha,0,1,1,DE\n", request_id="import-1"))
    assert problem.reason == "REQUEST_ID_REUSED"


async def test_an_import_that_a_kill_interrupts_changes_no_call_and_goes_on_when_it_is_repeated(
    routing: ServiceProcess, client: Client, nats_server: NatsServer, tmp_path: Path
) -> None:
    await client.carriers()
    await client.deck(DECK)
    rows = HEADER + "".join(f"44{number:05},alpha,0,1,0.01,UK {number}\n" for number in range(40_000))
    async with control_state("watcher", tmp_path / "other", nats_server) as watcher:
        interrupted = asyncio.ensure_future(client.deck(rows, request_id="big"))
        while not (pending := watcher.directory.decks[STANDARD].pending) or pending.received < 5_000:
            await watcher.replica.wait_covered(Position(watcher.replica.covered + 1), 20)
        await routing.kill()
        assert (await client.problem(interrupted)).code in ("UNAVAILABLE", "CANCELLED")
        await routing.start()
        async with Client(routing) as again:
            assert (await again.resolve("+31201234567")).prefix == "31"
            await watcher.catch_up()
            before = watcher.directory.decks[STANDARD].pending
            assert before is not None and 5_000 <= before.received < 40_000, "the kill came in the middle"
            stood = watcher.replica.covered
            response = await again.deck(rows, request_id="big")
            assert (response.deck.revision, response.deck.rows, response.receipt.repeated) == (2, 40_000, False)
            chunks_left = (40_000 - before.received) // 500
            assert response.receipt.position == stood + chunks_left + 1, "only what was missing was written"
            assert (await again.resolve("+4439999")).destination == "UK 39999"
            assert (await again.resolve("+31201234567")).reason == "T401"


async def test_two_hundred_thousand_rows_are_imported_and_listed(client: Client) -> None:
    await client.carriers()
    rows = "".join(f"31{number:06},alpha,0,1,0.01,NL {number}\n" for number in range(200_000))
    response = await client.deck(HEADER + rows)
    assert response.deck.rows == 200_000
    answer = await client.resolve("+31199999123")
    assert (answer.prefix, answer.destination) == ("31199999", "NL 199999")
    page = await client.stub.ListRoutes(routing_pb2.ListRoutesRequest(prefix="3100000", page=common_pb2.Page(size=7)))
    assert [row.destination for row in page.rows] == [f"NL {number}" for number in range(7)]
    rest = await client.stub.ListRoutes(
        routing_pb2.ListRoutesRequest(prefix="3100000", page=common_pb2.Page(size=7, token=page.next_page_token))
    )
    assert [row.destination for row in rest.rows] == ["NL 7", "NL 8", "NL 9"]
    assert rest.next_page_token == ""


async def test_carriers_are_changed_and_listed_with_their_gateways(client: Client) -> None:
    await client.carriers()
    await client.stub.ChangeCarrier(
        routing_pb2.ChangeCarrierRequest(carrier="beta", settings=config_pb2.CarrierSettings(is_trusted=True, pdd_limit_s=7))
    )
    await client.stub.RemoveGateway(routing_pb2.RemoveGatewayRequest(carrier="alpha", gateway="g1"))
    alpha, beta = (await client.stub.ListCarriers(routing_pb2.ListCarriersRequest())).carriers
    assert [gateway.name for gateway in alpha.gateways] == ["g2"]
    assert (beta.settings.is_trusted, beta.settings.pdd_limit_s, alpha.settings.pdd_limit_s) == (True, 7, 20)


@pytest.mark.parametrize(
    ("gateway", "field"),
    [
        (routing_pb2.Gateway(name="g1", host="carrier.example.com", region="eu"), "gateway.host"),
        (routing_pb2.Gateway(name="g1", host="192.0.2.1", region="eu", transport="tls"), "gateway.transport"),
        (routing_pb2.Gateway(name="G 1", host="192.0.2.1", region="eu"), "gateway.name"),
        (routing_pb2.Gateway(name="g1", host="192.0.2.1"), "gateway.region"),
    ],
)
async def test_a_bad_gateway_names_the_field(client: Client, gateway: routing_pb2.Gateway, field: str) -> None:
    await client.carrier("alpha")
    problem = await client.problem(client.stub.AddGateway(routing_pb2.AddGatewayRequest(carrier="alpha", gateway=gateway)))
    assert (problem.code, problem.field) == ("INVALID_ARGUMENT", field)


async def test_only_operators_write(routing: ServiceProcess, client: Client) -> None:
    async with routing.channel(SERVICE_KEY) as channel:
        stub: Any = routing_pb2_grpc.RoutingServiceStub(channel)
        problem = await client.problem(stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier="alpha")))
        assert (problem.code, problem.reason) == ("PERMISSION_DENIED", "ROLE_NOT_ALLOWED")
        assert list((await stub.ListCarriers(routing_pb2.ListCarriersRequest())).carriers) == []


async def test_a_stale_version_is_refused(client: Client) -> None:
    await client.carrier("alpha")
    write = common_pb2.WriteOptions(expected_version=7)
    request = routing_pb2.ChangeCarrierRequest(carrier="alpha", settings=config_pb2.CarrierSettings(pdd_limit_s=7), write=write)
    problem = await client.problem(client.stub.ChangeCarrier(request))
    assert (problem.code, problem.reason) == ("ABORTED", "VERSION_CHANGED")


async def test_after_a_kill_and_with_its_file_deleted_the_service_answers_the_same(routing: ServiceProcess, client: Client) -> None:
    await client.carriers()
    await client.deck(DECK)
    before = await client.resolve("+31201234567")
    await routing.kill()
    await routing.start()
    async with Client(routing) as again:
        assert await again.resolve("+31201234567") == before
    await routing.kill()
    shutil.rmtree(routing.state_dir)
    await routing.start()
    async with Client(routing) as again:
        assert await again.resolve("+31201234567") == before


async def test_with_the_log_away_it_starts_answers_and_says_that_it_cannot_write(
    routing: ServiceProcess, client: Client, nats_server: NatsServer
) -> None:
    await client.carriers()
    await client.deck(DECK)
    assert await routing.stop() == 0
    await nats_server.kill()
    await routing.start()
    async with Client(routing) as again:
        assert (await again.resolve("+31201234567")).prefix == "31"
        problem = await again.problem(again.stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier="gamma")))
        assert (problem.code, problem.reason) == ("UNAVAILABLE", "LOG_UNAVAILABLE")
        await nats_server.start()
        await again.carrier("gamma")
        assert len((await again.stub.ListCarriers(routing_pb2.ListCarriersRequest())).carriers) == 3
