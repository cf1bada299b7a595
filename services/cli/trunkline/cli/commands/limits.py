"""`trunkline limit`: how many calls at a time and a second, and what of it is in use."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, WRITING, DomainLabel, Listing, Natural, TenantName, Writing
from trunkline.cli.output import console, plain, print_data, show_list
from trunkline.cli.writing import finish

MILLI = 1000

limit = App(name="limit", help="Limits: calls at a time and a second, over all points of presence.")


@limit.command(name="set")
async def set_limits(
    label: DomainLabel = "", *, calls: Natural | None = None, rate: Natural | None = None, options: Writing = WRITING
) -> None:
    """Sets the limits of a domain or, without one, of the tenant over all its domains (operators). What is left out stays as it was.

    Parameters
    ----------
    label: The domain's label.
    calls: Calls at a time, from the INVITE to the end; 0: no limit.
    rate: New calls a second; 0: no limit.
    """
    if calls is None and rate is None:
        raise CommandError("no limit is named", remedy="give --calls, --rate or both", code=Exit.USAGE)
    request = provisioning.SetLimitsRequest(
        write=options.options(), tenant=options.tenant, label=label, max_calls=calls, max_calls_per_second=rate
    )
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.provisioning()).SetLimits(request)
        changed = answer.domain if label else answer.tenant
        limits = changed.limits
        told = f"{_most(limits.max_calls)} calls at a time, {_most(limits.max_calls_per_second)} a second"
        await finish(connected, options, f"{label or answer.tenant.id}: {told}", answer.receipt, changed)


@limit.command(name="show")
async def show_limits(tenant: TenantName = "", *, options: Listing = LISTING) -> None:
    """Shows what is in use of each limit, and at which point of presence.

    Parameters
    ----------
    tenant: Whose (operators); a tenant's key knows by itself.
    """
    request = provisioning.GetLimitUseRequest(tenant=tenant or options.tenant)
    async with session(is_operator=options.as_operator) as connected:
        uses = [plain(use) for use in (await (await connected.provisioning()).GetLimitUse(request)).uses]
    if options.is_data:
        print_data(options.output, uses)
        return
    if not uses:
        console.print("no limits")
        return
    show_list(
        options.output, [row for use in uses for row in _rows(use)], ["limit", "pop", "calls", "share", "rate", "rate_share"], nothing=""
    )


def _rows(use: dict[str, Any]) -> list[dict[str, Any]]:
    """One of the whole, and one for each edge."""
    whole = {
        "limit": use["label"] or "all domains",
        "pop": "all",
        "calls": use["calls"],
        "share": _most(use["max_calls"]),
        "rate": _rate(use["rate_milli"]),
        "rate_share": _most(use["max_calls_per_second"]),
    }
    edges = [
        {
            "limit": "",
            "pop": edge["pop"],
            "calls": edge["calls"],
            "share": edge["call_share"],
            "rate": _rate(edge["rate_milli"]),
            "rate_share": _rate(edge["rate_share_milli"]),
        }
        for edge in use["edges"]
        if edge["is_heard"] and (edge["calls"] or edge["call_share"] or edge["rate_share_milli"])
    ]
    away = [{"limit": "", "pop": edge["pop"], "calls": "not heard: keeps its fair part"} for edge in use["edges"] if not edge["is_heard"]]
    return [whole, *edges, *away]


def _most(limit: int) -> str:
    return str(limit) if limit else "any number of"


def _rate(milli: int) -> str:
    return f"{milli / MILLI:g}"
