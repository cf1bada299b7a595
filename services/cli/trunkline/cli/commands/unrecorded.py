"""`trunkline call unrecorded`: INVITEs that made no record, as they were counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from trunkline.api.records.v1 import records_pb2 as records
from trunkline.cli.commands.watched import call
from trunkline.cli.connection import session
from trunkline.cli.listing import first_of
from trunkline.cli.options import LISTING, Amount, DomainLabel, Listing
from trunkline.cli.output import clock, plain, print_data, show_list
from trunkline.cli.times import before

__all__ = ["call", "unrecorded"]

What = Literal["", "challenge", "unknown domain", "malformed", "refused", "out of dialog", "scan", "shed", "flood", "banned"]


@call.command
async def unrecorded(
    *,
    limit: Amount = 100,
    domain: DomainLabel = "",
    source: str = "",
    what: What = "",
    since: str = "24h",
    options: Listing = LISTING,
) -> None:
    """Lists INVITEs that made no record, counted by source and minute, newest first: those that were challenged and never answered (T202:
    the PBX has no credentials, or knows none of the algorithms that the domain offers); for operators also unknown domains, floods and what
    else is not recorded. A minute is told some seconds after it is over.

    Parameters
    ----------
    limit: At most so many lines.
    domain: Only INVITEs to this domain.
    source: Only those from this IP address.
    what: Only of this kind.
    since: 24h, 7d or 30m ago, or a time such as 2027-01-31T12:00.
    """
    began = before(since, datetime.now(UTC), "--since")
    request = records.ListUnrecordedRequest(tenant=options.tenant, domain=domain, source=source, what=what, since=began)
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.records()
        rows = [plain(row) for row in await first_of(stub.ListUnrecorded, request, "counts", limit)]
    if options.is_data:
        print_data(options.output, rows)
        return
    short = [{**row, "minute": clock(row["minute_time"]), "edges": ", ".join(row["edges"])} for row in rows]
    columns = ["minute", "source", "domain", "number", "edges", "what", "reason", "reason_text"]
    show_list(options.output, short, columns, nothing="nothing was counted")
