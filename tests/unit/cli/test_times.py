"""Moments in options: what is neither a position nor a time is refused with what to write, whatever it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trunkline.api.provisioning.v1.provisioning_pb2 import ExplainRequest
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.times import set_moment


@pytest.mark.parametrize("text", ["yesterday", "12x", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_neither_a_position_nor_a_time_is_refused(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        set_moment(ExplainRequest(), text, "--at")
    assert refused.value.code is Exit.USAGE and text in str(refused.value)


def test_a_position_and_a_time_are_taken() -> None:
    request = ExplainRequest()
    set_moment(request, "18231", "--at")
    assert request.at_position == 18231
    set_moment(request, "2026-11-22T20:01:07+02:00", "--at")
    assert request.at_time.ToDatetime(UTC) == datetime(2026, 11, 22, 18, 1, 7, tzinfo=UTC)
