"""Reports and time → states of points of presence: the cases by name, and properties over random histories of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.pop_health import FRESH_S, MISSED_LIMIT, OBSERVERS, UP_S, WELL, Health, Report, Sight, judge, observed_by
from trunkline.domain.pop_states import PopState

READY, DRAINING, DOWN = PopState
SIX = ("eu1", "eu2", "us1", "us2", "apac1", "apac2")
GOOD, BAD = Sight(answered=5), Sight(missed=MISSED_LIMIT)


def reports(
    seen: Mapping[str, Sight], now_s: float, *, silent: Sequence[str] = (), cold: Sequence[str] = (), pops: Sequence[str] = SIX
) -> list[Report]:
    """Every point of presence but the silent ones reports the same sights, and GOOD of what is not in `seen`."""
    return [
        Report(f"edge-{pop}", pop, now_s, pop not in cold, {other: seen.get(other, GOOD) for other in pops if other != pop})
        for pop in pops
        if pop not in silent
    ]


def states(healths: Mapping[str, Health]) -> dict[str, PopState]:
    return {pop: health.state for pop, health in healths.items() if health.state is not READY}


def test_one_that_is_silent_and_does_not_answer_is_down() -> None:
    found = judge({}, SIX, reports({"eu1": BAD}, 100.0, silent=["eu1"]), {}, 100.0)
    assert states(found) == {"eu1": DOWN}
    assert found["eu1"].reason == "no self-report yet; 5 of 5 observers get no answer to OPTIONS"


def test_two_pings_missed_are_not_enough() -> None:
    assert not states(judge({}, SIX, reports({"eu1": Sight(missed=MISSED_LIMIT - 1)}, 0.0, silent=["eu1"]), {}, 0.0))


def test_one_whose_public_path_is_dead_is_down_though_it_says_that_it_is_well() -> None:
    found = judge({}, SIX, reports({"eu1": BAD}, 0.0), {}, 0.0)
    assert states(found) == {"eu1": DOWN} and "says that it is well" in found["eu1"].reason


def test_one_observer_is_not_believed_against_the_word_of_the_point_of_presence() -> None:
    two = ("eu1", "us1")
    assert not states(judge({}, two, reports({"eu1": BAD}, 0.0, pops=two), {}, 0.0))
    assert states(judge({}, two, reports({"eu1": BAD}, 0.0, silent=["eu1"], pops=two), {}, 0.0)) == {"eu1": DOWN}


def test_a_minority_that_sees_nothing_changes_nothing() -> None:
    heard = reports({}, 0.0)
    heard[2:4] = [Report(each.edge, each.pop, 0.0, True, dict.fromkeys(each.sights, BAD)) for each in heard[2:4]]
    assert not states(judge({}, SIX, heard, {}, 0.0))


def test_one_that_says_that_it_takes_no_calls_is_down_at_once() -> None:
    found = judge({}, SIX, reports({}, 0.0, cold=["us1"]), {}, 0.0)
    assert states(found) == {"us1": DOWN} and "itself" in found["us1"].reason


def test_a_point_of_presence_with_two_edges_is_well_while_one_of_them_is() -> None:
    heard = [*reports({}, 0.0, cold=["us1"]), Report("edge-us1-b", "us1", 0.0, True)]
    assert not states(judge({}, SIX, heard, {}, 0.0))


def test_one_is_in_use_again_when_it_was_seen_well_long_enough_without_a_break() -> None:
    healths = judge(judge({}, SIX, reports({}, -1.0), {}, -1.0), SIX, reports({"eu1": BAD}, 0.0, silent=["eu1"]), {}, 0.0)
    healths = judge(healths, SIX, reports({}, 1.0), {}, 1.0)
    assert states(healths) == {"eu1": DOWN} and "again" in healths["eu1"].reason
    healths = judge(healths, SIX, reports({"eu1": BAD}, UP_S, silent=["eu1"]), {}, UP_S)
    healths = judge(healths, SIX, reports({}, UP_S + 1), {}, UP_S + 1)
    healths = judge(healths, SIX, reports({}, 2 * UP_S), {}, 2 * UP_S)
    assert states(healths) == {"eu1": DOWN}
    healths = judge(healths, SIX, reports({}, 2 * UP_S + 1), {}, 2 * UP_S + 1)
    assert not states(healths)


def test_one_that_starts_is_in_use_when_it_is_first_seen_well() -> None:
    healths = judge({}, SIX, reports({"eu1": BAD}, 0.0, cold=["eu1"]), {}, 0.0)
    assert states(healths) == {"eu1": DOWN}
    assert not states(judge(healths, SIX, reports({}, 1.0), {}, 1.0))


def test_a_region_is_taken_out_and_four_of_six_are_not() -> None:
    region = ["us1", "us2"]
    healths = judge({}, SIX, reports(dict.fromkeys(region, BAD), 0.0, silent=region), {}, 0.0)
    assert states(healths) == dict.fromkeys(region, DOWN)
    four = [*region, "apac1", "apac2"]
    healths = judge(healths, SIX, reports(dict.fromkeys(four, BAD), 1.0, silent=four), {}, 1.0)
    assert states(healths) == dict.fromkeys(region, DOWN)
    assert healths["apac1"].reason.endswith("not taken out, for most seem down")
    healths = judge(healths, SIX, reports(dict.fromkeys(region, BAD), 2.0, silent=region), {}, 2.0)
    assert healths["apac1"].reason == "" and states(healths) == dict.fromkeys(region, DOWN)


def test_a_drain_is_seen_unless_it_is_down() -> None:
    drained = {"eu1": "new kernel", "us1": ""}
    healths = judge({}, SIX, reports({}, 0.0), drained, 0.0)
    assert states(healths) == {"eu1": DRAINING, "us1": DRAINING}
    assert (healths["eu1"].reason, healths["us1"].reason) == ("new kernel", "drained by command")
    healths = judge(healths, SIX, reports({"eu1": BAD}, 1.0, silent=["eu1"]), drained, 1.0)
    assert states(healths) == {"eu1": DOWN, "us1": DRAINING}
    assert not states(judge(judge({}, SIX, [], drained, 0.0), SIX, [], {}, 1.0))


@pytest.mark.parametrize("number", [1, 2, 6, OBSERVERS + 1, OBSERVERS + 5])
def test_every_point_of_presence_is_looked_at_by_as_many_others(number: int) -> None:
    pops = tuple(f"p{place}" for place in range(number))
    looked_at = [other for pop in pops for other in observed_by(pop, pops)]
    assert all(looked_at.count(pop) == min(OBSERVERS, number - 1) for pop in pops)
    assert all(pop not in observed_by(pop, pops) for pop in pops)


_sights = st.sampled_from([*(Sight(missed=times) for times in range(6)), *(Sight(answered=times) for times in range(6))])


@st.composite
def _rounds(draw: st.DrawFn) -> list[tuple[float, list[Report], dict[str, str]]]:
    """What is heard, round by round, each with its time; some edges are silent for some of them."""
    now_s, rounds = 0.0, []
    for _ in range(draw(st.integers(1, 12))):
        now_s += draw(st.sampled_from((0.5, 1.0, FRESH_S + 1, UP_S)))
        heard = [
            Report(
                f"edge-{pop}",
                pop,
                now_s - draw(st.sampled_from((0.0, 1.0, FRESH_S, FRESH_S + 0.5))),
                draw(st.sampled_from((True, True, True, False))),
                {other: draw(_sights) for other in SIX if other != pop},
            )
            for pop in SIX
            if draw(st.booleans())
        ]
        rounds.append((now_s, heard, dict.fromkeys(draw(st.lists(st.sampled_from(SIX), max_size=2, unique=True)), "")))
    return rounds


@given(_rounds())
def test_most_are_never_down_and_nobody_is_back_before_his_time(rounds: list[tuple[float, list[Report], dict[str, str]]]) -> None:
    healths: dict[str, Health] = {}
    down_at: dict[str, float] = {}
    for now_s, heard, drained in rounds:
        found = judge(healths, SIX, heard, drained, now_s)
        assert 2 * sum(health.is_down for health in found.values()) <= len(SIX)
        for pop, health in found.items():
            assert (health.state is DOWN) == health.is_down
            assert (health.state is DRAINING) == (pop in drained and not health.is_down)
            assert health.reason or health.state is READY
            before = healths.get(pop, WELL)
            if before.is_down and before.was_well and not health.is_down:
                assert now_s - down_at[pop] >= UP_S
            if health.is_down and health.well_since_s is None:
                down_at[pop] = now_s
        healths = found


@given(_rounds(), st.sampled_from((FRESH_S + 0.5, 1000.0)))
def test_who_hears_nothing_changes_nothing(rounds: list[tuple[float, list[Report], dict[str, str]]], later_s: float) -> None:
    healths: dict[str, Health] = {}
    for now_s, heard, drained in rounds:
        healths = judge(healths, SIX, heard, drained, now_s)
    assert judge(healths, SIX, rounds[-1][1], rounds[-1][2], rounds[-1][0] + later_s) == healths


@given(_rounds(), st.sampled_from(SIX))
def test_nobody_is_taken_out_by_one_other_while_it_says_that_it_is_well(
    rounds: list[tuple[float, list[Report], dict[str, str]]], observer: str
) -> None:
    healths: dict[str, Health] = {}
    for now_s, heard, _ in rounds:
        mine = [Report(f"edge-{pop}", pop, now_s, True) for pop in SIX if pop != observer]
        healths = judge(healths, SIX, [*mine, *(report for report in heard if report.pop == observer)], {}, now_s)
        assert not any(health.is_down for pop, health in healths.items() if pop != observer)
