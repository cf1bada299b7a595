"""Route decks as CSV: bytes in, rows or a list of faults out. Pure.

Columns by the header line, in any order: `prefix`, `carrier`, `rate` (currency units per minute, at most six decimals), and, where they
are given, `priority` (0), `weight` (1), `destination` (empty), `increments` (seconds billed at least and the steps after that: `60/6`;
`1/1`) and `connection_fee` (currency units for the answer; 0). UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Iterator, Mapping

from trunkline.domain.errors import Refusal, invalid
from trunkline.domain.events import DeckRow

ROWS_LIMIT = 300_000
BYTES_LIMIT = 64 << 20
"""300,000 rows of 200 bytes; the rows are held in memory until the deck is checked as a whole."""

FAULTS_SHOWN = 20
FAULTS_LIMIT = 1000
"""After so many the rest is not looked at: it is another file."""

REQUIRED = ("prefix", "carrier", "rate")
OPTIONAL = {"priority": "0", "weight": "1", "destination": "", "increments": "1/1", "connection_fee": "0"}
COLUMNS = (*REQUIRED, *OPTIONAL)

_INTEGER = re.compile(r"[0-9]{1,9}")
_INCREMENTS = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
_MONEY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?")

CheckRow = Callable[[DeckRow, str], None]
"""Raises Refusal where the row is not acceptable; the text says where it stands (`line 17`)."""


class DeckReader:
    """Reads a deck row by row, so that the caller can let others run in between. After the last row, ask `refusal`.

    `check` is the domain's rule for a row.
    """

    def __init__(self, content: bytes, check: CheckRow) -> None:
        self._content = content
        self._check = check
        self._messages: list[str] = []
        self._seen: dict[tuple[str, str], int] = {}
        self.rows: list[DeckRow] = []

    def read(self) -> Iterator[int]:
        """Yields the number of each line that was looked at."""
        try:
            text = self._content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self._content.count(b"\n", 0, error.start) + 1
            self._fault(line, "", f"byte {error.start} of the file is not UTF-8")
            return
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            columns = self._header(next(lines, []))
            if columns is None:
                return
            for fields in lines:
                if not any(field.strip() for field in fields):
                    continue
                if len(self._messages) >= FAULTS_LIMIT:
                    return
                self._row(lines.line_num, columns, fields)
                yield lines.line_num
        except csv.Error as error:
            self._fault(lines.line_num, "", f"is not CSV: {error}")

    def refusal(self) -> Refusal | None:
        """Why the deck cannot be taken, all faults together; None where it can."""
        if not self._messages and not self.rows:
            self._fault(1, "", "there is no row")
        if not self._messages:
            return None
        shown = self._messages[:FAULTS_SHOWN]
        left = len(self._messages) - len(shown)
        more = f"; and {left}{' or more' if len(self._messages) >= FAULTS_LIMIT else ''} others" if left else ""
        return invalid(
            "DECK_INVALID",
            "csv",
            "; ".join(shown) + more,
            "correct these lines and import the whole file again; nothing of it was taken",
        )

    def _header(self, fields: list[str]) -> Mapping[str, int] | None:
        columns: dict[str, int] = {}
        for index, field in enumerate(fields):
            name = field.strip().lower()
            if name not in COLUMNS:
                near = difflib.get_close_matches(name, COLUMNS, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(COLUMNS)}"
                self._fault(1, field.strip()[:32], f"is no column; {hint}")
            elif name in columns:
                self._fault(1, name, "stands in the header twice")
            else:
                columns[name] = index
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            self._fault(1, "", f"the header line lacks {', '.join(missing)}")
        return None if self._messages else columns

    def _row(self, line: int, columns: Mapping[str, int], fields: list[str]) -> None:
        if len(fields) != len(columns):
            self._fault(line, "", f"has {len(fields)} fields, the header {len(columns)}")
            return
        if len(self.rows) >= ROWS_LIMIT:
            self._fault(line, "", f"is beyond the {ROWS_LIMIT} rows that a deck may have")
            return
        before = len(self._messages)
        value = {name: fields[columns[name]].strip() if name in columns else default for name, default in _DEFAULTS.items()}
        priority = self._integer(line, "priority", value["priority"])
        weight = self._integer(line, "weight", value["weight"])
        rate_micros = self._money(line, "rate", value["rate"])
        increments = self._increments(line, value["increments"])
        fee_micros = self._money(line, "connection_fee", value["connection_fee"])
        prefix = value["prefix"].removeprefix("+")
        row = DeckRow(prefix, value["carrier"], priority, weight, rate_micros, value["destination"], *increments, fee_micros)
        if len(self._messages) > before:
            return
        try:
            self._check(row, f"line {line}")
        except Refusal as refusal:
            self._messages.append(refusal.message.rstrip("."))
            return
        first = self._seen.setdefault((row.prefix, row.carrier), line)
        if first != line:
            self._fault(line, "prefix", f"{row.prefix} by {row.carrier} stands in line {first} already")
            return
        self.rows.append(row)

    def _integer(self, line: int, column: str, text: str) -> int:
        if not _INTEGER.fullmatch(text):
            self._fault(line, column, f"{text[:32]!r} is no whole number")
            return 0
        return int(text)

    def _increments(self, line: int, text: str) -> tuple[int, int]:
        """By the second is 0, as in rows without the column."""
        found = _INCREMENTS.fullmatch(text)
        if found is None:
            self._fault(line, "increments", f"{text[:32]!r} is no pair of seconds: such as 60/6, at least one each")
            return 0, 0
        initial_s, next_s = int(found[1]), int(found[2])
        return (0, 0) if (initial_s, next_s) == (1, 1) else (initial_s, next_s)

    def _money(self, line: int, column: str, text: str) -> int:
        found = _MONEY.fullmatch(text)
        if found is None:
            self._fault(
                line, column, f"{text[:32]!r} is no {column.replace('_', ' ')}: such as 0.0125, with a point and at most six decimals"
            )
            return 0
        return int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0"))

    def _fault(self, line: int, column: str, why: str) -> None:
        where = f"line {line}, column {column}" if column else f"line {line}"
        self._messages.append(f"{where}: {why}")


_DEFAULTS = {**dict.fromkeys(REQUIRED, ""), **OPTIONAL}
