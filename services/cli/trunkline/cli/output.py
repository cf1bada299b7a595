"""Messages as plain values, and both as tables or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkline.cli.options import Output

PIPE_COLUMNS = 200
"""Where the output is no terminal nothing is cut: a line is a line of the table."""


def _console(*, is_error: bool) -> Console:
    made = Console(stderr=is_error, highlight=False)
    return made if made.is_terminal else Console(stderr=is_error, highlight=False, width=PIPE_COLUMNS)


console = _console(is_error=False)
errors = _console(is_error=True)


def plain(message: Message) -> dict[str, Any]:
    """Every field by its name, set or not, but of a choice (oneof) the chosen one only. Times as ISO 8601, bytes in hexadecimal."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        choice = field.containing_oneof
        if choice is not None and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            found[field.name] = [_value(item) for item in value]
        elif field.message_type is not None and not message.HasField(field.name):
            found[field.name] = None
        else:
            found[field.name] = _value(value)
    return found


def _value(value: Any) -> Any:
    match value:
        case Timestamp():
            return value.ToDatetime(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Duration():
            return value.ToTimedelta().total_seconds()
        case Message():
            return plain(value)
        case bytes():
            return value.hex()
        case _:
            return value


def print_json(value: Any) -> None:
    """One document on one line, whatever the terminal's width."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def show_list(output: Output, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, nothing: str) -> None:
    """`columns` of the table; JSON has everything. `nothing` is said instead of an empty table."""
    if output == "json":
        print_json(list(rows))
        return
    if not rows:
        console.print(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    console.print(table)


def show_one(output: Output, row: Mapping[str, Any], *, hidden: Iterable[str] = ()) -> None:
    """All that is set, a line a field."""
    if output == "json":
        print_json(row)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        if name not in set(hidden) and value not in (None, "", [], {}, 0, False):
            table.add_row(name.replace("_", " "), Text(cell(value)))
    console.print(table)


def cell(value: Any) -> str:
    """For a table: short, in local words."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(cell(item) for item in value) if value else "–"
        case dict():
            return " ".join(f"{name}={cell(item)}" for name, item in value.items() if item not in (None, "", [], 0, False))
        case _:
            return str(value)


def milliseconds_between(start: Timestamp, end: Timestamp) -> float:
    """By clocks that may differ a little: never below 0."""
    difference: float = (_exact(end) - _exact(start)) / 1e6
    return max(difference, 0.0)


def _exact(time: Timestamp) -> int:
    return time.seconds * 1_000_000_000 + time.nanos


def clock(text: str | None) -> str:
    """An ISO time as local clock time."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else "–"
