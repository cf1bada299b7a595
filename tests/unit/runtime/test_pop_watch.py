"""What a service makes of reports as they come, by a clock of the test's."""

from __future__ import annotations

from trunkline.domain.directory import Directory
from trunkline.domain.events import PLATFORM, Kind, PopDrained, PopUndrained, Position
from trunkline.domain.facts import Fact
from trunkline.domain.pop_health import FRESH_S, MISSED_LIMIT, UP_S, Report, Sight
from trunkline.domain.pop_states import PopState
from trunkline.domain.pop_streams import UNWATCHED_S
from trunkline.runtime.pop_reports import encode_report
from trunkline.runtime.pop_watch import EDGES_LIMIT, PopWatch

READY, DRAINING, DOWN = PopState
POPS = ("eu1", "eu2", "us1")


class Bench:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.directory = Directory()
        self.watch = PopWatch(POPS, lambda: self.directory, clock=lambda: self.now_s)

    def hear(self, pop: str, *missing: str, subject: str = "") -> None:
        sights = {other: Sight(missed=MISSED_LIMIT) if other in missing else Sight(answered=1) for other in POPS if other != pop}
        self.watch.hear(encode_report(Report(f"edge-{pop}", pop, 0.0, True, sights)), subject or f"pops.seen.{pop}")


def test_one_that_is_gone_is_down_and_the_way_back_takes_its_time() -> None:
    bench = Bench()
    for pop in POPS:
        bench.hear(pop)
    bench.watch.judge()
    assert bench.watch.states == dict.fromkeys(POPS, READY)
    bench.now_s = FRESH_S + 0.1
    bench.hear("eu2", "eu1")
    bench.hear("us1", "eu1")
    bench.watch.judge()
    assert bench.watch.states == {"eu1": DOWN, "eu2": READY, "us1": READY}
    assert bench.watch.healths["eu1"].reason == "no self-report for 4 s; 2 of 2 observers get no answer to OPTIONS"
    for state in (DOWN, READY):
        bench.now_s += UP_S
        for pop in POPS:
            bench.hear(pop)
        bench.watch.judge()
        assert bench.watch.states == {"eu1": state, "eu2": READY, "us1": READY}


def test_a_transport_that_does_not_answer_is_told_and_the_point_of_presence_stays_ready() -> None:
    bench = Bench()
    for pop in POPS:
        streams = {"tls": {other: Sight(missed=2) if other == "eu1" else Sight(answered=1) for other in POPS if other != pop}}
        report = Report(f"edge-{pop}", pop, 0.0, True, {other: Sight(answered=1) for other in POPS if other != pop}, streams)
        bench.watch.hear(encode_report(report), f"pops.seen.{pop}")
    bench.watch.judge()
    assert bench.watch.states == dict.fromkeys(POPS, READY)
    assert {pop: health.without for pop, health in bench.watch.healths.items()} == {"eu1": ("tls",), "eu2": (), "us1": ()}
    assert bench.watch.healths["eu1"].reason == "2 of 2 observers get no answer to OPTIONS over TLS"


def test_a_silent_transport_stays_silent_while_its_point_of_presence_is_frozen_and_ends_when_nobody_is_to_look() -> None:
    bench = Bench()

    def hear(missed: int, *speaking: str, looks: bool = True) -> None:
        for pop in speaking:
            others = [other for other in POPS if other != pop]
            streams = {"tls": {other: Sight(missed=2) if other == "eu1" else Sight(answered=1) for other in others}} if looks else {}
            sights = {other: Sight(missed=missed) if missed else Sight(answered=1) for other in others}
            bench.watch.hear(encode_report(Report(f"edge-{pop}", pop, 0.0, True, sights, streams)), f"pops.seen.{pop}")
        bench.watch.judge()

    hear(0, *POPS)
    assert bench.watch.healths["eu1"].without == ("tls",)
    hear(MISSED_LIMIT, *POPS)
    assert bench.watch.healths["eu1"].is_frozen and bench.watch.healths["eu1"].without == ("tls",)
    for at_s, without in ((1.0, ("tls",)), (UNWATCHED_S, ("tls",)), (UNWATCHED_S + 1, ())):
        bench.now_s = at_s
        hear(0, *POPS, looks=False)
        assert bench.watch.healths["eu1"].without == without
    assert bench.watch.healths["eu1"].unwatched == ("tls",) and bench.watch.healths["eu1"].reason == ""
    hear(0, *POPS)
    assert bench.watch.healths["eu1"].without == ("tls",) and not bench.watch.healths["eu1"].unwatched


def test_a_drain_in_the_log_is_seen() -> None:
    bench = Bench()
    bench.directory.apply(Fact(Position(1), Kind.POP, PLATFORM, "us1", PopDrained(1, "new kernel"), 1))
    bench.watch.judge()
    assert bench.watch.states == {"eu1": READY, "eu2": READY, "us1": DRAINING}
    bench.directory.apply(Fact(Position(2), Kind.POP, PLATFORM, "us1", PopUndrained(), 2))
    bench.watch.judge()
    assert bench.watch.states == dict.fromkeys(POPS, READY)


def test_who_speaks_for_another_point_of_presence_is_not_heard() -> None:
    bench = Bench()
    for pop in ("eu2", "us1"):
        bench.hear(pop, "eu1", subject="pops.seen.eu1")
    bench.watch.hear(b"nonsense", "pops.seen.eu2")
    bench.watch.judge()
    assert bench.watch.states == dict.fromkeys(POPS, READY)


def test_edges_without_end_take_no_memory() -> None:
    bench = Bench()
    for number in range(EDGES_LIMIT + 10):
        bench.watch.hear(encode_report(Report(f"edge-{number}", "eu1", 0.0, False)), "pops.seen.eu1")
    bench.hear("eu1")
    bench.watch.judge()
    assert bench.watch.states["eu1"] is DOWN
    bench.now_s = FRESH_S + 1
    bench.watch.judge()
    bench.hear("eu1")
    bench.watch.judge()
    assert bench.watch.states["eu1"] is READY
