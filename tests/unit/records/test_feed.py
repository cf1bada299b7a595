"""When reading the stream pauses so that facts share a transaction."""

from __future__ import annotations

import pytest

from trunkline.eventlog.tail import RawMessage
from trunkline.records.feed import is_at_the_end

NOW_NS = 1_795_000_000_000_000_000


@pytest.mark.parametrize(("age_s", "is_end"), [(0.02, True), (0.9, True), (1.1, False), (3600, False)])
def test_it_pauses_at_the_end_of_the_stream_and_not_while_it_catches_up(age_s: float, is_end: bool) -> None:
    """By the last of the batch: what is old before it was caught up with."""
    ages_s = (7200, age_s)
    arrived = [RawMessage(at, "calls.eu.eu1", b"", None, NOW_NS - int(age * 1e9)) for at, age in enumerate(ages_s, 1)]
    assert is_at_the_end(arrived, NOW_NS) is is_end
