"""Facts for which somebody may be banned: an invented source proves nothing, an answer that was read does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.engine import EngineBench, Peer, account, authorization, by_address, domain

USER, PASSWORD = "31000000", "correct horse battery"
NOBODYS = "nobodys.sip.example.com"
THIEF, VICTIM = "127.0.0.66", "127.0.0.77"
SCANS_ANSWERED = 30


@pytest.fixture
def digest(tmp_path: Path) -> Iterator[EngineBench]:
    """Over UDP and TCP; a domain that takes an account from anywhere."""
    made = EngineBench(tmp_path, listen=[("127.0.0.1", 0), ("127.0.0.1", 0, "tcp")])
    made.apply(domain("acme/IN"), account("acme/IN", USER, PASSWORD))
    yield made
    made.close()


def attempts(bench: EngineBench, number: int) -> dict[str, bool]:
    """By source: whether the refused credentials are proved to be its."""
    facts = [fact["attempted"] for fact in bench.facts(2 * number) if "attempted" in fact]
    return {fact["source"].rpartition(":")[0]: fact.get("is_source_proved", False) for fact in facts}


def counted(bench: EngineBench, number: int) -> dict[tuple[str, str], tuple[int, int]]:
    """Numbers, and those of them that are proved, by source and kind; told when the engine stops."""
    bench.engine.stop()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    rows: list[dict[str, Any]] = [fact["counted"] for fact in bench.facts(number) if "counted" in fact]
    for row in rows:
        all_of, proved = found.get((row["source"], row["what"]), (0, 0))
        found[row["source"], row["what"]] = (all_of + row["number"], proved + row.get("proved", 0))
    return found


def challenged(peer: Peer, call: str) -> str:
    peer.send(peer.request(call=call))
    return peer.final().one("Proxy-Authenticate")


def guess(peer: Peer, challenge: str, call: str) -> None:
    peer.send(peer.request(call=call, cseq=2, extra=(authorization(challenge, USER, "a guess"),)))
    answer = peer.final()
    assert answer.status == 403 and "T204" in answer.start_line


def test_a_wrong_password_is_the_sources_where_the_nonce_was_sent_to_it(digest: EngineBench) -> None:
    thief, victim = digest.peer(THIEF), digest.peer(VICTIM)
    challenge = challenged(thief, "call-1")
    guess(thief, challenge, "call-1")
    # What a thief sends in the name of another looks just like this: a nonce is good from anywhere.
    guess(victim, challenge, "call-2")
    assert attempts(digest, 2) == {THIEF: True, VICTIM: False}


def test_each_password_that_is_tried_is_an_attempt_of_its_own_and_a_copy_of_one_is_none(digest: EngineBench) -> None:
    thief = digest.peer(THIEF)
    challenge = challenged(thief, "call-1")
    for password in ("first guess", "second guess", "second guess"):
        # The branch, CSeq and Call-ID stay as they are: nothing else tells these apart.
        thief.send(thief.request(call="call-1", cseq=2, extra=(authorization(challenge, USER, password),)))
        assert thief.final().status == 403
    digest.engine.stop()
    refused = [fact["call"] for fact in digest.facts(6) if "refused" in fact]
    assert (len(refused), len(set(refused))) == (3, 2)


def test_right_credentials_are_taken_from_another_address_than_was_challenged(digest: EngineBench) -> None:
    digest.gateway()
    at_home, on_the_way = digest.peer(THIEF), digest.peer(VICTIM)
    challenge = challenged(at_home, "call-1")
    for peer in (on_the_way, at_home):
        peer.send(peer.request(call="call-1", cseq=2, extra=(authorization(challenge, USER, PASSWORD),)))
        digest.gateways[0].answer(digest.gateways[0].receive(), "486 Busy Here")
        assert digest.gateways[0].receive().start_line.startswith("ACK ")
        assert peer.final().status == 486
        challenge = challenged(at_home, "call-2")
    # They prove where they come from as wrong ones do: else whoever has an account could keep any scanner from being banned.
    assert attempts(digest, 4) == {THIEF: True, VICTIM: False}


def test_an_unknown_name_is_counted_against_who_has_acknowledged_its_refusal(digest: EngineBench) -> None:
    real, invented, wrong = digest.peer(THIEF), digest.peer(VICTIM), digest.peer("127.0.0.88")
    for number in range(3):
        call = f"call-{number}"
        real.send(real.request(host=NOBODYS, call=call))
        refusal = real.final()
        assert "T201" in refusal.start_line
        real.send(real.request("ACK", host=NOBODYS, call=call, to_tag=refusal.to_tag))
        invented.send(invented.request(host=NOBODYS, call=call))
        other = invented.final()
        assert other.to_tag != refusal.to_tag, "who has read one answer does not know another's tag"
        # Who invents sources reads what he is sent himself, and no more.
        wrong.send(wrong.request(host=NOBODYS, call=call))
        assert wrong.final().to_tag != refusal.to_tag
        wrong.send(wrong.request("ACK", host=NOBODYS, call=call, to_tag=refusal.to_tag))
    digest.status_when("datagrams_received", 15)
    found = counted(digest, 3)
    assert found == {(THIEF, "unknown domain"): (3, 3), (VICTIM, "unknown domain"): (3, 0), ("127.0.0.88", "unknown domain"): (3, 0)}


def test_the_ack_of_another_answer_proves_no_unknown_name(digest: EngineBench) -> None:
    peer = digest.peer(THIEF)
    peer.send(peer.request(host=NOBODYS, call="call-1"))
    peer.final()
    peer.send(peer.request(call="call-1"))
    peer.send(peer.request("ACK", call="call-1", to_tag=peer.final().to_tag))
    digest.status_when("datagrams_received", 3)
    assert counted(digest, 2)[THIEF, "unknown domain"] == (1, 0)


def test_what_comes_over_a_connection_is_its_sources(digest: EngineBench) -> None:
    host, port = digest.engine.addresses[1]
    with socket.create_connection((host, port), timeout=10, source_address=(THIEF, 0)) as stream:
        asker = Peer(THIEF)
        asker.transport = "tcp"
        for method, where in (("INVITE", NOBODYS), ("REGISTER", "acme.sip.example.com")):
            stream.sendall(asker.request(method, host=where, call=f"call-{method}").encode())
            assert stream.recv(65_536).startswith(b"SIP/2.0 4")
        stream.sendall(b"INVITE nonsense\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKx\r\nContent-Length: 0\r\n\r\n")
        digest.status_when("malformed", 1)
        asker.close()
    assert counted(digest, 3) == {(THIEF, "unknown domain"): (1, 1), (THIEF, "scan"): (1, 1), (THIEF, "malformed"): (1, 1)}


def test_scanners_get_few_answers_and_health_checks_all(digest: EngineBench) -> None:
    scanner, health, customer = digest.peer(THIEF), digest.peer(VICTIM), digest.peer("127.0.0.88")
    digest.apply(*by_address("127.0.0.88/32"), position=3)
    for number in range(SCANS_ANSWERED + 5):
        scanner.send(scanner.request("REGISTER" if number % 2 else "SUBSCRIBE", number=str(number), call=f"scan-{number}"))
        # Many PBXs put an extension into what they ask whether the trunk is there.
        health.send(health.request("OPTIONS", call=f"health-{number}"))
        assert health.final().status == 200
        for method, status in (("REGISTER", 405), ("OPTIONS", 200)):
            customer.send(customer.request(method, call=f"{method}-{number}"))
            assert customer.final().status == status
    answered = 0
    while not scanner.hears_nothing():
        answered += 1
    assert answered == SCANS_ANSWERED
    found = counted(digest, 3)
    assert found[THIEF, "scan"] == (SCANS_ANSWERED + 5, 0)
    assert {what for source, what in found if source != THIEF} == {"out of dialog"}
