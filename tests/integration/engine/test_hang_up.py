"""Calls that the engine is ordered to end: which they are, how fast, and what stands in the journal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from helpers.engine import NUMBER, EngineBench, Peer, by_address

from trunkline.engine import Invite, Route, Target

CALLS = 250
"""Three portions."""


def answered(bench: EngineBench, caller: Peer, gateway: Peer, call: str) -> None:
    caller.send(caller.request(call=call))
    gateway.answer(gateway.receive(), "200 OK")
    answer = caller.final()
    assert answer.status == 200
    routes = tuple(f"Route: {value}" for value in answer.all("Record-Route"))
    caller.send(caller.request("ACK", call=call, extra=routes, to_tag=answer.to_tag))
    assert gateway.receive().start_line.startswith("ACK ")


def hears_byes(peer: Peer, count: int, reason: str) -> float:
    """Answers so many; seconds from the first to the last."""
    calls: set[str] = set()
    first_s = 0.0
    while len(calls) < count:
        bye = peer.receive()
        assert bye.start_line.startswith("BYE ") and reason in bye.one("Reason"), bye
        first_s = first_s or time.monotonic()
        calls.add(bye.one("Call-ID"))
        peer.answer(bye, "200 OK")
    return time.monotonic() - first_s


def test_all_calls_of_a_tenant_are_ended_in_portions_and_no_other_tenants(bench: EngineBench) -> None:
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    for number in range(CALLS):
        answered(bench, caller, gateway, f"call-{number}")
    assert bench.engine.hang_up(tenant="other", reason="T603") == 0
    assert bench.engine.hang_up(carrier="beta", reason="T604") == 0
    assert bench.engine.hang_up(tenant="acme", reason="T603", facts="why") == CALLS
    # Two pauses of 20 ms between the three portions.
    assert hears_byes(caller, CALLS, 'Q.850;cause=21;text="T603 Tenant Suspended"') >= 0.03
    hears_byes(gateway, CALLS, "T603")
    bench.status_when("live_calls", 0)
    lines = b"".join(chunk.lines for chunk in bench.engine.drain(max_bytes=4 << 20)).splitlines()
    facts = [json.loads(line) for line in lines]
    assert len(facts) == 5 * CALLS
    assert sum(fact.get("hung_up") == {"reason": "T603", "facts": "why"} for fact in facts) == CALLS
    assert [fact["ended"]["by"] for fact in facts if "ended" in fact] == ["edge"] * CALLS


def test_a_call_is_ended_by_its_id_and_for_its_own_tenant_only(bench: EngineBench) -> None:
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    answered(bench, caller, gateway, "call-1")
    [live] = bench.engine.live_calls()
    assert bench.engine.hang_up(call=live.call, tenant="other", reason="T601") == 0
    assert bench.engine.hang_up(call="0" * 32, reason="T601") == 0
    assert caller.hears_nothing() and gateway.hears_nothing()
    assert bench.engine.hang_up(call=live.call, tenant="acme", reason="T601") == 1
    hears_byes(caller, 1, "T601")
    hears_byes(gateway, 1, "T601")
    bench.status_when("live_calls", 0)
    assert bench.engine.hang_up(call=live.call, reason="T601") == 0


def test_a_call_at_a_carrier_is_found_while_it_is_set_up(bench: EngineBench) -> None:
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    caller.send(caller.request())
    gateway.answer(gateway.receive(), "180 Ringing")
    while caller.receive().status != 180:
        pass
    assert bench.engine.hang_up(carrier="alpha", reason="T604") == 1
    assert caller.final().start_line == "SIP/2.0 480 Carrier Suspended T604"
    assert gateway.receive().start_line.startswith("CANCEL ")


def test_a_route_says_how_long_its_call_may_last(bench: EngineBench) -> None:
    def decide(invite: Invite) -> Route:
        return Route((Target("g1", "alpha", *gateway.address),), request_users=(NUMBER,), max_duration_s=1)

    bench.apply(*by_address())
    bench.decide = decide
    caller, gateway = bench.peer(), bench.gateway()
    answered(bench, caller, gateway, "call-1")
    hears_byes(caller, 1, "T602 Maximum Duration Reached")
    hears_byes(gateway, 1, "T602")
    facts = bench.facts(5)
    assert facts[0]["attempted"]["max_duration_s"] == 1
    times = {kind: fact["time_ns"] for fact in facts for kind in ("answered", "ended") if kind in fact}
    assert 0.95e9 < times["ended"] - times["answered"] < 5e9


@pytest.mark.parametrize(
    ("reason", "words", "q850"),
    [
        ("T601", "Ended By Command", 16),
        ("T602", "Maximum Duration Reached", 102),
        ("T603", "Tenant Suspended", 21),
        ("T604", "Carrier Suspended", 38),
    ],
)
def test_both_sides_get_the_next_cseq_of_their_dialog_and_the_record_says_who_and_why(
    bench: EngineBench, reason: str, words: str, q850: int
) -> None:
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    lasts_s = 2 if reason == "T602" else 0
    bench.decide = lambda _: Route((Target("g1", "alpha", *gateway.address),), request_users=(NUMBER,), max_duration_s=lasts_s)
    caller.send(caller.request())
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    ok = caller.final()
    route = f"Route: {ok.one('Record-Route')}"
    for cseq, method in ((1, "ACK"), (7, "INFO")):
        caller.send(caller.request(method, cseq=cseq, extra=(route,), to_tag=ok.to_tag))
        heard = gateway.receive()
        assert heard.start_line.startswith(f"{method} ")
    gateway.answer(heard, "200 OK")
    assert caller.final().status == 200
    lines = gateway.request("INFO", cseq=40, extra=(f"Route: {invite.one('Record-Route')}",)).split("\r\n")
    lines[2], lines[3] = f"From: {invite.one('To')};tag=gateway", f"To: {invite.one('From')}"
    gateway.reply(invite, "\r\n".join(lines))
    caller.answer(caller.receive(), "200 OK")
    assert gateway.final().status == 200

    [live] = bench.engine.live_calls()
    which = {"T601": {"call": live.call}, "T603": {"tenant": "acme"}, "T604": {"carrier": "alpha"}}.get(reason)
    if which is not None:
        assert bench.engine.hang_up(reason=reason, facts="why", **which) == 1
    to_gateway, to_caller = gateway.receive(), caller.receive()
    assert (to_gateway.one("CSeq"), to_caller.one("CSeq")) == ("8 BYE", "41 BYE")
    assert to_gateway.start_line == f"BYE {gateway.contact('gateway').strip('<>')} SIP/2.0"
    assert to_caller.start_line == f"BYE {caller.contact('pbx').strip('<>')} SIP/2.0"
    for peer, bye in ((gateway, to_gateway), (caller, to_caller)):
        assert bye.one("Reason") == f'Q.850;cause={q850};text="{reason} {words}"'
        peer.answer(bye, "200 OK")
    bench.status_when("live_calls", 0)
    facts = bench.facts(5)
    assert [fact["hung_up"]["reason"] for fact in facts if "hung_up" in fact] == [reason]
    assert [fact["ended"]["by"] for fact in facts if "ended" in fact] == ["edge"]


def test_an_edge_that_never_saw_the_call_has_nothing_to_hang_up(bench: EngineBench, tmp_path: Path) -> None:
    """It serves what the sides say, and knows neither their routes nor their numbers."""
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    answered(bench, caller, gateway, "call-1")
    [live] = bench.engine.live_calls()
    sibling = EngineBench(tmp_path / "sibling")
    try:
        assert sibling.engine.hang_up(call=live.call, reason="T601") == sibling.engine.hang_up(tenant="acme", reason="T603") == 0
        assert caller.hears_nothing() and gateway.hears_nothing()
    finally:
        sibling.close()


@pytest.mark.parametrize("which", [{}, {"tenant": "a", "carrier": "b"}, {"call": "1", "carrier": "b"}, {"call": "no id"}])
def test_exactly_one_of_call_tenant_and_carrier_is_named(bench: EngineBench, which: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="call"):
        bench.engine.hang_up(reason="T601", **which)
