"""What stands outside of the access rule: decisions, gateways that refuse, requests without a dialog, messages that are broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.engine import HOST, NUMBER, EngineBench, Peer, by_address

from trunkline.domain.events import CarrierSettings
from trunkline.engine import Invite, Reject, Route, Target
from trunkline.engine.tables import SetAddress


@pytest.fixture
def admitting(bench: EngineBench) -> EngineBench:
    bench.apply(*by_address())
    return bench


def test_the_policy_sees_the_invite_as_it_came(admitting: EngineBench) -> None:
    seen: list[Invite] = []

    def decide(invite: Invite) -> Reject:
        seen.append(invite)
        return Reject("T401", "no deck")

    admitting.decide = decide
    peer = admitting.peer()
    peer.send(peer.request(number="%2B3123456789", extra=("Privacy: id", "privacy: critical,\r\n  header", "k: 100rel")))
    assert peer.receive().status == 100
    assert peer.receive().start_line == "SIP/2.0 404 No Route T401"
    [invite] = seen
    assert (invite.number, invite.host, invite.tenant, invite.domain, invite.position) == ("+3123456789", HOST, "acme", "acme", 2)
    assert (invite.acl, invite.account, invite.address, invite.address_caller_id) == ("IN", "", "127.0.0.1/32", "+31200000000")
    assert (invite.from_uri, invite.from_display_name, invite.to_uri) == (f"sip:31000000@{HOST}", "PBX", f"sip:%2B3123456789@{HOST}")
    assert (invite.source, invite.transport) == (peer.host_port, "udp")
    assert invite.header("PRIVACY") == ["id", "critical, header"]
    assert invite.header("Supported") == ["100rel"] and invite.header("X-None") == []


def test_a_decision_that_raises_is_reported_counted_and_answered(admitting: EngineBench, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))

    def decide(invite: Invite) -> Reject:
        raise LookupError("the deck is gone")

    admitting.decide = decide
    peer = admitting.peer()
    peer.send(peer.request())
    assert peer.final().start_line == "SIP/2.0 500 Decision Failed T901"
    assert [str(error) for error in raised] == ["the deck is gone"]
    assert admitting.engine.status()["policy_failures"] == 1
    [refused] = [fact["refused"] for fact in admitting.facts(2) if "refused" in fact]
    assert refused["reason"] == "T901" and "the deck is gone" in refused["facts"]


GOOD = {"gateway": "g1", "carrier": "alpha", "address": "127.0.0.1", "port": 5060}


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ({"from_name_addr": "<sip:a@b>\r\nX-Evil: 1"}, "Route.targets[0].from_name_addr"),
        ({"from_name_addr": "<sip:a@b>;tag=1"}, "Route.targets[0].from_name_addr"),
        ({"from_name_addr": "sip:a@b"}, "Route.targets[0].from_name_addr"),
        ({"asserted": ("<tel:+31>", "<sip:a@b>\n")}, "Route.targets[0].asserted"),
        ({"asserted": ("<tel:+31>",) * 3}, "Route.targets[0].asserted"),
        ({"privacy": "id\r\nX: y"}, "Route.targets[0].privacy"),
        ({"privacy": "ïd"}, "Route.targets[0].privacy"),
        ({"address": "gateway.example.com"}, "Route.targets[0].address"),
        ({"port": 0}, "Route.targets[0].port"),
        ({"port": 70000}, "Route.targets[0].port"),
        ({"transport": "sctp"}, "Route.targets[0].transport"),
        ({"rate_micros": -1}, "Route.targets[0].rate_micros"),
        (None, "Route.targets"),
    ],
)
def test_what_could_break_a_message_is_refused_with_its_place(
    admitting: EngineBench, monkeypatch: pytest.MonkeyPatch, target: dict[str, object] | None, what: str
) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))
    targets = () if target is None else (Target(**(GOOD | target)),)  # type: ignore[arg-type]
    refuses(admitting, raised, Route(targets), what)


@pytest.mark.parametrize("users", [("31@evil",), ("31 20",), ("31\r\n",), ("1", "2")])
def test_a_request_user_that_could_break_a_uri_is_refused_with_its_place(
    admitting: EngineBench, monkeypatch: pytest.MonkeyPatch, users: tuple[str, ...]
) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))
    target = Target(**GOOD)  # type: ignore[arg-type]
    refuses(admitting, raised, Route((target,), request_users=users), "Route.request_users")


def refuses(admitting: EngineBench, raised: list[BaseException], route: Route, what: str) -> None:
    admitting.decide = lambda _: route
    peer = admitting.peer()
    peer.send(peer.request())
    assert peer.final().start_line == "SIP/2.0 500 Decision Failed T901"
    [error] = raised
    assert isinstance(error, ValueError) and what in str(error)


def test_a_gateway_that_refuses_by_icmp_is_left_for_the_next_at_once(admitting: EngineBench) -> None:
    dead, alive = admitting.gateway(), admitting.gateway()
    admitting.gateways[0].socket.close()
    peer = admitting.peer()
    peer.send(peer.request())
    invite = alive.receive(limit_s=2.0)
    assert invite.start_line.startswith(f"INVITE sip:{NUMBER}@{alive.host_port}")
    alive.answer(invite, "486 Busy Here")
    assert peer.final().status == 486
    facts = admitting.facts(6)
    kinds = [next(iter(fact.keys() - {"call", "id", "time_ns"})) for fact in facts]
    assert kinds == ["attempted", "gateway_tried", "gateway_failed", "gateway_tried", "gateway_failed", "failed"]
    assert facts[2]["gateway_failed"] == {"number": 1, "cause": "icmp"}
    assert facts[3]["gateway_tried"]["address"] == alive.host_port != dead.host_port


def test_100_and_then_nothing_for_as_long_as_the_carrier_may_take_is_cancelled_and_left_for_the_next(admitting: EngineBench) -> None:
    first, second = admitting.gateway(), admitting.gateway()
    targets = tuple(Target(name, "alpha", *each.address, pdd_limit_s=1) for name, each in (("g1", first), ("g2", second)))
    admitting.decide = lambda _: Route(targets, request_users=(NUMBER,) * 2)
    peer = admitting.peer()
    peer.send(peer.request())
    invite = first.receive()
    began_s = time.monotonic()
    first.answer(invite, "100 Trying")
    cancel = first.receive()
    assert cancel.start_line.startswith("CANCEL ") and 0.95 <= time.monotonic() - began_s <= 10
    first.answer(cancel, "200 OK")
    # Not before the first has let go: else both could ring.
    assert second.hears_nothing()
    first.answer(invite, "487 Request Terminated")
    assert first.receive().start_line.startswith("ACK ")
    second.answer(second.receive(), "486 Busy Here")
    assert peer.final().status == 486
    assert next(fact["gateway_failed"] for fact in admitting.facts(6) if "gateway_failed" in fact) == {
        "number": 1,
        "cause": "pdd",
        "status": 487,
    }
    assert Target("g1", "alpha", "127.0.0.1", 5060).pdd_limit_s == CarrierSettings().pdd_limit_s == 20, "where nobody has said how long"


def test_the_increments_of_a_rate_go_with_the_facts_where_they_are_not_by_the_second(admitting: EngineBench) -> None:
    gateway = admitting.gateway()
    host, _, port = gateway.host_port.rpartition(":")
    rates = ({"rate_micros": 6000, "currency": "EUR"}, {"initial_increment_s": 60, "next_increment_s": 6, "connection_fee_micros": 70})
    targets = [Target("g1", "alpha", host, int(port), **rates[0]), Target("g1", "alpha", host, int(port), **rates[0], **rates[1])]  # type: ignore[arg-type]
    admitting.decide = lambda invite: Route((targets.pop(0),))
    for call in ("by-the-second", "by-the-minute"):
        peer = admitting.peer()
        peer.send(peer.request(call=call))
        gateway.answer(gateway.receive(limit_s=2.0), "486 Busy Here")
        assert peer.final().status == 486
        assert gateway.receive(limit_s=2.0).start_line.startswith("ACK ")
    tried = [fact["gateway_tried"] for fact in admitting.facts(6) if "gateway_tried" in fact]
    assert [tuple(each.get(name) for name in rates[1]) for each in tried] == [(None, None, None), (60, 6, 70)]


def test_options_tells_what_is_allowed_and_says_503_while_draining(bench: EngineBench) -> None:
    peer = bench.peer()
    peer.send(peer.request("OPTIONS"))
    answer = peer.receive()
    assert answer.status == 200 and answer.one("Accept") == "application/sdp"
    assert {method.strip() for method in answer.one("Allow").split(",")} >= {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"}
    bench.engine.set_draining(True)
    peer.send(peer.request("OPTIONS", call="call-2"))
    draining = peer.receive()
    assert draining.start_line == "SIP/2.0 503 Draining T903" and draining.all("Retry-After")
    bench.engine.set_draining(False)
    peer.send(peer.request("OPTIONS", call="call-3"))
    assert peer.receive().status == 200


@pytest.mark.parametrize(
    ("method", "start_line"),
    [
        ("REGISTER", "SIP/2.0 405 Method Not Allowed T105"),
        ("MESSAGE", "SIP/2.0 405 Method Not Allowed T105"),
        ("CANCEL", "SIP/2.0 481 Call Does Not Exist T108"),
        ("BYE", "SIP/2.0 481 Call Does Not Exist T108"),
    ],
)
def test_what_stands_outside_of_dialogs_is_refused(bench: EngineBench, method: str, start_line: str) -> None:
    peer = bench.peer()
    peer.send(peer.request(method, to_tag="x" if method == "BYE" else ""))
    answer = peer.receive()
    assert answer.start_line == start_line
    assert bool(answer.all("Allow")) is (answer.status == 405)


def test_what_is_allowed_by_a_405_is_not_answered_with_it(bench: EngineBench) -> None:
    peer = bench.peer()
    peer.send(peer.request("REGISTER"))
    allowed = peer.receive().one("Allow").split(", ")
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"} <= set(allowed)
    for method in allowed:
        peer.send(peer.request(method, call=f"call-{method}"))
        if method != "ACK":
            assert peer.final().status != 405, method
    for method in ("INFO", "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "PUBLISH"):
        peer.send(peer.request(method, call=f"call-{method}"))
        assert (peer.final().status, method in allowed) == (405, False)


def test_an_ack_of_nothing_is_dropped(bench: EngineBench) -> None:
    peer = bench.peer()
    peer.send(peer.request("ACK", to_tag="x"))
    assert peer.hears_nothing()


def test_a_broken_request_is_answered_and_garbage_is_counted(bench: EngineBench) -> None:
    peer = bench.peer()
    peer.send(peer.request().replace("CSeq: 1 INVITE", "CSeq: 1 BYE"))
    assert peer.receive().start_line == "SIP/2.0 400 Bad Request T101"
    peer.send("\x00\x01 nothing of SIP")
    bench.status_when("malformed", 2)
    peer.send("\r\n\r\n")
    assert peer.hears_nothing()
    assert bench.engine.status()["malformed"] == 2


def test_a_call_over_ipv6_goes_through(tmp_path: Path) -> None:
    bench = EngineBench(tmp_path, address="::1")
    try:
        bench.apply(*by_address("::1/128"))
        gateway, peer = bench.gateway(), bench.peer()
        peer.send(peer.request())
        invite = gateway.receive()
        assert f"@[::1]:{gateway.address[1]}" in invite.start_line
        assert invite.one("Record-Route").startswith(f"<sip:[::1]:{bench.engine.addresses[0][1]};")
        gateway.answer(invite, "200 OK")
        answered = peer.final()
        assert answered.status == 200
        route = answered.one("Record-Route")
        peer.send(
            peer.request("ACK", to_tag="gateway", extra=(f"Route: {route}",)).replace(
                f"sip:{NUMBER}@{HOST}", f"sip:g@{gateway.host_port}", 1
            )
        )
        assert gateway.receive().start_line.startswith("ACK ")
        [call] = bench.engine.live_calls()
        assert (call.state, call.tenant, call.domain, call.gateway) == ("answered", "acme", "acme", "g1")
        bye = peer.request("BYE", to_tag="gateway", cseq=2, extra=(f"Route: {route}",))
        peer.send(bye.replace(f"sip:{NUMBER}@{HOST}", f"sip:g@{gateway.host_port}", 1))
        gateway.answer(gateway.receive(), "200 OK")
        assert peer.final().status == 200
        bench.status_when("live_calls", 0)
        attempted = bench.facts(1)[0]["attempted"]
        assert attempted["source"] == peer.host_port and attempted["address"] == "::1/128"
    finally:
        bench.close()


TESTS = Path(__file__).parents[2]

HANGING = """
import sys, time
from pathlib import Path
from helpers.engine import EngineBench, by_address
bench = EngineBench(Path(sys.argv[1]), decision_limit_ms=300)
bench.apply(*by_address())
bench.decide = lambda _: time.sleep(60)
peer = bench.peer()
peer.send(peer.request())
bench.status_when("admitted", 1)
if sys.argv[2] == "stop":
    bench.engine.stop()
