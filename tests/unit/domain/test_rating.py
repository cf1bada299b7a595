"""The price of a call: whole numbers, rounded up, nothing looked up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.rating import MAX_CONNECTION_FEE_MICROS, MAX_INCREMENT_S, Price, Rate, price_of

S = 1_000_000_000


@pytest.mark.parametrize(
    ("rate", "duration_ns", "expected"),
    [
        (Rate(6000), 61 * S, Price(61, 6100)),
        (Rate(6000), 60 * S + 1, Price(61, 6100)),
        (Rate(6000, 1, 1), 1, Price(1, 100)),
        (Rate(6000, 60, 60), 1, Price(60, 6000)),
        (Rate(6000, 60, 60), 60 * S, Price(60, 6000)),
        (Rate(6000, 60, 60), 60 * S + 1, Price(120, 12_000)),
        (Rate(6000, 30, 6), 30 * S, Price(30, 3000)),
        (Rate(6000, 30, 6), 31 * S, Price(36, 3600)),
        (Rate(6000, 0, 6), 2 * S, Price(7, 700)),
        (Rate(1), 1, Price(1, 1)),
        (Rate(12_345), 59 * S, Price(59, 12_140)),
        (Rate(10**9), 86_400 * S, Price(86_400, 1440 * 10**9)),
        (Rate(0, 60, 60, 5000), 3 * S, Price(60, 5000)),
        (Rate(6000, 60, 60, 5000), 3 * S, Price(60, 11_000)),
        (Rate(6000, 60, 60, 5000), 0, Price(0, 5000)),
        (Rate(6000, 60, 60), -S, Price(0, 0)),
    ],
)
def test_a_price_is_of_whole_increments_and_rounded_up(rate: Rate, duration_ns: int, expected: Price) -> None:
    assert price_of(rate, duration_ns) == expected


RATES = st.builds(
    Rate,
    st.integers(0, 10**9),
    st.integers(0, MAX_INCREMENT_S),
    st.integers(0, MAX_INCREMENT_S),
    st.integers(0, MAX_CONNECTION_FEE_MICROS),
)
DURATIONS = st.integers(1, 30 * 86_400 * S)


@given(RATES, DURATIONS)
def test_what_is_billed_covers_the_call_by_less_than_an_increment(rate: Rate, duration_ns: int) -> None:
    price = price_of(rate, duration_ns)
    initial_s, next_s = max(1, rate.initial_increment_s), max(1, rate.next_increment_s)
    assert duration_ns <= price.billed_s * S
    assert price.billed_s == initial_s or ((price.billed_s - initial_s) % next_s == 0 and (price.billed_s - next_s) * S < duration_ns)
    exact = Fraction(rate.micros * price.billed_s, 60) + rate.connection_fee_micros
    assert exact <= price.micros < exact + 1


@given(RATES, DURATIONS, DURATIONS)
def test_a_longer_call_never_costs_less(rate: Rate, one_ns: int, other_ns: int) -> None:
    assert price_of(rate, min(one_ns, other_ns)) <= price_of(rate, max(one_ns, other_ns))
