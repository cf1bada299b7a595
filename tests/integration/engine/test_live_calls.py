"""The listing of live calls: in pages, of one tenant or of all, while calls go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import HOST, EngineBench, Peer, by_address

from trunkline.engine.tables import SetAddress, SetDomain

CALLS = 700
"""More than a page has."""

OTHER_HOST = HOST.replace("acme", "other")


@pytest.fixture(params=[1, 2])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineBench]:
    # A gateway that answers nothing keeps its calls, and is not asked again.
    limits_ms = {"timer_t1_ms": 60_000, "silent_gateway_ms": 60_000, "all_silent_ms": 60_000}
    bench = EngineBench(tmp_path, workers=request.param, **limits_ms)
    owned = SetDomain(host=OTHER_HOST, tenant="other", label="other", acls=("other/IN",), algorithms=("MD5",))
    other = [owned, SetAddress("other/IN", "127.0.0.1/32", "")]
    bench.apply(*by_address(), *other)
    bench.gateway()
    yield bench
    bench.close()


def begin(peer: Peer, call: str, host: str = HOST) -> None:
    peer.send(peer.request(call=call, host=host))
    assert peer.receive().status == 100


def test_every_call_is_listed_once_and_a_tenants_are_told_apart(bench: EngineBench) -> None:
    peers = [bench.peer() for _ in range(7)]
    for number in range(CALLS):
        begin(peers[number % len(peers)], f"call-{number}", OTHER_HOST if number % 100 == 0 else HOST)
    bench.status_when("live_calls", CALLS)
    ids = {call.call for call in bench.engine.live_calls()}
    assert len(ids) == len(bench.engine.live_calls()) == CALLS
    others = bench.engine.live_calls(tenant="other")
    assert len(others) == CALLS // 100 and {call.domain for call in others} == {"other"}
    assert {call.call for call in bench.engine.live_calls(tenant="acme")} == ids - {call.call for call in others}
    assert bench.engine.live_calls(tenant="nobody") == []
