"""Ids of commits: ULIDs, 26 characters of Crockford's base 32, that sort by the millisecond they were made in."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80


def ulid_of(time_ms: int, randomness: int) -> str:
    """48 bits of milliseconds since 1970 UTC, then 80 bits of randomness."""
    value = (time_ms << _RANDOM_BITS) | randomness
    return "".join(_ALPHABET[(value >> (5 * place)) & 31] for place in range(_LENGTH - 1, -1, -1))


def new_ulid() -> str:
    return ulid_of(time.time_ns() // 1_000_000, secrets.randbits(_RANDOM_BITS))
