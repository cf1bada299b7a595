"""What an edge may be told, and how it is told that something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trunkline.edge.settings import EdgeSettings

FILES = {"cert_file": "x.crt", "key_file": "x.key"}
OLD: dict[str, Any] = {
    "name": "edge-eu1",
    "region": "eu",
    "home": "eu",
    "realm": "sip.example.com",
    "state_dir": Path("state"),
    "grpc_listen": "127.0.0.1:0",
    "nats_url": "tls://127.0.0.1:4222",
    "tls": {"ca_file": "ca", **FILES},
    "operator_key_hash": "0" * 64,
    "pop": "eu1",
    "listen": ["192.0.2.1:5060", "[2001:db8::1]:5060"],
    "auth_addresses": ["127.0.0.1:7000"],
}
"""A file of the version that knew UDP only."""


def settings(**more: Any) -> EdgeSettings:
    return EdgeSettings.model_validate(OLD | more)


def test_what_says_no_transport_is_udp_as_it_always_was() -> None:
    assert settings().listeners == [("192.0.2.1", 5060, "udp"), ("2001:db8::1", 5060, "udp")]
    assert (settings().certificates, settings().carrier_tls) == ((), None)


def test_a_listener_says_its_transport() -> None:
    listen = ["192.0.2.1:5060/udp", "192.0.2.1:5060/tcp", "[2001:db8::1]:5061/tls"]
    told = settings(listen=listen, certificates=[FILES]).listeners
    assert told == [("192.0.2.1", 5060, "udp"), ("192.0.2.1", 5060, "tcp"), ("2001:db8::1", 5061, "tls")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"listen": ["192.0.2.1:5060/sctp"]}, "IP:PORT/TRANSPORT"),
        ({"listen": ["eu1.example.com:5060"]}, "IP:PORT/TRANSPORT"),
        ({"listen": ["192.0.2.1:5060/"]}, "IP:PORT/TRANSPORT"),
        ({"listen": ["192.0.2.1:70000/tcp"]}, "IP:PORT/TRANSPORT"),
        ({"listen": ["192.0.2.1:5061/tls"]}, "certificates: at least one"),
        ({"carrier_tls": {"roots_file": "roots", "cert_file": "x.crt"}}, "both or none"),
        ({"connections": {"from_one_source": 0}}, "greater than or equal to 1"),
        ({"stranger_rate": {"per_s": 0, "burst": 100}}, "greater than or equal to 1"),
        ({"known_rate": {"per_s": 1, "burst": 8}}, "greater than or equal to 16"),
    ],
)
def test_what_cannot_be_is_refused_with_why(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(**more)


def test_limits_are_shared_by_edges_and_not_by_points_of_presence() -> None:
    assert settings().edges_in_all == 1
    assert settings(other_pops=["us1", "apac1"]).edges_in_all == 3
    assert settings(other_pops=["us1", "apac1"], shares_addresses=True).edges_in_all == 6
    assert settings(other_pops=["us1", "apac1"], shares_addresses=True, edges=4).edges_in_all == 4
