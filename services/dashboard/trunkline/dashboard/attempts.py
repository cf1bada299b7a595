"""Call attempts as pages show them: why one was refused, and what its owner can do about it with one click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.api.records.v1 import records_pb2
from trunkline.domain.reasons import REGISTRY, Reason

SOURCE_NOT_IN_ACL: Final = "T203"
DOMAIN_NOT_SERVED: Final = "T201"

_REASONS: Final[Mapping[str, Reason]] = {reason.code: reason for reason in REGISTRY}

TONES: Final[Mapping[str, str]] = {
    "answered": "good", "live": "live", "ringing": "busy", "trying": "busy", "refused": "bad", "failed": "bad", "cancelled": "dull",
}  # fmt: skip
"""Of an outcome's badge."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`allow` is an address that one click lets in, into one of `acls` (of the domain that was called)."""

    record: records_pb2.Record
    reason: Reason | None
    allow: str
    acls: Sequence[str]

    @property
    def tone(self) -> str:
        return TONES.get(self.record.outcome, "dull")


def attempt_of(record: records_pb2.Record, acls_of: Mapping[str, Sequence[str]]) -> Attempt:
    """`acls_of` has the attached lists of each domain."""
    allow = host_of(record.source) if record.reason == SOURCE_NOT_IN_ACL else ""
    return Attempt(record, _REASONS.get(record.reason), allow, acls_of.get(record.domain, ()))


def host_of(source: str) -> str:
    """`192.0.2.1` of `192.0.2.1:5060`, `2001:db8::1` of `[2001:db8::1]:5060`; an address without a port is itself."""
    if source.startswith("["):
        return source[1:].partition("]")[0]
    return source.partition(":")[0] if source.count(":") == 1 else source


def by_reason(records: Iterable[records_pb2.Record]) -> list[tuple[str, str, int]]:
    """(code, text, how many), the most frequent first."""
    counted = Counter((record.reason, record.reason_text) for record in records if record.reason)
    return [(code, text, times) for (code, text), times in counted.most_common()]


def what_happened(record: records_pb2.Record) -> str:
    """One sentence."""
    number = f"+{record.number}" if record.number.isdigit() else record.number
    match record.outcome:
        case "answered":
            who = {"caller": "the caller", "callee": "the called party", "edge": "the platform"}.get(record.ended_by, "nobody whom we know")
            return f"{number} answered; {who} hung up."
        case "live":
            return f"{number} answered, and the call goes on."
        case "ringing" | "trying":
            return f"{number} has not answered yet."
        case "refused":
            return f"The call to {number} was refused before any carrier was tried."
        case "cancelled":
            return f"The caller hung up before {number} answered."
        case _:
            return f"No carrier could complete the call to {number}."
