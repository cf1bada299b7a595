"""Messages as plain values, and both as tables, JSON, YAML or names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trunkline.cli.options import DATA, Output

PIPE_COLUMNS = 200
"""Where the output is no terminal nothing is cut: a line is a line of the table."""

WIDEST = 20_000
"""Characters of a line of a wide table."""

NAME_FIELDS = ("name", "label", "id", "call", "username", "cidr", "pop", "prefix", "domain", "position")
"""The first that is set is what a row is called."""


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
    _print(json.dumps(value, ensure_ascii=False))


def print_data(output: Output, value: Any) -> None:
    """For programs: as `output` says. Names stand one a line; what has none is left out."""
    match output:
        case "yaml":
            _print(yaml_of(value))
        case "name":
            for row in value if isinstance(value, list) else [value]:
                if name := name_of(row):
                    _print(name)
        case _:
            print_json(value)


def print_stream(output: Output, value: Any) -> None:
    """One of a stream: a line of JSON, a document of YAML, a name."""
    if output == "yaml":
        _print("---")
    print_data(output, value)


def yaml_of(value: Any) -> str:
    """In the order of the fields; without a final line end."""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=PIPE_COLUMNS)).rstrip("\n")


def name_of(row: Mapping[str, Any]) -> str:
    """What the thing is called in other commands; of a write what was written. Empty where nothing names it."""
    if isinstance(row.get("result"), Mapping):
        row = row["result"]
    return next((str(row[field]) for field in NAME_FIELDS if row.get(field) not in (None, "")), "")


def _print(text: str) -> None:
    console.out(text, highlight=False)


def show_list(output: Output, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, nothing: str) -> None:
    """`columns` of the table; a wide one has all that are one value each, data has everything. `nothing` is said instead of an empty
    table."""
    if output in DATA:
        print_data(output, list(rows))
        return
    if not rows:
        console.print(nothing)
        return
    if output == "wide":
        more = dict.fromkeys(name for row in rows for name, value in row.items() if not isinstance(value, dict | list))
        columns = [*columns, *(name for name in more if name not in columns)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    if output == "wide":
        # As wide as it is: fifty columns folded into a terminal's width cannot be read, and a line of the table stays a line.
        whole = console.options.update(width=WIDEST, max_width=WIDEST)
        fitting = whole.update(width=console.measure(table, options=whole).maximum)
        for line in console.render_lines(table, fitting, pad=False):
            _print("".join(segment.text for segment in line).rstrip())
        return
    console.print(table)


def show_one(output: Output, row: Mapping[str, Any], *, hidden: Iterable[str] = ()) -> None:
    """All that is set, a line a field."""
    if output in DATA:
        print_data(output, row)
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
