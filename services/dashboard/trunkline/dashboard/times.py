"""Moments as people write them in a field. Pages show and take UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trunkline.dashboard.visits import Wrong

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d")
"""As `fromisoformat` takes other forms too, of weeks and without hyphens."""


def written(moment: datetime) -> str:
    """A moment of UTC as fields and commands take it, with its zone: 2026-11-22T20:01:07Z."""
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


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
