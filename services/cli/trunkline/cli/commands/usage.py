"""`trunkline usage`: figures of calls by minute, hour or day."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.connection import session
from trunkline.cli.options import DomainLabel, PopName, TenantName
from trunkline.cli.output import clock, plain, print_json, show_list, yaml_of
from trunkline.cli.times import before

COLUMNS: Final = ("from", "attempts", "answered", "refused", "failed", "cancelled", "minutes", "ASR", "ACD", "PDD p50", "PDD p95")
MORE: Final = ("open", "SER", "SEER", "ISA", "SCR", "billed_s", "price")
"""With -o wide."""


async def usage(
    *,
    since: str = "",
    until: str = "",
    interval: Literal["minute", "hour", "day"] = "hour",
    domain: DomainLabel = "",
    pop: PopName = "",
    output: Annotated[Literal["table", "wide", "json", "yaml", "csv"], Parameter(name=["--output", "-o"])] = "table",
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative="")] = False,
    tenant: TenantName = "",
    as_operator: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Shows figures of calls, an interval a line and their sum: attempts and what became of them, answer-seizure ratio (ASR), average call
    duration (ACD), post-dial delay (PDD); with -o wide also SER, SEER, ISA and SCR of RFC 6076, and prices. docs/records.md says how
    each is got.

    Parameters
    ----------
    since: From the interval that this falls into: 24h, 7d or 30m ago, or a time such as 2027-01-31T12:00. Left out: a day, for days a
        month.
    until: Up to and without it, written as --since.
    interval: In UTC: minute, hour or day.
    domain: Only calls to this domain.
    pop: Only calls that arrived at this point of presence.
    output: A table without the intervals that had no attempt, one with every column (wide), or all intervals as JSON, YAML or CSV.
    watch: Show it again whenever it has changed, until Ctrl-C.
    tenant: Whose; a tenant's key knows by itself.
    as_operator: Ask with the operator's key instead of the tenant's; without a tenant of all of them.
    """
    now = datetime.now(UTC)
    request = records.GetUsageRequest(
        tenant=tenant, domain=domain, pop=pop, interval=interval, since=before(since, now, "--since"), until=before(until, now, "--until")
    )
    async with session(is_operator=as_operator) as connected:
        answer = await (await connected.records()).GetUsage(request)
    match output:
        case "json":
            print_json(plain(answer))
        case "yaml":
            print(yaml_of(plain(answer)))
        case "csv":
            write_csv(answer.intervals)
        case _:
            shown = [figures(each) for each in answer.intervals if each.attempts]
            columns = [*COLUMNS, *(MORE if output == "wide" else ())]
            show_list(
                "table", [*shown, {**figures(answer.total), "from": "in all"}] if shown else [], columns, nothing="no call in that time"
            )


def figures(usage: records.Usage) -> dict[str, Any]:
    """For people: ratios in percent, times in words."""
    row = plain(usage)
    return {
        **row,
        "from": clock(row["start_time"]),
        "minutes": f"{usage.duration_ms / 60_000:.1f}",
        "ASR": _percent(row, "answer_seizure_ratio"),
        "ACD": _seconds(row, "average_duration_ms"),
        "PDD p50": _milliseconds(row, "post_dial_delay_p50_ms"),
        "PDD p95": _milliseconds(row, "post_dial_delay_p95_ms"),
        "SER": _percent(row, "session_establishment_ratio"),
        "SEER": _percent(row, "session_establishment_effectiveness_ratio"),
        "ISA": _percent(row, "ineffective_session_attempts"),
        "SCR": _percent(row, "session_completion_ratio"),
        "price": [f"{price.micros / 1e6:.6g} {price.currency}" for price in usage.prices],
    }


def write_csv(intervals: Iterable[records.Usage]) -> None:
    """A header line and a line an interval, by the fields' names; prices as `1.250000 EUR`, several with a blank between."""
    rows = [
        {**_flat(each), "prices": " ".join(f"{price.micros / 1e6:.6f} {price.currency}" for price in each.prices)} for each in intervals
    ]
    names = [field.name for field in records.Usage.DESCRIPTOR.fields]
    writer = csv.DictWriter(sys.stdout, names, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)


def _flat(usage: records.Usage) -> dict[str, Any]:
    return {name: value for name, value in plain(usage).items() if not isinstance(value, list)}


def _percent(row: Mapping[str, Any], field: str) -> str | None:
    """None where it would have divided by 0."""
    return f"{100 * row[field]:.1f} %" if field in row else None


def _seconds(row: Mapping[str, Any], field: str) -> str | None:
    return f"{row[field] / 1000:.1f} s" if field in row else None


def _milliseconds(row: Mapping[str, Any], field: str) -> str | None:
    return f"{row[field]} ms" if field in row else None
