"""One event of one commit, with where it stands: what projections fold."""

from __future__ import annotations

from typing import NamedTuple

from trunkline.domain.events import Event, Kind, Position, TenantId


class Fact(NamedTuple):
    """`version` is the commit's: the aggregate's commits counted from 1. Facts are applied by (position, ordinal in the commit).

    A tuple, for a replay makes millions: a frozen dataclass takes three times as long.
    """

    position: Position
    kind: Kind
    tenant: TenantId
    aggregate: str
    event: Event
    version: int
