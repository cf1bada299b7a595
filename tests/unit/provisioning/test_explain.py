"""What a dry run says would be seen on the wire."""

from __future__ import annotations

import pytest
from unit.domain.test_policy import ACME, platform

from trunkline.domain import commands as c
from trunkline.domain.events import DomainLabel
from trunkline.provisioning.explain import CHALLENGE_TEXT, destination, seen_on_the_wire


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        ("admit", "", (200, "")),
        ("challenge", "", (401, CHALLENGE_TEXT)),
        ("refuse", "T203", (403, "Source Not In ACL")),
        ("refuse", "T299", (0, "")),
    ],
)
def test_an_outcome_is_told_with_its_status_and_a_code_newer_than_the_registry_without(
    outcome: str, code: str, expected: tuple[int, str]
) -> None:
    assert seen_on_the_wire(outcome, code, 401) == expected


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        ("+31201234567", "", "+31201234567 may be called"),
        ("12x", "T102", "no number"),
        ("+999123456", "T404", "no number"),
        ("+319001234567", "T303", "premium"),
        ("+4912345678", "T401", "no active route deck"),
        ("+3312345678", "T301", "(FR)"),
        ("+4412345678", "T304", "costs"),
    ],
)
def test_a_number_is_explained_by_class_of_service_and_price(number: str, code: str, told: str) -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "acme", (), None, ("NL", "GB", "DE"), None, 1, "USD" if code == "T304" else "EUR"))
    domain = history.directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None
    found = destination(history.directory, domain, number)
    assert found[0] == code and told in found[1], found
