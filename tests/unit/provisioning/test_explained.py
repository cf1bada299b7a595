"""What an explanation says would be seen on the wire."""

from __future__ import annotations

import pytest

from trunkline.provisioning.explained import CHALLENGE_TEXT, seen_on_the_wire


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
