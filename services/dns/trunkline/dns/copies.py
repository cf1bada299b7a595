"""A server's copy of the zone, and how two of them differ. Pure.

Only record sets that are ours to keep stand in one: NAPTR, SRV, A, AAAA, and CNAME, because nothing else can stand beside it. The zone's
SOA and NS belong to the server, and so does what has other types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trunkline.dns.zone import written
from trunkline.domain.dns_names import RecordSet
from trunkline.domain.events import Position

TYPES: Final = frozenset({"NAPTR", "SRV", "A", "AAAA", "CNAME"})

Key = tuple[str, str]
"""Owner name, in lower case and without the last dot, and type."""


@dataclass(frozen=True, slots=True)
class Held:
    """`records` as in a zone file, names absolute; never empty."""

    ttl_s: int
    records: frozenset[str]


Sets = Mapping[Key, Held]


@dataclass(frozen=True, slots=True)
class Copy:
    """`position`: of the log, by which it was last written; None where nobody of us has yet."""

    position: Position | None
    sets: Sets


class DriftKind(StrEnum):
    MISSING = "MISSING"
    CHANGED = "CHANGED"
    FOREIGN = "FOREIGN"


@dataclass(frozen=True, slots=True)
class Change:
    """From what is held to what is wanted; one of both may be missing."""

    key: Key
    held: Held | None
    wanted: Held | None

    @property
    def kind(self) -> DriftKind:
        if self.held is None:
            return DriftKind.MISSING
        return DriftKind.FOREIGN if self.wanted is None else DriftKind.CHANGED


def sets_of(record_sets: Iterable[RecordSet]) -> dict[Key, Held]:
    return {(each.name, each.type): Held(each.ttl_s, frozenset(written(record) for record in each.records)) for each in record_sets}


def differences(held: Sets, wanted: Sets) -> list[Change]:
    """What leads from `held` to `wanted`: what has to go first, since a CNAME lets nothing come beside it."""
    gone = [Change(key, here, None) for key, here in held.items() if key not in wanted]
    return gone + [Change(key, held.get(key), there) for key, there in wanted.items() if held.get(key) != there]
