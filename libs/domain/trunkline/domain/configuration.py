"""What is configured, as far as a decision about a call asks for it: a `Directory`, or one with changes that nobody has made yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trunkline.domain.events import CarrierId, TenantId
from trunkline.domain.route_table import RouteTable
from trunkline.domain.views import Carrier, Domain, Tenant


class Configuration(Protocol):
    """The fields are those of `Directory`."""

    @property
    def tenants(self) -> Mapping[TenantId, Tenant]: ...

    @property
    def carriers(self) -> Mapping[CarrierId, Carrier]: ...

    @property
    def routes(self) -> RouteTable: ...

    @property
    def carriers_version(self) -> int: ...

    def find_domain(self, tenant: str, label: str) -> Domain | None: ...
