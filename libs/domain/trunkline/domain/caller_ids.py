"""Which number a caller has: a domain's policy over what was listed for the caller and what the caller asks for.

The sources are asked in the policy's order and the first that gives a number decides. What a caller asks for, by P-Asserted-Identity or
P-Preferred-Identity (`asked`) or by From, is a hint (RFC 3325 §6, requirements 1.5): it counts where the number is the caller's own or one
that the domain's policy allows. Otherwise the call is refused, or the number passed over and noted, as the policy says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.events import IdentityPolicy
from trunkline.domain.identity import MAX_HINTS, NOT_ALLOWED_NOTE, Identity, identify, number_in
from trunkline.domain.numbers import known_number

CALLER_ID_SOURCES: Final = ("asked", "from", "account", "address", "username", "domain")
DEFAULT_SOURCES: Final = ("asked", "account", "address", "username")
"""Without a policy: the number of the account, else of the address, else the username where it is one; a caller may ask for another of its
own."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Numbers that are written down for the caller, E.164 with `+` or empty: of the account and of the address that admitted the call.
    `username` is the account's name, `label` the domain's; empty where there is none."""

    account: str
    address: str
    username: str
    label: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The caller asked for a number that it may not show, and the domain wants such calls refused."""

    number: str
    source: str


def is_default(policy: IdentityPolicy) -> bool:
    """Whether the policy leaves the caller's number to what `identity.identify` and `identity.hinted` do: much the quickest."""
    is_ordinary = policy.sources in ((), DEFAULT_SOURCES)
    return is_ordinary and not (policy.allowed_caller_ids or policy.default_caller_id or policy.is_refusing)


def chosen(
    policy: IdentityPolicy, listed: Listed, *, hints: Sequence[str], from_uri: str, realm: str
) -> tuple[Identity | Refused, tuple[str, ...]]:
    """The caller by the policy, and notes for the record."""
    own = _own(policy, listed)
    notes: list[str] = []
    for source in policy.sources or DEFAULT_SOURCES:
        if source in ("asked", "from"):
            for number in _asked(source, hints, from_uri):
                if number in own or is_allowed(policy, number):
                    return _identified(number, listed, realm), tuple(notes)
                if policy.is_refusing:
                    return Refused(number, source), tuple(notes)
                if NOT_ALLOWED_NOTE not in notes:
                    notes.append(NOT_ALLOWED_NOTE)
        elif number := _listed(source, policy, listed):
            return _identified(number, listed, realm), tuple(notes)
    # No source gives a number: the SIP form alone.
    return identify(account=listed.username, caller_id="", label=listed.label, realm=realm, is_username_number=False), tuple(notes)


def is_allowed(policy: IdentityPolicy, number: str) -> bool:
    """`number` is E.164 with `+`."""
    return any(number.startswith(entry[:-1]) if entry.endswith("*") else number == entry for entry in policy.allowed_caller_ids)


def _own(policy: IdentityPolicy, listed: Listed) -> frozenset[str]:
    numbers = (_listed(source, policy, listed) for source in ("account", "address", "username", "domain"))
    return frozenset(number for number in numbers if number)


def _listed(source: str, policy: IdentityPolicy, listed: Listed) -> str:
    text = {"account": listed.account, "address": listed.address, "username": listed.username, "domain": policy.default_caller_id}[source]
    number = known_number(text)
    return f"+{number}" if number is not None else ""


def _asked(source: str, hints: Sequence[str], from_uri: str) -> Iterator[str]:
    for value in hints[:MAX_HINTS] if source == "asked" else (from_uri,):
        number = number_in(value)
        if number is not None:
            yield f"+{number}"


def _identified(number: str, listed: Listed, realm: str) -> Identity:
    return identify(account=listed.username, caller_id=number, label=listed.label, realm=realm)
