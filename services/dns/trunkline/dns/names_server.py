"""`DnsService` of dns.proto: what DNS says of a domain's names, what to paste into a PBX, and what the zone's holders hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import grpc.aio

from trunkline.api.dns.v1 import dns_pb2 as pb
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceServicer
from trunkline.dns.copies import Change, Held
from trunkline.dns.pbx import Names, choose_account, pbx_settings
from trunkline.dns.reconciler import Reconciler, Status
from trunkline.dns.view import View
from trunkline.dns.zone import written
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.dns_names import RecordSet, host_sets
from trunkline.domain.errors import not_found
from trunkline.domain.events import Position
from trunkline.domain.host_names import bound_name, default_name
from trunkline.eventlog.log import LogUnavailable
from trunkline.runtime.authentication import Role, require, tenant_for
from trunkline.runtime.control import ControlState
from trunkline.runtime.fields import timeout_s

Context = grpc.aio.ServicerContext[Any, Any]

WAIT_DEFAULT_S: Final = 5.0
WAIT_LIMIT_S: Final = 30.0
COMPARE_LIMIT_S: Final = 10.0
USERNAMES_LIMIT: Final = 100


class Embedded:
    """This process as a holder: it answers from the replica, so that nothing can differ."""

    def __init__(self, address: str) -> None:
        self.name = f"embedded {address}"


class NamesServer(DnsServiceServicer):
    """`unread_total` says how many changes of points of presence were passed over (`Recording`), `unanswered_total` how many queries were
    left unanswered by a fault of ours (`server.DnsServer`)."""

    def __init__(
        self,
        state: ControlState,
        view: View,
        reconcilers: Sequence[Reconciler],
        embedded: Embedded | None,
        unread_total: Callable[[], int],
        unanswered_total: Callable[[], int],
    ) -> None:
        self._state = state
        self._view = view
        self._reconcilers = reconcilers
        self._embedded = embedded
        self._unread_total = unread_total
        self._unanswered_total = unanswered_total

    async def ListNames(self, request: pb.ListNamesRequest, context: Context) -> pb.ListNamesResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        domain = existing_domain(self._state.directory, tenant, request.label)
        steering = self._view.steering()
        names = []
        for pop in ("", *steering.bound):
            sets = host_sets(domain.label, pop, domain.nearest_pop, steering)
            names.append(
                pb.HostName(
                    name=bound_name(domain.label, pop, steering.realm) if pop else default_name(domain.label, steering.realm),
                    pop=pop,
                    state=self._view.states[pop] if pop else "",
                    record_sets=[_record_set(each) for each in sets],
                )
            )
        return pb.ListNamesResponse(names=names, position=self._state.replica.covered)

    async def GetPbxSettings(self, request: pb.GetPbxSettingsRequest, context: Context) -> pb.GetPbxSettingsResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        directory = self._state.directory
        domain = existing_domain(directory, tenant, request.label)
        steering = self._view.steering()
        if request.pop and request.pop not in steering.bound:
            why = f"There is no point of presence {request.pop[:32]!r}."
            raise not_found("POP_NOT_FOUND", "pop", why, f"There are: {', '.join(steering.bound)}.")
        acls = [acl for acl in (directory.acl(tenant, name) for name in domain.acls) if acl is not None]
        usernames = sorted({username for acl in acls for username in acl.accounts})
        pops = [steering.pops[request.pop]] if request.pop else list(steering.pops.values())
        names = Names(
            label=domain.label,
            host=bound_name(domain.label, request.pop, steering.realm) if request.pop else default_name(domain.label, steering.realm),
            realm=steering.realm,
            addresses=tuple(address for pop in pops for address in (*pop.a, *pop.aaaa)),
        )
        account = choose_account(usernames, request.username, domain.label)
        files, notes = pbx_settings(request.pbx, request.transport or "tls", names, account, domain.digest.algorithms)
        return pb.GetPbxSettingsResponse(
            files=[pb.PbxFile(name=name, content=content) for name, content in files], notes=notes, usernames=usernames[:USERNAMES_LIMIT]
        )

    async def GetDrift(self, request: pb.GetDriftRequest, context: Context) -> pb.GetDriftResponse:
        require(Role.OPERATOR)
        if request.compares:
            await asyncio.gather(*(_compared(reconciler) for reconciler in self._reconcilers))
        covered = self._state.replica.covered
        holders = [] if self._embedded is None else [pb.Holder(name=self._embedded.name, position=covered)]
        holders += [_holder(each.status) for each in self._reconcilers]
        return pb.GetDriftResponse(
            holders=holders,
            position=covered,
            unread_pop_changes_total=self._unread_total(),
            unanswered_queries_total=self._unanswered_total(),
        )

    async def WaitServed(self, request: pb.WaitServedRequest, context: Context) -> pb.WaitServedResponse:
        limit_s = timeout_s(request.timeout, WAIT_LIMIT_S) if request.HasField("timeout") else WAIT_DEFAULT_S
        position = Position(request.position)
        response = pb.WaitServedResponse()
        try:
            async with asyncio.timeout(limit_s):
                await self._state.replica.wait_covered(position, limit_s)
                await asyncio.gather(*(each.wait_served(position, limit_s) for each in self._reconcilers))
            response.is_served = True
            response.served_time.GetCurrentTime()
        except (TimeoutError, LogUnavailable):
            late = [each.status for each in self._reconcilers if each.status.position < position]
            response.problem = (
                "; ".join(each.problem or f"{each.name} is not written yet" for each in late) or "the replica is behind the log"
            )
        response.position = min([self._state.replica.covered, *(each.status.position for each in self._reconcilers)])
        return response


async def _compared(reconciler: Reconciler) -> None:
    try:
        await reconciler.compare(COMPARE_LIMIT_S)
    except TimeoutError:
        return  # what keeps it stands in its status


def _record_set(each: RecordSet) -> pb.RecordSet:
    return pb.RecordSet(name=each.name, type=each.type, ttl_s=each.ttl_s, records=[written(record) for record in each.records])


def _holder(status: Status) -> pb.Holder:
    holder = pb.Holder(
        name=status.name,
        position=status.position,
        problem=status.problem,
        drift=_drift(status.drift),
        drift_total=status.drift_total,
        mended_total=status.mended_total,
        failures_total=status.failures_total,
    )
    if status.compared is not None:
        holder.compared_time.FromDatetime(status.compared)
    return holder


def _drift(changes: Iterable[Change]) -> list[pb.Drift]:
    return [
        pb.Drift(name=each.key[0], type=each.key[1], kind=each.kind, held=_texts(each.held), wanted=_texts(each.wanted)) for each in changes
    ]


def _texts(held: Held | None) -> list[str]:
    return [] if held is None else sorted(held.records)
