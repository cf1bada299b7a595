"""ULIDs."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from trunkline.eventlog.ulid import new_ulid, ulid_of

MOST = (2**48 - 1, 2**80 - 1)
PAIRS = st.tuples(st.integers(0, MOST[0]), st.integers(0, MOST[1]))


def test_the_examples_of_the_specification() -> None:
    assert ulid_of(0, 0) == "0" * 26
    assert ulid_of(*MOST) == "7" + "Z" * 25
    assert ulid_of(1469918176385, 0)[:10] == "01ARYZ6S41"


@given(PAIRS, PAIRS)
def test_they_sort_by_time(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (one < other) == (ulid_of(*one) < ulid_of(*other))


def test_a_new_one_is_of_the_right_form_and_differs_from_the_last() -> None:
    first, second = new_ulid(), new_ulid()
    assert re.fullmatch(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", first)
    assert first != second
