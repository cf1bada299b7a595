import pytest

from trunkline.domain.host_names import default_name, host_names, is_bound, pop_name

REALM = "sip.example.com"


def test_a_domain_has_a_default_name_and_one_for_each_pop() -> None:
    assert host_names("acme", ("eu1", "us1"), REALM) == ("acme.sip.example.com", "acme.eu1.sip.example.com", "acme.us1.sip.example.com")
    assert host_names("acme", (), REALM) == (default_name("acme", REALM),)
    assert pop_name("eu1", REALM) == "eu1.sip.example.com"


@pytest.mark.parametrize("host", ["acme.sip.example.com", "ACME.Sip.example.com", "acme.sip.example.com."])
def test_the_default_name_is_not_bound_however_it_is_written(host: str) -> None:
    assert not is_bound(host, "acme", REALM)


@pytest.mark.parametrize("host", ["acme.eu1.sip.example.com", "acme.eu1.sip.example.com.", "other.sip.example.com", "192.0.2.1"])
def test_every_other_name_is_bound(host: str) -> None:
    assert is_bound(host, "acme", REALM)
