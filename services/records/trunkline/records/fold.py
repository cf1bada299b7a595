"""Facts → call detail record. Pure: the same set of facts gives the same record, in whatever order, however often, from however many edges.

What decides where facts disagree:

- A fact counts once: facts are told apart by edge and id.
- The attempt is described by its earliest `Attempted` (a stateless refusal is journalled again for a retransmitted INVITE).
- An answer beats a failure, a failure beats a refusal. An `Answered` of a gateway that was given up before (`GatewayFailed`) is the late
  answer of an abandoned gateway: the edge hung it up and the caller never saw it, so it is a note and no answer.
- The first end counts: a BYE may be retransmitted to another edge.
- An end by the edge has the code and the facts of the last `HungUp` before it; one that ended nothing is a note.
- An attempt without an end that is presumed to be over has an end and no duration, and costs nothing; an end that is told counts instead.

Price: of the answered gateway's rate and increments as its `GatewayTried` has them, by `trunkline.domain.rating`. Calls without an answer
cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from trunkline.domain.rating import Rate, price_of
from trunkline.domain.reasons import REGISTRY
from trunkline.records.facts import (
    Answered,
    Attempted,
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

FOLD_VERSION = 6
"""Raised whenever the same facts fold into another record: the projection folds all calls anew at its next start."""

PRESUMED = "presumed"
"""Who ended a call whose end nobody has told."""

MAX_NOTES = 32
"""Notes a record keeps: an edge sends a handful, and we add at most one a gateway (eight)."""

_NS_PER_MS = 1_000_000
_TEXTS = {row.code: row.text for row in REGISTRY}
_ENDED_BY = {"carrier": "callee"}
"""`Failed.by` names the carrier's side by another word than records do."""


class Outcome(StrEnum):
    TRYING = "trying"
    RINGING = "ringing"
    LIVE = "live"
    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_OUTCOMES = frozenset({Outcome.TRYING, Outcome.RINGING, Outcome.LIVE})
"""Of attempts whose end has not been told yet."""


@dataclass(frozen=True, slots=True)
class EdgeFact:
    """A fact and the edge that journalled it."""

    edge: str
    fact: CallFact


