"""Why a call is decided as it is: the steps of `trunkline.domain.policy.decide_call`, each with every rule that was looked at.

The decision is `decide_call`'s own; the steps ask the same functions in the same order, and say what they answered. Access, bans and what
is in use of limits are others' to explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from trunkline.domain import caller_ids
from trunkline.domain.class_of_service import ClassOfService, Rules, affordable, country_of, refusal, too_dear
from trunkline.domain.configuration import Configuration
from trunkline.domain.events import CarrierId
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.host_names import is_bound
from trunkline.domain.identity import NO_PRIVACY, NOT_ALLOWED_NOTE, number_in, parse_privacy
from trunkline.domain.numbers import country_code, known_number, parse_e164
from trunkline.domain.policy import AdmittedCall, Rejected, Routed, decide_call
from trunkline.domain.route_table import RouteMatch
from trunkline.domain.routing import MAX_TARGETS, Row, is_settled
from trunkline.domain.views import Carrier, Domain, Gateway

SHOWN: Final = 16
"""Prefixes and countries of a class of service that are named; it may have hundreds."""


class Outcome(StrEnum):
    PASSED = "passed"
    REFUSED = "refused"
    CHALLENGED = "challenged"
    NOTED = "noted"


class Step(NamedTuple):
    """`details` are the rules that were looked at, in order. `is_beyond`: an earlier step has decided already. `is_now_only`: known of this
    moment, not of the position."""

    stage: str
    outcome: Outcome
    text: str
    details: tuple[str, ...] = ()
    reason: str = ""
    is_beyond: bool = False
    is_now_only: bool = False


@dataclass(frozen=True, slots=True)
class SeenGateway:
    """A gateway of one of the prefix's carriers. `place` in the order of trying, from 1; 0: not tried, and `why`."""

    place: int
    gateway: Gateway
    carrier: Carrier
    row: Row
    why: str
    is_passed_over: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """`decided` is None where there is no number to decide about. `caller_id_source` is one of `caller_ids.CALLER_ID_SOURCES`, or empty."""

    steps: tuple[Step, ...] = ()
    decided: Routed | Rejected | None = None
    gateways: tuple[SeenGateway, ...] = ()
    is_drawn: bool = False
    caller_id_source: str = ""


def explain_call(
    call: AdmittedCall, configuration: Configuration, *, region: str, realm: str, view: GatewayView = ALL_USED, randomness: float = 0.0
) -> Explained:
    """As `decide_call`, for people. The first step that is refused is the decision's reason."""
    decided = decide_call(call, configuration, region=region, realm=realm, randomness=randomness, view=view)
    steps, match, domain = _towards_a_route(call, configuration)
    if match is None or domain is None:
        return Explained(steps, decided)
    source, identity_step = _identity_step(call, domain, decided)
    gateways = _gateways(call, domain, match, configuration, decided, region, realm, view)
    steps += (identity_step,)
    is_drawn = not is_settled(match, configuration.carriers)
    if identity_step.outcome is not Outcome.REFUSED:
        steps += (_gateway_step(decided, gateways, view),)
        if not (isinstance(decided, Rejected) and decided.reason == "T403"):
            steps += (_privacy_step(call, decided),)
    return Explained(steps, decided, gateways, is_drawn, source)


