"""`trunkline call live`: calls in progress, at every point of presence."""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.api.edge.v1 import edge_pb2
from trunkline.cli.commands.ending import ask_each, call
from trunkline.cli.connection import Session, session
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import LISTING, Amount, Listing, PopName
from trunkline.cli.output import errors, plain, show_list

__all__ = ["call", "live"]

COLUMNS = ["call", "pop", "tenant", "domain", "number", "caller", "state", "gateway", "start_time"]


@call.command
async def live(*, pop: PopName = "", limit: Amount = 1000, options: Listing = LISTING) -> None:
    """Lists calls in progress at all points of presence, those that began last first; operators see those of all tenants. Which edges did
    not answer is said on standard error, as is how many calls are not listed.

    Parameters
    ----------
    pop: At this point of presence only.
    limit: At most so many.
    """
    async with session(is_operator=options.as_operator) as connected:
        edges = connected.around.edges(pop)
        request = edge_pb2.ListLiveCallsRequest(tenant=options.tenant, most=limit)
        answers = dict(zip(edges, await ask_each(edges, lambda edge: _ask(connected, edge, request)), strict=True))
    heard = {edge: answer for edge, answer in answers.items() if isinstance(answer, edge_pb2.ListLiveCallsResponse)}
    away = [f"{edge}: {answer}" for edge, answer in answers.items() if isinstance(answer, str)]
    if not heard:
        raise CommandError("no edge answered", why="; ".join(away), remedy="see `trunkline pop list`", code=Exit.UNAVAILABLE)
    _show(options, edges, heard, limit)
    for line in away:
        errors.print(f"not heard, its calls are missing here: {line}", style="yellow", markup=False)


def _show(options: Listing, edges: Mapping[str, str], heard: Mapping[str, edge_pb2.ListLiveCallsResponse], limit: int) -> None:
    found = [(each, edge) for edge, answer in heard.items() for each in answer.calls]
    found.sort(key=lambda pair: pair[0].start_time.ToNanoseconds(), reverse=True)
    rows = [{**plain(each), "pop": edges[edge], "edge": edge} for each, edge in found[:limit]]
    show_list(options.output, rows, COLUMNS, nothing="no call in progress")
    total = sum(max(answer.total, len(answer.calls)) for answer in heard.values())
    if total > len(rows):
        errors.print(f"{total - len(rows)} more are in progress: --limit {total} lists all", style="yellow", markup=False)


async def _ask(connected: Session, edge: str, request: edge_pb2.ListLiveCallsRequest) -> edge_pb2.ListLiveCallsResponse:
    return await (await connected.edge(edge)).ListLiveCalls(request)
