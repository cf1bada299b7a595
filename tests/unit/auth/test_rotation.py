"""When signing keys come and go."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth.rotation import (
    ALL_IDS,
    KEY_IDS,
    NONCE_PLAN,
    SLOTS_LIMIT,
    TOKEN_PLAN,
    Plan,
    SigningKey,
    Slot,
    current,
    forgotten,
    next_key,
)

PLAN = Plan(period_s=100, announce_s=10, overlap_s=1000)
KEY = bytes(32)
"""The first byte says where a store that knows nothing begins to count."""


def made(keys: list[SigningKey], now_s: int, plan: Plan = PLAN, slot: Slot = ALL_IDS) -> list[SigningKey]:
    """One check of a store at `now_s`."""
    new = next_key(keys, plan, now_s, lambda: KEY, slot)
    keys = [*keys, *([new] if new else [])]
    over = forgotten(keys, now_s)
    return [key for key in keys if key not in over]


def test_the_first_key_signs_at_once() -> None:
    (key,) = made([], 1000)
    assert key == SigningKey(0, KEY, 1000, 2100)
    assert current([key], 1000) is key


def test_the_next_key_is_announced_before_its_turn_and_made_once() -> None:
    keys = made([], 1000)
    assert made(keys, 1089) == keys
    keys = made(keys, 1090)
    assert [(key.key_id, key.not_before_s) for key in keys] == [(0, 1000), (1, 1100)]
    assert made(keys, 1095) == keys
    signing = current(keys, 1099)
    assert signing is not None and signing.key_id == 0
    signing = current(keys, 1100)
    assert signing is not None and signing.key_id == 1


def test_a_late_check_still_announces_before_the_turn() -> None:
    keys = made(made([], 1000), 1500)
    assert keys[1].not_before_s == 1510
    signing = current(keys, 1500)
    assert signing is not None and signing.key_id == 0


def test_after_a_long_time_off_a_new_key_signs_at_once_under_the_next_id() -> None:
    keys = made(made([], 1000), 10_000)
    assert [(key.key_id, key.not_before_s) for key in keys] == [(1, 10_000)]


def test_a_key_is_kept_until_its_overlap_is_over() -> None:
    keys = made(made(made([], 1000), 1090), 2099)
    assert keys[0].key_id == 0
    assert made(keys, 2100)[0].key_id == 1


def test_a_key_does_not_show_itself() -> None:
    assert "kkkk" not in repr(SigningKey(0, b"k" * 32, 0, 1))


def test_a_store_that_knows_no_key_begins_anywhere_in_its_slot() -> None:
    new = next_key([], PLAN, 1000, lambda: b"\x07" * 32, Slot(2, 3))
    assert new is not None and new.key_id == 2 + 7 * 3


def test_stores_in_turn_make_one_key_a_turn_and_never_give_an_id_of_another_slot() -> None:
    keys: list[SigningKey] = []
    for now_s in range(0, 40 * NONCE_PLAN.period_s, 30):
        for number in (2, 1, 0):
            before = len(keys)
            keys = made(keys, now_s, NONCE_PLAN, Slot(number, 3))
            if len(keys) > before:
                assert keys[-1].key_id % 3 == number
    turns = sorted(key.not_before_s for key in keys)
    assert {later - earlier for earlier, later in itertools.pairwise(turns)} == {NONCE_PLAN.period_s}


@given(st.integers(min_value=0, max_value=SLOTS_LIMIT - 1), st.sampled_from([NONCE_PLAN, TOKEN_PLAN]))
def test_a_store_that_is_cut_off_goes_on_with_the_ids_of_its_slot(number: int, plan: Plan) -> None:
    keys: list[SigningKey] = []
    for turn in range(120):
        now_s = turn * plan.period_s // 2
        keys = made(keys, now_s, plan, Slot(number, SLOTS_LIMIT))
        assert all(key.key_id % SLOTS_LIMIT == number for key in keys)
        assert len({key.key_id for key in keys}) == len(keys)
        assert current(keys, now_s) is not None


def test_of_two_keys_made_for_one_moment_everybody_takes_the_same_one() -> None:
    one, other = SigningKey(0, b"a" * 32, 100, 900), SigningKey(1, b"b" * 32, 100, 900)
    assert current([one, other], 200) == current([other, one], 200)


@given(st.lists(st.integers(min_value=1, max_value=7200), min_size=1, max_size=400), st.sampled_from([NONCE_PLAN, TOKEN_PLAN, PLAN]))
def test_whenever_checks_come_a_key_signs_and_ids_of_living_keys_differ(steps: list[int], plan: Plan) -> None:
    keys: list[SigningKey] = []
    now_s = 0
    lives: dict[int, int] = {}
    for step in steps:
        now_s += step
        before = keys
        keys = made(keys, now_s, plan)
        assert current(keys, now_s) is not None
        living = [key.key_id for key in keys if now_s < key.not_after_s]
        assert len(set(living)) == len(living)
        for key in keys:
            if key not in before:
                assert 0 <= key.key_id < KEY_IDS
                assert lives.get(key.key_id, 0) <= now_s, "an id came again while its key was alive"
                lives[key.key_id] = key.not_after_s
                if before and current(before, now_s):
                    assert key.not_before_s >= now_s + plan.announce_s
