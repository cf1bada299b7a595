"""Moments as people write them in a field. Pages show and take UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.visits import Wrong

LAST_POSITION = 2**63
"""No log has so many commits."""
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d")
"""As `fromisoformat` takes other forms too, of weeks and without hyphens."""


def written(moment: datetime) -> str:
    """A moment of UTC as fields and commands take it, with its zone: 2026-11-22T20:01:07Z."""
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def place_of(text: str, field: str) -> int | datetime | None:
    """Where somebody wants to look back to: a position of the log, or a time. None for nothing. Raises Wrong, at `field`."""
    if text.isascii() and text.isdigit():
        return min(int(text[:20]), LAST_POSITION)
    try:
        return moment_of(text, field)
    except Wrong:
        raise Wrong(field, f"{text[:40]!r} is neither a position (18231) nor a time (2026-11-22T20:01:07, in UTC)") from None


def set_place(request: pb.ExplainRequest, place: int | datetime | None) -> None:
    if isinstance(place, int):
        request.at_position = place
    elif place is not None:
        request.at_time.FromDatetime(place)


def moment_of(text: str, field: str, *, is_end: bool = False) -> datetime | None:
    """`2026-11-22T20:01`, `2026-11-22 20:01:07`, with a zone or in UTC; a day alone is its beginning, or with `is_end` its end. None for
    nothing. Raises Wrong, at `field`."""
    if not text:
        return None
    try:
        if not _WRITTEN.match(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return moment + timedelta(days=1) if is_end and len(text) == len("2026-11-22") else moment
    except (ValueError, OverflowError):
        raise Wrong(field, f"{text[:40]!r} is no time: write it as 2026-11-22T20:01, in UTC") from None
