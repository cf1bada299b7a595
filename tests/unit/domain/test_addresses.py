import pytest

from trunkline.domain.addresses import canonical_cidr, canonical_ip
from trunkline.domain.errors import ErrorCode, Refusal


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("2001:db8:0:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, canonical: str) -> None:
    assert canonical_cidr(text) == canonical
    assert canonical_cidr(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("192.0.2.1/24", "ADDRESS_HOST_BITS", "192.0.2.0/24"),
        ("2001:db8::1/32", "ADDRESS_HOST_BITS", "2001:db8::/32"),
        ("192.0.2.256", "ADDRESS_INVALID", "192.0.2.256"),
        ("192.0.2.0/33", "ADDRESS_INVALID", "192.0.2.0/33"),
        ("192.0.2.0/255.255.255.0", "ADDRESS_INVALID", "192.0.2.0/24"),
        ("192.0.2.1/", "ADDRESS_INVALID", "192.0.2.1/"),
        ("192.0.02.1", "ADDRESS_INVALID", "192.0.02.1"),
        ("fe80::1%eth0", "ADDRESS_INVALID", "zone"),
        ("::ffff:192.0.2.1", "ADDRESS_INVALID", "IPv4"),
        ("example.com", "ADDRESS_INVALID", "example.com"),
        ("", "ADDRESS_INVALID", ""),
        (" 192.0.2.1", "ADDRESS_INVALID", "192.0.2.1"),
        ("0.0.0.0/0", "ADDRESS_IS_EVERYONE", "0.0.0.0/0"),
        ("::/0", "ADDRESS_IS_EVERYONE", "::/0"),
        ("0.0.0.0", "ADDRESS_IS_NO_HOST", "0.0.0.0"),
        ("::", "ADDRESS_IS_NO_HOST", "::"),
        ("224.0.0.1", "ADDRESS_IS_NO_HOST", "224.0.0.1"),
        ("239.1.0.0/16", "ADDRESS_IS_NO_HOST", "239.1.0.0/16"),
        ("ff02::/16", "ADDRESS_IS_NO_HOST", "ff02::/16"),
        ("255.255.255.255", "ADDRESS_IS_NO_HOST", "255.255.255.255"),
    ],
)
def test_a_bad_range_is_refused_with_its_reason_and_the_field(text: str, reason: str, part: str) -> None:
    with pytest.raises(Refusal) as caught:
        canonical_cidr(text)
    assert (caught.value.code, caught.value.reason, caught.value.field) == (ErrorCode.INVALID_ARGUMENT, reason, "address")
    assert part in str(caught.value)


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_everyone_can_be_listed_when_it_is_said(text: str) -> None:
    assert canonical_cidr(text, allow_everyone=True) == text


@pytest.mark.parametrize("text", ["gateway.example.com", "0.0.0.0", "224.0.0.1", "192.0.2.0/24", "fe80::1%eth0"])
def test_a_gateway_is_the_address_of_one_host(text: str) -> None:
    with pytest.raises(Refusal, match=r"gateway\.host"):
        canonical_ip(text, field="gateway.host")
