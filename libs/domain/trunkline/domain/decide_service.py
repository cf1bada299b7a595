"""Class of service and limits, of a domain or of a tenant: from commands to events."""

from __future__ import annotations

from typing import Final

from trunkline.domain import names
from trunkline.domain.class_of_service import ALL_COUNTRIES, ANYTHING, ClassOfService, Limits
from trunkline.domain.commands import SetClassOfService, SetLimits
from trunkline.domain.decide_access import existing_tenant
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.decide_routing import MAX_RATE_MICROS
from trunkline.domain.decision import Decision
from trunkline.domain.directory import Directory
from trunkline.domain.errors import invalid
from trunkline.domain.events import ClassOfServiceSet, Event, Kind, LimitsSet
from trunkline.domain.numbers import is_prefix
from trunkline.domain.views import Domain, Tenant

MAX_ALLOWED_PREFIXES: Final = 1_000
"""Of one class of service: they are compared with every number that is called."""

MIN_DURATION_S, MAX_DURATION_S = 10, 24 * 3600
"""Of the longest call. No call outlives the token of its Record-Route: a day."""

MAX_CALLS: Final = 1_000_000
MAX_CALLS_PER_SECOND: Final = 100_000
"""More than a platform has; a greater number is a slip, and no limit is 0."""


def set_class_of_service(directory: Directory, command: SetClassOfService) -> Decision:
    owner = _owner(directory, command)
    known = owner.service or ANYTHING
    if len(command.allowed_prefixes) > MAX_ALLOWED_PREFIXES:
        raise invalid(
            "TOO_MANY_PREFIXES", "allowed_prefixes", f"At most {MAX_ALLOWED_PREFIXES} prefixes.", "Leave out those covered by others."
        )
    prefixes = tuple(sorted({_prefix(text) for text in command.allowed_prefixes}))
    countries = tuple(sorted({_country(text) for text in command.countries}))
    duration_s = known.max_duration_s if command.max_duration_s is None else command.max_duration_s
    if duration_s and not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        why = f"{duration_s} s is not {MIN_DURATION_S} to {MAX_DURATION_S}; 0 is the platform's default."
        raise invalid("MAX_DURATION_INVALID", "max_duration_s", why)
    premium = known.allows_premium if command.allows_premium is None else command.allows_premium
    rate_micros, currency = _price(command, known)
    asked = ClassOfService(prefixes, duration_s, countries, premium, rate_micros, currency)
    if asked == owner.service:
        return _on(owner)
    return _on(owner, ClassOfServiceSet(prefixes, duration_s, countries, premium, rate_micros, currency))


def set_limits(directory: Directory, command: SetLimits) -> Decision:
    owner = _owner(directory, command)
    calls = owner.limits.max_calls if command.max_calls is None else command.max_calls
    rate = owner.limits.max_calls_per_second if command.max_calls_per_second is None else command.max_calls_per_second
    for value, most, field in ((calls, MAX_CALLS, "max_calls"), (rate, MAX_CALLS_PER_SECOND, "max_calls_per_second")):
        if not 0 <= value <= most:
            raise invalid("LIMIT_INVALID", field, f"{value} is not 0 to {most}; 0 is no limit.")
    return _on(owner) if owner.limits == Limits(calls, rate) else _on(owner, LimitsSet(calls, rate))


def _owner(directory: Directory, command: SetClassOfService | SetLimits) -> Domain | Tenant:
    if command.label:
        return existing_domain(directory, command.tenant, command.label)
    return directory.tenants[existing_tenant(directory, command.tenant)]


def _on(owner: Domain | Tenant, *events: Event) -> Decision:
    if isinstance(owner, Domain):
        return Decision(Kind.DOMAIN, owner.tenant, owner.label, events)
    return Decision(Kind.TENANT, owner.id, owner.id, events)


def _price(command: SetClassOfService, known: ClassOfService) -> tuple[int, str]:
    if command.max_rate_micros is None:
        return known.max_rate_micros, known.currency
    if not 0 <= command.max_rate_micros <= MAX_RATE_MICROS:
        raise invalid(
            "MAX_RATE_INVALID", "max_rate_micros", f"{command.max_rate_micros} is not 0 to {MAX_RATE_MICROS} millionths a minute."
        )
    return (command.max_rate_micros, names.currency(command.currency)) if command.max_rate_micros else (0, "")


def _country(text: str) -> str:
    country = text.upper()
    if country not in ALL_COUNTRIES:
        raise invalid("COUNTRY_UNKNOWN", "countries", f"{text[:8]!r} is no country that has numbers: ISO 3166-1, two letters, such as NL.")
    return country


def _prefix(text: str) -> str:
    digits = text.removeprefix("+")
    if not is_prefix(digits):
        raise invalid("PREFIX_INVALID", "allowed_prefixes", f"{text[:32]!r} cannot begin an E.164 number: 1 to 15 digits, no leading 0.")
    return digits
