"""What a live page shows of a feed: the attempts that began last, each as it stands."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1.records_pb2 import Record, WatchCallsResponse
from trunkline.dashboard.live import Watched


def attempt(at_s: int, outcome: str) -> Record:
    return Record(call=str(at_s), outcome=outcome, setup_time=Timestamp(seconds=at_s))


def test_an_attempt_that_changes_is_shown_once_as_it_stands() -> None:
    watched = Watched(3)
    watched.put([attempt(1, "trying"), attempt(2, "trying")])
    watched.put([attempt(1, "live")])
    assert [(record.call, record.outcome) for record in watched.records] == [("2", "trying"), ("1", "live")]
    assert watched.changed.is_set()


def test_the_end_of_an_older_attempt_takes_no_place_of_a_newer_one() -> None:
    watched = Watched(2)
    watched.put([attempt(at_s, "trying") for at_s in (1, 2, 3)])
    watched.put([attempt(1, "answered")])
    assert [record.call for record in watched.records] == ["3", "2"]


def test_what_is_told_anew_takes_the_place_of_all_that_was_shown() -> None:
    watched = Watched(3)
    watched.take(WatchCallsResponse(records=[attempt(1, "live"), attempt(2, "trying"), attempt(4, "live")]))
    watched.take(WatchCallsResponse(records=[attempt(2, "answered"), attempt(3, "live")], is_reset=True, skipped=7))
    assert [(record.call, record.outcome) for record in watched.records] == [("3", "live"), ("2", "answered")]
    watched.take(WatchCallsResponse(record=attempt(3, "answered")))
    assert [(record.call, record.outcome) for record in watched.records] == [("3", "answered"), ("2", "answered")]
