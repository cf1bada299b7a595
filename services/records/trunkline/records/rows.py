"""A record as a row of the projection's tables."""

from __future__ import annotations

from typing import Final

from trunkline.api.records.v1.records_pb2 import Record

_COLUMNS: Final = (
    "call", "tenant", "setup_ns", "outcome", "domain", "reason", "number", "pop", "carrier", "caller_id", "account", "sip_call_id", "body",
)  # fmt: skip

WRITE_RECORD: Final = (
    f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 — names of ours
    f" ON CONFLICT (call) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
"""With a `row_of`. A record that is written again keeps its id, which pages go by."""


def row_of(record: Record) -> tuple[str | int | bytes, ...]:
    return (
        record.call,
        record.tenant,
        record.setup_time.ToNanoseconds(),
        record.outcome,
        record.domain,
        record.reason,
        record.number.removeprefix("+"),
        record.pop,
        record.attempts[-1].carrier if record.attempts else "",
        record.caller_id,
        record.account,
        record.sip_call_id,
        record.SerializeToString(),
    )