def _towards_a_route(call: AdmittedCall, configuration: Configuration) -> tuple[tuple[Step, ...], RouteMatch | None, Domain | None]:
    """Number, class of service, tenant, route, price. The rows that may be used, or None where one of them refuses."""
    digits = parse_e164(call.number)
    if digits is None:
        return (_refused("number", "T102", f"{call.number[:64]!r} is not 3 to 15 digits with or without a leading +"),), None, None
    code = country_code(digits)
    if code is None:
        return (_refused("number", "T404", f"+{digits} begins with no country code that is assigned"),), None, None
    country = country_of(digits, code)
    steps: tuple[Step, ...] = (
        Step("number", Outcome.PASSED, f"+{digits}: country code {code}{f', {country}' if country else ', no country'}"),
    )
    domain = configuration.find_domain(call.tenant, call.domain)
    if domain is None:
        return (*steps, _refused("name", "T201", f"there is no domain {call.domain}")), None, None
    refused = refusal(domain.rules, digits, code)
    details = _service_details(domain.rules)
    if refused is not None:
        return (*steps, _refused("class_of_service", refused[0], refused[1], details)), None, None
    steps += (Step("class_of_service", Outcome.PASSED, f"+{digits} may be called", details),)
    owner = configuration.tenants.get(domain.tenant)
    if owner is not None and owner.is_suspended:
        return (*steps, _refused("tenant", "T603", f"the tenant {call.tenant} is suspended")), None, None
    steps += (Step("tenant", Outcome.PASSED, f"the tenant {call.tenant} is not suspended"),)
    match = configuration.routes.find(digits)
    if match is None:
        return (*steps, _refused("route", "T401", f"no active route deck has a prefix of +{digits}")), None, None
    rows = tuple([_row_text(row) for row in match.rows])
    where = match.rows[0][0].destination
    steps += (Step("route", Outcome.PASSED, f"the longest prefix is {match.prefix}{f', {where}' if where else ''}", rows),)
    if not domain.rules.prices:
        return (*steps, Step("price", Outcome.PASSED, "no maximum price is set")), match, domain
    bounds = tuple([f"at most {most / 1e6:g} {currency} a minute" for most, currency in domain.rules.prices])
    kept = affordable(domain.rules, match)
    if kept is None:
        return (*steps, _refused("price", "T304", too_dear(domain.rules, match), bounds)), None, None
    return (*steps, Step("price", Outcome.PASSED, f"{len(kept.rows)} of {len(match.rows)} rows keep the price", bounds)), kept, domain


def _service_details(rules: Rules) -> tuple[str, ...]:
    premium = "premium services and satellite networks: allowed" if rules.allows_premium else "premium services and satellite networks: not"
    return (premium, *[_service_text(each) for each in rules.services]) if rules.services else (premium, "destinations: all others")


def _service_text(service: ClassOfService) -> str:
    found = [
        f"{noun} {_enumerated(each)}" for noun, each in (("countries", service.countries), ("prefixes", service.allowed_prefixes)) if each
    ]
    return f"allowed: {'; '.join(found)}"


