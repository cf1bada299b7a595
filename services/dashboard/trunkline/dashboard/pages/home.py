"""The overview: how far the set-up has come, attempts as they arrive, what was refused lately."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import RedirectResponse, Response

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.attempts import SOURCE_NOT_IN_ACL, Attempt, Offer, attempt_of, by_reason, offers_of
from trunkline.dashboard.live import Watched, follow
from trunkline.dashboard.unanswered import unanswered
from trunkline.dashboard.visits import CHOICES, Visit
from trunkline.dashboard.web import fragment
from trunkline.runtime.listings import each_of

A = TypeVar("A")

MOST_LISTS: Final = 32
"""That are asked for by name, all at once, for one page. A domain has one to three; of many domains with many, those that refused somebody
last come first, and an attempt whose lists were not read has no "Allow" here, but at its own page."""
SHOWN: Final = 8
"""Of the newest attempts."""
LATELY_S: Final = 3600
LATELY_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Step:
    """Of the set-up."""

    text: str
    is_done: bool
    action: str
    href: str
    is_dialog: bool = False


async def home(visit: Visit) -> Response:
    if not visit.tenant:
        return RedirectResponse("/operator/tenants", 303)
    (acls, domains), pops, refused = await asyncio.gather(
        _set_up(visit), visit.ask.provisioning.ListPops(pb.ListPopsRequest()), _refused_lately(visit)
    )
    steps, shown, challenged = await asyncio.gather(
        _steps(visit, acls, domains), newest(visit, domains, acls=acls), unanswered(visit, domains, LATELY_S)
    )
    return visit.show(
        "home.html",
        steps=steps,
        domains=domains,
        pops=pops.pops,
        refused=by_reason(refused),
        attempts=shown,
        unanswered=challenged,
        back="/",
        is_cut=len(refused) >= LATELY_MAX,
    )


async def attempts(visit: Visit) -> Response:
    """The newest attempts and the steps, as events."""

    async def render(watched: Watched) -> str:
        acls, domains = await _set_up(visit)
        shown = await attempts_of(visit, watched.records, domains, acls)
        steps, challenged = await asyncio.gather(_steps(visit, acls, domains), unanswered(visit, domains, LATELY_S))
        parts = {"attempts": shown, "steps": steps, "domains": domains, "unanswered": challenged, "back": "/"}
        return fragment("home_live.html", visit.common() | parts)

    return follow(visit, "home", SHOWN, render)


async def _set_up(visit: Visit) -> tuple[list[pb.Acl], list[pb.Domain]]:
    stub = visit.ask.provisioning
    acls = _listed(stub.ListAcls, pb.ListAclsRequest(tenant=visit.tenant), "acls")
    found = await asyncio.gather(acls, domains_of(visit))
    return found[0], found[1]


async def _listed(method: Any, request: Any, field: str) -> list[Any]:
    return [each async for each in each_of(method, request, field, limit=CHOICES)]


async def domains_of(visit: Visit) -> list[pb.Domain]:
    """None where no tenant's pages are looked at: domains are listed by tenant."""
    if not visit.tenant:
        return []
    return await _listed(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains")


async def _lists_at(visit: Visit, labels: Sequence[str], domains: Sequence[pb.Domain]) -> dict[str, list[str]]:
    """The names of each domain's lists, also where it is not among the first that are listed."""
    found = {domain.label: list(domain.acls) for domain in domains}
    if len(domains) < CHOICES:
        return found
    for domain in await asyncio.gather(*(_domain(visit, label) for label in labels if label not in found)):
        if domain is not None:
            found[domain.label] = list(domain.acls)
    return found


async def _domain(visit: Visit, label: str) -> pb.Domain | None:
    found = await _if_there(visit.ask.provisioning.GetDomain(pb.GetDomainRequest(tenant=visit.tenant, label=label)))
    return None if found is None else found.domain


async def _acl(visit: Visit, name: str) -> pb.Acl | None:
    found = await _if_there(visit.ask.provisioning.GetAcl(pb.GetAclRequest(tenant=visit.tenant, acl=name)))
    return None if found is None else found.acl


async def _if_there(answer: Awaitable[A]) -> A | None:
    """None for what is gone meanwhile."""
    try:
        return await answer
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return None


async def newest(visit: Visit, domains: Sequence[pb.Domain], size: int = SHOWN, acls: Sequence[pb.Acl] = ()) -> list[Attempt]:
    """Attempts, the newest first."""
    request = records_pb2.ListRecordsRequest(tenant=visit.tenant, page=common_pb2.Page(size=size))
    found = await visit.ask.records.ListRecords(request)
    return await attempts_of(visit, found.records, domains, acls)


async def attempts_of(
    visit: Visit, records: Sequence[records_pb2.Record], domains: Sequence[pb.Domain], acls: Sequence[pb.Acl] = ()
) -> list[Attempt]:
    """`acls` are lists that were read for the same page."""
    offers = await offers_at(visit, refusing(records), domains, acls)
    return [attempt_of(record, offers) for record in records]


def refusing(records: Sequence[records_pb2.Record]) -> list[str]:
    """The domains that refused a source because none of their lists has it, each once, in the order of the records."""
    return list(dict.fromkeys(record.domain for record in records if record.reason == SOURCE_NOT_IN_ACL))


async def offers_at(
    visit: Visit, labels: Sequence[str], domains: Sequence[pb.Domain], acls: Sequence[pb.Acl] = ()
) -> dict[str, list[Offer]]:
    """By each of `labels`. Asked for are lists that are not among `acls`, at most `MOST_LISTS`, and domains that are not among `domains`
    where these are not all; nothing without labels."""
    lists = await _lists_at(visit, labels, domains)
    read: dict[str, pb.Acl | None] = {acl.name: acl for acl in acls}
    missing = list(dict.fromkeys(name for label in labels for name in lists.get(label, ()) if name not in read))[:MOST_LISTS]
    read |= zip(missing, await asyncio.gather(*(_acl(visit, name) for name in missing)), strict=True)
    return {label: offers_of(acl for name in lists.get(label, ()) if (acl := read.get(name)) is not None) for label in labels}


async def _refused_lately(visit: Visit) -> Sequence[records_pb2.Record]:
    request = records_pb2.ListRecordsRequest(
        tenant=visit.tenant,
        outcome="refused",
        since=Timestamp(seconds=int(time.time()) - LATELY_S),
        page=common_pb2.Page(size=LATELY_MAX),
    )
    return list((await visit.ask.records.ListRecords(request)).records)


async def _steps(visit: Visit, acls: Sequence[pb.Acl], domains: Sequence[pb.Domain]) -> list[Step]:
    """In the order in which they are done."""
    filled = [acl for acl in acls if acl.addresses or acl.accounts]
    empty = next((acl.name for acl in acls if not acl.addresses and not acl.accounts), acls[0].name if acls else "")
    with_lists = [domain for domain in domains if domain.acls]
    label = domains[0].label if domains else ""
    seen, answered = await asyncio.gather(_has_record(visit, ""), _has_record(visit, "answered"))
    live = answered or await _has_record(visit, "live")
    return [
        Step("Create an access control list", bool(acls), "Create list", "/access/new", True),
        Step("Add an IP address or an account to it", bool(filled), "Open list", f"/access/{empty}" if empty else "/access"),
        Step("Create a domain", bool(domains), "Create domain", "/domains/new", True),
        Step("Attach the list to the domain", bool(with_lists), "Attach", f"/domains/{label}/attach" if label else "/domains", bool(label)),
        Step("Point your PBX at the domain and call", seen, "PBX settings", f"/domains/{label}/pbx" if label else "/domains"),
        Step("Have a call answered", live, "Calls", "/calls"),
    ]


async def _has_record(visit: Visit, outcome: str) -> bool:
    request = records_pb2.ListRecordsRequest(tenant=visit.tenant, outcome=outcome, page=common_pb2.Page(size=1))
    return bool((await visit.ask.records.ListRecords(request)).records)
