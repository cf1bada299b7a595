"""Calls with both sides not ours: SIPp as the customer and as the gateway."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import sipp
from helpers.edge import GATEWAY_SCENARIO
from helpers.engine import ANSWER_LIMIT_S, HOST, NUMBER, EngineBench, Peer, account, by_address, domain

from trunkline.engine import Route, Target

USER, PASSWORD = "31000000", "correct-horse-battery"
CALLS = 20


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path, workers=request.param)
    yield bench
    bench.close()


@pytest.fixture
def gateway(bench: EngineBench, tmp_path: Path) -> Iterator[int]:
    """SIPp as a gateway that answers every call; its port. The engine's route leads to it."""
    with_port = Peer()
    port = with_port.address[1]
    with_port.close()
    scenario = tmp_path / "gateway.xml"
    scenario.write_text(GATEWAY_SCENARIO)
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-timeout", "100"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        probe = Peer(target=("127.0.0.1", port))
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while not _is_bound(port):
            assert process.poll() is None and time.monotonic() < deadline, "SIPp does not listen"
            time.sleep(0.01)
        probe.close()
        bench.decide = lambda _: Route((Target("g1", "alpha", "127.0.0.1", port),), request_users=(NUMBER,))
        yield port
    finally:
        process.kill()
        process.wait(10)


def _is_bound(port: int) -> bool:
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize("is_digest", [False, True], ids=["address", "digest"])
def test_calls_of_sipp_are_answered_and_hung_up(bench: EngineBench, tmp_path: Path, is_digest: bool) -> None:
    if is_digest:
        bench.apply(domain("acme/IN"), account("acme/IN", USER, PASSWORD))
    else:
        bench.apply(*by_address())
    caller = sipp.Caller(HOST, NUMBER, *((USER, PASSWORD) if is_digest else ()))
    host, port = bench.engine.addresses[0]
    steps = sipp.answered_call(caller)
    sipp.run(tmp_path / "caller", steps, target=f"{host}:{port}", local_address="127.0.0.1", calls=CALLS).must_succeed(CALLS)
    bench.status_when("live_calls", 0)
    facts = bench.facts(5 * CALLS)
    for kind in ("attempted", "gateway_tried", "progressed", "answered", "ended"):
        assert sum(kind in fact for fact in facts) == CALLS, kind
    assert {fact["ended"]["by"] for fact in facts if "ended" in fact} == {"caller"}
    assert {fact["attempted"].get("account", "") for fact in facts if "attempted" in fact} == {USER if is_digest else ""}
