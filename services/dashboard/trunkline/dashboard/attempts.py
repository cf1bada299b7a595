"""Call attempts as pages show them: why one was refused, and what its owner can do about it with one click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.web import phrase
from trunkline.domain.reasons import REGISTRY, Reason

PRESUMED: Final = "presumed"
"""Who ended a call whose end was never told."""
SOURCE_NOT_IN_ACL: Final = "T203"
DOMAIN_NOT_SERVED: Final = "T201"

_REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in REGISTRY}

TONES: Final[Mapping[str, str]] = {
    "answered": "good", "live": "live", "ringing": "busy", "trying": "busy", "refused": "bad", "failed": "bad", "cancelled": "dull",
}  # fmt: skip
"""Of an outcome's badge."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A list that an address may be added to, and whether whoever calls from there must sign as well."""

    name: str
    asks_password: bool


def offers_of(acls: Iterable[provisioning_pb2.Acl]) -> list[Offer]:
    """Those that ask for a password first. A list of accounts alone is none: it admits from every address, until it has one."""
    found = [Offer(acl.name, bool(acl.accounts)) for acl in acls if acl.addresses or not acl.accounts]
    return sorted(found, key=lambda offer: not offer.asks_password)


@dataclass(frozen=True, slots=True)
class Attempt:
    """`allow` is an address that one click lets in, into one of `acls` (of the domain that was called)."""

    record: records_pb2.Record
    reason: Reason | None
    allow: str
    acls: Sequence[Offer]

    @property
    def caller(self) -> str:
        """As is known best: by number, by account, or by address."""
        return self.record.caller_id or self.record.account or host_of(self.record.source)

    @property
    def tone(self) -> str:
        return TONES.get(self.record.outcome, "dull")


def attempt_of(record: records_pb2.Record, offers: Mapping[str, Sequence[Offer]]) -> Attempt:
    """`offers` has the attached lists of each domain that was called."""
    allow = host_of(record.source) if record.reason == SOURCE_NOT_IN_ACL else ""
    return Attempt(record, _REASONS.get(record.reason), allow, offers.get(record.domain, ()))


def host_of(source: str) -> str:
    """`192.0.2.1` of `192.0.2.1:5060`, `2001:db8::1` of `[2001:db8::1]:5060`; an address without a port is itself."""
    if source.startswith("["):
        return source[1:].partition("]")[0]
    return source.partition(":")[0] if source.count(":") == 1 else source


def by_reason(records: Iterable[records_pb2.Record]) -> list[tuple[str, str, int]]:
    """(code, text, how many), the most frequent first."""
    counted = Counter((record.reason, record.reason_text) for record in records if record.reason)
    return [(code, text, times) for (code, text), times in counted.most_common()]


_WHO: Final[Mapping[str, str]] = {"caller": "the caller", "callee": "the called party", "edge": "the platform"}


def who_ended(record: records_pb2.Record) -> str:
    """Of a call that was never answered: the last carrier, which passed on what the called party said, or said it itself."""
    if record.outcome == "failed" and record.ended_by == "callee" and record.attempts:
        return record.attempts[-1].carrier
    return _WHO.get(record.ended_by, "nobody whom we know")


def what_happened(record: records_pb2.Record) -> str:
    """One sentence."""
    number = f"+{record.number}" if record.number.isdigit() else record.number
    match record.outcome:
        case "answered" if record.ended_by == PRESUMED:
            return f"{number} answered; nobody told the end of the call."
        case "answered":
            return f"{number} answered; {who_ended(record)} hung up."
        case "live":
            return f"{number} answered, and the call goes on."
        case "ringing" | "trying":
            return f"{number} has not answered yet."
        case "refused":
            return f"The call to {number} was refused before any carrier was tried."
        case "cancelled":
            return f"The caller hung up before {number} answered."
        case "failed" if record.ended_by == PRESUMED:
            return f"Nobody told what became of the call to {number}."
        case "failed" if record.ended_by == "callee" and record.status and record.attempts:
            return f"{who_ended(record)} answered {record.status} {phrase(record.status)}".rstrip() + f": {number} was not reached."
        case _:
            return f"No carrier could complete the call to {number}."
