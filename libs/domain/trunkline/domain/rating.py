"""What a call costs: its length and a rate in, a price out. Whole numbers all the way; money is in millionths of the currency unit.

The rate is the one that held when the call was routed: it travels with the call's facts, and nothing is looked up later.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_INCREMENT_S: Final = 3600
MAX_CONNECTION_FEE_MICROS: Final = 1_000_000_000
"""1,000 currency units."""

_NS_PER_S: Final = 1_000_000_000
_S_PER_MIN: Final = 60


class Rate(NamedTuple):
    """`micros` a minute. `initial_increment_s` are billed at least, then in steps of `next_increment_s`; 0 is 1, by the second.
    `connection_fee_micros` is for the answer, whatever the length."""

    micros: int = 0
    initial_increment_s: int = 0
    next_increment_s: int = 0
    connection_fee_micros: int = 0


class Price(NamedTuple):
    billed_s: int
    micros: int


def price_of(rate: Rate, duration_ns: int) -> Price:
    """Of an answered call that lasted so long. A started second counts in full, so does a started increment; the product of rate and time
    is rounded up to a millionth, the fee added. A call of 0 ns, or less by two clocks that differ, is billed no time: only the fee."""
    if duration_ns <= 0:
        return Price(0, rate.connection_fee_micros)
    seconds = -(-duration_ns // _NS_PER_S)
    initial_s, next_s = rate.initial_increment_s or 1, rate.next_increment_s or 1
    billed_s = initial_s + max(0, -(-(seconds - initial_s) // next_s)) * next_s
    return Price(billed_s, -(-rate.micros * billed_s // _S_PER_MIN) + rate.connection_fee_micros)
