from pathlib import Path

import pytest
from pydantic import ValidationError

from trunkline.dns.settings import DnsSettings

TLS = {"ca_file": Path("ca"), "cert_file": Path("cert"), "key_file": Path("key")}
COMMON = {
    "name": "dns-eu",
    "region": "eu",
    "home": "eu",
    "realm": "sip.example.com",
    "state_dir": Path("data"),
    "grpc_listen": "127.0.0.1:0",
    "nats_url": "tls://127.0.0.1:4222",
    "tls": TLS,
    "operator_key_hash": "0" * 64,
}
EU1 = {"name": "eu1", "region": "eu", "address": "192.0.2.1", "transports": ["udp"]}


def settings(**more: object) -> DnsSettings:
    return DnsSettings.model_validate({**COMMON, "dns_listen": "127.0.0.1:5353", "pops": [EU1], **more})


def test_without_name_servers_the_zone_names_where_it_listens() -> None:
    served = settings(dns_listen="[::1]:5353").served_by
    assert [(each.name, each.addresses) for each in served] == [("ns1", ("::1",))]


def test_an_address_that_is_none_needs_name_servers() -> None:
    with pytest.raises(ValidationError, match="name_servers: must be given"):
        settings(dns_listen="0.0.0.0:5353")
    assert settings(dns_listen="0.0.0.0:5353", name_servers=[{"name": "ns1", "addresses": ["192.0.2.53"]}]).served_by


def test_a_name_stands_for_one_thing() -> None:
    with pytest.raises(ValidationError, match="'eu1' stands there twice"):
        settings(pops=[EU1, EU1])
    with pytest.raises(ValidationError, match="'eu1' stands there twice"):
        settings(name_servers=[{"name": "eu1", "addresses": ["192.0.2.53"]}])


@pytest.mark.parametrize("change", [{"address": "eu1.example.com"}, {"transports": []}, {"transports": ["sctp"]}])
def test_a_pop_has_an_address_and_known_transports(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(pops=[{**EU1, **change}])


def test_a_second_address_is_served_too() -> None:
    assert settings(pops=[{**EU1, "address6": "2001:DB8::1"}]).pops[0].site.addresses == ("192.0.2.1", "2001:db8::1")


UPDATE = {"server": "192.0.2.53:53", "key_file": "trunkline.key"}
NS1 = {"name": "ns1", "addresses": ["192.0.2.53"]}


def test_somebody_has_to_answer() -> None:
    with pytest.raises(ValidationError, match="one of them must be given"):
        settings(dns_listen=None, name_servers=[NS1])
    assert settings(dns_listen=None, name_servers=[NS1], updates=[UPDATE]).listen_pair is None
    assert settings(dns_listen=None, name_servers=[NS1], zone_file={"path": "zone"}).zone_file


def test_a_zone_that_others_answer_has_named_servers() -> None:
    with pytest.raises(ValidationError, match="name_servers: must be given"):
        settings(dns_listen=None, updates=[UPDATE])
