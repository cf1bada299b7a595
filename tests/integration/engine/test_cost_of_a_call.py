"""A call costs the engine's core no more than it did: counted in instructions and allocations, so that no load disturbs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import cost


@pytest.mark.timeout(600)
def test_a_call_costs_no_more_instructions_and_allocations_than_the_baseline() -> None:
    known = cost.baseline()
    if cost.compiler() != known.compiler:
        pytest.skip(f"counted with {known.compiler}, here is {cost.compiler()}: another compiler makes other code")
    now = cost.measure()
    most = 1 + cost.BUDGET
    assert now.instructions <= known.instructions * most, f"{now} against {known}: profile it; see tests/bench/cost.py"
    assert now.allocations <= known.allocations * most, f"{now} against {known}: profile it; see tests/bench/cost.py"
