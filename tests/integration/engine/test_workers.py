"""Three workers behind one address: whichever of them the kernel gives a message to, it comes to the one that has the call."""

from __future__ import annotations

import select
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import ANSWER_LIMIT_S, EngineBench, Peer, Sip, account, authorization, by_address, domain
from helpers.streams import connected

from trunkline.engine import Route, Target

WORKERS = 3
CALLS = 24
"""So many that with several sources each not all come to one worker: 3^-23."""


@pytest.fixture
def team(tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path, workers=WORKERS)
    bench.apply(*by_address())
    yield bench
    bench.close()


def answered(customer: Peer, gateway: Peer, call: str) -> tuple[Sip, Sip, str]:
    """The gateway's INVITE, the customer's 200, and the Route of its further requests."""
    customer.send(customer.request(call=call))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    answer = customer.final()
    assert answer.status == 200
    route = f"Route: {answer.one('Record-Route')}"
    customer.send(customer.request("ACK", call=call, to_tag=answer.to_tag, extra=(route,)))
    assert gateway.receive().start_line.startswith("ACK ")
    return invite, answer, route


def test_calls_of_many_sources_are_served_by_whom_they_come_to_and_responses_come_there_too(team: EngineBench) -> None:
    gateway = team.gateway()
    for number in range(CALLS):
        customer = team.peer()
        _, answer, route = answered(customer, gateway, f"call-{number}")
        customer.send(customer.request("BYE", call=f"call-{number}", cseq=2, to_tag=answer.to_tag, extra=(route,)))
        gateway.answer(gateway.receive(), "200 OK")
        assert customer.final().status == 200
    assert team.engine.live_calls() == []
    status = team.engine.status()
    assert status["admitted"] == CALLS and status["passed"] == 0, status
    facts = team.facts(4 * CALLS)
    assert len({fact["id"] for fact in facts}) == 4 * CALLS
    assert len({fact["id"].partition("-")[0] for fact in facts}) > 1, "one worker had all calls"
    assert [sum(kind in fact for fact in facts) for kind in ("attempted", "gateway_tried", "answered", "ended")] == [CALLS] * 4


def test_a_retransmission_and_a_cancel_from_another_port_come_to_their_call(team: EngineBench) -> None:
    gateway = team.gateway()
    for number in range(CALLS):
        customer, moved = team.peer(), team.peer()
        customer.send(customer.request(call=f"call-{number}"))
        invite = gateway.receive()
        moved.send(customer.request(call=f"call-{number}"))
        gateway.answer(invite, "180 Ringing")
        while customer.receive().status != 180:
            pass
        moved.send(customer.request("CANCEL", call=f"call-{number}"))
        cancel = gateway.receive()
        assert cancel.start_line.startswith("CANCEL "), "the copy was taken for a call of its own"
        gateway.answer(cancel, "200 OK")
        gateway.answer(invite, "487 Request Terminated")
        assert gateway.receive().start_line.startswith("ACK ")
        while (final := customer.final()).one("CSeq") != "1 INVITE":
            pass
        assert final.status == 487
        moved.send(customer.request("ACK", call=f"call-{number}", to_tag=final.to_tag))
    team.status_when("live_calls", 0)
    assert team.engine.status()["admitted"] == CALLS and team.engine.status()["passed"] > 0


