"""`trunkline dns`: the names that a domain is found by, what to paste into a PBX, and whether name servers say what they should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import grpc
import grpc.aio
from cyclopts import App
from google.protobuf.duration_pb2 import Duration

from trunkline.api.common.v1 import common_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, READING, DomainLabel, Listing, PopName, Reading, Writing
from trunkline.cli.output import clock, console, errors, milliseconds_between, plain, print_data, show_list
from trunkline.cli.writing import WAIT_LIMIT_S

names = App(name="dns", help="Names: what DNS says of domains, and settings for PBXs.")

Pbx = Literal["asterisk", "freeswitch", "3cx", "kamailio", "baresip"]


@names.command
async def show(label: DomainLabel, *, options: Listing = LISTING) -> None:
    """Shows all names of a domain with their records, by point of presence.

    Parameters
    ----------
    label: The domain's label.
    """
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.dns()).ListNames(dns_pb2.ListNamesRequest(tenant=options.tenant, label=label))
    if options.is_data:
        print_data(options.output, plain(answer))
        return
    for name in answer.names:
        where = f"bound to {name.pop}, which is {name.state}" if name.pop else "default name"
        console.print(f"{name.name}  ({where})", style="bold", markup=False)
        rows = [
            {"name": each.name, "ttl": each.ttl_s, "type": each.type, "record": record}
            for each in name.record_sets
            for record in each.records
        ]
        show_list(options.output, rows, ["name", "ttl", "type", "record"], nothing="no record")


@names.command
async def settings(
    label: DomainLabel,
    *,
    pbx: Pbx,
    transport: Literal["udp", "tcp", "tls"] = "tls",
    pop: PopName = "",
    account: str = "",
    options: Reading = READING,
) -> None:
    """Shows what to paste into a PBX so that it calls by a domain. Passwords are not known: PASSWORD stands for them.

    Parameters
    ----------
    label: The domain's label.
    pbx: Which one.
    transport: How it is to connect.
    pop: For the name that is bound to this point of presence; left out: for the default name.
    account: For this one; left out: the first that may call, and without any the PBX is known by its address.
    """
    request = dns_pb2.GetPbxSettingsRequest(tenant=options.tenant, label=label, pbx=pbx, transport=transport, pop=pop, username=account)
    async with session(is_operator=options.as_operator) as connected:
        answer = await (await connected.dns()).GetPbxSettings(request)
    if options.is_data:
        print_data(options.output, plain(answer))
        return
    for file in answer.files:
        errors.print(f"--- {file.name}", style="bold", markup=False)
        print(file.content, end="")
    for note in answer.notes:
        errors.print(f"note: {note}", markup=False, soft_wrap=True)
    if len(answer.usernames) > 1:
        errors.print(f"note: accounts that may call: {', '.join(answer.usernames)} (--account)", markup=False, soft_wrap=True)


@names.command
async def drift(*, options: Listing = LISTING) -> None:
    """Compares what name servers hold with what they should, now (operators). What differs is mended.

    The exit code says whether something differed or a server could not be asked.
    """
    async with session(is_operator=True) as connected:
        answer = await (await connected.dns()).GetDrift(dns_pb2.GetDriftRequest(compares=True))
    rows = [plain(holder) for holder in answer.holders]
    if options.is_data:
        totals = {name: getattr(answer, name) for name in ("unread_pop_changes_total", "unanswered_queries_total")}
        print_data(options.output, {"holders": rows, "position": answer.position, **totals})
    else:
        columns = ["holder", "position", "compared", "differs", "mended", "failures"]
        show_list(options.output, [_holder_row(row) for row in rows], columns, nothing="nobody holds the zone")
        for row in rows:
            _tell_drift(row)
    if answer.unread_pop_changes_total:
        errors.print(
            f"{answer.unread_pop_changes_total} changes of points of presence are of a later version than this dns service: update it",
            style="yellow",
            markup=False,
        )
    if answer.unanswered_queries_total:
        errors.print(
            f"{answer.unanswered_queries_total} queries were left unanswered by a fault of the dns service: its log has the first of them",
            style="yellow",
            markup=False,
        )
    problems = [row["problem"] for row in rows if row["problem"]]
    if problems:
        raise CommandError("a name server is not what it should be", why="; ".join(problems), code=Exit.UNAVAILABLE)
    differing = [row["name"] for row in rows if row["drift_total"]]
    if differing:
        raise CommandError(
            f"others have changed what {', '.join(differing)} held",
            remedy="it is mended; see who else has the key, and set `kept` for names that are not the platform's",
            code=Exit.CONFLICT,
        )


def _holder_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "holder": row["name"],
        "position": row["position"],
        "compared": clock(row["compared_time"]),
        "differs": row["drift_total"],
        "mended": row["mended_total"],
        "failures": row["failures_total"],
    }


def _tell_drift(row: Mapping[str, Any]) -> None:
    for each in row["drift"]:
        held, wanted = (", ".join(each[side]) or "nothing" for side in ("held", "wanted"))
        console.print(f"{each['kind'].lower()}: {each['name']} {each['type']}: {held}, should be {wanted}", markup=False, soft_wrap=True)


async def tell_served(connected: Session, options: Writing, receipt: common_pb2.Receipt) -> None:
    """With --wait: when the names followed a change of theirs. A name server that is late is a warning: the change itself is made."""
    if not options.wait:
        return
    request = dns_pb2.WaitServedRequest(position=receipt.position, timeout=Duration(seconds=WAIT_LIMIT_S))
    try:
        answer = await (await connected.dns()).WaitServed(request, timeout=WAIT_LIMIT_S + 5)
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise
        errors.print(f"warning: the dns service does not answer: {error.details()}", style="yellow", markup=False)
        return
    if not answer.is_served:
        errors.print(f"warning: names do not follow yet: {answer.problem}", style="yellow", markup=False)
    elif not options.is_data:
        console.print(f"  served by DNS      after {milliseconds_between(receipt.time, answer.served_time):7.1f} ms", markup=False)
