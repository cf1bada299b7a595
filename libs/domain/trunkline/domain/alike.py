"""Numbers that are decided alike: how many of a number's digits its decision depends on. Pure; for the first call of a kind."""

from __future__ import annotations

from itertools import chain
from typing import Final

from trunkline.domain.class_of_service import Rules
from trunkline.domain.number_ranges import PREMIUM, SHARED
from trunkline.domain.numbers import country_code
from trunkline.domain.route_table import RouteTable

_BRANCHES: Final = frozenset(
    number[:length]
    for number in chain(*PREMIUM.values(), *(ranges.keys() for ranges in SHARED.values()))
    for length in range(1, len(number))
)
"""Beginnings behind which the numbering plan tells numbers apart."""


def alike(digits: str, prefix: str, rules: Rules, routes: RouteTable) -> str:
    """The shortest beginning of `digits` (without `+`) such that every number that begins with it has the same country, the same answer of
    the class of service, and the same rows, which are those of `prefix`. Empty where it would take digits that `digits` does not have."""
    allowed = [number for service in rules.services for number in service.allowed_prefixes]
    least = max(len(prefix), len(country_code(digits) or digits))
    for length in range(least, len(digits) + 1):
        beginning = digits[:length]
        if beginning in _BRANCHES or routes.is_branch(beginning):
            continue
        if not any(len(number) > length and number.startswith(beginning) for number in allowed):
            return beginning
    return ""