def test_requests_of_a_dialog_find_it_from_either_side_and_any_port(team: EngineBench) -> None:
    gateway = team.gateway()
    for number in range(CALLS):
        customer, moved = team.peer(), team.peer()
        invite, answer, route = answered(customer, gateway, f"call-{number}")
        if number % 2:
            moved.send(moved.request("BYE", call=f"call-{number}", cseq=2, to_tag=answer.to_tag, extra=(route,)))
            gateway.answer(gateway.receive(), "200 OK")
            assert moved.final().status == 200
        else:
            text = gateway.request("BYE", call=f"call-{number}", cseq=7, extra=(f"Route: {invite.one('Record-Route')}",))
            text = text.replace(text.split("\r\n")[2], f"From: {invite.one('To')};tag=gateway")
            text = text.replace(text.split("\r\n")[3], f"To: {invite.one('From')}")
            gateway.reply(invite, text)
            bye = customer.receive()
            assert bye.start_line.startswith("BYE "), bye
            customer.answer(bye, "200 OK")
            assert gateway.final().status == 200
    assert team.engine.live_calls() == []
    assert team.engine.status()["passed"] > 0
    ended = [fact["ended"] for fact in team.facts(4 * CALLS) if "ended" in fact]
    assert sorted(end["by"] for end in ended) == ["callee"] * (CALLS // 2) + ["caller"] * (CALLS // 2)


def test_what_leaves_over_a_connection_leaves_by_the_worker_that_has_it(tmp_path: Path) -> None:
    bench = EngineBench(tmp_path, workers=WORKERS, listen=[("127.0.0.1", 0), ("127.0.0.1", 0, "tcp")])
    try:
        bench.apply(*by_address())
        gateway, connections = bench.gateway(), []
        for number in range(CALLS):
            customer = connected(bench.engine.addresses[1])
            connections.append(customer)
            invite, answer, route = answered(customer, gateway, f"call-{number}")
            # A request of the carrier comes to any worker and leaves over the customer's connection.
            text = gateway.request("OPTIONS", call=f"call-{number}", cseq=7, extra=(f"Route: {invite.one('Record-Route')}",))
            lines = text.split("\r\n")
            lines[2], lines[3] = f"From: {invite.one('To')};tag=gateway", f"To: {invite.one('From')}"
            gateway.reply(invite, "\r\n".join(lines))
            options = customer.receive()
            assert options.start_line.startswith("OPTIONS "), options
            customer.answer(options, "200 OK")
            assert gateway.final().status == 200
            # The connection is new; its worker may be another than the call's, and so is the one that the answer leaves by.
            moved = connected(bench.engine.addresses[1])
            connections.append(moved)
            moved.send(moved.request("BYE", call=f"call-{number}", cseq=2, to_tag=answer.to_tag, extra=(route,)))
            gateway.answer(gateway.receive(), "200 OK")
            assert moved.final().status == 200
        assert bench.engine.live_calls() == []
        assert bench.engine.status()["passed"] > 0
    finally:
        bench.close()
        for connection in connections:
            connection.close()


def test_a_worker_that_has_heard_nothing_itself_knows_the_keys_of_calls_that_are_handed_to_it(tmp_path: Path) -> None:
    first, sibling = (EngineBench(tmp_path / name, workers=2) for name in ("first", "sibling"))
    try:
        first.apply(*by_address())
        gateway = first.gateway()
        calls = []
        for number in range(CALLS):
            customer = first.peer()
            calls.append((customer, number, *answered(customer, gateway, f"call-{number}")))
        assert len({call.call[-2:] for call in first.engine.live_calls()}) == 2, "one worker had all calls"
        first.engine.stop()
        sibling.apply(*by_address())
        # By one way, so that all come to one of the workers.
        moved = sibling.peer()
        for customer, number, _, answer, route in calls:
            moved.send(customer.request("BYE", call=f"call-{number}", cseq=2, to_tag=answer.to_tag, extra=(route,)))
            gateway.answer(gateway.receive(), "200 OK")
    finally:
        first.close()
        sibling.close()


def test_credentials_are_good_at_one_worker_once(team: EngineBench) -> None:
    team.apply(domain("acme/ACCOUNTS"), account("acme/ACCOUNTS", "31000000", "secret"), position=3)
    team.gateway()
    first = team.peer()
    first.send(first.request())
    credentials = authorization(first.final().one("Proxy-Authenticate"), "31000000", "secret")
    statuses = []
    for number in range(CALLS):
        peer = team.peer()
        peer.send(peer.request(call=f"call-{number}", cseq=2, extra=(credentials,)))
        statuses.append(peer.receive().status)
    assert statuses == [100] + [407] * (CALLS - 1)
    assert select.select([team.engine.nonces_fileno()], [], [], ANSWER_LIMIT_S)[0], "nobody is told of the use"
    assert len(team.engine.take_used_nonces()) == 20
    assert not select.select([team.engine.nonces_fileno()], [], [], 0)[0]


def test_live_calls_and_hang_up_are_of_all_workers(team: EngineBench) -> None:
    gateway = team.gateway()
    customers = [team.peer() for _ in range(CALLS)]
    for number, customer in enumerate(customers):
        answered(customer, gateway, f"call-{number}")
    live = team.engine.live_calls()
    assert len({call.call for call in live}) == CALLS and team.engine.status()["live_calls"] == CALLS
    assert len({call.call[-2:] for call in live}) > 1
    assert team.engine.hang_up(reason="T601", call=live[0].call) == 1
    assert team.engine.hang_up(reason="T603", tenant="acme") in (CALLS - 1, CALLS)
    for customer in customers:
        bye = customer.receive()
        assert bye.start_line.startswith("BYE ")
        customer.answer(bye, "200 OK")
    team.status_when("live_calls", 0)


def test_a_refused_port_is_told_to_the_worker_that_has_tried_it(team: EngineBench) -> None:
    gone, gateway = team.gateway(), team.gateway()
    gone.close()
    targets = (Target("gone", "alpha", *gone.address), Target("there", "alpha", *gateway.address))
    team.decide = lambda _: Route(targets)
    for number in range(CALLS):
        customer = team.peer()
        customer.send(customer.request(call=f"call-{number}"))
        gateway.answer(gateway.receive(1.0), "486 Busy Here")
        assert gateway.receive().start_line.startswith("ACK ")
        assert customer.final().status == 486
    causes = [fact["gateway_failed"]["cause"] for fact in team.facts(6 * CALLS) if "gateway_failed" in fact]
    assert sorted(causes) == ["icmp"] * CALLS + ["status"] * CALLS
