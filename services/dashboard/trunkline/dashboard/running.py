"""Calls in progress, as all edges of all regions hold them now; and ending one at whichever edge has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc.aio

from trunkline.api.edge.v1 import edge_pb2
from trunkline.dashboard.visits import Visit, Wrong
from trunkline.runtime.asking_edges import NOT_HEARD, from_edges

SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Running:
    """A call and where it is."""

    call: edge_pb2.LiveCall
    pop: str


@dataclass(frozen=True, slots=True)
class Everywhere:
    """`calls` are those that began last, at most `SHOWN` of `total`. `by_pop` has how many there are at each point of presence that
    answered; `missing` are those of which no edge did, and whose calls nobody knows here."""

    calls: Sequence[Running] = ()
    total: int = 0
    by_pop: Sequence[tuple[str, int]] = ()
    missing: Sequence[str] = ()


async def everywhere(visit: Visit, pop: str = "") -> Everywhere:
    """Of the pages' tenant, or of all; at one point of presence, or at all. Raises AioRpcError where an edge refuses the question."""
    request = edge_pb2.ListLiveCallsRequest(tenant=visit.tenant, most=SHOWN)
    calls: list[Running] = []
    by_pop: dict[str, int] = {}
    away: set[str] = set()
    answers = await _ask_all(visit, "ListLiveCalls", request, pop)
    for place, answer in answers:
        if isinstance(answer, edge_pb2.ListLiveCallsResponse):
            calls += [Running(call, place) for call in answer.calls]
            by_pop[place] = by_pop.get(place, 0) + max(answer.total, len(answer.calls))
        elif answer.code() in NOT_HEARD:
            away.add(place)
        else:
            raise answer
    calls.sort(key=lambda each: each.call.start_time.ToNanoseconds(), reverse=True)
    return Everywhere(calls[:SHOWN], sum(by_pop.values()), list(by_pop.items()), sorted(away - by_pop.keys()))


async def hang_up(visit: Visit, call: str) -> Sequence[str]:
    """Ends it; the points of presence that did. Raises Wrong where no edge holds it, and AioRpcError where one refuses."""
    answers = await _ask_all(visit, "HangUp", edge_pb2.HangUpRequest(tenant=visit.tenant, call=call))
    ended, away, refused = [], [], None
    for place, answer in answers:
        if isinstance(answer, edge_pb2.HangUpResponse):
            ended.append(answer.pop)
        elif answer.code() in NOT_HEARD:
            away.append(place)
        elif answer.code() is not grpc.StatusCode.NOT_FOUND:
            refused = answer
    if not ended and refused is not None:
        raise refused
    if not ended and away:
        raise Wrong("", f"no point of presence that answered holds this call, and {', '.join(sorted(set(away)))} did not", "UNAVAILABLE")
    if not ended:
        raise Wrong("", "this call is not in progress any more", "FAILED_PRECONDITION")
    return ended


async def _ask_all(visit: Visit, method: str, request: Any, pop: str = "") -> list[tuple[str, Any]]:
    """The point of presence and the answer, or the error, of each edge. Raises AioRpcError where none knows the key."""

    async def ask(stub: Any) -> Any:
        try:
            return await getattr(stub, method)(request)
        except grpc.aio.AioRpcError as error:
            return error

    edges = [(edge.pop, stub) for edge, stub in visit.ask.edges if pop in ("", edge.pop)]
    answers = await asyncio.gather(*(ask(stub) for _, stub in edges))
    return [(place, answer) for (place, _), answer in zip(edges, from_edges(answers), strict=True)]
