"""What an edge's settings say of transports is what its engine does."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.streams import connected

from trunkline.edge.calls import CallService
from trunkline.edge.settings import EdgeSettings
from trunkline.engine import Engine
from trunkline.lab.supervisor.authority import Authority

NAME = "acme.sip.example.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "authority")


@pytest.fixture
def engine(tmp_path: Path, authority: Authority) -> Iterator[Engine]:
    files = authority.issue_for("edge", [NAME], tmp_path)
    own = {"cert_file": files.cert_file, "key_file": files.key_file}
    (tmp_path / "state").mkdir()
    settings = EdgeSettings.model_validate(
        {
            "name": "edge-test",
            "region": "eu",
            "home": "eu",
            "realm": "sip.example.com",
            "state_dir": tmp_path / "state",
            "grpc_listen": "127.0.0.1:0",
            "nats_url": "tls://127.0.0.1:1",
            "tls": {"ca_file": files.ca_file, **own},
            "operator_key_hash": "0" * 64,
            "pop": "test1",
            "listen": ["127.0.0.1:0", "127.0.0.1:0/tcp", "[::1]:0/tls"],
            "auth_addresses": ["127.0.0.1:1"],
            "certificates": [own],
            "carrier_tls": {"roots_file": files.ca_file},
            "connections": {"in_all": 20, "from_one_source": 2, "message_ms": 300, "idle_ms": 1500},
        }
    )
    service = CallService(settings)
    yield service.serve()
    service.stop()


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
