"""When keys that sign are made, used and forgotten. Pure: the time and new key material are arguments.

A key is announced before it is used, so that every edge can check what the first edge signs with it; and it is good long after its turn is
over, so that an edge which cannot reach us goes on signing with what it has and every other edge still knows that key.

Every region's store makes keys, and hears of the others'. Each has a slot: ids of its own, so that stores which do not reach each other
never give one id to two keys; and a rank, so that those that do rarely make two keys for one turn. (If they do, that is a key too many.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

KEY_IDS = 256
"""The key id is one byte in nonces and tokens."""

SLOTS_LIMIT = 8
"""Stores that share the ids: each then has 32, and the nonces' plan keeps 27 of one store alive."""

RANK_S = 60
"""So much later than the one before it a slot makes the key that is due: long enough to have heard of that one's, and the last of eight is
still before the turn."""


class Purpose(StrEnum):
    """What a key signs."""

    NONCE = "nonce"
    TOKEN = "token"  # noqa: S105 - a purpose, no secret


@dataclass(frozen=True, slots=True)
class Slot:
    """The ids of one store of `count`: every `count`-th from `number` on."""

    number: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count <= SLOTS_LIMIT:
            raise ValueError(f"slot {self.number} of {self.count}: there are 1 to {SLOTS_LIMIT} slots, counted from 0")

    @property
    def ids(self) -> range:
        return range(self.number, KEY_IDS, self.count)


ALL_IDS = Slot()
"""Of a store that has no peers."""


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
    return max(usable, key=_age, default=None)


def next_key(keys: Iterable[SigningKey], plan: Plan, now_s: int, new_key: Callable[[], bytes], slot: Slot = ALL_IDS) -> SigningKey | None:
    """The key to make now, or None. Its id is the one after the slot's youngest's that no living key has.

    Where no key is current (first start, or after a long time off) it is good at once; else from the end of the youngest's turn.
    """
    known = list(keys)
    youngest = max(known, key=_age, default=None)
    if youngest is None or current(known, now_s) is None:
        not_before_s = now_s
    else:
        turn_ends_s = youngest.not_before_s + plan.period_s
        if now_s < turn_ends_s - plan.announce_s + slot.number * min(RANK_S, plan.announce_s // SLOTS_LIMIT):
            return None
        not_before_s = max(turn_ends_s, now_s + plan.announce_s)
    key = new_key()
    return SigningKey(_free_id(known, now_s, key, slot), key, not_before_s, not_before_s + plan.period_s + plan.overlap_s)


def _free_id(known: list[SigningKey], now_s: int, key: bytes, slot: Slot) -> int:
    ids = slot.ids
    living = {key.key_id for key in known if now_s < key.not_after_s}
    own_youngest = max((key for key in known if key.key_id in ids), key=_age, default=None)
    # A store that lost its file knows nothing of the keys it made before, which edges still have: it begins anywhere.
    first = key[0] % len(ids) if own_youngest is None else ids.index(own_youngest.key_id) + 1
    around = (ids[(first + step) % len(ids)] for step in range(len(ids)))
    free = next((key_id for key_id in around if key_id not in living), None)
    assert free is not None, "a plan keeps fewer keys alive than a slot has ids"
    return free


def forgotten(keys: Iterable[SigningKey], now_s: int) -> list[SigningKey]:
    """Those that are over, except the youngest of all: its id says which comes next."""
    known = sorted(keys, key=_age)
    return [key for key in known[:-1] if key.not_after_s <= now_s]


def _age(key: SigningKey) -> tuple[int, int, bytes]:
    # two stores may have made a key for one moment: everybody must take the same one for the youngest
    return key.not_before_s, key.key_id, key.key
