"""Times and durations as they may come in a request."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.domain.errors import Refusal
from trunkline.runtime.fields import timeout_s, unix_ns


def test_a_timeout_within_its_limit_is_taken_in_seconds() -> None:
    assert timeout_s(Duration(seconds=2, nanos=500_000_000), 30) == 2.5
    assert timeout_s(Duration(), 30) == 0
    assert timeout_s(Duration(seconds=30), 30) == 30


@pytest.mark.parametrize(
    "given", [Duration(seconds=31), Duration(seconds=-1), Duration(nanos=-1), Duration(seconds=2**63 - 1), Duration(seconds=-(2**63))]
)
def test_any_other_timeout_is_refused_with_its_field(given: Duration) -> None:
    with pytest.raises(Refusal) as caught:
        timeout_s(given, 30)
    assert (caught.value.reason, caught.value.field) == ("TIMEOUT_INVALID", "timeout")


def test_a_time_is_taken_in_nanoseconds() -> None:
    assert unix_ns(Timestamp(seconds=1_800_000_000, nanos=7), "since") == 1_800_000_000_000_000_007
    assert unix_ns(Timestamp(), "since") == 0


@pytest.mark.parametrize(
    "given",
    [
        Timestamp(seconds=-1),
        Timestamp(nanos=-5),
        Timestamp(nanos=2**31 - 1),
        Timestamp(seconds=253402300799),
        Timestamp(seconds=2**63 - 1),
    ],
)
def test_a_time_that_64_bits_of_nanoseconds_do_not_hold_is_refused(given: Timestamp) -> None:
    with pytest.raises(Refusal) as caught:
        unix_ns(given, "since")
    assert (caught.value.reason, caught.value.field) == ("TIME_INVALID", "since")
