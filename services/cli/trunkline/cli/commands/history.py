"""`trunkline history`: who changed what, when and from where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session
from trunkline.cli.listing import first_of
from trunkline.cli.options import LISTING, Amount, Listing
from trunkline.cli.output import clock, plain, show_list
from trunkline.cli.times import before
from trunkline.runtime.listings import PAGE_SIZE

Kind = Literal["", "acl", "domain", "apikey", "tenant", "credential", "carrier", "deck", "pop"]

history = App(name="history", help="Who changed what, when and from where.")


@history.command(name="list")
async def list_history(
    *,
    who: str = "",
    kind: Kind = "",
    what: str = "",
    source: Annotated[str, Parameter(name="--from")] = "",
    since: str = "",
    until: str = "",
    limit: Amount = 50,
    options: Listing = LISTING,
) -> None:
    """Lists changes, newest first: who made them, from which address, and what they were. Secrets are not shown.

    Parameters
    ----------
    who: Only by these: "operator", "tenant:acme/key:0123", or what it begins with ("tenant:acme/").
    kind: Only of these: acl, domain, apikey, tenant, credential, carrier, deck, pop.
    what: Only of the thing of this name, such as an ACL's.
    source: Only asked from this IP address.
    since: Only from then on: 24h, 7d or 30m ago, or a time such as 2027-01-31T12:00.
    until: Only before then, written as --since.
    limit: At most so many.
    """
    now = datetime.now(UTC)
    request = provisioning.ListHistoryRequest(
        tenant=options.tenant,
        kind=kind,
        aggregate=what,
        actor=who,
        source=source,
        since=before(since, now, "--since"),
        until=before(until, now, "--until"),
    )
    async with session(is_operator=options.as_operator) as connected:
        stub = await connected.provisioning()
        found = await first_of(stub.ListHistory, request, "entries", limit, page_size=PAGE_SIZE)
    rows = [plain(entry) for entry in found]
    shown = (
        rows
        if options.is_data
        else [
            {**row, "time": clock(row["time"]), "who": who_of(row), "from": row["source"], "what": f"{row['kind']}/{row['aggregate']}"}
            for row in rows
        ]
    )
    show_list(options.output, shown, ["position", "time", "who", "from", "what", "changes"], nothing="no such change")


def who_of(row: Mapping[str, Any]) -> str:
    """`ann (office, tenant:acme/key:0123)`: account of the dashboard and name of the key, as people have chosen them, and who it is
    to the log; `operator`."""
    named = [row["person"], row["key_name"], row["actor"]]
    first, *rest = [each for each in named if each]
    return f"{first} ({', '.join(rest)})" if rest else str(first)
