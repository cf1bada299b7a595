"""`trunkline call list` and `call export`: call detail records that a filter lets through."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.calls import call
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.listing import first_of
from trunkline.cli.options import LISTING, Amount, CarrierName, DomainLabel, Listing, PopName, ReasonCode, TenantName
from trunkline.cli.output import clock, plain, print_data, show_list
from trunkline.cli.times import before

__all__ = ["call", "export_calls", "list_calls"]

COLUMNS: Final = ("time", "call", "number", "outcome", "status", "reason", "caller_id", "seconds", "ended_by")

RecordOutcome = Literal["", "trying", "ringing", "live", "answered", "refused", "failed", "cancelled"]
"""Of a record; `live` is answered and not over, `answered` is over."""


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """Which records."""

    since: Annotated[str, Parameter(help="Only calls from then on: 24h, 7d or 30m ago, or a time such as 2027-01-31T12:00.")] = ""
    until: Annotated[str, Parameter(help="Only calls before then, written as --since.")] = ""
    outcome: Annotated[
        RecordOutcome, Parameter(help="Only these: trying, ringing, live, answered (and over), refused, failed, cancelled.")
    ] = ""
    domain: Annotated[DomainLabel, Parameter(help="Only calls to this domain.")] = ""
    pop: Annotated[PopName, Parameter(help="Only calls that arrived at this point of presence.")] = ""
    carrier: Annotated[CarrierName, Parameter(help="Only calls that this carrier answered, or was the last to be tried for.")] = ""
    caller: Annotated[str, Parameter(help="Only calls of this true identity, such as +31201234567.")] = ""
    account: Annotated[str, Parameter(help="Only calls that this account let in.")] = ""
    reason: Annotated[ReasonCode, Parameter(help="Only calls refused with this code, such as T203.")] = ""
    number: Annotated[str, Parameter(help="Only calls to numbers that begin so, with or without the plus.")] = ""
    exactly: Annotated[bool, Parameter(negative="", help="With --number: only that number, none that is longer.")] = False

    def fields(self) -> dict[str, Any]:
        """Of ListRecordsRequest and of ExportRecordsRequest. Raises CommandError for what is none."""
        if self.exactly and not self.number:
            raise CommandError("--exactly stands without --number", remedy="say which number", code=Exit.USAGE)
        now = datetime.now(UTC)
        digits = self.number.removeprefix("+")
        # What was dialled may be no number at all: then it is looked for as it stands.
        number = {"number_prefix": digits} if digits.isascii() and digits.isdigit() and not self.exactly else {"number": self.number}
        return {
            "since": before(self.since, now, "--since"),
            "until": before(self.until, now, "--until"),
            "outcome": self.outcome,
            "domain": self.domain,
            "pop": self.pop,
            "carrier": self.carrier,
            "caller_id": self.caller,
            "account": self.account,
            "reason": self.reason,
            **number,
        }


ANY: Final = Wanted()


@call.command(name="list")
async def list_calls(*, limit: Amount = 20, wanted: Wanted = ANY, options: Listing = LISTING) -> None:
    """Lists call detail records, newest first.

    Parameters
    ----------
    limit: At most so many.
    """
    request = records.ListRecordsRequest(tenant=options.tenant, **wanted.fields())
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.records()
        rows = [plain(row) for row in await first_of(stub.ListRecords, request, "records", limit)]
    if options.is_data:
        print_data(options.output, rows)
        return
    short = [{**row, "time": clock(row["setup_time"]), "seconds": f"{row['duration_ms'] / 1000:.1f}"} for row in rows]
    show_list(options.output, short, COLUMNS, nothing="no such call" if wanted != ANY else "no call yet")


@call.command(name="export")
async def export_calls(
    *,
    format_: Annotated[Literal["csv", "jsonl"], Parameter(name="--format")] = "csv",
    wanted: Wanted = ANY,
    tenant: TenantName = "",
    as_operator: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Writes all records that a filter lets through to standard output, newest first: as CSV with a header line, or a JSON a line. A cell
    of CSV that a spreadsheet would run as a formula begins with an apostrophe.

    Parameters
    ----------
    format_: csv or jsonl.
    tenant: Whose; a tenant's key knows by itself.
    as_operator: Ask with the operator's key instead of the tenant's; without a tenant all of them.
    """
    request = records.ExportRecordsRequest(tenant=tenant, format=format_, **wanted.fields())
    async with session(is_operator=as_operator) as connected:
        async for piece in (await connected.records()).ExportRecords(request):
            sys.stdout.buffer.write(piece.data)
    sys.stdout.buffer.flush()
