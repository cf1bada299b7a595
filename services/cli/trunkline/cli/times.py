"""Times as people write them: so long ago, or a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.cli.exits import CommandError, Exit

SPAN: Final = re.compile(r"(\d{1,5})([dhm])")
LAST_POSITION: Final = 2**64 - 1
UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def before(text: str, now: datetime, option: str) -> Timestamp | None:
    """`7d`, `24h`, `30m` before `now`, or a moment; without a zone this machine's. None for nothing. Raises CommandError."""
    if not text:
        return None
    span = SPAN.fullmatch(text)
    try:
        moment = now - int(span[1]) * UNITS[span[2]] if span is not None else datetime.fromisoformat(text).astimezone(UTC)
        return stamp(moment)
    except (ValueError, OverflowError) as error:
        remedy = "write it as 7d, 24h, 30m or 2027-01-31T12:00"
        raise CommandError(f"{option} {text!r} is no time", why=str(error), remedy=remedy, code=Exit.USAGE) from error


class HasMoment(Protocol):
    """A request with `oneof at`."""

    at_position: int

    @property
    def at_time(self) -> Timestamp: ...


def set_moment(request: HasMoment, text: str, option: str) -> None:
    """A position (18231) or a time (2026-11-22T20:01:07, without a zone this machine's). Raises CommandError."""
    if not text:
        return
    if text.isascii() and text.isdigit():
        request.at_position = min(int(text), LAST_POSITION)
        return
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        remedy = "write a position (18231) or a time (2026-11-22T20:01:07Z)"
        raise CommandError(f"{option} {text!r} is neither a position nor a time", why=str(error), remedy=remedy, code=Exit.USAGE) from error
    request.at_time.FromDatetime(time)


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made
