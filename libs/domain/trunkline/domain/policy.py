"""The one decision about an admitted INVITE: number, class of service, route, gateways, identity. Pure; a few microseconds.

What is made once a call is a named tuple: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from trunkline.domain import caller_ids
from trunkline.domain.class_of_service import Limit, affordable, refusal, too_dear
from trunkline.domain.configuration import Configuration
from trunkline.domain.events import DeckRow
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.host_names import is_bound
from trunkline.domain.identity import (
    ANONYMOUS_HOST,
    Identity,
    Privacy,
    Shown,
    hides_topology,
    hinted,
    identify,
    parse_privacy,
    presented,
    show,
)
from trunkline.domain.number_formats import is_plus
from trunkline.domain.numbers import country_code, parse_e164
from trunkline.domain.route_table import RouteMatch
from trunkline.domain.routing import Choice, choose, is_settled
from trunkline.domain.views import NO_POLICY, Domain


class AdmittedCall(NamedTuple):
    """What the edge knows of an INVITE that the access rule has admitted.

    `host` is the name dialled, `number` the user part of the Request-URI as sent, unescaped. `account` is the username, or empty.
    `account_caller_id` and `address_caller_id` are the numbers listed for the account and for the address that admitted it, or empty.
    `privacy` and `hints` are the values of Privacy and of P-Asserted-Identity and P-Preferred-Identity.
    """

    tenant: str
    domain: str
    host: str
    number: str
    account: str
    account_caller_id: str
    from_uri: str
    privacy: Sequence[str] = ()
    hints: Sequence[str] = ()
    address_caller_id: str = ""

    @property
    def caller_id(self) -> str:
        """The account's, else the address's, else empty."""
        return self.account_caller_id or self.address_caller_id


class RouteTarget(NamedTuple):
    """A gateway in the order of trying, and what it is shown. `hides_topology`: Via, Record-Route and Contact of one side are not seen by
    the other; `shows_callee`: the customer is shown whom the carrier asserts to be called."""

    choice: Choice
    shown: Shown
    hides_topology: bool = False
    shows_callee: bool = False


class Routed(NamedTuple):
    """`number` is what gateways are sent, E.164 with `+`; where `has_formats` some want it in a format of their own. `limits` are
    to be kept by whoever places the call. `is_last_resort`: by a bound name, and no gateway is thought usable; where none of them takes the
    call all the same, it is refused for that (T403). `is_of_kind`: whoever calls a number with the same rows as the same caller, with the
    same wishes and, if `is_by_from`, the same From, has the same route, but for the number. The rest is for the record."""

    targets: tuple[RouteTarget, ...]
    number: str
    identity: Identity
    privacy: Privacy
    presented: str
    prefix: str
    destination: str
    notes: tuple[str, ...] = ()
    max_duration_s: int = 0
    has_formats: bool = False
    limits: tuple[Limit, ...] = ()
    is_last_resort: bool = False
    is_of_kind: bool = False
    is_by_from: bool = False


class Rejected(NamedTuple):
    """`reason` is a code of the registry; `facts` are for the owner of the domain only."""

    reason: str
    facts: str
    caller_id: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()


_REMEMBERED: Final = 65_536
"""Callers and prefixes whose routes are kept; some 0.5 KB each. Beyond it all are forgotten and decided anew as they come."""


_MAX_WISHES: Final = 512
"""Characters of Privacy and identity headers that are kept; real ones have some 60."""

_Key = tuple[str, str, str, str, str, str, bool, tuple[str, ...]]


class _Known(NamedTuple):
    """A route, and what it was made of: it holds as long as these are the same."""

    domain: Domain
    rows: tuple[tuple[DeckRow, str], ...]
    carriers_version: int
    view_version: int
    routed: Routed


class Memory:
    """Routes of one POP that come again: of the same caller, who asks for the same, to a number of the same prefix, where no weights are to
    be drawn. One for each region and realm."""

    def __init__(self) -> None:
        self._known: dict[_Key, _Known] = {}

    def find(self, key: _Key, domain: Domain, match: RouteMatch, carriers_version: int, view_version: int) -> Routed | None:
        """`targets` of what is found is the same object each time."""
        known = self._known.get(key)
        if known is None or known[0] is not domain or known[1] is not match.rows or known[2] != carriers_version:
            return None
        return known[4] if known[3] == view_version else None

    def keep(self, key: _Key, known: _Known) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = known


def decide_call(
    call: AdmittedCall,
    directory: Configuration,
    *,
    region: str,
    realm: str,
    randomness: float,
    view: GatewayView = ALL_USED,
    memory: Memory | None = None,
) -> Routed | Rejected:
    """`region` is that of the POP that asks, `randomness` is uniform in [0, 1), `view` says which gateways are passed over. `memory`
    makes it quicker and changes nothing."""
    digits = parse_e164(call.number)
    if digits is None:
        return _rejected(call, realm, "T102", f"number {call.number[:64]!r} is not 3 to 15 digits with or without a leading +")
    code = country_code(digits)
    if code is None:
        return _rejected(call, realm, "T404", f"number +{digits} begins with no country code that is assigned")
    domain = directory.find_domain(call.tenant, call.domain)
    if domain is None:
        # The engine's tables are a moment ahead or behind.
        return _rejected(call, realm, "T201", f"domain {call.domain} of tenant {call.tenant} is not in the directory")
    refused = refusal(domain.rules, digits, code)
    if refused is not None:
        return _rejected(call, realm, *refused)
    owner = directory.tenants.get(domain.tenant)
    if owner is not None and owner.is_suspended:
        return _rejected(call, realm, "T603", f"the tenant {call.tenant} is suspended")
    match = directory.routes.find(digits)
    if match is None:
        return _rejected(call, realm, "T401", f"no active route deck has a prefix of +{digits}")
    carriers_version = directory.carriers_version
    is_anonymous = ANONYMOUS_HOST in call.from_uri.lower()
    wishes = (*call.privacy, "", *call.hints) if call.privacy or call.hints else ()
    is_by_from = domain.identity is not NO_POLICY and not caller_ids.is_default(domain.identity)
    if is_by_from:
        # What its policy looks at beside.
        wishes = (*wishes, "", call.account_caller_id, call.address_caller_id, call.from_uri)
    key: _Key = (call.tenant, call.domain, call.host, call.account, call.caller_id, match.prefix, is_anonymous, wishes)
    known = memory.find(key, domain, match, carriers_version, view.version) if memory is not None else None
    if known is not None:
        # As Routed(...) makes it, without the call of a function of its own.
        return tuple.__new__(Routed, (known[0], "+" + digits, *known[2:]))
    decided = _decide(call, domain, digits, match, directory, region=region, realm=realm, randomness=randomness, view=view)
    if not isinstance(decided, Routed) or not is_settled(match, directory.carriers):
        return decided
    decided = decided._replace(is_of_kind=True, is_by_from=is_by_from)
    if memory is not None and sum(map(len, wishes)) <= _MAX_WISHES:
        memory.keep(key, _Known(domain, match.rows, carriers_version, view.version, decided))
    return decided


def _decide(
    call: AdmittedCall,
    domain: Domain,
    digits: str,
    match: RouteMatch,
    directory: Configuration,
    *,
    region: str,
    realm: str,
    randomness: float,
    view: GatewayView,
) -> Routed | Rejected:
    """Gateways and identity of a call to a number that may be called."""
    if domain.rules.prices:
        cheap_enough = affordable(domain.rules, match)
        if cheap_enough is None:
            return _rejected(call, realm, "T304", too_dear(domain.rules, match))
        match = cheap_enough
    identity, notes = _identified(call, domain, realm)
    if isinstance(identity, caller_ids.Refused):
        what = "From" if identity.source == "from" else "the identity asked for"
        facts = f"{what} is {identity.number}, which is no number of the caller's and not allowed to the domain {call.domain}"
        return Rejected("T502", facts, call.caller_id, match.prefix, notes)
    who = identity.caller_id
    stays = is_bound(call.host, call.domain, realm)
    choices, passed, is_last_resort = choose(match, directory.carriers, region=region, is_bound=stays, randomness=randomness, view=view)
    if not choices:
        where = f"in the region {region}" if stays else "anywhere"
        carriers = ", ".join(sorted({row.carrier for row, _ in match.rows}))
        return Rejected("T403", f"prefix {match.prefix}: no gateway {where} at the carriers {carriers}", who, match.prefix, notes)
    privacy = parse_privacy(call.privacy, call.from_uri)
    notes += privacy.notes + passed
    if privacy.is_session and privacy.is_critical:
        return Rejected("T501", f"Privacy: {privacy.value} asks for media privacy and will not go without", who, match.prefix, notes)
    if privacy.unknown and privacy.is_critical:
        # RFC 3323 §5: one that cannot be given fails the request as well.
        facts = f"Privacy: {privacy.value} will not go without {', '.join(privacy.unknown)}, which is not known"
        return Rejected("T503", facts, who, match.prefix, notes)
    return Routed(
        tuple([_target(choice, identity, privacy, domain) for choice in choices]),
        f"+{digits}",
        identity,
        privacy,
        presented(identity, privacy),
        match.prefix,
        choices[0].row.destination,
        notes,
        domain.rules.max_duration_s,
        not all(is_plus(choice.carrier.settings) for choice in choices),
        domain.rules.limits,
        stays and is_last_resort,
    )


def _target(choice: Choice, identity: Identity, privacy: Privacy, domain: Domain) -> RouteTarget:
    settings, policy = choice.carrier.settings, domain.identity
    shows_callee = settings.is_trusted and policy.shows_callee
    return RouteTarget(choice, show(identity, privacy, settings), hides_topology(policy, settings, privacy), shows_callee)


def _identified(call: AdmittedCall, domain: Domain, realm: str) -> tuple[Identity | caller_ids.Refused, tuple[str, ...]]:
    if domain.identity is NO_POLICY or caller_ids.is_default(domain.identity):
        return _identified_plainly(call, realm)
    listed = caller_ids.Listed(call.account_caller_id, call.address_caller_id, call.account, call.domain)
    return caller_ids.chosen(domain.identity, listed, hints=call.hints, from_uri=call.from_uri, realm=realm)


def _identified_plainly(call: AdmittedCall, realm: str) -> tuple[Identity, tuple[str, ...]]:
    identity = identify(account=call.account, caller_id=call.caller_id, label=call.domain, realm=realm)
    if call.hints:
        return hinted(identity, call.hints, account=call.account, label=call.domain, realm=realm)
    return identity, ()


def _rejected(call: AdmittedCall, realm: str, reason: str, facts: str) -> Rejected:
    identity, notes = _identified_plainly(call, realm)
    return Rejected(reason, facts, identity.caller_id, notes=notes)
