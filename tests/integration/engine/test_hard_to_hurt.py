"""Floods, bans and overload on the wire: who floods is not looked at, who is banned neither, and calls in progress come first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import HOST, NUMBER, REALM, SILENCE_S, EngineBench, Peer, Sip, by_address, domain

from trunkline.engine import Invite, Reject
from trunkline.engine.tables import ExemptAddress, LiftBan, RemoveAddress, SetAddress, SetBan, SetGateway

FLOOD = 600
ADDRESSES = "127.0.0.0/8"
OTHER = f"other.{REALM}"
# What makes an INVITE one that is refused before the access rule is asked: 420, 483, 403, 400, 440 and 416.
REFUSED_UNASKED = (
    ("Max-Forwards: 70", "Max-Forwards: 70\r\nProxy-Require: x"),
    ("Max-Forwards: 70", "Max-Forwards: 0"),
    ("Max-Forwards: 70", "Max-Forwards: 70\r\nRoute: <sip:192.0.2.1;lr>"),
    ("CSeq: 1 INVITE", "CSeq: 2147483647 INVITE"),
    ("Max-Forwards: 70", "Max-Forwards: 70\r\nMax-Breadth: 0"),
    ("INVITE sip:", "INVITE sips:"),
)


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[EngineBench]:
    """Strangers have 20 datagrams a second and 100 at once."""
    bench = EngineBench(tmp_path, stranger_rate=(20, 100))
    bench.apply(*by_address(ADDRESSES))
    bench.decide = lambda _: Reject("T401")
    yield bench
    bench.close()


def waiting(peer: Peer) -> Iterator[Sip]:
    """What has come so far."""
    while True:
        try:
            yield peer.receive(SILENCE_S)
        except TimeoutError:
            return


def refused(peer: Peer, call: str) -> Sip:
    """A whole attempt: INVITE, 404, ACK."""
    peer.send(peer.request(call=call))
    answer = peer.final()
    peer.send(peer.request("ACK", call=call, to_tag=answer.to_tag))
    return answer


def test_a_source_that_floods_is_not_looked_at_while_the_calls_of_another_go_on(narrow: EngineBench) -> None:
    flooder, customer = narrow.peer("127.0.0.66"), narrow.peer("127.0.0.77")
    for number in range(FLOOD):
        flooder.send(f"NOISE sip:{NUMBER} {number}\r\n\r\n")
    for number in range(60):
        assert refused(customer, f"call-{number}").start_line == "SIP/2.0 404 No Route T401"
    narrow.status_when("datagrams_received", FLOOD + 120)
    status = narrow.engine.status()
    # The customer's own first datagrams came before it was known; it was known after one call.
    assert FLOOD - 100 - 40 <= status["flooded"] <= FLOOD - 100, status
    assert status["admitted"] == 60


def test_a_source_whose_call_was_admitted_may_send_more_than_a_stranger(narrow: EngineBench) -> None:
    customer = narrow.peer("127.0.0.78")
    for number in range(150):
        assert refused(customer, f"call-{number}").status == 404
    assert narrow.engine.status()["flooded"] == 0


def test_a_customer_whose_address_is_listed_is_no_stranger_before_its_first_call(tmp_path: Path) -> None:
    bench = EngineBench(tmp_path, stranger_rate=(20, 100))
    try:
        bench.apply(*by_address("127.0.0.64/26"))
        bench.decide = lambda _: Reject("T401")
        listed, stranger = bench.peer("127.0.0.66"), bench.peer("127.0.0.130")
        for number in range(FLOOD):
            listed.send(listed.request("OPTIONS", call=f"option-{number}"))
        bench.status_when("datagrams_received", FLOOD)
        assert bench.engine.status()["flooded"] == 0
        for _ in range(FLOOD):
            stranger.send("NOISE\r\n\r\n")
        bench.status_when("datagrams_received", 2 * FLOOD)
        assert bench.engine.status()["flooded"] > 0
    finally:
        bench.close()


def test_a_flood_is_counted_for_its_source_and_minute(narrow: EngineBench) -> None:
    flooder = narrow.peer("127.0.0.66")
    for _ in range(FLOOD):
        flooder.send("NOISE\r\n\r\n")
    narrow.status_when("datagrams_received", FLOOD)
    flooded = narrow.engine.status()["flooded"]
    # A minute's counts are told when it is over, or when the engine stops.
    narrow.engine.stop()
    counted = [fact["counted"] for fact in narrow.facts(2) if "counted" in fact]
    assert {"source": "127.0.0.66", "what": "flood", "number": flooded} in [
        {name: row[name] for name in ("source", "what", "number")} for row in counted
    ]


def test_a_ban_holds_at_once_for_its_time_and_until_it_is_lifted(narrow: EngineBench) -> None:
    banned, other = narrow.peer("127.0.0.66"), narrow.peer("127.0.0.77")
    now_s = int(time.time())
    narrow.apply(SetBan("127.0.0.66", now_s + 600, "scan"), position=3)
    banned.send(banned.request())
    assert refused(other, "call-other").status == 404
    assert banned.hears_nothing()
    assert narrow.engine.status()["banned"] == 1
    narrow.apply(LiftBan("127.0.0.66"), position=4)
    assert refused(banned, "call-lifted").status == 404
    narrow.apply(SetBan("127.0.0.64/26", now_s - 1), position=5)
    assert refused(banned, "call-over").status == 404


def test_what_is_no_prefix_cannot_be_banned_and_a_gateway_is_never_banned(narrow: EngineBench) -> None:
    with pytest.raises(ValueError, match="cidr"):
        narrow.apply(SetBan("127.0.0.300", 2**40))
    gateway = narrow.peer("127.0.0.66")
    entry = SetGateway("alpha/eu", "alpha", *gateway.address, "udp", True)
    narrow.apply(entry, SetBan("127.0.0.66", int(time.time()) + 600), position=6)
    gateway.send(gateway.request("OPTIONS"))
    assert gateway.final().status == 200


def test_a_worker_that_is_behind_turns_new_calls_away_before_it_asks_anyone_and_serves_the_ones_it_has(bench: EngineBench) -> None:
    bench.apply(*by_address(ADDRESSES), domain("acme/OTHER", host=OTHER), SetAddress("acme/OTHER", "127.0.0.66/32", ""))
    bench.apply(SetBan("127.0.0.66", int(time.time()) + 600, "scan"), position=3)
    gateway = bench.gateway()
    customer = bench.peer("127.0.0.77")
    customer.send(customer.request(call="call-up"))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    answer = customer.final()
    route = f"Route: {answer.one('Record-Route')}"
    customer.send(customer.request("ACK", call="call-up", to_tag=answer.to_tag, extra=(route,)))
    assert gateway.receive().start_line.startswith("ACK ")
    ringing = bench.peer("127.0.0.78")
    ringing.send(ringing.request(call="call-ringing"))
    gateway.answer(gateway.receive(), "180 Ringing")
    assert [ringing.receive().status, ringing.receive().status] == [100, 180]

    def decide(invite: Invite) -> Reject:
        # A policy that is too slow for what comes: 64 decisions, the most of one turn, take a third of a second.
        time.sleep(0.005)
        return Reject("T401")

    bench.decide = decide
    # Two, so that the socket of those who come last has room for their answers.
    crowd, late = bench.peer("127.0.0.88"), bench.peer("127.0.0.89")
    # Listed by another domain only: not to be told that this one is overloaded.
    banned = bench.peer("127.0.0.66")
    for number in range(400):
        peer = crowd if number < 300 else late
        peer.send(peer.request(call=f"crowd-{number}"))
        if peer is late:
            banned.send(banned.request(call=f"banned-{number}"))
    customer.send(customer.request("BYE", call="call-up", cseq=2, to_tag=answer.to_tag, extra=(route,)))
    ringing.send(ringing.request(call="call-ringing"))
    bye = gateway.receive()
    assert bye.start_line.startswith("BYE ")
    gateway.answer(bye, "200 OK")
    assert customer.final().status == 200
    assert ringing.receive().status == 180, "the retransmission of an INVITE that is served is no new call"
    bench.status_when("datagrams_received", 5 + 3 + 400 + 100)
    status = bench.engine.status()
    assert status["shed"] > 0 and status["admitted"] + status["shed"] == 402, status
    answers = list(waiting(late))
    shed = [each for each in answers if each.start_line == "SIP/2.0 503 Overloaded T902"]
    assert len(shed) > 5 and {each.start_line for each in answers} <= {
        "SIP/2.0 100 Trying",
        "SIP/2.0 404 No Route T401",
        "SIP/2.0 503 Overloaded T902",
    }
    assert status["banned"] == 100 and list(waiting(banned)) == []
    waits = {int(each.one("Retry-After")) for each in shed}
    assert waits <= set(range(2, 10)) and len(waits) > 1, waits
    bench.status_when("is_shedding", 0)
    bench.decide = lambda _: Reject("T401")
    assert refused(customer, "call-after").status == 404


@pytest.mark.parametrize(
    ("address", "narrow_range", "wide_range"),
    [("127.0.0.66", "127.0.0.0/16", "126.0.0.0/7"), ("::1", "::/32", "::/31")],
    ids=["/16", "/32"],
)
def test_a_banned_address_is_heard_by_who_lists_it_and_of_a_wide_range_when_an_operator_has_said_so(
    tmp_path: Path, address: str, narrow_range: str, wide_range: str
) -> None:
    bench = EngineBench(tmp_path, address="::1" if ":" in address else "127.0.0.1")
    bench.decide = lambda _: Reject("T401")
    try:
        bench.apply(*by_address(wide_range), domain("acme/OTHER", host=OTHER), SetAddress("acme/OTHER", "192.0.2.0/24", ""))
        banned = bench.peer(address)
        assert refused(banned, "call-before").status == 404
        # Its ACK too, or the 404 would come again.
        bench.status_when("datagrams_received", 2)
        bench.apply(SetBan(address, int(time.time()) + 600, "scan"), position=3)
        banned.send(banned.request(call="call-wide"))
        assert banned.hears_nothing(), "who lists so many vouches for none of them"
        bench.apply(ExemptAddress("acme/IN", wide_range), position=4)
        assert refused(banned, "call-exempt").status == 404
        for method in ("INVITE", "REGISTER", "SUBSCRIBE"):
            banned.send(banned.request(method, host=OTHER, call=f"{method}-other"))
        # What is refused before the access rule is asked is no way around it.
        for number, (old, new) in enumerate(REFUSED_UNASKED):
            banned.send(banned.request(host=OTHER, call=f"unasked-{number}").replace(old, new, 1))
        banned.send(banned.request("REGISTER", host=OTHER, call="register-420", extra=("Proxy-Require: x",)))
        assert banned.hears_nothing(), "another domain does not list it"
        own = banned.request(call="unasked-own")
        banned.send(own.replace("Max-Forwards: 70", "Max-Forwards: 0"))
        assert banned.final().status == 483
        banned.send(banned.request("REGISTER", call="register-own"))
        assert banned.final().status == 405
        banned.send(banned.request("OPTIONS", host=OTHER, call="health"))
        assert banned.final().status == 200
        bench.apply(RemoveAddress("acme/IN", wide_range), position=5)
        banned.send(banned.request(call="call-over"))
        assert banned.hears_nothing(), "the word is over with the range"
        bench.apply(SetAddress("acme/IN", narrow_range, ""), position=6)
        assert refused(banned, "call-narrow").status == 404
        attempts = [fact["attempted"] for fact in bench.facts(8) if "attempted" in fact]
        assert [attempt["host"] for attempt in attempts] == [HOST] * 4, "and it is in nobody's records but theirs"
    finally:
        bench.close()
