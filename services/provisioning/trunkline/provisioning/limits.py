"""The owner of the shares of limits, at home; and, in every region, what is in use of them.

Every provisioning service of home runs one; `trunkline.domain.limit_owner` says which of them is obeyed. It keeps nothing on disk: edges
know what they hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.class_of_service import NO_LIMITS, LimitKey
from trunkline.domain.class_of_service import Limits as Configured
from trunkline.domain.directory import Directory
from trunkline.domain.events import DomainLabel, TenantId
from trunkline.domain.limit_owner import Owner
from trunkline.domain.limit_shares import LEASE_S, Grant, Report, Use
from trunkline.provisioning.settings import PopSettings
from trunkline.runtime.limit_messages import GRANT, USE, grant_bytes, grant_of, report_of
from trunkline.runtime.logs import logger

LOOK_S: Final = 0.05
"""Between two looks at what is to be given to others."""

_log = logger("limits")


class LimitOwner:
    """`pops` are all edges, by which each limit is shared. `directory` gives the one that holds now. It grants nothing where not
    `is_home`."""

    def __init__(self, pops: tuple[PopSettings, ...], directory: Callable[[], Directory], *, is_home: bool) -> None:
        self._pops: Mapping[str, str] = {pop.edge: pop.name for pop in pops}
        self._directory = directory
        self._is_home = is_home
        self._owner = Owner(tuple(self._pops), self._configured, now_s=time.monotonic())
        self._reports: dict[str, tuple[float, Report]] = {}

    async def run(self, client: Client) -> None:
        """For ever."""

        async def on_use(message: Msg) -> None:
            try:
                report = report_of(message.data)
            except ValueError as error:
                _log.warning("a report cannot be read", subject=message.subject, why=str(error))
                return
            if message.subject != f"{USE}.{self._pops.get(report.edge)}":
                _log.warning("a report of an edge that is not there", subject=message.subject, edge=report.edge)
                return
            self._reports[report.edge] = time.monotonic(), report
            answer = self._owner.on_report(time.monotonic(), report) if self._is_home else None
            if answer is not None:
                await self._send(client, answer)

        async def on_grant(message: Msg) -> None:
            try:
                self._owner.on_other(time.monotonic(), grant_of(message.data).term)
            except ValueError as error:
                _log.warning("a grant cannot be read", subject=message.subject, why=str(error))

        await client.subscribe(f"{USE}.>", cb=on_use)
        if not self._is_home:
            await asyncio.Event().wait()
        await client.subscribe(f"{GRANT}.>", cb=on_grant)
        stood = False
        while True:
            stands = self._owner.stand_up(time.monotonic(), time.time_ns())
            if stands != stood:
                _log.info("owner of the limits' shares" if stands else "another owns the limits' shares", term=self._owner.term)
                stood = stands
            for grant in self._owner.changes(time.monotonic()):
                await self._send(client, grant)
            await asyncio.sleep(LOOK_S)

    def uses(self, tenant: TenantId) -> list[pb.LimitUse]:
        """The tenant's own limits and those of its domains, those that are configured, with what each edge uses of them."""
        directory = self._directory()
        owner = directory.tenants[tenant]
        found = [(LimitKey(tenant, ""), owner.limits), *((LimitKey(tenant, d.label), d.limits) for d in directory.domains(tenant).values())]
        return [self._shown(key, limits) for key, limits in found if limits != NO_LIMITS]

    def _shown(self, key: LimitKey, limits: Configured) -> pb.LimitUse:
        now_s = time.monotonic()
        edges = []
        for edge, pop in self._pops.items():
            heard_s, report = self._reports.get(edge, (None, None))
            is_heard = heard_s is not None and now_s < heard_s + LEASE_S
            use = next((use for use in report.uses if use.key == key), None) if report is not None and is_heard else None
            use = use or Use(key, 0, 0, 0, 0, 0, 0, 0)
            edges.append(
                pb.LimitUseAtEdge(
                    pop=pop,
                    edge=edge,
                    is_heard=is_heard,
                    calls=use.calls,
                    call_share=use.held_calls,
                    rate_milli=use.needed_rate,
                    rate_share_milli=use.held_rate,
                )
            )
        return pb.LimitUse(
            label=key.domain,
            max_calls=limits.max_calls,
            calls=sum(edge.calls for edge in edges),
            max_calls_per_second=limits.max_calls_per_second,
            rate_milli=sum(edge.rate_milli for edge in edges),
            edges=edges,
        )

    def _configured(self, key: LimitKey) -> Configured:
        directory = self._directory()
        if key.domain:
            domain = directory.domain(TenantId(key.tenant), DomainLabel(key.domain))
            return NO_LIMITS if domain is None else domain.limits
        tenant = directory.tenants.get(TenantId(key.tenant))
        return NO_LIMITS if tenant is None else tenant.limits

    async def _send(self, client: Client, grant: Grant) -> None:
        try:
            await client.publish(f"{GRANT}.{self._pops[grant.edge]}", grant_bytes(grant))
        except (nats.errors.Error, OSError) as error:
            _log.info("a grant was not sent", edge=grant.edge, why=f"{type(error).__name__}: {error}")
