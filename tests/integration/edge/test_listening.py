"""What an edge's settings say of transports is what its engine does."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.engine import Peer
from helpers.streams import connected

from trunkline.edge.calls import CallService
from trunkline.edge.settings import EdgeSettings
from trunkline.engine import Engine
from trunkline.engine.tables import SetGateway
from trunkline.lab.supervisor.authority import Authority

NAME = "acme.sip.example.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority")


def serving(folder: Path, authority: Authority, **more: Any) -> CallService:
    files = authority.issue_for("edge", [NAME], folder)
    own = {"cert_file": files.cert_file, "key_file": files.key_file}
    (folder / "state").mkdir()
    settings = {
        "name": "edge-test",
        "region": "eu",
        "home": "eu",
        "realm": "sip.example.com",
        "state_dir": folder / "state",
        "grpc_listen": "127.0.0.1:0",
        "nats_url": "tls://127.0.0.1:1",
        "tls": {"ca_file": files.ca_file, **own},
        "operator_key_hash": "0" * 64,
        "pop": "test1",
        "listen": ["127.0.0.1:0", "127.0.0.1:0/tcp", "[::1]:0/tls"],
        "auth_addresses": ["127.0.0.1:1"],
        "certificates": [own],
        "carrier_tls": {"roots_file": files.ca_file},
    }
    return CallService(EdgeSettings.model_validate(settings | more))


@pytest.fixture
def engine(tmp_path: Path, authority: Authority) -> Iterator[Engine]:
    service = serving(tmp_path, authority, connections={"in_all": 20, "from_one_source": 2, "message_ms": 300, "idle_ms": 1500})
    yield service.serve()
    service.stop()


def test_how_much_a_stranger_and_one_who_is_known_may_send_is_told_by_the_settings(tmp_path: Path, authority: Authority) -> None:
    service = serving(tmp_path, authority, stranger_rate={"per_s": 1, "burst": 20}, known_rate={"per_s": 1, "burst": 40})
    engine = service.serve()
    peers = [Peer(address, engine.addresses[0]) for address in ("127.0.0.66", "127.0.0.67")]
    try:
        engine.apply([SetGateway("alpha/1", "alpha", *peers[1].address, "udp", True)], 2)
        for peer in peers:
            for number in range(80):
                peer.send(peer.request("OPTIONS", call=f"rate-{number}"))
        heard = [len(set(answers(peer))) for peer in peers]
        # A slow machine fills a bucket by one a second meanwhile.
        assert 20 <= heard[0] < 40 <= heard[1] < 80, heard
    finally:
        service.stop()
        for peer in peers:
            peer.close()


def answers(peer: Peer) -> Iterator[str]:
    """Call-IDs, until nothing more comes."""
    while True:
        try:
            yield peer.receive(1.0).one("Call-ID")
        except TimeoutError:
            return


async def test_listeners_certificates_and_bounds_are_those_of_the_settings(engine: Engine, authority: Authority) -> None:
    _, tcp, tls = engine.addresses
    held = [connected(tcp) for _ in range(2)]
    assert connected(tcp).is_closed(), "the third of one source"
    secure = connected(tls, "tls", tls=ssl.create_default_context(cafile=authority.ca_file), name=NAME)
    secure.send(secure.request("OPTIONS"))
    assert secure.receive().status == 200
    assert engine.status()["connections"] == 3
    assert all(each.is_closed() for each in held), "nothing came over them in time"
    assert engine.status()["connections"] == 1
    assert secure.is_closed(), "it was idle"
    assert engine.status()["connections_overdue"] == 3
