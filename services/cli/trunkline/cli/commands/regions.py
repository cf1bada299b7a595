"""`trunkline region`: where the log is at home, and where every process that follows it stands."""

from __future__ import annotations

from typing import Any, Final

from cyclopts import App

from trunkline.api.provisioning.v1 import provisioning_pb2 as provisioning
from trunkline.cli.connection import session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, Listing, RegionName
from trunkline.cli.output import console, errors, plain, print_data, show_list

region = App(name="region", help="Regions: home, and where every replica of the log stands (operators).")

REGION_COLUMNS: Final = ("region", "home", "replicas", "following", "position", "lag", "age", "calls_lag", "calls_age")
REPLICA_COLUMNS: Final = ("process", "region", "state", "position", "lag", "age", "heard", "digest")


@region.command(name="list")
async def list_regions(*, options: Listing = LISTING) -> None:
    """Lists regions: how many processes follow the log there and how many of them stand as they should, their lowest position, the most
    commits that one is behind, and the seconds since home's beacon was heard there, which grow while a link is down; and in the other
    direction how many messages of call facts home has not got yet, and when it last heard of them."""
    answer = await _ask()
    if options.is_data:
        print_data(options.output, plain(answer))
        return
    console.print(f"home {answer.home}, epoch {answer.epoch or 'not known'}, head {answer.head}", markup=False)
    rows = [_region_row(row) for row in answer.regions]
    show_list(options.output, rows, REGION_COLUMNS, nothing="no region")
    for row in answer.replicas:
        if row.state != "following" or row.differs:
            text = f"{row.process} {'differs from most' if row.differs else f'is {row.state}'}"
            errors.print(f"{text}{f': {row.problem}' if row.problem else ''}", style="yellow", markup=False, soft_wrap=True)


@region.command(name="show")
async def show_region(name: RegionName = "", *, options: Listing = LISTING) -> None:
    """Lists every process that follows the log, service by service and edge by edge: its position, how far it is behind, and its digest.
    At one position those that hold the same have the same digest; one that differs is marked.

    Parameters
    ----------
    name: The region; all where it is left out.
    """
    answer = await _ask()
    if name and name not in {row.name for row in answer.regions}:
        known = ", ".join(row.name for row in answer.regions)
        raise CommandError(f"there is no region {name!r}", remedy=f"choose one of: {known}", code=Exit.NOT_FOUND)
    rows = [{"name": row.process, **plain(row)} for row in answer.replicas if name in ("", row.region)]
    shown = rows if options.is_data else [_replica_row(row) for row in rows]
    show_list(options.output, shown, REPLICA_COLUMNS, nothing="no process was heard of")


async def _ask() -> provisioning.ListReplicasResponse:
    async with session(is_operator=True) as connected:
        return await (await connected.provisioning()).ListReplicas(provisioning.ListReplicasRequest())


def _region_row(region: provisioning.Region) -> dict[str, Any]:
    calls_age = _age(region.calls_age_s) if region.HasField("calls_age_s") else None
    return {**plain(region), "region": region.name, "home": region.is_home, "age": _age(region.age_s), "calls_age": calls_age}


def _replica_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "age": _age(row["age_s"]),
        "heard": "asked" if row["kind"] == "edge" else _age(row["heard_s"]),
        "digest": row["digest"] + (" DIFFERS" if row["differs"] else ""),
    }


def _age(seconds: float) -> str | None:
    return f"{seconds:.1f} s" if seconds >= 0 else None
