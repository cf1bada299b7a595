"""Which calls an edge counts, and how each leaves again."""

from __future__ import annotations

from trunkline.domain.class_of_service import Limit, LimitKey
from trunkline.domain.counted_calls import ASK_AGAIN_S, LONGEST_S, OVERDUE_S, QUESTIONS_LIMIT, CountedCalls
from trunkline.domain.limit_holder import Holder, Reached

KEY = LimitKey("acme", "")
NOW_S = 1_795_000_000.0


def counting(limit: int) -> tuple[CountedCalls, Holder, tuple[Limit, ...]]:
    holder = Holder("eu1", 1, 1)
    return CountedCalls(holder), holder, (Limit(KEY, limit, 0),)


def in_use(holder: Holder) -> int:
    return sum(calls for _, calls, _, _ in holder.uses(0.0))


def test_a_call_that_is_refused_is_not_counted_and_one_that_is_restored_twice_counts_once() -> None:
    calls, holder, limits = counting(2)
    calls.restore("a", (KEY,), NOW_S + 60)
    calls.restore("a", (KEY,), NOW_S + 60)
    assert calls.admit("b", limits, 0.0, NOW_S) is None
    assert calls.admit("c", limits, 0.0, NOW_S) == (limits[0], Reached.CALLS)
    assert "c" not in calls and (len(calls), in_use(holder)) == (2, 2)
    assert calls.end(["a", "a", "c"]) == ["a"] and in_use(holder) == 1


def test_every_call_has_its_turn_however_many_there_are() -> None:
    calls, holder, limits = counting(0)
    many = [f"{number}" for number in range(2 * QUESTIONS_LIMIT + 10)]
    for call in many:
        assert calls.admit(call, limits, 0.0, NOW_S) is None
    calls.restore("earlier", (KEY,), NOW_S + 60)
    assert calls.look(NOW_S) == ([], ["earlier"])
    asked = [calls.look(NOW_S + ASK_AGAIN_S)[1] for _ in range(4)]
    assert [len(each) for each in asked] == [QUESTIONS_LIMIT, QUESTIONS_LIMIT, 11, 0]
    assert [call for each in asked for call in each] == [*many, "earlier"]
    assert in_use(holder) == len(many) + 1


def test_what_must_be_over_is_told_apart_from_what_is_asked_about() -> None:
    calls, _, limits = counting(0)
    for call in ("short", "long"):
        assert calls.admit(call, limits, 0.0, NOW_S) is None
    assert calls.bound("short", NOW_S + 90) == (KEY,) and calls.bound("nobody", NOW_S) == ()
    assert calls.look(NOW_S + 91) == (["short"], ["long"])
    calls.end(["short"])
    assert calls.look(NOW_S + LONGEST_S + OVERDUE_S + 1) == (["long"], [])