def _enumerated(texts: tuple[str, ...]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return " ".join(texts[:SHOWN]) + more


def _row_text(row: Row) -> str:
    entry, currency = row
    return f"{entry.carrier}: priority {entry.priority}, weight {entry.weight}, {entry.rate_micros / 1e6:g} {currency} a minute"


def _identity_step(call: AdmittedCall, domain: Domain, decided: Routed | Rejected) -> tuple[str, Step]:
    """Where the caller's number comes from, and the step."""
    policy = domain.identity
    sources = policy.sources or caller_ids.DEFAULT_SOURCES
    listed = {
        "account": call.account_caller_id,
        "address": call.address_caller_id,
        "username": call.account,
        "domain": policy.default_caller_id,
        "asked": ", ".join(call.hints),
        "from": call.from_uri,
    }
    details = [f"{source}: {listed[source] or 'none'}{_number_note(source, listed[source])}" for source in sources]
    details += [f"allowed beside: {entry}" for entry in policy.allowed_caller_ids]
    if isinstance(decided, Rejected) and decided.reason == "T502":
        return "", _refused("identity", "T502", decided.facts, tuple(details))
    number = decided.identity.caller_id if isinstance(decided, Routed) else decided.caller_id
    found = next((source for source in sources if number and _names(source, listed[source], call, number)), "")
    notes = tuple([note for note in decided.notes if note == NOT_ALLOWED_NOTE])
    text = f"the caller is {number}, by {found or 'its account'}" if number else "the caller has no number: the SIP form alone"
    return found, Step("identity", Outcome.PASSED, text, (*details, *notes))


def _names(source: str, text: str, call: AdmittedCall, number: str) -> bool:
    if source == "asked":
        return any(_number_of(hint) == number for hint in call.hints)
    return (_number_of(text) if source == "from" else _plus(text)) == number


def _number_of(value: str) -> str:
    found = number_in(value)
    return f"+{found}" if found else ""


def _plus(text: str) -> str:
    found = known_number(text)
    return f"+{found}" if found else ""


def _number_note(source: str, text: str) -> str:
    return " (no number)" if text and source == "username" and not _plus(text) else ""


def _gateways(
    call: AdmittedCall,
    domain: Domain,
    match: RouteMatch,
    configuration: Configuration,
    decided: Routed | Rejected,
    region: str,
    realm: str,
    view: GatewayView,
) -> tuple[SeenGateway, ...]:
    """Every one of the rows' carriers: those that would be tried in their order, then the others as the rows and carriers have them."""
    stays = is_bound(call.host, domain.label, realm)
    places: dict[str, int] = {}
    if isinstance(decided, Routed):
        places = {target.choice.gateway.key: place for place, target in enumerate(decided.targets, start=1)}
    seen: dict[str, SeenGateway] = {}
    for row in match.rows:
        carrier = configuration.carriers.get(CarrierId(row[0].carrier))
        if carrier is None:
            continue
        for gateway in carrier.gateways:
            place = places.get(gateway.key, 0)
            why = _why(gateway, carrier, place, region, stays, view)
            seen.setdefault(gateway.key, SeenGateway(place, gateway, carrier, row, why, gateway.key in view.passed))
    return tuple(sorted(seen.values(), key=lambda each: (not each.place, each.place)))


def _why(gateway: Gateway, carrier: Carrier, place: int, region: str, stays: bool, view: GatewayView) -> str:
    passed = view.passed.get(gateway.key, "")
    if place:
        near = f"of the region {region}" if gateway.region == region else f"of the region {gateway.region}, in case {region} fails"
        return f"{near}; {passed}" if passed else near
    if carrier.is_suspended:
        return "its carrier is suspended"
    if stays and gateway.region != region:
        return f"of the region {gateway.region}: a name that is bound to a point of presence keeps the call in {region}"
    return passed or f"the {MAX_TARGETS} that are tried at most are found before it"


def _gateway_step(decided: Routed | Rejected, gateways: tuple[SeenGateway, ...], view: GatewayView) -> Step:
    details = tuple([f"{each.place or '–'} {each.gateway.key}: {each.why}" for each in gateways])
    if isinstance(decided, Rejected) and decided.reason == "T403":
        return _refused("gateways", "T403", decided.facts, details)
    tried = sum(bool(each.place) for each in gateways)
    passed = sum(each.is_passed_over for each in gateways)
    text = f"{tried} of {len(gateways)} gateways would be tried{f', {passed} passed over' if passed else ''}"
    return Step("gateways", Outcome.PASSED, text, details)


def _privacy_step(call: AdmittedCall, decided: Routed | Rejected) -> Step:
    privacy = parse_privacy(call.privacy, call.from_uri)
    if isinstance(decided, Rejected) and decided.reason in ("T501", "T503"):
        return _refused("privacy", decided.reason, decided.facts, privacy.notes)
    if privacy is NO_PRIVACY:
        return Step("privacy", Outcome.PASSED, "no privacy is asked for")
    text = "the caller is hidden from who is not trusted" if privacy.is_private else "the caller is shown"
    return Step("privacy", Outcome.PASSED, f"Privacy: {privacy.value}: {text}", privacy.notes)


def _refused(stage: str, reason: str, text: str, details: tuple[str, ...] = ()) -> Step:
    return Step(stage, Outcome.REFUSED, text, details, reason)
