"""What an edge makes of sightings and of other edges' reports, and when it sends OPTIONS."""

from collections import Counter

from trunkline.domain.events import CarrierId, GatewayId
from trunkline.domain.gateway_health import UNKNOWN, Health, Sign, State, observe
from trunkline.domain.views import Gateway
from trunkline.edge.gateway_healths import GatewayHealths, Sighting
from trunkline.edge.gateway_pings import AT_ONCE_S, DOUBT_S, JITTER, MAX_AT_ONCE, Pings
from trunkline.runtime.gateway_reports import FRESH_S, GatewayReport, GatewayReports

NOW_S = 1_800_000_000.0
ALPHA, BETA = "alpha/eu", "beta/eu"
BOTH = {ALPHA, BETA}
PLACE = ("192.0.2.1", 5060, "udp")
SILENT: Sighting = (ALPHA, False, "silent", 0, 0, 1, PLACE)
SERVED: Sighting = (ALPHA, False, "", 0, 0, 1, PLACE)
OPEN = observe(observe(UNKNOWN, Sign(False, "silent"), NOW_S), Sign(False, "silent"), NOW_S)


def healths() -> GatewayHealths:
    return GatewayHealths("edge-eu1", "eu", GatewayReports())


def report(edge: str, region: str, health: Health, heard_s: float = NOW_S) -> GatewayReport:
    return GatewayReport(edge, edge.removeprefix("edge-"), region, heard_s, {ALPHA: health})


def test_a_view_is_another_one_only_when_something_has_changed() -> None:
    known = healths()
    assert not known.turn([SERVED, SILENT], BOTH, NOW_S)
    before = known.view
    assert known.turn([SILENT], BOTH, NOW_S)
    assert known.view.version != before.version and list(known.view.passed) == [ALPHA]
    opened = known.view
    assert not known.turn([SILENT], BOTH, NOW_S + 1)
    assert known.view is opened


def test_the_same_thing_several_times_in_a_row_counts_so_often() -> None:
    known = healths()
    known.turn([(ALPHA, False, "silent", 0, 0, 2, PLACE)], BOTH, NOW_S)
    assert list(known.view.passed) == [ALPHA]


def test_a_gateway_that_is_no_more_is_forgotten() -> None:
    known = healths()
    known.turn([(ALPHA, False, "silent", 0, 0, 2, PLACE), ("gone/eu", False, "silent", 0, 0, 2, PLACE)], BOTH, NOW_S)
    assert list(known.not_closed) == [ALPHA]
    known.keep({BETA})
    known.turn([], {BETA}, NOW_S)
    assert not known.view.passed


def test_of_a_gateway_that_has_moved_nothing_is_known_whatever_others_still_say() -> None:
    known = healths()
    known.turn([(ALPHA, False, "status", 503, 30, 1, PLACE)], BOTH, NOW_S)
    assert known.view.told == {ALPHA}
    opened = known.view
    assert known.forget({ALPHA}, NOW_S + 1) and not known.forget({BETA}, NOW_S + 1)
    assert not known.view.passed and known.view.version != opened.version
    # Another edge of the region has not heard of it yet.
    told = observe(UNKNOWN, Sign(False, "status", 503, 30), NOW_S)
    known.reports.hear(report("edge-eu2", "eu", told, NOW_S + 1.5))
    known.turn([], BOTH, NOW_S + 2)
    assert not known.view.passed and not known.suspects(NOW_S + 2)
    later_s = NOW_S + 1 + FRESH_S
    known.reports.hear(report("edge-eu2", "eu", told, later_s))
    known.turn([], BOTH, later_s)
    assert known.view.told == {ALPHA}, "by then it is said of the new place"


def test_a_half_open_one_gets_one_call_a_second() -> None:
    known = healths()
    known.turn([(ALPHA, False, "silent", 0, 0, 2, PLACE)], BOTH, NOW_S)
    known.turn([], BOTH, NOW_S + 5)
    assert known.view.probed == {ALPHA}
    known.spend(ALPHA)
    assert (known.view.probed, list(known.view.passed)) == (frozenset(), [ALPHA])
    known.turn([], BOTH, NOW_S + 5.05)
    assert known.view.probed == {ALPHA}, "the first one is given back with the next turn of the clock"
    known.spend(ALPHA)
    known.turn([], BOTH, NOW_S + 5.5)
    assert not known.view.probed
    known.turn([], BOTH, NOW_S + 6.1)
    assert known.view.probed == {ALPHA}