@dataclass(frozen=True, slots=True)
class Try:
    """One gateway of the attempt. `result` is empty while it is open; then `answered` or a `GatewayFailed.cause`. 0: unknown."""

    number: int
    carrier: str = ""
    gateway: str = ""
    address: str = ""
    time_ns: int = 0
    result: str = ""
    status: int = 0
    rate_micros: int = 0
    currency: str = ""
    elapsed_ms: int = 0
    initial_increment_s: int = 0
    next_increment_s: int = 0
    connection_fee_micros: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt. Times are Unix nanoseconds, 0 where it has not happened. `attempted` is as the edge wrote it."""

    call: str
    attempted: Attempted
    outcome: Outcome
    setup_ns: int
    ringing_ns: int = 0
    answer_ns: int = 0
    end_ns: int = 0
    duration_ms: int = 0
    ended_by: str = ""
    status: int = 0
    reason: str = ""
    reason_text: str = ""
    facts: str = ""
    q850: int = 0
    tries: tuple[Try, ...] = ()
    price_micros: int = 0
    currency: str = ""
    notes: tuple[str, ...] = ()
    billed_s: int = 0
    post_dial_delay_ms: int | None = None
    """SRD of RFC 6076 section 4.3.1; None where neither a provisional response other than 100 nor an answer came."""


@dataclass(slots=True)
class _Seen:
    """The facts of one call, sorted by kind, each list by time."""

    call: str = ""
    attempted: list[tuple[int, Attempted]] = field(default_factory=list)
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    progressed: list[tuple[int, Progressed]] = field(default_factory=list)
    answered: list[tuple[int, Answered]] = field(default_factory=list)
    failed: list[tuple[int, Failed]] = field(default_factory=list)
    ended: list[tuple[int, Ended]] = field(default_factory=list)
    hung_up: list[tuple[int, HungUp]] = field(default_factory=list)
    presumed_over_ns: int = 0
    tried: dict[int, tuple[int, GatewayTried]] = field(default_factory=dict)
    given_up: dict[int, tuple[int, GatewayFailed]] = field(default_factory=dict)


def fold(facts: Iterable[EdgeFact]) -> CallRecord | None:
    """The record of one call, whose facts these are. None as long as no `Attempted` is among them: whose call it is is not known yet."""
    seen = _sort(facts)
    if not seen.attempted:
        return None
    setup_ns, attempted = seen.attempted[0]
    call_answer, late = _answers(seen)
    ended = seen.ended[0] if seen.ended else None
    record = CallRecord(
        call=seen.call,
        attempted=attempted,
        outcome=Outcome.TRYING,
        setup_ns=setup_ns,
        ringing_ns=next((time_ns for time_ns, progress in seen.progressed if 180 <= progress.status <= 189), 0),
        notes=(attempted.notes + tuple(f"late answer of gateway attempt {number}: hung up by the edge" for number in late))[:MAX_NOTES],
        post_dial_delay_ms=_post_dial_delay_ms(seen, setup_ns, call_answer),
    )
    if call_answer is not None or ended is not None:
        record = _answered(record, call_answer, ended)
    elif seen.failed:
        record = _failed(record, *seen.failed[0])
    elif seen.refused:
        record = _refused(record, *seen.refused[0])
    elif record.ringing_ns:
        record = replace(record, outcome=Outcome.RINGING)
    if seen.presumed_over_ns and record.outcome in OPEN_OUTCOMES:
        record = _presumed(record, seen.presumed_over_ns)
    record = _hung_up(record, seen)
    tries = tuple(_try(number, seen, record, call_answer) for number in sorted(seen.tried))
    return _priced(replace(record, tries=tries), seen, call_answer)


def _sort(facts: Iterable[EdgeFact]) -> _Seen:
    seen = _Seen()
    distinct = {(item.edge, item.fact.id): item for item in facts}
    for item in sorted(distinct.values(), key=_order):
        time_ns = item.fact.time_ns
        seen.call = item.fact.call
        match item.fact.body:
            case Attempted() as body:
                seen.attempted.append((time_ns, body))
            case Refused() as body:
                seen.refused.append((time_ns, body))
            case GatewayTried() as body:
                seen.tried.setdefault(body.number, (time_ns, body))
            case GatewayFailed() as body:
                seen.given_up.setdefault(body.number, (time_ns, body))
            case Progressed() as body:
                seen.progressed.append((time_ns, body))
            case Answered() as body:
                seen.answered.append((time_ns, body))
            case Failed() as body:
                seen.failed.append((time_ns, body))
            case Ended() as body:
                seen.ended.append((time_ns, body))
            case HungUp() as body:
                seen.hung_up.append((time_ns, body))
            case PresumedOver():
                seen.presumed_over_ns = seen.presumed_over_ns or time_ns
            case Counted():
                pass
            case unreachable:
                assert_never(unreachable)
    return seen


def _order(item: EdgeFact) -> tuple[int, str, int, str]:
    """By time; facts of one nanosecond by edge and by the number in the id (`<boot>-<n>`), so that any delivery sorts alike."""
    number = item.fact.id.rpartition("-")[2]
    return item.fact.time_ns, item.edge, int(number) if number.isascii() and number.isdigit() else 0, item.fact.id


def _answers(seen: _Seen) -> tuple[tuple[int, Answered] | None, list[int]]:
    """The answer that the caller saw, and the numbers of gateways that answered after they had been given up."""
    late: list[int] = []
    for time_ns, answer in seen.answered:
        given_up = seen.given_up.get(answer.number)
        if given_up is None or time_ns < given_up[0]:
            return (time_ns, answer), late
        if answer.number not in late:
            late.append(answer.number)
    return None, late


def _post_dial_delay_ms(seen: _Seen, setup_ns: int, answer: tuple[int, Answered] | None) -> int | None:
    """The caller's: whichever gateway was the first to say that something goes on."""
    heard = [time_ns for time_ns, progress in seen.progressed if progress.status > 100]
    if answer is not None:
        heard.append(answer[0])
    return max(0, min(heard) - setup_ns) // _NS_PER_MS if heard else None


def _answered(record: CallRecord, answer: tuple[int, Answered] | None, ended: tuple[int, Ended] | None) -> CallRecord:
    # An end without an answer: the edge that saw the answer has not shipped its journal yet, or is gone. The token told the time.
    answer_ns = answer[0] if answer is not None else ended[1].answered_ns if ended is not None else 0
    status = answer[1].status if answer is not None else 200
    if ended is None:
        return replace(record, outcome=Outcome.LIVE, answer_ns=answer_ns, status=status)
    end_ns, end = ended
    # Clocks of two edges may differ by more than a short call lasts.
    duration_ns = max(0, end_ns - answer_ns) if answer_ns else 0
    return replace(
        record,
        outcome=Outcome.ANSWERED,
        answer_ns=answer_ns,
        end_ns=end_ns,
        duration_ms=duration_ns // _NS_PER_MS,
        ended_by=end.by,
        status=status,
        q850=end.q850,
    )


