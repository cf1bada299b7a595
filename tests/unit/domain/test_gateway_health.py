"""The circuit breaker of one gateway: every row of its table, and what holds whatever is seen."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.gateway_health import (
    ANSWERS,
    MAX_OPEN_S,
    MAX_RETRY_AFTER_S,
    MISSES,
    OPEN_S,
    SERVED,
    TRANSITIONS,
    UNKNOWN,
    Event,
    Health,
    Sign,
    State,
    observe,
    pass_time,
    without_options,
)

SERVES = Sign(False)
SILENT = Sign(False, "silent")
REFUSES = Sign(False, "status", 500)
ANSWER = Sign(True, status=200)
MISS = Sign(True, "silent")
NOW_S = 1_800_000_000.0


def after(*signs: Sign, health: Health = UNKNOWN, now_s: float = NOW_S) -> Health:
    return reduce(lambda known, sign: observe(known, sign, now_s), signs, health)


def half_open(*signs: Sign) -> Health:
    opened = after(*(signs or (SILENT, SILENT)))
    tried = pass_time(opened, opened.until_s)
    assert tried.state is State.HALF_OPEN
    return tried


def test_two_calls_without_an_answer_open_it_and_one_does_not() -> None:
    assert after(SILENT).state is State.CLOSED
    opened = after(SILENT, SILENT)
    assert (opened.state, opened.since_s, opened.until_s) == (State.OPEN, NOW_S, NOW_S + OPEN_S)
    assert opened.why == "calls failed in a row, the last: silent"


@pytest.mark.parametrize("cause", ["silent", "icmp", "connection"])
def test_a_call_that_was_served_takes_back_what_failed_before(cause: str) -> None:
    assert after(Sign(False, cause), SERVES, Sign(False, cause)).state is State.CLOSED


def test_answers_that_may_be_about_the_call_open_it_only_when_there_are_five() -> None:
    assert after(*[REFUSES] * 4).state is State.CLOSED
    assert after(*[REFUSES] * 5).why == "calls failed in a row, the last: status 500"
    assert after(*[Sign(False, "pdd")] * 4).state is State.CLOSED


def test_one_lost_options_opens_nothing_and_two_in_a_row_do_until_two_are_answered() -> None:
    assert after(ANSWER, MISS, ANSWER, MISS).state is State.CLOSED
    opened = after(ANSWER, MISS, MISS)
    assert (opened.state, opened.why) == (State.OPEN, "OPTIONS: silent")
    assert pass_time(opened, NOW_S + 10 * MAX_OPEN_S) is opened, "its own OPTIONS say when it is back"
    assert after(ANSWER, MISS, ANSWER, health=opened).state is State.OPEN
    assert after(ANSWER, ANSWER, health=opened).state is State.CLOSED


@pytest.mark.parametrize(
    ("status", "is_there"), [(200, True), (404, True), (405, True), (486, True), (500, True), (408, False), (503, False)]
)
def test_whoever_answers_options_is_there_but_with_408_or_503(status: int, is_there: bool) -> None:
    assert (after(*[Sign(True, status=status)] * MISSES).state is State.CLOSED) == is_there


def test_a_gateway_that_takes_calls_and_no_options_is_used() -> None:
    assert after(SERVES, *[MISS] * 10).state is State.CLOSED
    assert after(ANSWER, SERVES, *[MISS] * MISSES).state is State.OPEN, "one that has answered before"


def test_one_that_has_never_answered_anything_is_tried_by_calls_again() -> None:
    opened = after(MISS, MISS)
    assert pass_time(opened, opened.until_s - 0.1).state is State.OPEN
    assert pass_time(opened, opened.until_s).state is State.HALF_OPEN


def test_what_options_opened_is_used_again_when_it_is_sent_none_any_more() -> None:
    spared = without_options(after(ANSWER, MISS, MISS), NOW_S + 60)
    assert (spared.state, spared.since_s, spared.why) == (State.CLOSED, NOW_S + 60, "")
    assert not spared.has_answered and not spared.is_in_doubt


def test_what_calls_opened_is_tried_by_calls_again_when_it_is_sent_no_options_any_more() -> None:
    opened = after(ANSWER, MISS, SILENT, SILENT)
    assert pass_time(opened, opened.until_s).state is State.OPEN, "its own OPTIONS say when it is back"
    spared = without_options(opened, NOW_S + 1)
    assert (spared.state, spared.until_s, spared.why) == (State.OPEN, opened.until_s, opened.why)
    assert pass_time(spared, spared.until_s).state is State.HALF_OPEN


def test_a_served_call_keeps_what_misses_options_closed() -> None:
    assert after(ANSWER, MISS, SERVES, MISS).state is State.CLOSED


def test_it_is_closed_again_by_calls_that_it_serves_while_half_open() -> None:
    tried = half_open()
    assert after(*[SERVES] * (SERVED - 1), health=tried).state is State.HALF_OPEN
    closed = after(*[SERVES] * SERVED, health=tried)
    assert (closed.state, closed.why, closed.opened) == (State.CLOSED, "", 0)


def test_one_failure_while_half_open_opens_it_for_twice_as_long() -> None:
    tried = half_open()
    again = observe(tried, SILENT, NOW_S + 100)
    assert (again.state, again.until_s) == (State.OPEN, NOW_S + 100 + 2 * OPEN_S)
    health, spans = again, []
    for _ in range(6):
        health = observe(pass_time(health, health.until_s), SILENT, health.until_s)
        spans.append(health.until_s - health.since_s)
    assert spans == [20, 40, MAX_OPEN_S, MAX_OPEN_S, MAX_OPEN_S, MAX_OPEN_S]


def test_retry_after_is_kept_to_within_its_bound_and_then_tried() -> None:
    told = after(Sign(False, "status", 503, 30))
    assert (told.state, told.is_told, told.until_s, told.why) == (State.OPEN, True, NOW_S + 30, "503, Retry-After 30 s")
    assert pass_time(told, NOW_S + 29.9).state is State.OPEN
    tried = pass_time(told, NOW_S + 30)
    assert (tried.state, tried.is_told) == (State.HALF_OPEN, False)
    assert after(Sign(True, status=503, retry_after_s=86_400)).until_s == NOW_S + MAX_RETRY_AFTER_S
    assert after(Sign(True, status=200, retry_after_s=30)).state is State.CLOSED, "it says that of 503 only"


def test_what_another_edge_sees_opens_nothing_but_then_one_failure_does() -> None:
    assert observe(UNKNOWN, SERVES, NOW_S, is_suspect=True).state is State.CLOSED
    assert observe(UNKNOWN, REFUSES, NOW_S, is_suspect=True).state is State.CLOSED
    assert observe(UNKNOWN, SILENT, NOW_S, is_suspect=True).state is State.OPEN


def test_a_clock_that_is_set_back_keeps_nothing_open_for_long() -> None:
    assert pass_time(after(SILENT, SILENT), NOW_S - 86_400).state is State.HALF_OPEN


SIGNS = st.one_of(
    st.builds(Sign, st.just(False), st.sampled_from(("silent", "icmp", "connection", "pdd"))),
    st.builds(Sign, st.just(False), st.just("status"), st.sampled_from((302, 401, 500, 503)), st.sampled_from((0, 0, 5, 9999))),
    st.just(SERVES),
    st.builds(Sign, st.just(True), st.just(""), st.sampled_from((200, 404, 408, 503)), st.sampled_from((0, 3))),
    st.just(MISS),
    st.none(),
)
"""None: only time passes."""
HISTORIES = st.lists(st.tuples(SIGNS, st.floats(0, 90), st.booleans()), max_size=60)


def lived(history: list[tuple[Sign | None, float, bool]]) -> list[tuple[float, Health]]:
    now_s, health, states = NOW_S, UNKNOWN, []
    for sign, waited_s, is_suspect in history:
        now_s += waited_s
        health = pass_time(health, now_s)
        if sign is not None:
            health = observe(health, sign, now_s, is_suspect=is_suspect)
        states.append((now_s, health))
    return states


@given(HISTORIES)
def test_whatever_is_seen_its_counts_are_bounded_and_it_says_why_it_is_passed_over(history: list[tuple[Sign | None, float, bool]]) -> None:
    for now_s, health in lived(history):
        assert health.since_s <= now_s
        assert health.until_s <= now_s + max(MAX_OPEN_S, MAX_RETRY_AFTER_S)
        assert bool(health.why) == (health.state is not State.CLOSED)
        assert health.served < SERVED
        assert not (health.is_told and health.state is not State.OPEN)
        if health.state is State.CLOSED:
            assert health.strikes < 10
            assert health.misses < MISSES or not health.has_answered


@given(HISTORIES)
def test_whatever_was_seen_a_gateway_that_is_well_is_used_again(history: list[tuple[Sign | None, float, bool]]) -> None:
    states = lived(history)
    now_s, health = states[-1] if states else (NOW_S, UNKNOWN)
    for _ in range(ANSWERS + SERVED + 2):
        now_s += MAX_RETRY_AFTER_S + MAX_OPEN_S
        health = pass_time(health, now_s)
        health = observe(health, ANSWER, now_s)
        health = pass_time(health, now_s)
        if health.state is not State.OPEN:
            health = observe(health, SERVES, now_s)
    assert health.state is State.CLOSED


@given(HISTORIES)
def test_whatever_was_seen_a_gateway_that_is_dead_is_passed_over_in_the_end(history: list[tuple[Sign | None, float, bool]]) -> None:
    states = lived(history)
    now_s, health = states[-1] if states else (NOW_S, UNKNOWN)
    for _ in range(3):
        health = observe(health, SILENT, now_s)
    assert health.state is State.OPEN


def test_every_row_of_the_table_comes_to_pass() -> None:
    told = Sign(False, "status", 503, 30)
    taken = {
        (State.CLOSED, Event.FAILURES): after(SILENT, SILENT),
        (State.CLOSED, Event.MISSES): after(MISS, MISS),
        (State.CLOSED, Event.TOLD): after(told),
        (State.OPEN, Event.TOLD): observe(after(SILENT, SILENT), told, NOW_S),
        (State.OPEN, Event.ANSWERS): after(MISS, MISS, ANSWER, ANSWER),
        (State.OPEN, Event.SPARED): without_options(after(MISS, MISS), NOW_S),
        (State.OPEN, Event.TIME): half_open(),
        (State.HALF_OPEN, Event.SERVED): after(*[SERVES] * SERVED, health=half_open()),
        (State.HALF_OPEN, Event.FAILURE): after(SILENT, health=half_open()),
        (State.HALF_OPEN, Event.MISSES): after(MISS, MISS, health=half_open()),
        (State.HALF_OPEN, Event.TOLD): after(told, health=half_open()),
    }
    assert {row: health.state for row, health in taken.items()} == TRANSITIONS