def test_what_another_edge_of_the_region_passes_over_takes_one_failure_of_our_own() -> None:
    for edge, region, is_open in (("edge-eu2", "eu", True), ("edge-us1", "us", False), ("edge-eu1", "eu", False)):
        known = healths()
        known.reports.hear(report(edge, region, OPEN))
        known.turn([], BOTH, NOW_S)
        assert not known.view.passed, "it is no failure of ours"
        known.turn([SILENT], BOTH, NOW_S)
        assert bool(known.view.passed) == is_open, edge


def test_a_report_of_long_ago_makes_nothing_suspect() -> None:
    known = healths()
    known.reports.hear(report("edge-eu2", "eu", OPEN, NOW_S - FRESH_S - 1))
    known.turn([SILENT], BOTH, NOW_S)
    assert not known.view.passed


def test_a_retry_after_told_to_another_edge_counts_here_and_does_not_grow_by_being_passed_on() -> None:
    first, second = healths(), healths()
    second._edge = "edge-eu2"
    first.turn([(ALPHA, False, "status", 503, 30, 1, PLACE)], BOTH, NOW_S)
    ends = []
    for step in range(400):
        now_s = NOW_S + step / 10
        second.reports.hear(GatewayReport("edge-eu1", "eu1", "eu", now_s, first.not_closed))
        first.reports.hear(GatewayReport("edge-eu2", "eu2", "eu", now_s, second.not_closed))
        second.turn([], BOTH, now_s)
        first.turn([], BOTH, now_s)
        ends += [now_s for known in (first, second) if any(health.is_told for health in known.not_closed.values())]
        if step == 0:
            assert second.view.told == {ALPHA}
    assert max(ends) < NOW_S + 30.1
    assert first._healths[ALPHA].state is State.HALF_OPEN


def gateways(count: int) -> dict[str, Gateway]:
    made = [
        Gateway(CarrierId("alpha"), GatewayId(f"g{n}"), f"alpha/g{n}", f"192.0.2.{n}", 5060, "udp", "eu", 0, 1) for n in range(1, count + 1)
    ]
    return {gateway.key: gateway for gateway in made}


def test_each_gateway_is_asked_once_in_its_interval_and_not_all_at_once() -> None:
    draws = iter(range(10_000))
    pings = Pings(10.0, lambda: next(draws) * 0.37 % 1)
    pings.follow(gateways(30), 0.0)
    turns = [pings.due(step * 0.05, lambda _: False) for step in range(2000)]
    counts = Counter(key for keys in turns for key in keys)
    assert len(counts) == 30
    assert all(100 / (10 * (1 + JITTER)) - 1 <= count <= 100 / (10 * (1 - JITTER)) + 1 for count in counts.values())
    assert max(map(len, turns)) < 5


def test_one_in_doubt_is_asked_at_once_and_then_more_often() -> None:
    pings = Pings(100.0, lambda: 0.5)
    pings.follow(gateways(1), 0.0)
    assert not pings.due(1.0, lambda _: True)
    pings.hurry("alpha/g1", 1.0)
    assert pings.due(1.0 + AT_ONCE_S, lambda _: True) == ["alpha/g1"]
    assert not pings.due(1.0 + AT_ONCE_S + DOUBT_S / 2, lambda _: True)
    assert pings.due(1.0 + AT_ONCE_S + DOUBT_S, lambda _: False) == ["alpha/g1"]
    assert not pings.due(50.0, lambda _: False)


def test_a_gateway_that_is_no_more_is_not_asked_and_a_turn_asks_a_bounded_number() -> None:
    pings = Pings(1.0, lambda: 0.0)
    pings.follow(gateways(MAX_AT_ONCE + 5), 0.0)
    assert len(pings.due(0.0, lambda _: False)) == MAX_AT_ONCE
    assert len(pings.due(0.0, lambda _: False)) == 5
    pings.follow(gateways(1), 0.0)
    assert pings.due(9.0, lambda _: False) == ["alpha/g1"]
