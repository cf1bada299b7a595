"""`trunkline call watch`: attempts as they come and change."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.messages import call
from trunkline.cli.connection import session
from trunkline.cli.options import READING, DomainLabel, Reading
from trunkline.cli.output import clock, console, errors, plain, print_stream

__all__ = ["call", "watch"]

MAX_RECENT: Final = 100
_STYLES: Final = {"refused": "red", "failed": "red", "live": "green", "answered": "green"}


@call.command
async def watch(
    *, domain: DomainLabel = "", recent: Annotated[int, Parameter(validator=Number(gte=0, lte=MAX_RECENT))] = 10, options: Reading = READING
) -> None:
    """Shows attempts as they come and change, a line each time: ringing, answered, ended, refused and why. Ctrl-C ends it.

    Parameters
    ----------
    domain: Only calls to this domain.
    recent: So many of the newest first.
    """
    request = records.WatchCallsRequest(tenant=options.tenant, domain=domain, recent=recent)
    async with session(is_operator=options.as_operator) as connected:
        async for answer in (await connected.records()).WatchCalls(request):
            if answer.skipped:
                errors.print(f"{answer.skipped} attempts came faster than they could be shown: see `trunkline call list`", style="yellow")
            if not answer.HasField("record"):
                continue
            if options.is_data:
                print_stream(options.output, plain(answer.record))
                continue
            console.print(_line(answer.record), style=_STYLES.get(answer.record.outcome), markup=False, soft_wrap=True)


def _line(record: records.Record) -> str:
    row = plain(record)
    when = clock(row["end_time"] or row["answer_time"] or row["ringing_time"] or row["setup_time"])
    who = f"{record.domain} {record.caller_id or record.account or record.source} → {record.number}"
    why = f" {record.status} {record.reason} {record.reason_text}".rstrip() if record.reason else ""
    facts = f": {record.facts}" if record.facts else ""
    seconds = f" {record.duration_ms / 1000:.1f} s, by the {record.ended_by}" if record.outcome == "answered" else ""
    return f"{when}  {record.call}  {who}  {record.outcome}{why}{seconds}{facts}"
