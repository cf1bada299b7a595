"""Requests of a call at an edge that has never seen it: the token of our Record-Route leads them on, with keys of now and of before.
One that is not ours, not of this call or too old leads nowhere."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from helpers.dialogs import Set, answered, served
from helpers.engine import REALM, EngineBench, Peer, account, authorization, by_address, domain, keys

from trunkline.engine.tables import RotatingKey, SetAddress, SetTokenKeys

OTHER_HOST = f"other.{REALM}"
DAY_S = 86_400
NOT_OURS = "SIP/2.0 403 Route Not Ours T109"
NO_CALL = "SIP/2.0 481 Call Does Not Exist T108"
WRONG = {
    "forged": NOT_OURS,
    "of another call": NOT_OURS,
    "of another tenant's call": NOT_OURS,
    "of another dialog of the call": NOT_OURS,
    "the carrier's": NOT_OURS,
    "its key is gone": NOT_OURS,
    "too old": NO_CALL,
}


@pytest.fixture
def sibling(tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path / "sibling")
    bench.apply(*by_address())
    yield bench
    bench.close()


def rotated(is_old_kept: bool) -> SetTokenKeys:
    now = int(time.time())
    new = RotatingKey(2, bytes(range(32, 64)), now - 60, now + 3600, True)
    return SetTokenKeys((new, *(keys() if is_old_kept else ())))


def test_a_sibling_passes_on_update_and_bye_after_the_keys_were_rotated(bench: EngineBench, sibling: EngineBench) -> None:
    bench.apply(*by_address())
    call = answered(bench)
    bench.engine.stop()
    sibling.apply(rotated(is_old_kept=True), position=3)
    call.caller.target = sibling.engine.addresses[0]
    for cseq, method in ((2, "UPDATE"), (3, "BYE")):
        served(call, call.request(method, cseq), method)


def resealed(route: str, begun_s: int, *binding: str) -> str:
    """The token of a Record-Route as an edge would have sealed it for a call that began then (`crates/transaction/src/sealing.rs` and
    `base64.rs`): version, id of the key, nonce, and sealed: a byte of flags, 16 of the call, four of its begin."""
    before, token = route.removesuffix(">").split(";t=")
    raw = base64.urlsafe_b64decode(token.translate(str.maketrans(".~", "Qq")) + "=" * (-len(token) % 4))
    head, nonce, sealed = raw[:2], raw[2:14], raw[14:]
    bound = b"trunkline record-route" + b"".join(struct.pack(">I", len(part)) + part.encode() for part in ("customer", *binding))
    key = AESGCM(keys()[0].key)
    payload = bytearray(key.decrypt(nonce, sealed, bound))
    payload[17:21] = struct.pack(">I", begun_s)
    sealed = key.encrypt(nonce, bytes(payload), bound)
    letters = base64.urlsafe_b64encode(head + nonce + sealed).decode().rstrip("=")
    return f"{before};t={letters.translate(str.maketrans('Qq', '.~'))}>"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_is_not_good_leads_nowhere(bench: EngineBench, sibling: EngineBench, wrong: str) -> None:
    others = (replace(domain("other/IN", host=OTHER_HOST), tenant="other"), SetAddress("other/IN", "127.0.0.1/32"))
    for each in (bench, sibling):
        each.apply(*by_address(), *others)
    call = answered(bench)
    name, tag, route = "call-1", call.ok.to_tag, call.ok.one("Record-Route")
    match wrong:
        case "forged":
            before, at, token = route.partition(";t=")
            middle = len(token) // 2
            route = before + at + token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
        case "of another call":
            name = "call-2"
        case "of another tenant's call":
            route = answered(bench, "call-2", OTHER_HOST).ok.one("Record-Route")
        case "of another dialog of the call":
            tag = "another"
        case "the carrier's":
            route = call.invite.one("Record-Route")
        case "too old":
            now_s = int(time.time())
            young, route = (resealed(route, begun_s, name, f"from-{name}", tag) for begun_s in (now_s - 5, now_s - DAY_S - 60))
            served(call, call.request("UPDATE", 2, route=young), "UPDATE")
        case _:
            sibling.apply(rotated(is_old_kept=False), position=3)
    bench.engine.stop()
    call.caller.target = sibling.engine.addresses[0]
    for method in ("BYE", "UPDATE", "INVITE"):
        call.caller.send(call.request(method, 8, call=name, tag=tag, route=route))
        assert call.caller.final().start_line == WRONG[wrong], method
    call.caller.send(call.request("ACK", 8, call=name, tag=tag, route=route))
    assert call.gateway.hears_nothing() and call.caller.hears_nothing()


def test_a_token_is_used_up_when_its_call_is_over(bench: EngineBench, sibling: EngineBench) -> None:
    bench.apply(*by_address())
    call = answered(bench)
    bench.engine.stop()
    call.caller.target = sibling.engine.addresses[0]
    served(call, call.request("BYE", 2), "BYE")
    call.caller.send(call.request("INVITE", 3))
    assert call.caller.final().start_line == NO_CALL
    assert call.gateway.hears_nothing()


def by_digest(bench: EngineBench, call: str = "call-1") -> Set:
    """A call whose caller has answered a challenge."""
    caller, gateway = bench.peer(), bench.gateway()
    bench.gateways[:] = [gateway]
    caller.send(caller.request(call=call))
    challenge = caller.final().one("Proxy-Authenticate")
    caller.send(caller.request(call=call, cseq=2, extra=(authorization(challenge, "31000000", "secret"),)))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    found = Set(caller, gateway, invite, caller.final())
    caller.send(found.request("ACK", 2, call=call))
    assert gateway.receive().start_line.startswith("ACK ")
    return found


def test_a_reinvite_at_a_sibling_is_challenged_from_another_source_and_not_from_the_calls_own(
    bench: EngineBench, sibling: EngineBench
) -> None:
    for each in (bench, sibling):
        each.apply(domain("acme/OUT"), account("acme/OUT", "31000000", "secret"))
    call = by_digest(bench)
    bench.engine.stop()
    call.caller.target = sibling.engine.addresses[0]
    served(call, call.request("INVITE", 3), "INVITE")
    call.caller.send(call.request("ACK", 3))
    assert call.gateway.receive().start_line.startswith("ACK ")
    moved = Peer("127.0.0.9", sibling.engine.addresses[0])
    sibling.peers.append(moved)
    elsewhere = replace(call, caller=moved)
    moved.send(elsewhere.request("INVITE", 4))
    answer = moved.final()
    assert answer.status == 407
    moved.send(elsewhere.request("INVITE", 5, extra=(authorization(answer.one("Proxy-Authenticate"), "31000000", "secret"),)))
    assert call.gateway.receive().start_line.startswith("INVITE ")
    # What the rule refuses by now is refused from the call's own source too.
    sibling.apply(domain("acme/NOBODY"), position=3)
    call.caller.send(call.request("INVITE", 6))
    assert call.caller.final().status == 403
    assert call.gateway.hears_nothing()
