"""Facts → record: a table of calls, and that neither order nor repetition nor the split over edges matters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.records.facts import (
    Answered,
    Attempted,
    Body,
    CallFact,
    Counted,
    Ended,
    Failed,
    GatewayFailed,
    GatewayTried,
    HungUp,
    PresumedOver,
    Progressed,
    Refused,
)
from trunkline.records.fold import MAX_NOTES, CallRecord, EdgeFact, Outcome, Try, fold

MS = 1_000_000
S = 1000 * MS
ATTEMPT = Attempted(tenant="acme", domain="acme", number="+3123456789", edge="edge-eu1", notes=("replica only",))
FIRST = GatewayTried(1, "alpha", "alpha/g1", "127.0.9.1:5060", 12_000, "EUR", "sip:a@b")
SECOND = GatewayTried(2, "beta", "beta/g1", "127.0.9.2:5060", 6_000, "EUR", "sip:a@b")


def story(*steps: tuple[int, Body], edge: str = "edge-eu1", call: str = "c1") -> list[EdgeFact]:
    """Facts at the given nanoseconds, numbered in this order."""
    return [EdgeFact(edge, CallFact(call, f"1a-{number}", time_ns, body)) for number, (time_ns, body) in enumerate(steps, 1)]


ANSWERED = story(
    (10 * MS, ATTEMPT), (11 * MS, FIRST), (60 * MS, Progressed(1, 180)), (2 * S, Answered(1, 200)), (63 * S + 1, Ended("callee", 16))
)


def test_a_price_is_by_the_increments_of_the_gateway_that_answered() -> None:
    tried = replace(SECOND, initial_increment_s=60, next_increment_s=30, connection_fee_micros=70)
    facts = story(
        (0, ATTEMPT), (1, FIRST), (2, GatewayFailed(1, 503, "status")), (3, tried), (1 * S, Answered(2, 200)), (62 * S, Ended("caller", 16))
    )
    record = fold(facts)
    assert record is not None
    assert (record.billed_s, record.price_micros, record.currency) == (90, 9_070, "EUR")
    assert [(each.initial_increment_s, each.next_increment_s, each.connection_fee_micros) for each in record.tries] == [
        (0, 0, 0),
        (60, 30, 70),
    ]


def test_an_answered_call_has_its_times_duration_and_price() -> None:
    assert fold(ANSWERED) == CallRecord(
        call="c1",
        attempted=ATTEMPT,
        outcome=Outcome.ANSWERED,
        setup_ns=10 * MS,
        ringing_ns=60 * MS,
        answer_ns=2 * S,
        end_ns=63 * S + 1,
        duration_ms=61_000,
        ended_by="callee",
        status=200,
        q850=16,
        tries=(Try(1, "alpha", "alpha/g1", "127.0.9.1:5060", 11 * MS, "answered", 200, 12_000, "EUR", 1989),),
        price_micros=12_400,  # 62 started seconds of 200 millionths
        currency="EUR",
        notes=("replica only",),
        billed_s=62,
        post_dial_delay_ms=50,
    )


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        (ANSWERED[:1], Outcome.TRYING),
        (ANSWERED[:2], Outcome.TRYING),
        (ANSWERED[:3], Outcome.RINGING),
        (ANSWERED[:4], Outcome.LIVE),
        (story((1, ATTEMPT), (2, FIRST), (3, Progressed(1, 100))), Outcome.TRYING),
        (story((1, ATTEMPT), (2, FIRST), (3, Progressed(1, 183))), Outcome.RINGING),
    ],
)
def test_a_call_in_progress_is_open_and_costs_nothing(facts: list[EdgeFact], outcome: Outcome) -> None:
    record = fold(facts)
    assert record is not None
    assert (record.outcome, record.end_ns, record.price_micros, record.duration_ms) == (outcome, 0, 0, 0)


def test_a_refusal_has_its_reason_text_and_facts() -> None:
    record = fold(story((5, ATTEMPT), (5, Refused(403, "T203", 21, "from 192.0.2.1, nearest 192.0.2.128/25"))))
    assert record is not None
    assert (record.outcome, record.status, record.reason, record.reason_text, record.q850, record.ended_by, record.end_ns) == (
        Outcome.REFUSED, 403, "T203", "Source Not In ACL", 21, "edge", 5,
    )  # fmt: skip
    assert record.facts == "from 192.0.2.1, nearest 192.0.2.128/25"


def test_a_code_of_a_newer_registry_is_kept_without_text() -> None:
    record = fold(story((5, ATTEMPT), (5, Refused(403, "T299", 21))))
    assert record is not None and (record.reason, record.reason_text) == ("T299", "")


def test_busy_of_the_only_gateway_is_the_calls_end_and_the_gateways_result() -> None:
    record = fold(story((0, ATTEMPT), (MS, FIRST), (31 * MS, Failed(486, "", 17, "carrier"))))
    assert record is not None
    assert (record.outcome, record.status, record.q850, record.ended_by) == (Outcome.FAILED, 486, 17, "callee")
    assert [(each.result, each.status, each.elapsed_ms) for each in record.tries] == [("status", 486, 30)]


def test_a_call_that_found_no_gateway_was_ended_by_the_edge_not_by_the_called_side() -> None:
    silent = story((0, ATTEMPT), (MS, FIRST), (3001 * MS, GatewayFailed(1, 0, "silent")), (3001 * MS, Failed(500, "T402", 41, "carrier")))
    record = fold(silent)
    assert record is not None
    assert (record.outcome, record.reason, record.ended_by) == (Outcome.FAILED, "T402", "edge")


def test_a_cancelled_call_is_the_callers() -> None:
    record = fold(story((0, ATTEMPT), (MS, FIRST), (2 * MS, Progressed(1, 180)), (5 * MS, Failed(487, "", 31, "caller"))))
    assert record is not None
    assert (record.outcome, record.ended_by, record.tries[0].result, record.tries[0].status) == (
        Outcome.CANCELLED,
        "caller",
        "cancelled",
        487,
    )


def test_failover_shows_both_gateways_and_charges_the_one_that_answered() -> None:
    record = fold(
        story(
            (0, ATTEMPT), (MS, FIRST), (3001 * MS, GatewayFailed(1, 0, "silent")), (3001 * MS, SECOND),
            (3100 * MS, Answered(2, 200)), (3100 * MS + 60 * S, Ended("caller", 16)),
        )
    )  # fmt: skip
    assert record is not None
    assert [(each.result, each.status, each.elapsed_ms) for each in record.tries] == [("silent", 0, 3000), ("answered", 200, 99)]
    assert (record.price_micros, record.currency) == (6_000, "EUR")


def test_a_late_answer_of_a_gateway_given_up_is_a_note_and_no_answer() -> None:
    record = fold(
        story(
            (0, ATTEMPT), (MS, FIRST), (3001 * MS, GatewayFailed(1, 0, "silent")), (3001 * MS, SECOND),
            (3100 * MS, Answered(1, 200)), (4000 * MS, GatewayFailed(2, 503, "status")), (4000 * MS, Failed(500, "T402", 41, "edge")),
        )
    )  # fmt: skip
    assert record is not None
    assert (record.outcome, record.reason, record.ended_by, record.answer_ns, record.price_micros) == (Outcome.FAILED, "T402", "edge", 0, 0)
    assert record.notes == ("replica only", "late answer of gateway attempt 1: hung up by the edge")


def test_an_end_told_by_a_sibling_edge_closes_the_call_by_the_tokens_answer_time() -> None:
    start = story((0, ATTEMPT), (MS, FIRST), edge="edge-eu1")
    end = story((62 * S, Ended("callee", 16, 2 * S)), edge="edge-eu2")
    record = fold(end + start)
    assert record is not None
    assert (record.outcome, record.answer_ns, record.duration_ms, record.price_micros, record.status) == (
        Outcome.ANSWERED, 2 * S, 60_000, 12_000, 200,
    )  # fmt: skip


def test_the_first_end_counts() -> None:
    again = story((70 * S, Ended("caller", 16)), edge="edge-eu2")
    assert fold(ANSWERED + again) == fold(ANSWERED)


def test_an_end_before_the_answer_by_another_clock_lasts_no_time() -> None:
    record = fold([*ANSWERED[:4], *story((1 * S, Ended("caller", 16)), edge="edge-eu2")])
    assert record is not None and (record.duration_ms, record.price_micros) == (0, 0)


def test_a_refusal_repeated_for_a_retransmission_is_one_record() -> None:
    facts = story((5, ATTEMPT), (5, Refused(403, "T203", 21)), (500 * MS, ATTEMPT), (500 * MS, Refused(403, "T203", 21)))
    record = fold(facts)
    assert record is not None and (record.setup_ns, record.end_ns) == (5, 5)


def test_without_the_attempt_there_is_no_record_yet() -> None:
    assert fold(ANSWERED[1:]) is None
    assert fold([]) is None


def test_notes_are_bounded() -> None:
    record = fold(story((5, replace(ATTEMPT, notes=tuple(map(str, range(100)))))))
    assert record is not None and len(record.notes) == MAX_NOTES


_bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(Attempted, tenant=st.sampled_from(["acme", "other"]), number=st.sampled_from(["1", "2"])),
    st.builds(Refused, status=st.just(403), reason=st.sampled_from(["T203", "T204"])),
    st.builds(GatewayTried, number=st.integers(1, 3), carrier=st.sampled_from(["a", "b"]), rate_micros=st.integers(0, 99)),
    st.builds(GatewayFailed, number=st.integers(1, 3), cause=st.sampled_from(["silent", "icmp"])),
    st.builds(Progressed, number=st.integers(1, 3), status=st.sampled_from([100, 180, 183])),
    st.builds(Answered, number=st.integers(1, 3), status=st.just(200)),
    st.builds(Failed, status=st.sampled_from([486, 487]), by=st.sampled_from(["caller", "carrier", "edge"])),
    st.builds(Ended, by=st.sampled_from(["caller", "callee"]), answered_ns=st.integers(0, 5)),
    st.builds(Counted),
)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[EdgeFact], list[EdgeFact]]:
    """A set of facts with distinct (edge, id), and the same facts in another order, some of them several times."""
    places = draw(st.lists(st.tuples(st.sampled_from(["e1", "e2"]), st.integers(1, 12)), unique=True, max_size=12))
    facts = [EdgeFact(edge, CallFact("c", f"1a-{number}", draw(st.integers(1, 6)), draw(_bodies))) for edge, number in places]
    again = draw(st.lists(st.sampled_from(facts), max_size=6)) if facts else []
    return facts, draw(st.permutations(facts + again))


@given(_histories())
def test_any_order_and_repetition_of_the_same_facts_gives_the_same_record(histories: tuple[list[EdgeFact], list[EdgeFact]]) -> None:
    facts, delivered = histories
    assert fold(delivered) == fold(facts)


@given(_histories())
def test_a_record_is_priced_only_when_it_is_answered_and_over(histories: tuple[list[EdgeFact], list[EdgeFact]]) -> None:
    record = fold(histories[0])
    if record is not None and record.price_micros:
        assert record.outcome is Outcome.ANSWERED and record.end_ns >= record.answer_ns > 0


def test_a_call_that_the_edge_ended_says_why_and_by_whom() -> None:
    record = fold(
        story(
            (10 * MS, ATTEMPT),
            (11 * MS, FIRST),
            (2 * S, Answered(1, 200)),
            (3 * S, HungUp("T602", "")),
            (9 * S, HungUp("T601", "by anna")),
            (9 * S, Ended("edge", 16, 2 * S)),
        )
    )
    assert record is not None
    assert (record.outcome, record.ended_by, record.reason, record.reason_text) == (Outcome.ANSWERED, "edge", "T601", "Ended By Command")
    assert (record.facts, record.duration_ms, record.q850) == ("by anna", 7000, 16)
    assert record.notes == ("replica only", "a hang-up by the edge was refused by both sides, or came too late")


def test_a_set_up_that_the_edge_ended_says_why_and_by_whom() -> None:
    failed = (3 * S, Failed(480, "T601", 16, "edge"))
    record = fold(story((10 * MS, ATTEMPT), (11 * MS, FIRST), (3 * S, HungUp("T601", "by anna")), failed))
    assert record is not None
    assert (record.outcome, record.ended_by, record.reason, record.facts) == (Outcome.FAILED, "edge", "T601", "by anna")
    assert record.notes == ("replica only",)


def test_a_hang_up_that_both_sides_refused_or_that_crossed_a_bye_is_a_note() -> None:
    for end in ([], [(5 * S, Ended("caller", 16))]):
        record = fold(story((10 * MS, ATTEMPT), (11 * MS, FIRST), (2 * S, Answered(1, 200)), (3 * S, HungUp("T601", "by anna")), *end))
        assert record is not None
        assert (record.reason, record.facts, len(record.notes)) == ("", "", 2)


def test_a_call_whose_end_nobody_told_is_over_costs_nothing_and_says_so() -> None:
    told = ((10 * MS, ATTEMPT), (11 * MS, FIRST), (2 * S, Answered(1, 200)))
    record = fold(story(*told) + story((20_000 * S, PresumedOver()), edge=""))
    assert record is not None
    assert (record.outcome, record.ended_by, record.end_ns) == (Outcome.ANSWERED, "presumed", 20_000 * S)
    assert (record.duration_ms, record.price_micros, record.notes[-1][:24]) == (0, 0, "its end was never told: ")
    record = fold(story((10 * MS, ATTEMPT), (11 * MS, FIRST)) + story((20_000 * S, PresumedOver()), edge=""))
    assert record is not None and (record.outcome, record.ended_by) == (Outcome.FAILED, "presumed")
    # A journal that comes after all counts, whenever it comes.
    record = fold(ANSWERED + story((20_000 * S, PresumedOver()), edge=""))
    assert record == fold(ANSWERED)
