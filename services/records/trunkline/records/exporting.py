"""Records as a file: CSV (RFC 4180) or JSON lines.

Cells of CSV that a spreadsheet would take for a formula, or for something to run, begin with an apostrophe: what is in a SIP message was
written by strangers. A number such as +3123456789 is none, and stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from google.protobuf.json_format import MessageToJson

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.domain.errors import invalid

COLUMNS: Final = (
    "call", "setup_time", "tenant", "domain", "number", "outcome", "status", "reason", "reason_text", "facts", "ringing_time",
    "answer_time", "end_time", "duration_ms", "billed_s", "price", "currency", "ended_by", "q850", "post_dial_delay_ms", "caller_id",
    "presented", "is_private", "acl", "account", "address", "source", "transport", "pop", "edge",
    "carrier", "gateway", "attempts", "prefix", "host", "from_uri", "to_uri", "user_agent", "sip_call_id", "position",
)  # fmt: skip
"""`price` in units of the currency with six decimals, times in ISO 8601, UTC; `carrier` and `gateway` of the last attempt at one,
`attempts` how many there were."""

_TIMES: Final = frozenset({"setup_time", "ringing_time", "answer_time", "end_time"})
_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_NUMBER: Final = re.compile(r"\+[0-9]{1,20}")

Encode = Callable[[Iterable[Record]], bytes]


def format_named(name: str) -> tuple[bytes, Encode]:
    """What the file begins with, and how records become a piece of it. Raises Refusal."""
    found = _FORMATS.get(name or "csv")
    if found is None:
        raise invalid("UNKNOWN_FORMAT", "format", f"{name!r:.40} is none of {', '.join(_FORMATS)}")
    return found


def defused(cell: str) -> str:
    """With an apostrophe before it where a spreadsheet would run it."""
    if cell.lstrip(" ").startswith(_FORMULA_BEGINS) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def csv_lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _csv(records: Iterable[Record]) -> bytes:
    return csv_lines([defused(_cell(record, column)) for column in COLUMNS] for record in records)


def _json_lines(records: Iterable[Record]) -> bytes:
    return "".join(f"{json_of(record)}\n" for record in records).encode()


def json_of(record: Record) -> str:
    return MessageToJson(record, preserving_proto_field_name=True, indent=None, always_print_fields_with_no_presence=True)


def _cell(record: Record, column: str) -> str:
    match column:
        case "price":
            units, micros = divmod(record.price_micros, 1_000_000)
            return f"{units}.{micros:06}" if record.currency else ""
        case "carrier" | "gateway":
            return str(getattr(record.attempts[-1], column)) if record.attempts else ""
        case "attempts":
            return str(len(record.attempts))
        case "post_dial_delay_ms":
            return str(record.post_dial_delay_ms) if record.HasField("post_dial_delay_ms") else ""
        case _ if column in _TIMES:
            if not record.HasField(column):
                return ""
            time = datetime.fromtimestamp(getattr(record, column).ToNanoseconds() // 1000 / 1e6, UTC)
            return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    value = getattr(record, column)
    return str(value).lower() if isinstance(value, bool) else str(value)


_FORMATS: Final[Mapping[str, tuple[bytes, Encode]]] = {"csv": (csv_lines([COLUMNS]), _csv), "jsonl": (b"", _json_lines)}
