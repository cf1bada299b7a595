"""What dns services write of points of presence, and what is read of it: one change is one, whoever saw it and in whatever order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain import pop_changes
from trunkline.domain.pop_changes import PopBook, PopChange, Standing, Unread, Word
from trunkline.domain.pop_health import Health
from trunkline.domain.pop_recorder import OTHERS_PATIENCE_S, OWN_PATIENCE_S, Recorder
from trunkline.domain.pop_states import PopState

READY, DRAINING, DOWN, FROZEN = (Standing(word) for word in Word)
WELL = Health(well_since_s=0.0, was_well=True)
DEAD = Health(PopState.DOWN, "no self-report for 4 s; 2 of 2 observers get no answer to OPTIONS", True)
KEPT = Health(PopState.READY, "no self-report for 4 s; not taken out, for most seem down", is_frozen=True)
DRAINED = Health(PopState.DRAINING, "new kernel", well_since_s=0.0, was_well=True)
SECOND_US = 1_000_000


class Log:
    """One stream that takes a change only behind the last that its writer knows; what is in it reaches each reader when he is told."""

    def __init__(self) -> None:
        self.changes: list[PopChange] = []

    def write(self, change: PopChange, book: PopBook) -> None:
        is_behind_unread = change.before is None and book.is_unread(change.pop)
        if is_behind_unread or change.before == (self.changes[-1].after if self.changes else None):
            self.changes.append(change)
            book.take([change])


class Service:
    def __init__(self, region: str, log: Log) -> None:
        self.recorder = Recorder(f"dns-{region}", region)
        self.book = PopBook()
        self.log = log

    def sees(self, health: Health, at_s: float) -> None:
        self.recorder.judged({"us1": health}, round(at_s * SECOND_US))

    def writes(self, at_s: float) -> None:
        for change in self.recorder.due(self.book, at_s, round(at_s * SECOND_US)):
            self.log.write(change, self.book)

    def hears(self) -> None:
        self.book.take(self.log.changes)


def test_a_point_of_presence_that_dies_and_comes_back_is_written_with_the_reason() -> None:
    log = Log()
    dns = Service("eu", log)
    for at_s, health in enumerate((WELL, WELL, DEAD, DEAD, WELL, DRAINED, WELL, KEPT, WELL)):
        dns.sees(health, at_s)
        dns.writes(at_s)
    assert [(change.time_us // SECOND_US, change.after, change.reason) for change in log.changes] == [
        (0, READY, "first seen"),
        (2, DOWN, DEAD.reason),
        (4, READY, "seen well for 10 s"),
        (5, DRAINING, "new kernel"),
        (6, READY, "no longer drained"),
        (7, FROZEN, KEPT.reason),
        (8, READY, "seen well again"),
    ]
    assert [change.before for change in log.changes] == [None, *(change.after for change in log.changes[:-1])]
    assert {(change.by, change.region) for change in log.changes} == {("dns-eu", "eu")}


def test_a_transport_that_falls_silent_is_a_change_and_so_is_its_return() -> None:
    log = Log()
    dns = Service("eu", log)
    less = Health(well_since_s=0.0, was_well=True, without=("tls",), reason="2 of 2 observers get no answer to OPTIONS over TLS")
    for at_s, health in enumerate((WELL, less, WELL, less, DEAD)):
        dns.sees(health, at_s)
        dns.writes(at_s)
    assert [(str(change.after), change.reason) for change in log.changes[1:]] == [
        ("ready without tls", less.reason),
        ("ready", "TLS seen well for 10 s"),
        ("ready without tls", less.reason),
        ("down", DEAD.reason),
    ]


def test_a_transport_that_is_used_again_because_nobody_looks_is_not_said_to_be_well() -> None:
    log = Log()
    dns = Service("eu", log)
    both = Health(well_since_s=0.0, was_well=True, without=("tcp", "tls"), reason="no answer")
    for at_s, health in enumerate((both, replace(WELL, unwatched=("tls",)), both, replace(WELL, unwatched=("tcp", "tls")))):
        dns.sees(health, at_s)
        dns.writes(at_s)
    assert [change.reason for change in log.changes] == [
        "no answer",
        "TCP seen well for 10 s; TLS not looked at for 300 s",
        "no answer",
        "TCP and TLS not looked at for 300 s",
    ]


def test_what_is_only_believed_is_not_written() -> None:
    log = Log()
    dns = Service("eu", log)
    dns.sees(Health(), 0)
    dns.writes(0)
    assert not log.changes


@given(st.lists(st.sampled_from((WELL, DEAD, DRAINED, KEPT)), min_size=1, max_size=8), st.data())
def test_of_three_services_that_see_the_same_each_change_is_written_once(healths: list[Health], data: st.DataObject) -> None:
    """Each sees each of them, in an order that is drawn, and is told of what others wrote before its turn or after it."""
    log = Log()
    services = [Service(region, log) for region in ("eu", "us", "apac")]
    for number, health in enumerate(healths):
        for place in data.draw(st.permutations(range(3))):
            services[place].sees(health, number)
            if data.draw(st.booleans()):
                services[place].hears()
            services[place].writes(number)
        for service in services:
            service.hears()
            service.writes(number)
    seen = [Standing(Word.FROZEN) if each is KEPT else Standing(Word(each.state.value)) for each in healths]
    changes = [now for before, now in pairwise([None, *seen]) if now != before]
    assert [change.after for change in log.changes] == changes


def test_who_is_behind_the_log_by_a_whole_outage_does_not_write_it_again() -> None:
    """Also where he reads of it before he sees it, and a second outage is another one."""
    for is_read_first in (False, True):
        log = Log()
        fast, slow = Service("eu", log), Service("us", log)
        for at_s, health in ((0, WELL), (20, DEAD), (34, WELL)):
            fast.sees(health, at_s)
            fast.writes(at_s)
        slow.sees(WELL, 0)
        if is_read_first:
            slow.hears()
        slow.sees(DEAD, 22)
        slow.sees(WELL, 35)
        slow.hears()
        for at_s in (36, 37):
            slow.writes(at_s)
        assert [change.after for change in log.changes] == [READY, DOWN, READY]
        for at_s, health in ((50, DEAD), (64, WELL)):
            slow.sees(health, at_s)
            slow.writes(at_s)
        assert [change.after for change in log.changes] == [READY, DOWN, READY, DOWN, READY]


@pytest.mark.parametrize(("seen", "said"), [(DRAINED, DRAINING), (WELL, READY)], ids=["another", "the one before"])
def test_what_a_later_version_wrote_is_passed_over_and_not_written_over(seen: Health, said: Standing) -> None:
    log = Log()
    dns = Service("eu", log)
    dns.sees(WELL, 0)
    dns.writes(0)
    # Another service of a later version wrote what it saw at 20 s; here the same is seen as DOWN.
    dns.book.take([Unread("us1", 21 * SECOND_US)])
    assert dns.book.is_unread("us1")
    dns.sees(DEAD, 20)
    for at_s in (21.0, 22 + OTHERS_PATIENCE_S, 23 + 2 * OTHERS_PATIENCE_S):
        dns.writes(at_s)
    assert [change.after for change in log.changes] == [READY]
    # What changes later is news, and stands behind what cannot be read.
    dns.sees(seen, 90)
    for at_s in (91, 92):
        dns.writes(at_s)
    assert [(change.after, change.time_us // SECOND_US) for change in log.changes[1:]] == [(said, 90)]
    assert not dns.book.is_unread("us1")


def test_a_point_of_presence_of_which_nothing_can_be_read_is_not_written_as_new() -> None:
    log = Log()
    dns = Service("eu", log)
    dns.book.take([Unread("us1", 1), Unread("us1", 1)])
    dns.sees(WELL, 0)
    dns.writes(100)
    assert not log.changes and dns.book.last("us1") is None and dns.book.unread_us("us1") == [1]


def test_what_an_earlier_run_left_wrong_is_mended_and_another_regions_word_is_not_contradicted() -> None:
    left = PopChange(1, "us1", "eu", "dns-eu", READY, DOWN, "it died")
    for region, patience_s in (("eu", OWN_PATIENCE_S), ("us", OTHERS_PATIENCE_S)):
        log = Log()
        log.changes = [left]
        dns = Service(region, log)
        dns.hears()
        dns.sees(WELL, 0)
        for at_s in (0.0, patience_s - 1):
            dns.writes(at_s)
        assert log.changes == [left]
        dns.writes(patience_s)
        assert log.changes[-1].after == READY and "the log said down" in log.changes[-1].reason


def test_a_change_that_could_not_be_written_is_written_later_with_its_own_time() -> None:
    log = Log()
    dns = Service("eu", log)
    dns.sees(WELL, 0)
    dns.writes(0)
    dns.sees(DEAD, 5)
    dns.sees(WELL, 20)
    for at_s in (30, 31):
        dns.writes(at_s)
    assert [change.time_us // SECOND_US for change in log.changes] == [0, 5, 20]


def test_the_same_change_written_in_two_regions_is_read_as_one() -> None:
    down = PopChange(10, "us1", "us", "dns-us", READY, DOWN, "x")
    changes = [
        PopChange(1, "us1", "eu", "dns-eu", None, READY, "first seen"),
        down,
        PopChange(11, "us1", "apac", "dns-apac", READY, DOWN, "y"),
        PopChange(30, "us1", "apac", "dns-apac", DOWN, READY, "back"),
        PopChange(31, "us1", "us", "dns-us", DOWN, READY, "back"),
    ]
    for order in (changes, changes[::-1], [*changes, *changes]):
        book = PopBook()
        book.take(order)
        assert book.newest_first() == [changes[3], down, changes[0]]
        assert book.last("us1") == changes[3]
        assert book.newest_first("eu1") == [] and book.last("eu1") is None


def test_all_readers_have_one_order_and_read_again_nothing_is_there_twice() -> None:
    """Two processes of one region wrote at the same microsecond."""
    changes = [
        PopChange(1, "us1", "eu", "dns-eu", None, READY, "first seen"),
        PopChange(5, "us1", "eu", "dns-eu", READY, DOWN, "x"),
        PopChange(5, "us1", "eu", "dns-eu2", READY, FROZEN, "y"),
        PopChange(5, "us1", "eu", "dns-eu", READY, DOWN, "z"),
    ]
    for order in permutations(changes):
        book = PopBook()
        for _ in range(3):
            book.take(order)
        assert [(change.by, change.after) for change in book.newest_first()] == [("dns-eu2", FROZEN), ("dns-eu", DOWN), ("dns-eu", READY)]
        assert len({change.place for change in book.newest_first()}) == 3
        assert book.last("us1") == changes[2]
    for order in permutations(changes[1:2] * 3 + changes[3:]):
        book = PopBook()
        book.take(order)
        assert book._changes == {"us1": [changes[1], changes[3]]}


def test_a_change_is_dated_behind_all_that_was_written_also_behind_what_changed_nothing() -> None:
    """The clock of apac is ahead: what it wrote too of the same death must not come after the return."""
    log = Log()
    dns = Service("eu", log)
    for at_s, health in enumerate((WELL, DEAD)):
        dns.sees(health, at_s)
        dns.writes(at_s)
    dns.book.take([PopChange(40 * SECOND_US, "us1", "apac", "dns-apac", READY, DOWN, "y")])
    assert (last := dns.book.last("us1")) is not None and last.time_us == 1 * SECOND_US
    dns.sees(WELL, 20)
    dns.writes(20)
    assert [change.after for change in dns.book.newest_first()] == [READY, DOWN, READY]
    assert (last := dns.book.last("us1")) is not None and (last.after, last.time_us) == (READY, 40 * SECOND_US + 1)


def test_of_one_that_comes_and_goes_for_ever_the_newest_are_kept() -> None:
    book = PopBook()
    for number in range(pop_changes.CHANGES_LIMIT + 10):
        book.take([PopChange(number, "us1", "eu", "dns-eu", *((READY, DOWN) if number % 2 else (DOWN, READY)), "x")])
    assert len(book.newest_first()) == pop_changes.CHANGES_LIMIT and book.newest_first()[-1].time_us == 10
