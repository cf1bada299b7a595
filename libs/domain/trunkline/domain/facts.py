"""One event of one commit, with where it stands: what projections fold."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.domain.events import Event, Kind, Position, TenantId


@dataclass(frozen=True, slots=True)
class Fact:
    """`version` is the commit's: the aggregate's commits counted from 1. Facts are applied by (position, ordinal in the commit)."""

    position: Position
    kind: Kind
    tenant: TenantId
    aggregate: str
    event: Event
    version: int
