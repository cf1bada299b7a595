"""Exports: what a spreadsheet would run is defused, everything else stays."""

from __future__ import annotations

import csv
import io
import json

import pytest

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.domain.errors import Refusal
from trunkline.records.exporting import COLUMNS, defused, format_named


@pytest.mark.parametrize("cell", ["=cmd()", "+cmd()", "-1+1", "@SUM(1)", "\t=1", "\r=1", "  =1", "|x", "%x", "+31a"])
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "+3123456789", "31", "sip:a@b", "a=b", '"><img src=x onerror=a()>'])
def test_what_is_no_formula_stays(cell: str) -> None:
    assert defused(cell) == cell


def test_a_file_is_read_back_by_its_columns() -> None:
    head, encode = format_named("csv")
    record = Record(
        call="c1", number="+3123", from_uri='=cmd()|"x",\r\ny', price_micros=12_400, currency="EUR", billed_s=62, is_private=True
    )
    rows = list(csv.reader(io.StringIO((head + encode([record])).decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    row = dict(zip(rows[0], rows[1], strict=True))
    assert (row["number"], row["from_uri"], row["price"], row["billed_s"]) == ("+3123", '\'=cmd()|"x",\r\ny', "0.012400", "62")
    assert (row["is_private"], row["answer_time"], row["post_dial_delay_ms"], row["attempts"]) == ("true", "", "", "0")
    head, encode = format_named("jsonl")
    assert json.loads(head + encode([record]))["from_uri"] == record.from_uri


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Refusal, match="csv, jsonl"):
        format_named("xls")
