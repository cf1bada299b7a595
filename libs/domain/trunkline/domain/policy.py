"""The one decision about an admitted INVITE: number, class of service, route, gateways, identity. Pure; a few microseconds.

What is made once a call is a named tuple: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from trunkline.domain.class_of_service import is_allowed
from trunkline.domain.directory import Directory
from trunkline.domain.events import DomainLabel, TenantId
from trunkline.domain.host_names import is_bound
from trunkline.domain.identity import Identity, Privacy, Shown, hinted, identify, parse_privacy, presented, show
from trunkline.domain.numbers import country_code, parse_e164
from trunkline.domain.routing import Choice, choose


class AdmittedCall(NamedTuple):
    """What the edge knows of an INVITE that the access rule has admitted.

    `host` is the name dialled, `number` the user part of the Request-URI as sent, unescaped. `account` is the username, or empty.
    `caller_id` is the account's, else the address's, else empty. `privacy` and `hints` are the values of Privacy and of
    P-Asserted-Identity and P-Preferred-Identity.
    """

    tenant: str
    domain: str
    host: str
    number: str
    account: str
    caller_id: str
    from_uri: str
    privacy: Sequence[str] = ()
    hints: Sequence[str] = ()


class RouteTarget(NamedTuple):
    """A gateway in the order of trying, and what it is shown."""

    choice: Choice
    shown: Shown


class Routed(NamedTuple):
    """`number` is what gateways are sent, E.164 with `+`. The rest is for the record."""

    targets: tuple[RouteTarget, ...]
    number: str
    identity: Identity
    privacy: Privacy
    presented: str
    prefix: str
    destination: str
    notes: tuple[str, ...] = ()


class Rejected(NamedTuple):
    """`reason` is a code of the registry; `facts` are for the owner of the domain only."""

    reason: str
    facts: str
    caller_id: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()


def decide_call(call: AdmittedCall, directory: Directory, *, region: str, realm: str, randomness: float) -> Routed | Rejected:
    """`region` is that of the POP that asks, `randomness` is uniform in [0, 1)."""
    identity = identify(account=call.account, caller_id=call.caller_id, label=call.domain, realm=realm)
    notes: tuple[str, ...] = ()
    if call.hints:
        identity, notes = hinted(identity, call.hints, account=call.account, label=call.domain, realm=realm)
    who = identity.caller_id
    digits = parse_e164(call.number)
    if digits is None:
        return Rejected("T102", f"number {call.number[:64]!r} is not 3 to 15 digits with or without a leading +", who, notes=notes)
    if country_code(digits) is None:
        return Rejected("T404", f"number +{digits} begins with no country code that is assigned", who, notes=notes)
    domain = directory.domain(TenantId(call.tenant), DomainLabel(call.domain))
    if domain is None:
        # The engine's tables are a moment ahead or behind.
        return Rejected("T201", f"domain {call.domain} of tenant {call.tenant} is not in the directory", who, notes=notes)
    if not is_allowed(domain.allowed_prefixes, digits):
        facts = f"number +{digits} begins with none of the {len(domain.allowed_prefixes)} prefixes that the domain {call.domain} may call"
        return Rejected("T301", facts, who, notes=notes)
    match = directory.routes.find(digits)
    if match is None:
        return Rejected("T401", f"no active route deck has a prefix of +{digits}", who, notes=notes)
    stays = is_bound(call.host, call.domain, realm)
    choices = choose(match, directory.carriers, region=region, is_bound=stays, randomness=randomness)
    if not choices:
        where = f"in the region {region}" if stays else "anywhere"
        carriers = ", ".join(sorted({row.carrier for row, _ in match.rows}))
        return Rejected("T403", f"prefix {match.prefix}: no gateway {where} at the carriers {carriers}", who, match.prefix, notes)
    privacy = parse_privacy(call.privacy, call.from_uri)
    notes += privacy.notes
    if privacy.is_session and privacy.is_critical:
        return Rejected("T501", f"Privacy: {privacy.value} asks for media privacy and will not go without", who, match.prefix, notes)
    return Routed(
        tuple([RouteTarget(choice, show(identity, privacy, choice.carrier.settings)) for choice in choices]),
        f"+{digits}",
        identity,
        privacy,
        presented(identity, privacy),
        match.prefix,
        choices[0].row.destination,
        notes,
    )
