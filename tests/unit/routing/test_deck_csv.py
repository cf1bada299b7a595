"""Route decks as CSV: what is wrong is named by line and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.errors import Refusal, invalid
from trunkline.domain.events import DeckRow
from trunkline.routing.deck_csv import FAULTS_SHOWN, DeckReader

HEADER = b"prefix,carrier,priority,weight,rate,destination\n"


def check(row: DeckRow, where: str) -> None:
    if row.carrier not in ("alpha", "beta"):
        raise invalid("DECK_ROW_INVALID", "csv", f"{where}, column carrier: there is no carrier {row.carrier!r}.")


def read(content: bytes) -> tuple[list[DeckRow], Refusal | None]:
    reader = DeckReader(content, check)
    for _ in reader.read():
        pass
    return reader.rows, reader.refusal()


def fault(content: bytes) -> str:
    _, refusal = read(content)
    assert refusal is not None
    assert (refusal.code.value, refusal.reason, refusal.field) == ("INVALID_ARGUMENT", "DECK_INVALID", "csv")
    return refusal.message


def test_a_good_deck_is_read() -> None:
    rows, refusal = read(HEADER + b"31,alpha,1,2,0.0125,Netherlands\n+44,beta,0,1,3,United Kingdom\n")
    assert refusal is None
    assert rows == [DeckRow("31", "alpha", 1, 2, 12_500, "Netherlands"), DeckRow("44", "beta", 0, 1, 3_000_000, "United Kingdom")]


def test_columns_may_stand_in_any_order_and_some_may_be_left_out() -> None:
    rows, refusal = read(b"\xef\xbb\xbfRate, carrier,prefix\r\n0.000001,alpha,31\r\n\r\n")
    assert refusal is None
    assert rows == [DeckRow("31", "alpha", 0, 1, 1, "")]


def test_a_quoted_destination_may_hold_a_comma() -> None:
    rows, _ = read(HEADER + b'242,alpha,0,1,0.5,"Congo, Republic"\n')
    assert rows[0].destination == "Congo, Republic"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"31,alpha,0,1,1.1234567,NL", "line 3, column rate: '1.1234567' is no rate"),
        (b"31,alpha,0,1,-1,NL", "line 3, column rate: '-1' is no rate"),
        (b'31,alpha,0,1,"1,5",NL', "line 3, column rate: '1,5' is no rate"),
        (b"31,alpha,first,1,1,NL", "line 3, column priority: 'first' is no whole number"),
        (b"31,alpha,0,,1,NL", "line 3, column weight: '' is no whole number"),
        (b"31,gamma,0,1,1,NL", "line 3, column carrier: there is no carrier 'gamma'"),
        (b"31,alpha,0,1,1", "line 3: has 5 fields, the header 6"),
        (b"44,beta,7,1,9,UK", "line 3, column prefix: 44 by beta stands in line 2 already"),
        (b'31,alpha,0,1,1,"NL', "line 3: is not CSV"),
        (b"31,alpha,0,1,1,\xff", "line 3: byte"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(line: bytes, said: str) -> None:
    assert fault(HEADER + b"44,beta,0,1,1,UK\n" + line + b"\n").startswith(said)


def test_the_first_faults_are_listed_and_the_rest_is_counted() -> None:
    message = fault(HEADER + b"x,alpha,0,1,none,NL\n" * 30)
    assert message.count("column rate") == FAULTS_SHOWN
    assert message.endswith("; and 10 others")


def test_a_file_of_another_kind_is_given_up_soon() -> None:
    assert fault(HEADER + b"x,alpha,0,1,none,NL\n" * 200_000).endswith("; and 980 or more others")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 1: the header line lacks prefix, carrier, rate"),
        (HEADER, "line 1: there is no row"),
        (b"prefix,carier,rate\n31,alpha,1\n", "line 1, column carier: is no column; did you mean 'carrier'?"),
        (b"prefix,carrier,rate,rate\n31,alpha,1,1\n", "line 1, column rate: stands in the header twice"),
    ],
)
def test_a_bad_header_is_told(content: bytes, said: str) -> None:
    assert said in fault(content)


@given(st.integers(min_value=0, max_value=999_999_999), st.integers(min_value=0, max_value=999_999))
def test_a_rate_is_read_to_the_last_millionth(units: int, micros: int) -> None:
    rows, _ = read(HEADER + f"31,alpha,0,1,{units}.{micros:06d},NL\n".encode())
    assert rows[0].rate_micros == units * 1_000_000 + micros


def test_increments_and_a_connection_fee_are_read_and_by_the_second_is_the_rule() -> None:
    rows, refusal = read(b"prefix,carrier,rate,increments,connection_fee\n31,alpha,1,30/6,0.05\n32,alpha,1,1/1,0\n")
    assert refusal is None
    assert [(row.initial_increment_s, row.next_increment_s, row.connection_fee_micros) for row in rows] == [(30, 6, 50_000), (0, 0, 0)]
    assert read(b"prefix,carrier,rate\n32,alpha,1\n")[0] == [rows[1]]


@pytest.mark.parametrize("increments", ["0/6", "60", "60/", "6/6/6", "-1/1", "1.5/1", "", "6 / 6"])
def test_increments_that_are_none_are_told(increments: str) -> None:
    assert "line 2, column increments" in fault(f"prefix,carrier,rate,increments\n31,alpha,1,{increments}\n".encode())
