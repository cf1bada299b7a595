"""What everybody sees of the platform: points of presence, receipts, where a number would go, explain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from starlette.responses import Response

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.routing.v1 import routing_pb2
from trunkline.dashboard.forms import Field, confirm, quoted
from trunkline.dashboard.receipts import receipt_of
from trunkline.dashboard.times import LAST_POSITION, place_of, set_place, written
from trunkline.dashboard.visits import CHOICES, Visit, Wrong, status_of
from trunkline.runtime.errors import missing_method, told_to_customers
from trunkline.runtime.grpc_client import EXPLAIN_LIMIT_S
from trunkline.runtime.listings import each_of

WAIT_S = 8
CHANGES_SHOWN = 20


async def pops(visit: Visit) -> Response:
    answer, (changes, missing) = await asyncio.gather(visit.ask.provisioning.ListPops(pb.ListPopsRequest()), _pop_changes(visit))
    regions: dict[str, list[pb.Pop]] = {}
    for pop in answer.pops:
        regions.setdefault(pop.region, []).append(pop)
    differing = {pop.edge for pop in answer.pops if differs(pop, answer.pops)}
    return visit.show("pops.html", regions=regions, head=answer.head, differing=differing, changes=changes, missing=missing)


async def _pop_changes(visit: Visit) -> tuple[Sequence[pb.PopChange], str]:
    """The newest, or why there are none to be had."""
    request = pb.ListPopChangesRequest(page=common_pb2.Page(size=CHANGES_SHOWN))
    try:
        return (await visit.ask.provisioning.ListPopChanges(request)).changes, ""
    except grpc.aio.AioRpcError as error:
        missing = missing_method(error, "provisioning", "ListPopChanges")
        if not missing:
            raise
        return [], missing


async def regions(visit: Visit) -> Response:
    """Home, and where every process that follows the log stands."""
    try:
        answer, missing = await visit.ask.provisioning.ListReplicas(pb.ListReplicasRequest()), ""
    except grpc.aio.AioRpcError as error:
        missing = missing_method(error, "provisioning", "ListReplicas")
        if not missing:
            raise
        answer = pb.ListReplicasResponse()
    return visit.show("regions.html", answer=answer, missing=missing)


def differs(pop: pb.Pop, others: Iterable[pb.Pop]) -> bool:
    """Whether most of those that stand at the same position have another digest."""
    beside = [other.digest for other in others if other.is_reachable and other.position == pop.position]
    return pop.is_reachable and 2 * beside.count(pop.digest) < len(beside)


async def drain(visit: Visit) -> Response:
    pop = visit.path("pop")
    return await confirm(
        visit,
        f"Drain {pop}?",
        "Drain",
        ["pop", "drain", quoted(pop), ("--note", "{note}")],
        visit.ask.provisioning.DrainPop,
        pb.DrainPopRequest(pop=pop, note=visit.value("note")),
        f"{pop} is being drained.",
        "/pops",
        text="DNS leaves it out, OPTIONS is answered 503, new calls are refused after a while. Calls in progress go on.",
        fields=[Field("note", "Why", "For people", is_required=False)],
    )


async def undrain(visit: Visit) -> Response:
    pop = visit.path("pop")
    return await confirm(
        visit,
        f"Take {pop} into service again?",
        "Undrain",
        ["pop", "undrain", quoted(pop)],
        visit.ask.provisioning.UndrainPop,
        pb.UndrainPopRequest(pop=pop),
        f"{pop} is in service again.",
        "/pops",
        is_dangerous=False,
    )


async def receipt(visit: Visit) -> Response:
    """Where a change is enforced by now, and how long that took."""
    position, time_ns = int(visit.path("position")), int(visit.path("time_ns"))
    if position >= LAST_POSITION or time_ns >= LAST_POSITION:
        return Response("no such position\n", 404)
    request = pb.WaitAppliedRequest(position=position, timeout=Duration(seconds=WAIT_S))
    answers = [answer async for answer in visit.ask.provisioning.WaitApplied(request, timeout=WAIT_S + 4)]
    return visit.show("receipt.html", receipt=receipt_of(answers, time_ns), position=position)


async def routes(visit: Visit) -> Response:
    """The deck, and where a number would go."""
    prefix, number = visit.query("prefix").lstrip("+"), visit.query("number")
    request = routing_pb2.ListRoutesRequest(prefix=prefix, page=common_pb2.Page(size=100, token=visit.query("page")))
    listed = await visit.ask.routing.ListRoutes(request)
    resolved = None
    if number:
        asked = routing_pb2.ResolveRequest(number=number, region=visit.query("region"), domain=visit.query("domain"), tenant=visit.tenant)
        resolved = await visit.ask.routing.Resolve(asked)
    domains = each_of(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains", limit=CHOICES)
    pops = await visit.ask.provisioning.ListPops(pb.ListPopsRequest())
    chosen = {name: visit.query(name) for name in ("prefix", "number", "region", "domain") if visit.query(name)}
    return visit.show(
        "routes.html",
        # An older routing service names no decks.
        rows=list(zip_longest(listed.rows, listed.origins, fillvalue=routing_pb2.RowOrigin())),
        next_page=listed.next_page_token,
        further=urlencode({**chosen, "page": listed.next_page_token}),
        prefix=prefix,
        number=number,
        region=visit.query("region"),
        domain=visit.query("domain"),
        resolved=resolved,
        domains=[each.label async for each in domains] if visit.tenant else [],
        regions=list(dict.fromkeys(pop.region for pop in pops.pops)),
        words=["route", "resolve", quoted(number or "NUMBER"), *_options(visit, "domain", "region")],
    )


def _options(visit: Visit, *names: str) -> list[str]:
    return [f"--{name} {quoted(visit.query(name))}" for name in names if visit.query(name)]


async def explain(visit: Visit) -> Response:
    """Would a call be admitted, where would it go, and why: described by hand, now or at a position or a time of the log."""
    asked = {name: visit.query(name) for name in ("domain", "source", "username", "number", "from_uri", "pop", "at")}
    is_right = visit.query("password_right") == "on"
    explained, problem, moment = None, None, None
    try:
        moment = place_of(asked["at"], "at")
        if asked["domain"] and asked["source"]:
            described: dict[str, Any] = {name: asked[name] for name, _ in _EXPLAIN_OPTIONS if name != "at"}
            request = pb.ExplainRequest(tenant=visit.tenant, domain=asked["domain"], is_password_right=is_right, **described)
            set_place(request, moment)
            explained = await visit.ask.provisioning.Explain(request, timeout=EXPLAIN_LIMIT_S)
    except Wrong as error:
        problem = error.problem
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if problem.code not in ("INVALID_ARGUMENT", "NOT_FOUND"):
            raise
    domains = each_of(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains", limit=CHOICES)
    pops = await visit.ask.provisioning.ListPops(pb.ListPopsRequest())
    wrong_field = ("at" if problem.field in ("at_position", "at_time") else problem.field) if problem else ""
    # Without a zone the command would take a time as this machine's.
    told = asked | ({"at": written(moment)} if isinstance(moment, datetime) else {})
    words = [f"--{option} {quoted(told[name])}" for name, option in _EXPLAIN_OPTIONS if told[name] and name != wrong_field]
    words += ["--password-right"] if is_right else []
    return visit.show(
        "explain.html",
        status=HTTPStatus.OK if problem is None else status_of(problem),
        asked=asked,
        is_right=is_right,
        explained=explained,
        problem=problem,
        wrong_field=wrong_field,
        domains=[each.label async for each in domains],
        pops=sorted({pop.name for pop in pops.pops} | ({asked["pop"]} if asked["pop"] else set())),
        command=visit.cli("explain", quoted(asked["domain"] or "DOMAIN"), *(words or ["--from ADDRESS"])),
    )


_EXPLAIN_OPTIONS = (
    ("source", "from"), ("username", "username"), ("number", "number"), ("from_uri", "from-uri"), ("pop", "pop"), ("at", "at"),
)  # fmt: skip
"""Fields of the request, which the page's are, and of the command."""
