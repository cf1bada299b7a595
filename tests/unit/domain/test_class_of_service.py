"""Which destinations may be called, at what price and for how long; a tenant's bounds the domain's."""

from __future__ import annotations

import re
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType, example_number_for_type
from unit.domain.test_policy import ACME, CALL, REALM, decided, platform

from trunkline.domain import commands as c
from trunkline.domain.class_of_service import ANYTHING, NO_LIMITS, ClassOfService, Limit, LimitKey, Limits, country_of, refusal, rules_of
from trunkline.domain.events import DomainLabel
from trunkline.domain.number_ranges import COUNTRIES, PREMIUM
from trunkline.domain.numbers import country_code
from trunkline.domain.policy import Memory, Rejected, decide_call

KEY = LimitKey("acme", "acme")
EXAMPLES = [
    (region, kind, phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:])
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE)
    if (number := example_number_for_type(region, kind)) is not None
]
SHARING = {"AX", "BL", "CC", "CX", "EH", "MF", "SJ", "VA"}
"""Countries whose numbers are partly of the main country's own ranges; a mobile number of Man has one that is Britain's."""


def of(digits: str, own: ClassOfService = ANYTHING, tenants: ClassOfService | None = None) -> str:
    found = refusal(rules_of(KEY, own, NO_LIMITS, tenants, NO_LIMITS), digits, country_code(digits) or "")
    return "" if found is None else found[0]


def test_every_countrys_premium_numbers_are_told_from_its_others() -> None:
    assert len(EXAMPLES) > 700
    wrong = [
        (region, digits)
        for region, kind, digits in EXAMPLES
        if (of(digits) == "T303") != (kind == PhoneNumberType.PREMIUM_RATE) and (region, kind) != ("AD", PhoneNumberType.TOLL_FREE)
    ]
    assert wrong == []


def test_every_countrys_numbers_are_found_to_be_its_own() -> None:
    wrong = {
        region
        for region, kind, digits in EXAMPLES
        if kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE) and country_of(digits, country_code(digits) or "") != region
    }
    assert wrong == SHARING | {"IM"}


def test_the_ranges_are_those_of_the_library_that_is_installed() -> None:
    """What is in the file was made of this version: run tools/number_ranges.py and `make fmt`."""
    folder = Path(__file__).parents[3]
    made = re.search(r"Generated from phonenumberslite (\S+)", (folder / "libs/domain/trunkline/domain/number_ranges.py").read_text())
    assert made is not None and made[1] == phonenumbers.__version__
    assert f"phonenumberslite=={made[1]}" in (folder / "requirements/dev.txt").read_text()


@pytest.mark.parametrize(
    ("digits", "own", "tenants", "code"),
    [
        ("31201234567", ANYTHING, None, ""),
        ("19005551234", ANYTHING, None, "T303"),
        ("8816123456", ANYTHING, None, "T303"),
        ("979123456789", ANYTHING, None, "T303"),
        ("19005551234", ClassOfService(allows_premium=True), None, ""),
        ("19005551234", ClassOfService(allows_premium=True), ANYTHING, "T303"),
        ("19005551234", ClassOfService(allows_premium=True), ClassOfService(allows_premium=True), ""),
        ("19005551234", ANYTHING, ClassOfService(allows_premium=True), "T303"),
        ("31201234567", ClassOfService(countries=("NL",)), None, ""),
        ("31201234567", ClassOfService(countries=("BE",)), None, "T301"),
        ("31201234567", ClassOfService(("3120",), countries=("BE",)), None, ""),
        ("31301234567", ClassOfService(("3120",), countries=("BE",)), None, "T301"),
        ("12125551234", ClassOfService(countries=("US",)), None, ""),
        ("14165551234", ClassOfService(countries=("US",)), None, "T301"),
        ("14165551234", ClassOfService(countries=("CA",)), None, ""),
        ("77012345678", ClassOfService(countries=("RU",)), None, "T301"),
        ("80012345678", ClassOfService(countries=("NL",)), None, "T301"),
        ("31201234567", ANYTHING, ClassOfService(countries=("BE",)), "T301"),
        ("3225551234", ClassOfService(("31",)), ClassOfService(countries=("BE",)), "T301"),
    ],
)
def test_a_destination_must_be_allowed_by_the_domain_and_by_its_tenant(
    digits: str, own: ClassOfService, tenants: ClassOfService | None, code: str
) -> None:
    assert of(digits, own, tenants) == code


def test_the_shorter_duration_counts_and_both_limits() -> None:
    for own_s, tenants_s, expected in ((0, 0, 0), (600, 0, 600), (0, 300, 300), (600, 300, 300), (200, 300, 200)):
        rules = rules_of(KEY, ClassOfService(max_duration_s=own_s), NO_LIMITS, ClassOfService(max_duration_s=tenants_s), NO_LIMITS)
        assert rules.max_duration_s == expected
    rules = rules_of(KEY, ANYTHING, Limits(5, 2), None, Limits(0, 9))
    assert rules.limits == (Limit(KEY, 5, 2), Limit(LimitKey("acme", ""), 0, 9))


def test_a_route_must_not_cost_more_than_either_allows_nor_be_of_another_currency() -> None:
    for label, micros, currency, carriers in (
        ("acme", 12_000, "EUR", ["alpha", "beta"]),
        ("acme", 11_999, "EUR", ["beta"]),
        ("acme", 12_000, "USD", "T304"),
        ("acme", 0, "", ["alpha", "beta"]),
        ("", 12_000, "EUR", ["alpha", "beta"]),
        ("", 11_999, "EUR", ["beta"]),
    ):
        history, memory = platform(), Memory()
        history.execute(c.SetClassOfService(ACME, label, (), max_rate_micros=micros, currency=currency))
        for _ in range(2):
            found = decide_call(CALL, history.directory, region="eu", realm=REALM, randomness=0.5, memory=memory)
            assert (found.reason if isinstance(found, Rejected) else [each.choice.carrier.id for each in found.targets]) == carriers


def test_a_tenants_change_reaches_its_domains_and_a_domain_made_later() -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "", (), countries=("GB",)))
    history.execute(c.SetLimits(ACME, "", 7))
    history.execute(c.CreateDomain(ACME, "later"))
    refused = decided(CALL, history)
    assert isinstance(refused, Rejected) and refused.reason == "T301"
    for label in ("acme", "later"):
        domain = history.directory.domain(ACME, DomainLabel(label))
        assert domain is not None and domain.rules.limits == (Limit(LimitKey("acme", ""), 7, 0),)
    assert COUNTRIES["44"] == "GB" and PREMIUM["979"] == ("979",)