def _failed(record: CallRecord, time_ns: int, failure: Failed) -> CallRecord:
    return replace(
        record,
        outcome=Outcome.CANCELLED if failure.by == "caller" else Outcome.FAILED,
        end_ns=time_ns,
        ended_by=_who_failed(failure),
        status=failure.status,
        reason=failure.reason,
        reason_text=_TEXTS.get(failure.reason, ""),
        q850=failure.q850,
    )


def _who_failed(failure: Failed) -> str:
    # A carrier's answer is passed through without a reason of ours; with one (all silent, say) the edge gave the call up.
    if failure.reason and failure.by == "carrier":
        return "edge"
    return _ENDED_BY.get(failure.by, failure.by)


def _presumed(record: CallRecord, end_ns: int) -> CallRecord:
    outcome = Outcome.ANSWERED if record.outcome is Outcome.LIVE else Outcome.FAILED
    notes = (*record.notes, "its end was never told: presumed to be over, duration not known")[:MAX_NOTES]
    return replace(record, outcome=outcome, end_ns=end_ns, ended_by=PRESUMED, notes=notes)


def _hung_up(record: CallRecord, seen: _Seen) -> CallRecord:
    # An edge's end carries the time of its hang-up, and Failed follows it at once: one nanosecond may hold both.
    is_ours = record.ended_by == "edge" and record.outcome in (Outcome.ANSWERED, Outcome.FAILED)
    before = [order for time_ns, order in seen.hung_up if is_ours and time_ns <= record.end_ns]
    vain = len(seen.hung_up) - (1 if before else 0)
    if vain:
        note = "a hang-up by the edge was refused by both sides, or came too late" + (f" ({vain} times)" if vain > 1 else "")
        record = replace(record, notes=(*record.notes, note)[:MAX_NOTES])
    if not before:
        return record
    order = before[-1]
    return replace(record, reason=order.reason, reason_text=_TEXTS.get(order.reason, ""), facts=order.facts)


def _refused(record: CallRecord, time_ns: int, refusal: Refused) -> CallRecord:
    return replace(
        record,
        outcome=Outcome.REFUSED,
        end_ns=time_ns,
        ended_by="edge",
        status=refusal.status,
        reason=refusal.reason,
        reason_text=_TEXTS.get(refusal.reason, ""),
        q850=refusal.q850,
        facts=refusal.facts,
    )


def _try(number: int, seen: _Seen, record: CallRecord, answer: tuple[int, Answered] | None) -> Try:
    tried_ns, tried = seen.tried[number]
    result, status, result_ns = "", 0, 0
    if answer is not None and answer[1].number == number:
        result, status, result_ns = "answered", answer[1].status, answer[0]
    elif number in seen.given_up:
        result_ns, given_up = seen.given_up[number]
        result, status = given_up.cause, given_up.status
    elif number == max(seen.tried) and record.outcome in (Outcome.FAILED, Outcome.CANCELLED):
        # The final response of the last gateway is the call's: passed through (486), or the 487 of a cancelled one.
        result = "cancelled" if record.outcome is Outcome.CANCELLED else "status"
        status, result_ns = record.status, record.end_ns
    return Try(
        number=number,
        carrier=tried.carrier,
        gateway=tried.gateway,
        address=tried.address,
        time_ns=tried_ns,
        result=result,
        status=status,
        rate_micros=tried.rate_micros,
        currency=tried.currency,
        elapsed_ms=max(0, result_ns - tried_ns) // _NS_PER_MS if result else 0,
        initial_increment_s=tried.initial_increment_s,
        next_increment_s=tried.next_increment_s,
        connection_fee_micros=tried.connection_fee_micros,
    )


def _priced(record: CallRecord, seen: _Seen, answer: tuple[int, Answered] | None) -> CallRecord:
    if record.outcome is not Outcome.ANSWERED or record.ended_by == PRESUMED or not seen.tried:
        return record
    # Without the answer itself the last gateway tried is the one that answered: the walk ends there.
    _, tried = seen.tried.get(answer[1].number if answer is not None else max(seen.tried), (0, None))
    if tried is None:
        return record
    duration_ns = max(0, record.end_ns - record.answer_ns) if record.answer_ns else 0
    rate = Rate(tried.rate_micros, tried.initial_increment_s, tried.next_increment_s, tried.connection_fee_micros)
    price = price_of(rate, duration_ns)
    return replace(record, price_micros=price.micros, billed_s=price.billed_s, currency=tried.currency)
