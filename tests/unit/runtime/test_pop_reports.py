"""Reports of points of presence as bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.pop_health import OBSERVERS, Report, Sight
from trunkline.runtime.pop_reports import NAME_LIMIT, REPORT_LIMIT_BYTES, encode_report, parse_report

_names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
_sights = st.builds(Sight, st.integers(0, 1_000_000), st.integers(0, 1_000_000))


@given(_names, _names, st.booleans(), st.dictionaries(_names, _sights, max_size=OBSERVERS))
def test_a_report_is_read_as_it_was_written(edge: str, pop: str, is_serving: bool, sights: dict[str, Sight]) -> None:
    body = encode_report(Report(edge, pop, 0.0, is_serving, sights))
    assert len(body) <= REPORT_LIMIT_BYTES
    assert parse_report(body, 17.5) == Report(edge, pop, 17.5, is_serving, sights)


def report(**changes: object) -> bytes:
    return json.dumps({"edge": "e", "pop": "p", "serving": True, "sights": {"q": [0, 1]}, **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b"\xff",
        report(edge=1),
        report(edge=""),
        report(pop="p" * (NAME_LIMIT + 1)),
        report(serving="yes"),
        report(sights=[]),
        report(sights={"q": [1]}),
        report(sights={"q": [-1, 0]}),
        report(sights={"q": ["1", 0]}),
        report(sights={"q": [10**9, 0]}),
        report(more="x" * REPORT_LIMIT_BYTES),
    ],
)
def test_what_is_no_report_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_report(body, 0.0)


def test_fields_of_later_versions_are_left_out() -> None:
    assert parse_report(report(weather="fine"), 1.0) == Report("e", "p", 1.0, True, {"q": Sight(0, 1)})
