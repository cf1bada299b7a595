"""OPTIONS of ours to gateways: by each transport, to who answers, who does not, and who is not there."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import ANSWER_LIMIT_S, EngineBench, Peer
from helpers.streams import StreamGateway

from trunkline.engine import Engine

KEY = "alpha/one"
Sighting = tuple[str, bool, str, int, int, int, tuple[str, int, str]]
TIMEOUT_MS = 300


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(tmp_path: Path, transport: str) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path, listen=[("127.0.0.1", 0, transport)])
    yield bench
    bench.close()


@pytest.fixture
def gateway(transport: str) -> Iterator[Peer]:
    gateway: Peer = Peer() if transport == "udp" else StreamGateway()
    yield gateway
    gateway.close()


def sighting(engine: Engine) -> Sighting:
    """The next one, of something that is no failure: nobody is woken for it."""
    deadline = time.monotonic() + ANSWER_LIMIT_S
    while not (seen := engine.take_sightings()):
        assert time.monotonic() < deadline, "nothing was seen"
        assert not is_woken(engine, 0.005)
    [row] = seen
    return row


def failure(engine: Engine) -> Sighting:
    """The next one: whoever waits is woken, once."""
    assert is_woken(engine, ANSWER_LIMIT_S), "nothing was seen"
    [row] = engine.take_sightings()
    assert not is_woken(engine, 0)
    return row


def is_woken(engine: Engine, limit_s: float) -> bool:
    return bool(select.select([engine.sightings_fileno()], [], [], limit_s)[0])


@pytest.mark.parametrize(
    ("status", "lines", "wait_s"), [("200 OK", (), 0), ("503 Busy", ("Retry-After: 17",), 17), ("404 Not Found", (), 0)]
)
def test_an_answer_is_told(bench: EngineBench, gateway: Peer, transport: str, status: str, lines: tuple[str, ...], wait_s: int) -> None:
    bench.engine.ping(KEY, *gateway.address, transport, 10_000)
    options = gateway.receive()
    assert options.start_line.startswith(f"OPTIONS sip:{gateway.host_port}")
    if transport == "udp":
        assert options.source == bench.engine.addresses[0], "from where calls come"
    gateway.answer(options, status, *lines)
    seen = failure(bench.engine) if wait_s else sighting(bench.engine)
    assert seen == (KEY, True, "", int(status.split()[0]), wait_s, 1, (*gateway.address, transport))


def test_silence_is_told_when_its_time_is_over(bench: EngineBench, gateway: Peer, transport: str) -> None:
    began_s = time.monotonic()
    bench.engine.ping(KEY, *gateway.address, transport, TIMEOUT_MS)
    gateway.receive()
    assert failure(bench.engine) == (KEY, True, "silent", 0, 0, 1, (*gateway.address, transport))
    assert time.monotonic() - began_s >= TIMEOUT_MS / 1000


def test_who_is_not_there_is_told_at_once(bench: EngineBench, transport: str) -> None:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()
    bench.engine.ping(KEY, *address, transport, 60_000)
    assert failure(bench.engine) == (KEY, True, "icmp" if transport == "udp" else "connection", 0, 0, 1, (*address, transport))


def test_a_gateway_that_no_listener_speaks_to_cannot_be_reached(bench: EngineBench) -> None:
    bench.engine.ping(KEY, "::1", 5060, "tls", 60_000)
    assert failure(bench.engine) == (KEY, True, "connection", 0, 0, 1, ("::1", 5060, "tls"))


@pytest.mark.parametrize(("host", "port", "way"), [("gateway.example", 5060, "udp"), ("127.0.0.1", 0, "udp"), ("127.0.0.1", 5060, "sctp")])
def test_what_is_no_address_is_refused(bench: EngineBench, host: str, port: int, way: str) -> None:
    with pytest.raises(ValueError, match=r"address|port|transport"):
        bench.engine.ping(KEY, host, port, way, TIMEOUT_MS)
