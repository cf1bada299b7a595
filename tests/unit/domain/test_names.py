from collections.abc import Callable

import pytest

from trunkline.domain import names
from trunkline.domain.errors import Refusal
from trunkline.domain.events import DomainLabel


@pytest.mark.parametrize(
    ("check", "text", "expected"),
    [
        (names.tenant_id, "acme-2", "acme-2"),
        (names.acl_name, "ACL_OUTBOUND_SIP_TRUNK", "ACL_OUTBOUND_SIP_TRUNK"),
        (names.domain_label, "AcMe1", "acme1"),
        (names.domain_label, "1", "1"),
        (names.domain_label, "a" * 63, "a" * 63),
        (names.username, "alice.b_c+d@e~f-1", "alice.b_c+d@e~f-1"),
        (names.caller_id, "31201234567", "+31201234567"),
        (names.caller_id, "", ""),
        (names.currency, "EUR", "EUR"),
    ],
)
def test_a_good_name_is_taken(check: Callable[[str], str], text: str, expected: str) -> None:
    assert check(text) == expected


@pytest.mark.parametrize(
    ("check", "text"),
    [
        *[(names.tenant_id, text) for text in ("", "Acme", "1acme", "a" * 33, "a.b", "a b", "a>", "a*", "acme\n", "platform")],
        *[(names.acl_name, text) for text in ("", "a.b", "a b", "a" * 65, "a*", "a>", "ä", "a\n")],
        *[(names.domain_label, text) for text in ("", "a-b", "a_b", "a.b", "a" * 64, "ä", "ſ", "\u212a", "a\n")],
        *[(names.username, text) for text in ("", "a b", "a:b", 'a"b', "a" * 65, "a\r\n", "ä")],
        *[(names.caller_id, text) for text in ("alice", "0031", "+999123", "31 20 1")],
        *[(names.carrier_id, text) for text in ("", "Alpha", "a.b", "-a")],
        *[(names.currency, text) for text in ("eur", "EURO", "")],
    ],
)
def test_a_bad_name_is_refused(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(Refusal):
        check(text)


@pytest.mark.parametrize(
    "label", ["eu1", "eu2", "us1", "us2", "apac1", "apac2", "eu17", "us3", "edge", "edge1", "ns", "ns1", "www", "api", "steer", "rr"]
)
def test_names_of_the_platform_are_reserved(label: str) -> None:
    assert names.is_reserved_label(DomainLabel(label))


@pytest.mark.parametrize("label", ["acme", "europe", "usa", "1", "nsoft", "apacheco"])
def test_names_that_only_begin_like_it_are_not(label: str) -> None:
    assert not names.is_reserved_label(DomainLabel(label))


@pytest.mark.parametrize("text", ["", "1234567", "x" * 129, "line\nbreak", "nul\0nul-nul"])
def test_a_bad_password_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        names.check_password(text)
    assert not text or text not in str(caught.value)
