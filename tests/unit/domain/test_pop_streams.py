"""What observers see over TCP and TLS → transports that are left out: by a majority, never most of them, and back after a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.pop_health import FRESH_S, UP_S, Report, Sight
from trunkline.domain.pop_streams import (
    STREAM_MISSED_LIMIT,
    TRANSPORTS,
    UNWATCHED_S,
    StreamHealth,
    judge_streams,
    silent_at,
    unwatched_at,
    why_silent,
)

FOUR = ("eu1", "eu2", "us1", "us2")
GOOD, BAD = Sight(answered=3), Sight(missed=STREAM_MISSED_LIMIT)
Judged = dict[tuple[str, str], StreamHealth]


def reports(seen: Mapping[tuple[str, str], Sight], now_s: float, pops: tuple[str, ...] = FOUR) -> list[Report]:
    """Every one says the same: `seen` by point of presence and transport, GOOD of what is not in it."""
    return [
        Report(
            f"edge-{pop}",
            pop,
            now_s,
            True,
            {},
            {each: {other: seen.get((other, each), GOOD) for other in pops if other != pop} for each in TRANSPORTS},
        )
        for pop in pops
    ]


def test_a_transport_that_most_get_no_answer_from_is_silent_and_the_others_are_not() -> None:
    judged = judge_streams({}, FOUR, reports({("us1", "tls"): BAD}, 0.0), 0.0)
    assert silent_at("us1", judged) == ("tls",)
    assert why_silent("us1", judged) == "3 of 3 observers get no answer to OPTIONS over TLS"
    assert not any(silent_at(pop, judged) for pop in FOUR if pop != "us1")


def test_one_probe_missed_is_not_enough_and_neither_is_one_observer() -> None:
    assert not silent_at("us1", judge_streams({}, FOUR, reports({("us1", "tls"): Sight(missed=1)}, 0.0), 0.0))
    two = ("eu1", "us1")
    assert not silent_at("us1", judge_streams({}, two, reports({("us1", "tls"): BAD}, 0.0, two), 0.0))


def test_it_is_in_use_again_when_it_was_seen_well_long_enough() -> None:
    judged: Judged = judge_streams({}, FOUR, reports({("us1", "tcp"): BAD}, 0.0), 0.0)
    judged = judge_streams(judged, FOUR, reports({}, 1.0), 1.0)
    assert silent_at("us1", judged) == ("tcp",) and "seen well again" in why_silent("us1", judged)
    judged = judge_streams(judged, FOUR, reports({("us1", "tcp"): BAD}, 2.0), 2.0)
    for now_s, silent in ((3.0, ("tcp",)), (UP_S + 2.9, ("tcp",)), (UP_S + 3.0, ())):
        judged = judge_streams(judged, FOUR, reports({}, now_s), now_s)
        assert silent_at("us1", judged) == silent


def test_where_most_seem_silent_no_more_are_left_out() -> None:
    judged = judge_streams({}, FOUR, reports({("us1", "tls"): BAD}, 0.0), 0.0)
    three = {(pop, "tls"): BAD for pop in ("us1", "us2", "eu1")}
    judged = judge_streams(judged, FOUR, reports(three, 1.0), 1.0)
    assert [silent_at(pop, judged) for pop in FOUR] == [(), (), ("tls",), ()]


def test_who_hears_nothing_changes_nothing_and_one_that_is_gone_is_judged_anew() -> None:
    judged = judge_streams({}, FOUR, reports({("us1", "tls"): BAD}, 0.0), 0.0)
    assert judge_streams(judged, FOUR, reports({}, 0.0), FRESH_S + 1) == judged
    without = judge_streams(judged, ("eu1", "eu2", "us2"), reports({}, 1.0), 1.0)
    assert not silent_at("us1", without)
    assert not silent_at("us1", judge_streams(without, FOUR, reports({}, 2.0), 2.0))


def blind(seen: Report, target: str, transport: str, sight: Sight | None) -> Report:
    """That says nothing else of the target: it has no sight yet, or with None was told not to look."""
    sights = {pop: each for pop, each in seen.streams[transport].items() if pop != target} | ({target: sight} if sight else {})
    return replace(seen, streams={**seen.streams, transport: sights})


SILENT = judge_streams({}, FOUR, reports({("us1", "tls"): BAD}, 0.0), 0.0)


@pytest.mark.parametrize("last", [BAD, GOOD])
def test_observers_that_fall_away_leave_a_silent_transport_silent(last: Sight) -> None:
    """One that still says so is not believed alone, and neither says it that all is well; one that sees it well is."""
    judged: Judged = SILENT
    for now_s in (1.0, UP_S, 2 * UP_S + 1, 10 * UNWATCHED_S):
        heard = [each for each in reports({("us1", "tls"): last}, now_s) if each.pop in ("eu1", "us1")]
        judged = judge_streams(judged, FOUR, heard, now_s)
        assert (silent_at("us1", judged) == ("tls",)) == (last is BAD or now_s < UP_S + 1)


def test_observers_that_cannot_look_leave_a_silent_transport_silent() -> None:
    judged: Judged = SILENT
    for now_s in (1.0, 2 * UP_S, 10 * UNWATCHED_S):
        heard = [each if each.pop == "us1" else blind(each, "us1", "tls", Sight()) for each in reports({}, now_s)]
        judged = judge_streams(judged, FOUR, heard, now_s)
        assert silent_at("us1", judged) == ("tls",) and why_silent("us1", judged) == why_silent("us1", SILENT)


def test_what_was_seen_well_for_a_while_and_is_not_seen_any_more_begins_anew() -> None:
    judged = judge_streams(SILENT, FOUR, reports({}, 1.0), 1.0)
    judged = judge_streams(judged, FOUR, [], UP_S)
    assert "too few observers" in why_silent("us1", judged)
    for now_s, silent in ((UP_S + 2, ("tls",)), (2 * UP_S + 1, ("tls",)), (2 * UP_S + 2, ())):
        judged = judge_streams(judged, FOUR, reports({}, now_s), now_s)
        assert silent_at("us1", judged) == silent


@pytest.mark.parametrize("told", [("eu1", "eu2", "us2"), ("eu1", "eu2")])
def test_probing_that_was_switched_off_ends_the_silence_after_a_while(told: tuple[str, ...]) -> None:
    """In whole, or so far that one is left who is not believed alone."""

    def heard(now_s: float) -> list[Report]:
        return [blind(each, "us1", "tls", None) if each.pop in told else each for each in reports({("us1", "tls"): BAD}, now_s)]

    judged: Judged = SILENT
    for now_s in (1.0, UNWATCHED_S / 2, UNWATCHED_S + 0.9):
        judged = judge_streams(judged, FOUR, heard(now_s), now_s)
        assert silent_at("us1", judged) == ("tls",) and "not looked at any more" in why_silent("us1", judged)
        assert not unwatched_at("us1", judged)
    for now_s in (UNWATCHED_S + 1, UNWATCHED_S + 2):
        judged = judge_streams(judged, FOUR, heard(now_s), now_s)
        assert not silent_at("us1", judged) and unwatched_at("us1", judged) == ("tls",)
    judged = judge_streams(judged, FOUR, reports({}, now_s), now_s)
    assert not unwatched_at("us1", judged)


def test_the_last_word_of_edges_that_end_is_no_order_to_look_no_more() -> None:
    last = [Report(f"edge-{pop}", pop, 1.0, False) for pop in FOUR]
    assert judge_streams(SILENT, FOUR, last, 1.0)["us1", "tls"].unwatched_since_s is None


def test_of_one_that_is_frozen_everything_stays_as_it_is() -> None:
    three = ("eu1", "eu2", "us2")
    judged = judge_streams(SILENT, three, reports({}, 2 * UP_S), 2 * UP_S, ["us1"])
    assert silent_at("us1", judged) == ("tls",) and judged["us1", "tls"] == SILENT["us1", "tls"]


_sights = st.sampled_from([*(Sight(missed=times) for times in range(4)), *(Sight(answered=times) for times in range(4))])


@given(st.lists(st.fixed_dictionaries({(pop, each): _sights for pop in FOUR for each in TRANSPORTS}), min_size=1, max_size=10))
def test_a_transport_is_never_left_out_at_most_of_them(rounds: list[dict[tuple[str, str], Sight]]) -> None:
    judged: Judged = {}
    for number, seen in enumerate(rounds):
        judged = judge_streams(judged, FOUR, reports(seen, float(number)), float(number))
        for transport in TRANSPORTS:
            assert 2 * sum(transport in silent_at(pop, judged) for pop in FOUR) <= len(FOUR)
