"""A call as a ladder: who sent what to whom, when. Pure: from captured messages where there are some, else from the times of the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from trunkline.api.records.v1 import records_pb2

MAX_ARROWS: Final = 200
LEFT, GAP, TOP, STEP = 90, 230, 64, 34
"""Pixels of the drawing."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From and to are places in `Ladder.parties`. `at_ms` is since the first one. `tone` is of its line: request, good, bad, dull."""

    source: int
    target: int
    label: str
    at_ms: float
    tone: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """`is_captured`: from messages, not guessed from times."""

    parties: Sequence[str]
    arrows: Sequence[Arrow]
    is_captured: bool

    @property
    def width(self) -> int:
        return 2 * LEFT + GAP * (len(self.parties) - 1) + 40

    @property
    def height(self) -> int:
        return TOP + STEP * (len(self.arrows) + 1)

    def x(self, party: int) -> int:
        return LEFT + 50 + GAP * party

    def y(self, place: int) -> int:
        return TOP + STEP * (place + 1)


class Captured(Protocol):
    """A captured message as records tell of it."""

    time: Any
    direction: str
    source: str
    destination: str
    text: str


def from_record(record: records_pb2.Record) -> Ladder:
    """What must have been sent, by the record's times: no retransmission, no ACK."""
    edge = 1
    parties = ["caller", record.pop or "edge", *dict.fromkeys(attempt.gateway or attempt.address for attempt in record.attempts)]
    start_ns = record.setup_time.ToNanoseconds()
    arrows: list[Arrow] = []

    def add(time_ns: int, source: int, target: int, label: str, tone: str) -> None:
        arrows.append(Arrow(source, target, label, max((time_ns - start_ns) / 1e6, 0.0), tone))

    add(start_ns, 0, edge, "INVITE", "request")
    for attempt in record.attempts:
        party = parties.index(attempt.gateway or attempt.address, 2)
        tried_ns = attempt.time.ToNanoseconds()
        add(tried_ns, edge, party, "INVITE", "request")
        if attempt.result == "answered":
            continue
        ended_ns = tried_ns + attempt.elapsed_ms * 1_000_000
        match attempt.result:
            case "":
                pass
            case "status":
                add(ended_ns, party, edge, str(attempt.status), "bad")
            case "cancelled":
                add(ended_ns, edge, party, "CANCEL", "dull")
            case _:
                add(ended_ns, party, edge, f"no answer ({attempt.result})", "bad")
    last = len(parties) - 1
    if record.HasField("ringing_time"):
        _pass_on(add, record.ringing_time.ToNanoseconds(), last, "180 Ringing", "dull")
    if record.HasField("answer_time"):
        _pass_on(add, record.answer_time.ToNanoseconds(), last, "200 OK", "good")
    if record.HasField("end_time"):
        end_ns = record.end_time.ToNanoseconds()
        _end(add, record, end_ns, last)
    arrows.sort(key=lambda arrow: arrow.at_ms)
    return Ladder(parties, arrows[:MAX_ARROWS], is_captured=False)


def _pass_on(add: Any, time_ns: int, last: int, label: str, tone: str) -> None:
    if last > 1:
        add(time_ns, last, 1, label, tone)
    add(time_ns, 1, 0, label, tone)


def _end(add: Any, record: records_pb2.Record, end_ns: int, last: int) -> None:
    if record.HasField("answer_time"):
        match record.ended_by:
            case "caller":
                add(end_ns, 0, 1, "BYE", "request")
                add(end_ns, 1, last, "BYE", "request")
            case "callee":
                add(end_ns, last, 1, "BYE", "request")
                add(end_ns, 1, 0, "BYE", "request")
            case "edge":
                add(end_ns, 1, 0, "BYE", "request")
                add(end_ns, 1, last, "BYE", "request")
    elif record.outcome == "cancelled":
        add(end_ns, 0, 1, "CANCEL", "dull")
    elif record.status:
        add(end_ns, 1, 0, f"{record.status} {record.reason_text} {record.reason}".rstrip(), "bad")


def from_messages(messages: Sequence[Captured], pop: str) -> Ladder:
    """Each as it was on the wire; addresses are the parties, the edge between them."""
    others: list[str] = []
    for message in messages:
        other = message.source if message.direction == "received" else message.destination
        if other not in others:
            others.append(other)
    parties = [*others[:1], pop or "edge", *others[1:]]
    start_ns = messages[0].time.ToNanoseconds() if messages else 0
    arrows = []
    for message in messages[:MAX_ARROWS]:
        is_in = message.direction == "received"
        party = parties.index(message.source if is_in else message.destination)
        label, tone = first_line(message.text)
        arrows.append(Arrow(party if is_in else 1, 1 if is_in else party, label, (message.time.ToNanoseconds() - start_ns) / 1e6, tone))
    return Ladder(parties, arrows, is_captured=True)


def first_line(text: str) -> tuple[str, str]:
    """The start line as a label, and the tone of its arrow."""
    line = text.partition("\n")[0].strip()
    if line.startswith("SIP/2.0 "):
        label = line.removeprefix("SIP/2.0 ")[:44]
        return label, {"1": "dull", "2": "good"}.get(label[:1], "bad")
    return line.partition(" ")[0][:20], "request"
