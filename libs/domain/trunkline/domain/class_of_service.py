"""Class of service: which destinations may be called, at what price, for how long, and how many at a time.

A domain has one, and its tenant may have one that bounds those of all its domains: a call must be allowed by both. Premium services are
called where the domain allows it, and its tenant does not forbid it. What is asked once a call is worked out when one of them changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from trunkline.domain.number_ranges import COUNTRIES, PREMIUM, SHARED
from trunkline.domain.route_table import RouteMatch

ALL_COUNTRIES: Final = frozenset({*COUNTRIES.values(), *(country for ranges in SHARED.values() for country in ranges.values())})
"""ISO 3166-1 alpha-2 of every country that has numbers."""


@dataclass(frozen=True, slots=True)
class ClassOfService:
    """No `countries` (ISO 3166-1 alpha-2) and no `allowed_prefixes` (digits): all destinations; else those of either. `max_rate_micros` is
    millionths of `currency` a minute, 0: any price. `max_duration_s` 0: the platform's."""

    allowed_prefixes: tuple[str, ...] = ()
    max_duration_s: int = 0
    countries: tuple[str, ...] = ()
    allows_premium: bool = False
    max_rate_micros: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls at a time, from the INVITE to the end, and new calls a second, over all points of presence; 0: no limit."""

    max_calls: int = 0
    max_calls_per_second: int = 0


class LimitKey(NamedTuple):
    """Whose limit: a domain's, or with an empty `domain` a tenant's over all its domains."""

    tenant: str
    domain: str


class Limit(NamedTuple):
    """One of a call's limits, never both 0."""

    key: LimitKey
    max_calls: int
    max_calls_per_second: int


class Rules(NamedTuple):
    """What the calls of a domain must keep: its own class of service and its tenant's. `prices` are (most, currency): a rate must keep all
    of them. `limits` is empty where there are none."""

    services: tuple[ClassOfService, ...] = ()
    allows_premium: bool = False
    prices: tuple[tuple[int, str], ...] = ()
    max_duration_s: int = 0
    limits: tuple[Limit, ...] = ()


ANYTHING: Final = ClassOfService()
NO_LIMITS: Final = Limits()
DEFAULT_RULES: Final = Rules()
"""Of a domain without a class of service: every destination but premium services."""


def rules_of(key: LimitKey, own: ClassOfService, own_limits: Limits, tenants: ClassOfService | None, tenants_limits: Limits) -> Rules:
    """`key` is the domain's; `tenants` None: the tenant has none, and forbids nothing."""
    both = (own,) if tenants is None else (own, tenants)
    durations = [each.max_duration_s for each in both if each.max_duration_s]
    limits = [(key, own_limits), (LimitKey(key.tenant, ""), tenants_limits)]
    found = Rules(
        tuple([each for each in both if each.countries or each.allowed_prefixes]),
        all(each.allows_premium for each in both),
        tuple([(each.max_rate_micros, each.currency) for each in both if each.max_rate_micros]),
        min(durations, default=0),
        tuple([Limit(of, each.max_calls, each.max_calls_per_second) for of, each in limits if each != NO_LIMITS]),
    )
    return DEFAULT_RULES if found == DEFAULT_RULES else found


def refusal(rules: Rules, digits: str, code: str) -> tuple[str, str] | None:
    """Reason and facts where the number may not be called. `digits` without `+`, `code` is their country code. The price is another
    question: see `affordable`."""
    if not rules.allows_premium and digits.startswith(PREMIUM.get(code, ())):
        return "T303", f"number +{digits} is of a premium service, or of a satellite network, which the domain may not call"
    for service in rules.services:
        if digits.startswith(service.allowed_prefixes):
            continue
        country = country_of(digits, code) if service.countries else ""
        if country not in service.countries:
            what = f"{len(service.countries)} countries and {len(service.allowed_prefixes)} prefixes"
            return "T301", f"number +{digits} ({country or code}) is in none of the {what} that may be called"
    return None


def affordable(rules: Rules, match: RouteMatch) -> RouteMatch | None:
    """The rows whose rate keeps every bound; None where there are none. A rate in another currency than a bound's does not keep it."""
    kept = tuple(
        [
            (row, currency)
            for row, currency in match.rows
            if all(currency == wanted and row.rate_micros <= most for most, wanted in rules.prices)
        ]
    )
    return RouteMatch(match.prefix, kept) if kept else None


def too_dear(rules: Rules, match: RouteMatch) -> str:
    """The facts of T304."""
    rates = ", ".join(f"{row.carrier} {row.rate_micros / 1e6:g} {currency}" for row, currency in match.rows)
    most = ", ".join(f"{most / 1e6:g} {currency}" for most, currency in rules.prices)
    return f"prefix {match.prefix} costs {rates} a minute; the domain may pay {most}"


def country_of(digits: str, code: str) -> str:
    """ISO 3166-1 alpha-2, or empty for a code of no country. `code` is the country code that the digits begin with."""
    ranges = SHARED.get(code)
    if ranges:
        for length in range(len(digits), len(code), -1):
            found = ranges.get(digits[:length])
            if found is not None:
                return found
    return COUNTRIES.get(code, "")
