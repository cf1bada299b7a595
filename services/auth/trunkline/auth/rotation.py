"""When keys that sign are made, used and forgotten. Pure: the time and new key material are arguments.

A key is announced before it is used, so that every edge can check what the first edge signs with it; and it is good long after its turn is
over, so that an edge which cannot reach us goes on signing with what it has and every other edge still knows that key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

KEY_IDS = 256
"""The key id is one byte in nonces and tokens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a key signs (`period_s`), is known before (`announce_s`), and is still accepted after its turn (`overlap_s`)."""

    period_s: int
    announce_s: int
    overlap_s: int


NONCE_PLAN = Plan(period_s=3_600, announce_s=600, overlap_s=86_400)
"""A nonce lives a minute by its own timestamp; the day is for edges that are cut off from us."""

TOKEN_PLAN = Plan(period_s=86_400, announce_s=3_600, overlap_s=172_800)
"""A call of 24 h must be able to end, whose token was made by an edge that had been cut off for a day."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Times are Unix seconds. 32 bytes."""

    key_id: int
    key: bytes
    not_before_s: int
    not_after_s: int

    def __repr__(self) -> str:
        return f"SigningKey(key_id={self.key_id}, not_before_s={self.not_before_s}, not_after_s={self.not_after_s})"


def current(keys: Iterable[SigningKey], now_s: int) -> SigningKey | None:
    """The one that signs now: of those whose time has come and is not over, the youngest."""
    usable = [key for key in keys if key.not_before_s <= now_s < key.not_after_s]
    return max(usable, key=lambda key: key.not_before_s, default=None)


def next_key(keys: Iterable[SigningKey], plan: Plan, now_s: int, new_key: Callable[[], bytes]) -> SigningKey | None:
    """The key to make now, or None. Its id is the one after the youngest's that no living key has.

    Where no key is current (first start, or after a long time off) it is good at once; else from the end of the youngest's turn.
    """
    known = list(keys)
    youngest = max(known, key=lambda key: key.not_before_s, default=None)
    if youngest is None or current(known, now_s) is None:
        not_before_s = now_s
    else:
        turn_ends_s = youngest.not_before_s + plan.period_s
        if now_s < turn_ends_s - plan.announce_s:
            return None
        not_before_s = max(turn_ends_s, now_s + plan.announce_s)
    living = {key.key_id for key in known if now_s < key.not_after_s}
    first = 0 if youngest is None else youngest.key_id + 1
    free = next(((first + step) % KEY_IDS for step in range(KEY_IDS) if (first + step) % KEY_IDS not in living), None)
    assert free is not None, "a plan keeps fewer than 256 keys alive"
    return SigningKey(free, new_key(), not_before_s, not_before_s + plan.period_s + plan.overlap_s)


def forgotten(keys: Iterable[SigningKey], now_s: int) -> list[SigningKey]:
    """Those that are over, except the youngest of all: its id says which comes next."""
    known = sorted(keys, key=lambda key: key.not_before_s)
    return [key for key in known[:-1] if key.not_after_s <= now_s]
