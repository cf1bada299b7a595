"""Which records are wanted: a filter as conditions of SQL, and its fingerprint in page tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import astuple, dataclass
from typing import Final

from trunkline.domain.errors import invalid
from trunkline.records.fold import Outcome

MAX_TOKEN_CHARACTERS: Final = 512
"""Ours have about 80."""

MAX_TEXT_CHARACTERS: Final = 256
"""Of a filter; what is longer equals nothing that a record has."""

INDEX_OF: Final = {
    "number": "records_by_number",
    "caller_id": "records_by_caller_id",
    "account": "records_by_account",
    "reason": "records_by_reason",
    "domain": "records_by_domain",
    "carrier": "records_by_carrier",
    "outcome": "records_by_outcome",
}
"""From a column to the index that leads to its values within a tenant, by time; likely the fewest rows first."""

_LAST_NS: Final = (1 << 63) - 1
_AFTER_DIGITS: Final = ":"
"""The character after `9`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty or 0: any. `tenant` empty is every tenant: for operators only, which is the caller's to see to. Numbers with or without `+`.
    `until_ns` is exclusive."""

    tenant: str = ""
    outcome: str = ""
    domain: str = ""
    reason: str = ""
    number: str = ""
    since_ns: int = 0
    until_ns: int = 0
    number_prefix: str = ""
    pop: str = ""
    carrier: str = ""
    caller_id: str = ""
    account: str = ""

    @property
    def equals(self) -> dict[str, str]:
        """Columns that must have a value, but the tenant's."""
        wanted = {
            "number": self.number.removeprefix("+"),
            "caller_id": self.caller_id,
            "account": self.account,
            "reason": self.reason,
            "domain": self.domain,
            "carrier": self.carrier,
            "pop": self.pop,
            "outcome": self.outcome,
        }
        return {column: value for column, value in wanted.items() if value}

    @property
    def prefix(self) -> str:
        return self.number_prefix.removeprefix("+")

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Place:
    """Of a record among all: pages go from later to earlier places."""

    setup_ns: int
    id: int


@dataclass(slots=True)
class Conditions:
    """Terms of a WHERE clause, joined by AND, and their values. The terms are fixed texts of ours."""

    terms: list[str]
    values: list[str | int]

    @classmethod
    def none(cls) -> Conditions:
        return cls([], [])

    def copy(self) -> Conditions:
        return Conditions(list(self.terms), list(self.values))

    def add(self, term: str, *values: str | int) -> None:
        self.terms.append(term)
        self.values.extend(values)

    @property
    def where(self) -> str:
        return f"WHERE {' AND '.join(self.terms)}" if self.terms else ""


def check(wanted: Filter) -> None:
    """Raises Refusal."""
    if wanted.outcome and wanted.outcome not in set(Outcome):
        raise invalid("UNKNOWN_OUTCOME", "outcome", f"{wanted.outcome!r:.40} is none of {', '.join(Outcome)}")
    if wanted.prefix and not (wanted.prefix.isascii() and wanted.prefix.isdigit()):
        raise invalid("PREFIX_INVALID", "number_prefix", f"{wanted.number_prefix[:32]!r} is no beginning of a number", "digits, such as 31")
    for column, value in {**wanted.equals, "number_prefix": wanted.prefix}.items():
        if len(value) > MAX_TEXT_CHARACTERS:
            raise invalid("FILTER_TOO_LONG", column, f"a filter has at most {MAX_TEXT_CHARACTERS} characters, this one {len(value)}")
    if wanted.until_ns and wanted.until_ns <= wanted.since_ns:
        raise invalid("TIMES_REVERSED", "until", "it is not after since", "swap them")


def range_of(wanted: Filter, before: Place | None) -> Conditions:
    """The tenant's records of the wanted time, below `before`: a range of the indexes by time."""
    conditions = Conditions.none()
    if wanted.tenant:
        conditions.add("tenant = ?", wanted.tenant)
    if wanted.since_ns:
        conditions.add("setup_ns >= ?", wanted.since_ns)
    if before is not None:
        conditions.add("(setup_ns, id) < (?, ?)", before.setup_ns, before.id)
    elif wanted.until_ns:
        conditions.add("setup_ns < ?", min(wanted.until_ns, _LAST_NS))
    return conditions


def add_filters(conditions: Conditions, wanted: Filter) -> None:
    for column, value in wanted.equals.items():
        conditions.add(f"{column} = ?", value)
    if wanted.prefix:
        add_prefix(conditions, wanted.prefix)


def add_prefix(conditions: Conditions, prefix: str) -> None:
    """As a range of texts; what follows a prefix in a number is a digit."""
    conditions.add("number >= ? AND number < ?", prefix, prefix + _AFTER_DIGITS)


def make_token(place: Place, wanted: Filter) -> str:
    return base64.urlsafe_b64encode(json.dumps([place.setup_ns, place.id, wanted.fingerprint]).encode()).decode()


def read_token(token: str, wanted: Filter) -> Place:
    """Raises Refusal for a token that is none, or another filter's."""
    remedy = "begin again without a token"
    try:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise ValueError("too long")
        setup_ns, record, fingerprint = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        for number in (setup_ns, record):
            if type(number) is not int or not 0 <= number <= _LAST_NS:
                raise ValueError("not a place")
        if not isinstance(fingerprint, str):
            raise ValueError("no fingerprint")
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise invalid("BAD_PAGE_TOKEN", "page.token", "the page token is none of ours", remedy) from error
    if fingerprint != wanted.fingerprint:
        raise invalid("BAD_PAGE_TOKEN", "page.token", "the page token belongs to another tenant or filter", remedy)
    return Place(setup_ns, record)
