"""Times and durations of requests. Any 64 bits may come: they are checked as numbers, before anything converts them and overflows."""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.domain.errors import invalid

NS_PER_S: Final = 1_000_000_000
_MAX_TIME_S: Final = 2**63 // NS_PER_S - 1
"""Nanoseconds since 1970 are kept in 64 bits with a sign: up to the year 2262."""


def timeout_s(given: Duration, limit_s: float, field: str = "timeout") -> float:
    """Seconds to wait, 0 to `limit_s`. Raises Refusal."""
    seconds = given.seconds + given.nanos / NS_PER_S
    if not 0 <= seconds <= limit_s:
        raise invalid("TIMEOUT_INVALID", field, f"{seconds:g} s is not 0 to {limit_s:g} s.", "Ask again after that.")
    return seconds


def unix_ns(given: Timestamp, field: str) -> int:
    """Nanoseconds since 1970. Raises Refusal."""
    if not (0 <= given.seconds <= _MAX_TIME_S and 0 <= given.nanos < NS_PER_S):
        raise invalid("TIME_INVALID", field, f"{given.seconds} s and {given.nanos} ns are no time between 1970 and 2262.")
    return given.seconds * NS_PER_S + given.nanos
