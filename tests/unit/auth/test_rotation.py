"""When signing keys come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth.rotation import KEY_IDS, NONCE_PLAN, TOKEN_PLAN, Plan, SigningKey, current, forgotten, next_key

PLAN = Plan(period_s=100, announce_s=10, overlap_s=1000)


def made(keys: list[SigningKey], now_s: int, plan: Plan = PLAN) -> list[SigningKey]:
    """One check of a store at `now_s`."""
    new = next_key(keys, plan, now_s, lambda: b"k" * 32)
    keys = [*keys, *([new] if new else [])]
    over = forgotten(keys, now_s)
    return [key for key in keys if key not in over]


def test_the_first_key_signs_at_once() -> None:
    (key,) = made([], 1000)
    assert key == SigningKey(0, b"k" * 32, 1000, 2100)
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
