"""When a key ends, as it is written on the line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trunkline.cli.commands.keys import end_of, hash_of, new_key
from trunkline.cli.exits import CommandError

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("90d", "2027-02-26T12:00:00Z"),
        ("12h", "2026-11-29T00:00:00Z"),
        ("30m", "2026-11-28T12:30:00Z"),
        ("2027-01-31T12:00+01:00", "2027-01-31T11:00:00Z"),
    ],
)
def test_a_span_or_a_time_is_an_end(text: str, ends: str) -> None:
    assert end_of(text, NOW).ToJsonString() == ends


@pytest.mark.parametrize("text", ["soon", "5", "99999999d", "2027-13-01", "-1d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(CommandError):
        end_of(text, NOW)


def test_no_key_comes_twice_and_its_hash_is_of_its_text() -> None:
    one, other = new_key(), new_key()
    assert one != other and len(one) == 46 and len(hash_of(one)) == 32
