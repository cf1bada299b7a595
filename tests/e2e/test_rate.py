"""A steady load over all points of presence: no call fails, and each has its record. `TRUNKLINE_RATE_SECONDS=60` runs the minute that
the project promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import sipp
from helpers.everywhere import POPS, demo_caller, load, must_all_succeed, outcomes_of
from helpers.platform import Platform, wait_for

RATE = 200
NUMBER = "+31202020202"
"""Called by nobody else: records of earlier tests may still be on their way."""

SECONDS = int(os.environ.get("TRUNKLINE_RATE_SECONDS", "8"))


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_two_hundred_calls_a_second_over_all_points_of_presence_and_none_fails(platform: Platform, tmp_path: Path) -> None:
    results = load(platform, tmp_path, sipp.answered_call(demo_caller(platform, NUMBER)), POPS, rate=RATE, seconds=SECONDS)
    count = must_all_succeed(results)
    assert count == RATE * SECONDS
    print(f"{count} calls at {RATE}/s over {len(POPS)} POPs, retransmissions: {sum(each.retransmissions for each in results.values())}")
    wait_for("a record for every call", lambda: outcomes_of(platform, NUMBER).count("answered") >= count, every_s=0.5)
    assert outcomes_of(platform, NUMBER) == ["answered"] * count