time.sleep(60)
"""


@pytest.mark.parametrize("then", ["serve", "stop"])
def test_a_decision_that_hangs_ends_the_process_and_says_so(tmp_path: Path, then: str) -> None:
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{HANGING}", str(tmp_path), then]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -6, done
    assert "a decision has taken more than 300 ms" in done.stderr


HELD = """
import os, signal, sys, time
from pathlib import Path
from helpers.engine import EngineBench, by_address
from trunkline.engine import Reject
bench = EngineBench(Path(sys.argv[1]), decision_limit_ms=500)
bench.apply(*by_address())
def decide(_):
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.25)
    return Reject("T401")
bench.decide = decide
peer = bench.peer()
peer.send(peer.request())
print(peer.final().start_line)
bench.close()
"""


def test_a_process_that_was_held_during_a_decision_goes_on(tmp_path: Path) -> None:
    """A debugger, a paused machine, a group of processes that had its share: the decision had none of that time."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{HELD}", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            os.waitpid(process.pid, os.WUNTRACED)
            # Twice what a decision may take.
            time.sleep(1)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        said, complained = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, "SIP/2.0 404 No Route T401\n"), complained


def test_a_reinvite_from_elsewhere_passes_the_access_rule_again(bench: EngineBench) -> None:
    bench.apply(*by_address(), SetAddress("acme/IN", "127.0.0.3/32"))
    gateway, peer = bench.gateway(), bench.peer()
    peer.send(peer.request())
    gateway.answer(gateway.receive(), "200 OK")
    route = peer.final().one("Record-Route")

    def in_dialog(source: Peer, method: str, cseq: int) -> None:
        request = source.request(method, cseq=cseq, to_tag="gateway", extra=(f"Route: {route}",))
        source.send(request.replace(f"sip:{NUMBER}@{HOST}", f"sip:g@{gateway.host_port}", 1))

    in_dialog(peer, "ACK", 1)
    assert gateway.receive().start_line.startswith("ACK ")
    stranger = bench.peer("127.0.0.2")
    in_dialog(stranger, "INVITE", 2)
    assert stranger.final().start_line == "SIP/2.0 403 Source Not In ACL T203"
    assert gateway.hears_nothing()
    listed = bench.peer("127.0.0.3")
    in_dialog(listed, "INVITE", 3)
    received = gateway.receive()
    assert received.one("CSeq") == "3 INVITE"
    gateway.answer(received, "200 OK")
    assert listed.final().status == 200
    [call] = bench.engine.live_calls()
    assert call.state == "answered"


