import pytest

from trunkline.domain.numbers import COUNTRY_CODES, country_code, is_prefix, known_number, parse_e164


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+3123456789", "3123456789"),
        ("3123456789", "3123456789"),
        ("112", "112"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", None),
        ("12", None),
        ("", None),
        ("+", None),
        ("++31234", None),
        ("31 20 123", None),
        ("31-20-123", None),
        ("31000000;npdi", None),
        ("alice", None),
        ("٣١٢٣٤٥", None),
        ("31²34", None),
        ("3123456789\n", None),
    ],
)
def test_a_number_is_3_to_15_ascii_digits_with_or_without_a_plus(text: str, digits: str | None) -> None:
    assert parse_e164(text) == digits


@pytest.mark.parametrize(
    ("digits", "code"),
    [("3123456789", "31"), ("12125550123", "1"), ("35312345", "353"), ("77012345", "7"), ("99812345", "998"), ("88212345", "882")],
)
def test_the_country_code_is_found(digits: str, code: str) -> None:
    assert country_code(digits) == code


@pytest.mark.parametrize("digits", ["0031234567", "999123456", "210123456", "38412345", "42212345", "80112345", "69912345", "28012345"])
def test_a_country_code_that_is_not_assigned_is_unknown(digits: str) -> None:
    assert country_code(digits) is None
    assert known_number(digits) is None


def test_no_country_code_is_the_beginning_of_another() -> None:
    assert not [(a, b) for a in COUNTRY_CODES for b in COUNTRY_CODES if a != b and b.startswith(a)]
    assert len(COUNTRY_CODES) > 200


@pytest.mark.parametrize(("text", "is_one"), [("31", True), ("1", True), ("0", False), ("", False), ("3a", False), ("1" * 16, False)])
def test_a_prefix_is_1_to_15_digits_without_a_leading_zero(text: str, is_one: bool) -> None:
    assert is_prefix(text) is is_one
