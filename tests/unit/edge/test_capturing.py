"""How many captured messages are told a turn: in a second never more than the setting says, and in the long run all of it."""

from __future__ import annotations

import pytest

from trunkline.edge.capturing import SAMPLED_PART, TURNS_PER_S, Portions

RATES = (0, 1, 2, 3, 5, 7, 160, 200, 10_000)


@pytest.mark.parametrize("turns", [TURNS_PER_S, TURNS_PER_S * SAMPLED_PART])
@pytest.mark.parametrize("most", RATES)
def test_turns_that_follow_each_other_give_what_is_allowed_and_no_more(most: int, turns: int) -> None:
    portions = Portions(most, turns)
    given = [portions.next() for _ in range(5 * turns)]
    assert {sum(given[first : first + turns]) for first in range(len(given) - turns + 1)} == {most}
    assert max(given) - min(given) <= 1
