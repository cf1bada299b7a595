"""Decks, and the routing service through kills, lost files and a log that is away: a process of its own on a real log."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.nats import NatsServer
from helpers.routing import DECK, HEADER, STANDARD, Client
from helpers.service import ServiceProcess, control_state, make_config
from helpers.waiting import until

from trunkline.api.common.v1 import common_pb2
from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.events import Position


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
    async with control_state("provisioning", tmp_path / "other", nats_server) as watcher:
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


async def test_while_a_file_is_read_and_while_it_is_written_the_listing_says_how_far(client: Client) -> None:
    await client.carriers()
    rows = "".join(f"31{number:06},alpha,0,1,0.01,NL {number}\n" for number in range(20_000))
    importing = asyncio.ensure_future(client.deck(HEADER + rows, name="watched"))
    read, filled = [0], [0]
    while not importing.done():
        for deck in (await client.stub.ListDecks(routing_pb2.ListDecksRequest())).decks:
            assert deck.name == "watched" and not (deck.read_rows and deck.filling_rows)
            read.append(deck.read_rows)
            filled.append(deck.filled_rows)
    assert (await importing).deck.rows == 20_000
    assert 0 < max(read) <= 20_001 and 0 < max(filled) <= 20_000
    [done] = (await client.stub.ListDecks(routing_pb2.ListDecksRequest())).decks
    assert (done.rows, done.read_rows, done.filling_rows) == (20_000, 0, 0)


async def test_how_far_an_import_is_never_goes_back_after_an_interrupted_one(routing: ServiceProcess, client: Client) -> None:
    await client.carriers()
    rows = "".join(f"31{number:06},alpha,0,1,0.01,NL {number}\n" for number in range(20_000))
    interrupted = asyncio.ensure_future(client.deck(HEADER + rows, name="watched"))
    while not any(deck.filled_rows >= 1_000 for deck in (await client.stub.ListDecks(routing_pb2.ListDecksRequest())).decks):
        assert not interrupted.done()
    await routing.kill()
    assert (await client.problem(interrupted)).code in ("UNAVAILABLE", "CANCELLED")
    await routing.start()
    async with Client(routing) as again:
        [left] = (await again.stub.ListDecks(routing_pb2.ListDecksRequest())).decks
        assert left.filled_rows >= 1_000
        importing = asyncio.ensure_future(again.deck(HEADER + rows.replace("NL", "Netherlands"), name="watched"))
        places: list[tuple[int, int]] = []
        while not importing.done():
            for deck in (await again.stub.ListDecks(routing_pb2.ListDecksRequest())).decks:
                places.append((1, deck.filled_rows) if deck.filling_rows else (0, deck.read_rows))
        assert (await importing).deck.rows == 20_000
    # Before the first line is read, what was left; after the last row, nothing is under way.
    begun = places[places.index(next(place for place in places if place[0] == 0 and place[1])) :]
    while begun[-1] == (0, 0):
        begun.pop()
    assert begun == sorted(begun) and begun[0][1] <= 20_001 and begun[-1][0] == 1


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


async def test_started_on_another_log_than_its_replica_is_of_it_builds_another_replica_and_serves_it(
    routing: ServiceProcess, client: Client, nats_server: NatsServer
) -> None:
    await client.carriers()
    await client.deck(DECK)
    assert await routing.stop() == 0
    await nats_server.forget()
    await nats_server.start()
    await make_config(nats_server)
    await routing.start()
    async with Client(routing) as again:
        await until("no deck", lambda: again.resolve("+31201234567"), lambda answer: answer.reason == "T401", limit_s=20)
        await again.carriers()
        await again.deck(DECK)
        assert (await again.resolve("+31201234567")).prefix == "31"
