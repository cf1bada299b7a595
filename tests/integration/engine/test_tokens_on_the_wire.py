"""Requests of a call at an edge that has never seen it: the token of our Record-Route leads them on, with keys of now and of before.
One that is not ours, not of this call or too old leads nowhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import EngineBench, Peer, Sip, by_address, keys

from trunkline.engine.tables import RotatingKey, SetTokenKeys


@pytest.fixture
def sibling(tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path / "sibling")
    bench.apply(*by_address())
    yield bench
    bench.close()


def answered(bench: EngineBench, call: str) -> tuple[Peer, Peer, Sip]:
    bench.apply(*by_address())
    caller, gateway = bench.peer(), bench.gateway()
    caller.send(caller.request(call=call))
    gateway.answer(gateway.receive(), "200 OK")
    answer = caller.final()
    route = f"Route: {answer.one('Record-Route')}"
    caller.send(caller.request("ACK", call=call, extra=(route,), to_tag=answer.to_tag))
    assert gateway.receive().start_line.startswith("ACK ")
    return caller, gateway, answer


def rotated(is_old_kept: bool) -> SetTokenKeys:
    now = int(time.time())
    new = RotatingKey(2, bytes(range(32, 64)), now - 60, now + 3600, True)
    return SetTokenKeys((new, *(keys() if is_old_kept else ())))


def test_a_sibling_passes_on_update_and_bye_after_the_keys_were_rotated(bench: EngineBench, sibling: EngineBench) -> None:
    caller, gateway, answer = answered(bench, "call-1")
    bench.engine.stop()
    sibling.apply(rotated(is_old_kept=True), position=3)
    caller.target = sibling.engine.addresses[0]
    route = f"Route: {answer.one('Record-Route')}"
    for cseq, method in ((2, "UPDATE"), (3, "BYE")):
        caller.send(caller.request(method, call="call-1", cseq=cseq, extra=(route,), to_tag=answer.to_tag))
        request = gateway.receive()
        assert request.start_line.startswith(f"{method} ")
        gateway.answer(request, "200 OK")
        assert caller.final().status == 200


@pytest.mark.parametrize("wrong", ["forged", "of another call", "its key is gone"])
def test_a_token_that_is_not_good_leads_nowhere(bench: EngineBench, sibling: EngineBench, wrong: str) -> None:
    caller, gateway, answer = answered(bench, "call-1")
    bench.engine.stop()
    caller.target = sibling.engine.addresses[0]
    route, call = answer.one("Record-Route"), "call-1"
    if wrong == "forged":
        user, at, rest = route.partition("@")
        middle = len(user) // 2
        route = user[:middle] + ("A" if user[middle] != "A" else "B") + user[middle + 1 :] + at + rest
    elif wrong == "of another call":
        call = "call-2"
    else:
        sibling.apply(rotated(is_old_kept=False), position=3)
    caller.send(caller.request("BYE", call=call, cseq=2, extra=(f"Route: {route}",), to_tag=answer.to_tag))
    assert 400 <= caller.final().status < 500
    assert gateway.hears_nothing()
