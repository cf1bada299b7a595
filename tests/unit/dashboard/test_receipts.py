"""Receipts of points of presence with several edges."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.receipts import receipt_of
from trunkline.dashboard.web import fragment

WRITTEN_NS = 1_700_000_000_000_000_000


def answer(pop: str, edge: str, after_ms: int | None) -> pb.WaitAppliedResponse:
    found = pb.WaitAppliedResponse(
        pop=pop, edge=edge, is_applied=after_ms is not None, problem="" if after_ms is not None else "does not answer"
    )
    if after_ms is not None:
        time = Timestamp()
        time.FromNanoseconds(WRITTEN_NS + after_ms * 1_000_000)
        found.applied_time.CopyFrom(time)
    return found


def text_of(*answers: pb.WaitAppliedResponse) -> str:
    shown = fragment("receipt.html", {"receipt": receipt_of(answers, WRITTEN_NS), "position": 7})
    return (
        shown.partition("<details>")[0]
        .replace("<span>", "")
        .replace("</span>", "")
        .replace("<strong>", "")
        .replace("</strong>", "")
        .strip()
    )


def test_a_point_of_presence_with_two_edges_counts_once() -> None:
    both = [answer("eu1", "edge-eu1", 12), answer("eu1", "edge-eu1b", 38), answer("us1", "edge-us1", 20)]
    assert text_of(*both) == "Live at 2 of 2 POPs (3 of 3 edges), 38 ms"
    assert [each.edge for each in receipt_of(reversed(both), WRITTEN_NS).edges] == ["edge-eu1", "edge-eu1b", "edge-us1"]


def test_a_point_of_presence_is_live_when_all_its_edges_are() -> None:
    told = text_of(answer("eu1", "edge-eu1b", None), answer("eu1", "edge-eu1", 12), answer("us1", "edge-us1", 20))
    assert told == "Live at 1 of 2 POPs (2 of 3 edges); the others follow when they are back eu1: 1 of 2 edges."


def test_without_spares_edges_are_not_spoken_of() -> None:
    assert text_of(answer("eu1", "edge-eu1", 12), answer("us1", "edge-us1", 38)) == "Live at 2 of 2 POPs, 38 ms"
    assert text_of(answer("eu1", "edge-eu1", 12), answer("us1", "edge-us1", None)) == (
        "Live at 1 of 2 POPs; the others follow when they are back"
    )
