"""Messages of refused, failed and sampled calls come out of the engine; those of others never."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.engine import HOST, NUMBER, REALM, EngineBench, Peer, Sip, by_address, domain

from trunkline.edge.capturing import Captured

LIMIT_S = 5.0
MOST = 1_000
SAMPLED_MOST = 1_024
"""`MAX_SAMPLED` of crates/edge/src/followed.rs."""


def taken(bench: EngineBench, number: int) -> list[Captured]:
    """So many messages, by call and time."""
    found: list[Captured] = []
    until_s = time.monotonic() + LIMIT_S
    while len(found) < number:
        messages, dropped = bench.engine.take_captured(MOST, MOST)
        assert dropped == 0
        found += messages
        assert time.monotonic() < until_s, [(each[2], each[7][:40]) for each in found]
        time.sleep(0.01)
    return sorted(found, key=lambda each: (each[0], each[1]))


def first_lines(messages: list[Captured]) -> list[tuple[str, str]]:
    return [("<" if each[2] else ">", each[7].split(b"\r\n")[0].decode()) for each in messages]


INVITE = f"INVITE sip:{NUMBER}@{HOST} SIP/2.0"


def test_a_refused_invite_and_its_answer_are_captured(bench: EngineBench) -> None:
    bench.apply(*by_address("192.0.2.0/24"))
    peer = bench.peer()
    peer.send(peer.request())
    refusal = peer.final()
    messages = taken(bench, 2)
    assert first_lines(messages) == [("<", INVITE), (">", refusal.start_line)]
    [attempted, _] = bench.facts(2)
    assert {each[0] for each in messages} == {attempted["call"]}
    assert {(each[5], each[6]) for each in messages} == {(peer.host_port, "udp")}
    assert {(each[9], each[10]) for each in messages} == {("acme", False)}


def invited(gateway: Peer, before: set[str]) -> Sip:
    """The next INVITE that is none of those `before`, which takes it in."""
    while not (message := gateway.receive(limit_s=LIMIT_S)).start_line.startswith("INVITE ") or message.all("Via")[0] in before:
        pass
    before.add(message.all("Via")[0])
    return message


def answered(bench: EngineBench, gateway: Peer, call: str) -> None:
    peer = bench.peer()
    peer.send(peer.request(call=call))
    gateway.answer(gateway.receive(limit_s=2.0), "200 OK")
    assert peer.final().status == 200


def test_a_failed_call_is_captured_with_its_gateways_answers_and_an_answered_one_is_not(bench: EngineBench) -> None:
    bench.apply(*by_address())
    gateway, other = bench.gateway(), bench.gateway()
    answered(bench, gateway, "call-before")
    assert bench.engine.take_captured(MOST, MOST) == ([], 0)
    peer = bench.peer()
    peer.send(peer.request())
    gateway.answer(gateway.receive(limit_s=2.0), "503 Service Unavailable")
    other.answer(other.receive(limit_s=2.0), "486 Busy Here")
    assert peer.final().status == 486
    messages = taken(bench, 6)
    received = [line for way, line in first_lines(messages) if way == "<"]
    assert received == [INVITE, "SIP/2.0 503 Service Unavailable", "SIP/2.0 486 Busy Here"]
    assert (">", "SIP/2.0 486 Busy Here") in first_lines(messages)
    assert {each[3]: each[5] for each in messages if each[3]} == {1: gateway.host_port, 2: other.host_port}
    attempts = [fact["call"] for fact in bench.facts(5) if "attempted" in fact]
    assert {each[0] for each in messages} == {attempts[1]}


def test_calls_of_a_domain_are_captured_until_the_time_it_says_and_while_it_says_so(bench: EngineBench) -> None:
    now_s = int(time.time())
    gateway = bench.gateway()
    for number, (percent, until_s, messages) in enumerate([(100, now_s + 3_600, 5), (0, 0, 0), (100, now_s, 0), (100, now_s + 3_600, 5)]):
        bench.apply(*by_address(), domain("acme/IN", capture_percent=percent, capture_until_s=until_s))
        answered(bench, gateway, f"call-{number}")
        lines = first_lines(taken(bench, messages))
        assert len(lines) == messages, lines


@pytest.mark.parametrize("sampling", [{"capture_one_in": 1}, {"capture_domains": ("acme",)}])
def test_a_sampled_call_is_captured_whole(tmp_path: Path, sampling: dict[str, object]) -> None:
    bench = EngineBench(tmp_path, **sampling)
    try:
        bench.apply(*by_address())
        answered(bench, bench.gateway(), "call-1")
        lines = first_lines(taken(bench, 5))
        assert sorted(line.split(" ", 1)[0] + way for way, line in lines) == ["INVITE<", "INVITE>", "SIP/2.0<", "SIP/2.0>", "SIP/2.0>"]
    finally:
        bench.close()


def test_calls_that_are_over_leave_the_table_to_those_of_other_tenants(tmp_path: Path) -> None:
    """One failed call of each of as many tenants as the table has room for, then an answered one of another."""
    bench = EngineBench(tmp_path, capture_one_in=1)
    hosts = [f"t{number}.{REALM}" for number in range(SAMPLED_MOST + 1)]
    try:
        domains = [replace(domain("acme/IN", host=host), tenant=host.partition(".")[0]) for host in hosts]
        bench.apply(*by_address(), *domains)
        gateway, peer, before = bench.gateway(), bench.peer(), set[str]()
        for number, host in enumerate(hosts[:-1]):
            request = peer.request(call=f"call-{number}", host=host)
            peer.send(request)
            gateway.answer(invited(gateway, before), "486 Busy Here")
            # Those before it are sent again: nobody acknowledges them.
            while f"Call-ID: {(final := peer.final()).one('Call-ID')}\r\n" not in request:
                pass
            assert final.status == 486
            bench.engine.take_captured(MOST, MOST)
        peer = bench.peer()
        peer.send(peer.request(call="call-last", host=hosts[-1]))
        gateway.answer(invited(gateway, before), "200 OK")
        assert peer.final().status == 200
        tenant = hosts[-1].partition(".")[0]
        until_s, lines = time.monotonic() + LIMIT_S, []
        while len(lines) < 5 and time.monotonic() < until_s:
            messages, _ = bench.engine.take_captured(MOST, MOST)
            lines += first_lines([each for each in messages if each[9] == tenant])
            time.sleep(0.01)
    finally:
        bench.close()
    assert sorted(line.split(" ", 1)[0] + way for way, line in lines) == ["INVITE<", "INVITE>", "SIP/2.0<", "SIP/2.0>", "SIP/2.0>"]


def test_a_sampled_call_that_fails_is_captured_as_a_failed_one_too(tmp_path: Path) -> None:
    bench = EngineBench(tmp_path, capture_one_in=1)
    try:
        bench.apply(*by_address())
        gateway, peer = bench.gateway(), bench.peer()
        peer.send(peer.request())
        gateway.answer(gateway.receive(limit_s=2.0), "486 Busy Here")
        assert peer.final().status == 486
        messages = taken(bench, 9)
    finally:
        bench.close()
    failed, sampled = ([each for each in messages if each[10] is is_sampled] for is_sampled in (False, True))
    to_gateway = f"INVITE sip:{NUMBER}@{gateway.host_port} SIP/2.0"
    busy = "SIP/2.0 486 Busy Here"
    assert sorted(first_lines(failed)) == sorted([("<", INVITE), (">", to_gateway), ("<", busy), (">", busy)])
    assert sorted(first_lines(sampled)) == sorted(
        [("<", INVITE), (">", "SIP/2.0 100 Trying"), (">", to_gateway), ("<", busy), (">", to_gateway.replace("INVITE", "ACK"))]
    )
    # By which whoever shows them knows that they are the same.
    assert [(each[1], each[7]) for each in failed if each[2]] == [(each[1], each[7]) for each in sampled if each[2]]
    assert [each[7] for each in failed if each[3]] == [each[7] for each in sampled if each[7].startswith(b"INVITE") and not each[2]]
