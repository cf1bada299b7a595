"""The running digest of the log: two readers with the same digest at a position have read the same commits.

Sequence numbers alone do not show it: a home that loses an unsynced tail uses them again for other commits.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from trunkline.domain.events import Position

DIGEST_BYTES: Final = 16
EMPTY: Final = bytes(DIGEST_BYTES)
"""The digest at position 0."""


def advance(previous: bytes, position: Position, subject: str, body: bytes) -> bytes:
    """blake2b-16 of previous ‖ position (8 bytes, big-endian) ‖ subject ‖ 0 ‖ body."""
    return blake2b(b"%b%b%b\0%b" % (previous, position.to_bytes(8, "big"), subject.encode(), body), digest_size=DIGEST_BYTES).digest()
