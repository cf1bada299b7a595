"""Challenges and refusals as a client sees them: once, without state, and saying nothing that a stranger could use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from helpers.engine import HOST, REALM, EngineBench, account, authorization, by_address, domain

from trunkline.engine import Reject
from trunkline.engine.tables import RemoveAccount, SetAddress, SetNonceKeys, SetTokenKeys, TableChange

USER, PASSWORD = "31000000", "correct horse battery"


def by_digest(*algorithms: str, **settings: Any) -> tuple[TableChange, ...]:
    return (domain("acme/IN", algorithms=algorithms or ("MD5",), **settings), account("acme/IN", USER, PASSWORD))


def test_a_challenge_is_sent_once_with_the_same_tag_for_the_same_invite_and_its_ack_is_dropped(bench: EngineBench) -> None:
    bench.apply(*by_digest())
    peer = bench.peer()
    peer.send(peer.request())
    first = peer.receive()
    assert first.start_line == "SIP/2.0 407 Proxy Authentication Required"
    assert first.to_tag
    peer.send(peer.request("ACK", to_tag=first.to_tag))
    assert peer.hears_nothing()
    peer.send(peer.request())
    assert peer.receive().to_tag == first.to_tag
    peer.send(peer.request(call="call-2"))
    assert peer.receive().to_tag != first.to_tag
    assert bench.engine.live_calls() == []


def test_each_algorithm_has_a_challenge_of_its_own_in_the_order_of_the_domain(bench: EngineBench) -> None:
    bench.apply(*by_digest("SHA-512-256", "MD5", "SHA-256"))
    peer = bench.peer()
    peer.send(peer.request())
    challenges = peer.receive().all("Proxy-Authenticate")
    assert [re.findall(r"algorithm=([\w-]+)", challenge) for challenge in challenges] == [["SHA-512-256"], ["MD5"], ["SHA-256"]]
    for challenge in challenges:
        assert (
            challenge.startswith("Digest ") and f'realm="{REALM}"' in challenge and 'qop="auth"' in challenge and "stale" not in challenge
        )


def test_a_domain_may_challenge_with_401(bench: EngineBench) -> None:
    bench.apply(*by_digest(challenge_status=401))
    gateway, peer = bench.gateway(), bench.peer()
    peer.send(peer.request())
    challenged = peer.receive()
    assert challenged.status == 401 and challenged.all("Proxy-Authenticate") == []
    line = authorization(challenged.one("WWW-Authenticate"), USER, PASSWORD, header="Authorization")
    peer.send(peer.request(cseq=2, extra=(line,)))
    assert gateway.receive().all("Authorization") == []


def test_every_algorithm_offered_admits_and_the_credentials_do_not_reach_the_gateway(bench: EngineBench) -> None:
    algorithms = ("MD5", "SHA-256", "SHA-512-256")
    bench.apply(*by_digest(*algorithms))
    gateway, peer = bench.gateway(), bench.peer()
    for index, algorithm in enumerate(algorithms):
        peer.send(peer.request(call=algorithm))
        challenge = peer.final().all("Proxy-Authenticate")[index]
        peer.send(peer.request(call=algorithm, cseq=2, extra=(authorization(challenge, USER, PASSWORD),)))
        invite = gateway.receive()
        assert invite.one("Call-ID") == algorithm and invite.all("Proxy-Authorization") == []
        gateway.answer(invite, "486 Busy Here")
        assert gateway.receive().start_line.startswith("ACK ")
        assert peer.final().status == 486
    attempted = [fact["attempted"] for fact in bench.facts(12) if "attempted" in fact]
    assert [(fact["account"], fact["digest_algorithm"], fact["username"]) for fact in attempted] == [
        (USER, each, USER) for each in algorithms
    ]


def test_credentials_that_were_used_are_not_admitted_again(bench: EngineBench) -> None:
    bench.apply(*by_digest())
    gateway, peer, thief = bench.gateway(), bench.peer(), bench.peer()
    peer.send(peer.request())
    challenge = peer.final().one("Proxy-Authenticate")
    line = authorization(challenge, USER, PASSWORD)
    peer.send(peer.request(cseq=2, extra=(line,)))
    gateway.receive()
    thief.send(thief.request(call="stolen", extra=(line,)))
    again = thief.final()
    assert again.status == 407 and "stale=true" in again.one("Proxy-Authenticate")
    thief.send(thief.request(call="next", extra=(authorization(challenge, USER, PASSWORD, nc=2),)))
    assert gateway.receive().one("Call-ID") == "next"


def test_without_qop_a_nonce_admits_one_call_where_the_domain_allows_it(bench: EngineBench) -> None:
    bench.apply(*by_digest(is_qop_optional=True))
    gateway, peer = bench.gateway(), bench.peer()
    peer.send(peer.request())
    line = authorization(peer.final().one("Proxy-Authenticate"), USER, PASSWORD, qop="")
    peer.send(peer.request(cseq=2, extra=(line,)))
    assert gateway.receive().one("Call-ID") == "call-1"
    peer.send(peer.request(call="call-2", extra=(line,)))
    assert "stale=true" in peer.final().one("Proxy-Authenticate")
    bench.apply(*by_digest())
    peer.send(peer.request(call="call-3", extra=(line,)))
    assert peer.final().status == 407


def test_an_unknown_user_and_a_wrong_password_look_the_same(bench: EngineBench) -> None:
    bench.apply(*by_digest())
    peer = bench.peer()
    answers = []
    for number, (username, password) in enumerate(((USER, "wrong password"), ("nobody", PASSWORD))):
        peer.send(peer.request(call=f"call-{number}"))
        line = authorization(peer.final().one("Proxy-Authenticate"), username, password)
        peer.send(peer.request(call=f"call-{number}", cseq=2, extra=(line,)))
        answers.append(peer.final())
    assert [answer.start_line for answer in answers] == ["SIP/2.0 403 Credentials Not Accepted T204"] * 2
    assert answers[0].all("Reason") == answers[1].all("Reason") == ['Q.850;cause=21;text="T204 Credentials Not Accepted"']
    assert [name for name, _ in answers[0].headers] == [name for name, _ in answers[1].headers]
    refusals = [fact["refused"]["facts"] for fact in bench.facts(4) if "refused" in fact]
    assert "wrong password" in refusals[0] and "no account" in refusals[1]


def test_the_number_that_was_signed_must_be_the_one_that_is_called(bench: EngineBench) -> None:
    bench.apply(*by_digest())
    peer = bench.peer()
    peer.send(peer.request())
    line = authorization(peer.final().one("Proxy-Authenticate"), USER, PASSWORD, uri=f"sip:3199999999@{HOST}")
    peer.send(peer.request(cseq=2, extra=(line,)))
    assert peer.final().start_line == "SIP/2.0 403 Number Not As Signed T205"


def test_an_unlisted_source_is_refused_with_its_code_and_the_facts_are_the_owners(bench: EngineBench) -> None:
    bench.apply(domain("acme/IN"), SetAddress("acme/IN", "127.8.0.0/16"), account("acme/IN", USER, PASSWORD))
    peer = bench.peer("127.9.0.1")
    for _ in range(2):
        peer.send(peer.request())
        refused = peer.receive()
        assert refused.start_line == "SIP/2.0 403 Source Not In ACL T203"
        assert refused.one("Reason") == 'Q.850;cause=21;text="T203 Source Not In ACL"'
        assert "127.8" not in str(refused.headers) and refused.all("Proxy-Authenticate") == []
    facts = bench.facts(4)
    assert len({fact["call"] for fact in facts}) == 1, "a retransmission is the same attempt"
    assert facts[0]["attempted"]["source"].startswith("127.9.0.1:") and facts[0]["attempted"]["position"] == 2
    assert facts[1]["refused"] == {
        "status": 403,
        "reason": "T203",
        "q850": 21,
        "facts": "source 127.9.0.1 is in no live ACL; nearest entry 127.8.0.0/16 of IN",
    }


def test_an_unknown_domain_and_one_without_an_acl_are_answered_alike(bench: EngineBench) -> None:
    bench.apply(domain(host=f"bare.{REALM}"))
    peer = bench.peer()
    answers = []
    for label in ("bare", "none"):
        peer.send(peer.request(host=f"{label}.{REALM}", call=label))
        answers.append(peer.receive())
    assert [answer.start_line for answer in answers] == ["SIP/2.0 403 Domain Not Served T201"] * 2
    assert [name for name, _ in answers[0].headers] == [name for name, _ in answers[1].headers]
    assert answers[0].one("Reason") == answers[1].one("Reason")


def test_without_keys_calls_are_refused_and_not_admitted(bench: EngineBench) -> None:
    bench.apply(*by_digest(), SetNonceKeys(()))
    peer = bench.peer()
    peer.send(peer.request())
    assert peer.receive().start_line == "SIP/2.0 500 No Key To Challenge With T904"
    bench.apply(RemoveAccount("acme/IN", USER), *by_address(), SetTokenKeys(()))
    peer.send(peer.request(call="call-2"))
    assert peer.final().start_line == "SIP/2.0 503 Not Ready T906"


def test_a_nonce_of_another_edge_with_the_same_keys_is_good_here(bench: EngineBench) -> None:
    other = EngineBench(bench.folder / "other")
    try:
        bench.apply(*by_digest())
        other.apply(*by_digest())
        gateway = bench.gateway()
        peer, elsewhere = bench.peer(), other.peer()
        elsewhere.send(elsewhere.request())
        line = authorization(elsewhere.final().one("Proxy-Authenticate"), USER, PASSWORD)
        peer.send(peer.request(cseq=2, extra=(line,)))
        assert gateway.receive().one("Call-ID") == "call-1"
    finally:
        other.close()


def test_challenges_that_nobody_answers_are_counted_with_their_domain(tmp_path: Path) -> None:
    first = EngineBench(tmp_path)
    first.apply(*by_digest())
    peer = first.peer()
    peer.send(peer.request(call="call-1"))
    challenge = peer.final().one("Proxy-Authenticate")
    first.decide = lambda _: Reject("T401")
    peer.send(peer.request(call="call-1", cseq=2, extra=(authorization(challenge, USER, PASSWORD),)))
    assert peer.final().status == 404
    for number in range(2):
        peer.send(peer.request(call=f"silent-{number}"))
        assert peer.final().status == 407
    first.close()
    second = EngineBench(tmp_path)
    try:
        second.facts(1)
        second.engine.rewind()
        facts = [json.loads(line) for chunk in second.engine.drain() for line in chunk.lines.splitlines()]
        counted = [fact["counted"] for fact in facts if "counted" in fact]
        assert {(row["source"], row["what"], row["domain"], row["tenant"]) for row in counted} == {
            ("127.0.0.1", "challenge", "acme", "acme")
        }
        assert sum(row["number"] for row in counted) == 2
    finally:
        second.close()