def test_a_reinvite_from_elsewhere_is_not_judged_by_tables_that_are_not_whole(bench: EngineBench) -> None:
    bench.apply(*by_address())
    gateway, peer = bench.gateway(), bench.peer()
    peer.send(peer.request())
    gateway.answer(gateway.receive(), "200 OK")
    route = peer.final().one("Record-Route")
    bench.engine.set_degraded(True)
    moved = bench.peer("127.0.0.2")
    request = moved.request("INVITE", cseq=2, to_tag="gateway", extra=(f"Route: {route}",))
    moved.send(request.replace(f"sip:{NUMBER}@{HOST}", f"sip:g@{gateway.host_port}", 1))
    assert moved.final().start_line == "SIP/2.0 503 Not Ready T906"


@pytest.mark.parametrize("takes_refer", [False, True])
def test_refer_reaches_a_carrier_that_takes_it_and_no_other(admitting: EngineBench, takes_refer: bool) -> None:
    gateway, peer = admitting.gateway(), admitting.peer()
    [target] = admitting.targets()
    admitting.decide = lambda invite: Route((target._replace(takes_refer=takes_refer),))
    peer.send(peer.request())
    gateway.answer(gateway.receive(), "200 OK")
    route = peer.final().one("Record-Route")
    request = peer.request("REFER", cseq=2, to_tag="gateway", extra=(f"Route: {route}", "Refer-To: <sip:+881@127.0.0.9>"))
    peer.send(request.replace(f"sip:{NUMBER}@{HOST}", f"sip:g@{gateway.host_port}", 1))
    if takes_refer:
        gateway.answer(gateway.receive(), "202 Accepted")
        assert peer.final().status == 202
    else:
        assert peer.final().start_line == "SIP/2.0 403 Transfer Not Allowed T302"
        assert gateway.hears_nothing()
