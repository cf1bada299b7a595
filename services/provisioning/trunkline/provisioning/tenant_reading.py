"""`ReadTenant`: all that a tenant has, or had at a position of the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.decide_access import existing_tenant
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, invalid, not_found
from trunkline.domain.events import Position, TenantId
from trunkline.domain.views import Account, Address
from trunkline.provisioning.pasts import Pasts
from trunkline.provisioning.rendering import acl_message, domain_message, tenant_message
from trunkline.runtime.control import ControlState

PART_ENTRIES: Final = 5_000
"""Of an ACL in one answer: with descriptions some hundred bytes each."""


class TenantReader:
    """`pops` are all points of presence."""

    def __init__(self, state: ControlState, pasts: Pasts, realm: str, pops: Sequence[str]) -> None:
        self._state = state
        self._pasts = pasts
        self._realm = realm
        self._pops = tuple(pops)

    async def read(self, tenant: TenantId, request: pb.ReadTenantRequest) -> AsyncGenerator[pb.ReadTenantResponse]:
        """Raises Refusal, LogUnavailable."""
        await self._state.catch_up()
        covered = self._state.replica.covered
        position = await self._position(request, covered)
        moment = await self._pasts.at(tenant, position, covered)
        # As it is at this moment: what is read while answers are taken is not to change under them.
        directory = moment.directory.apart(tenant)
        try:
            existing_tenant(directory, tenant)
        except Refusal as refusal:
            raise not_found(
                refusal.reason, refusal.field, f"At position {position}: {refusal.message}", "Ask for a later position."
            ) from None
        time = Timestamp()
        time.FromDatetime(await self._pasts.time_of(position))
        yield pb.ReadTenantResponse(position=position, position_time=time, tenant=tenant_message(directory.tenants[tenant]))
        for part in parts_of(directory, tenant, self._realm, self._pops):
            part.position = position
            part.position_time.CopyFrom(time)
            yield part

    async def _position(self, request: pb.ReadTenantRequest, covered: Position) -> Position:
        match request.WhichOneof("at"):
            case None:
                return covered
            case "at_time":
                return await self._pasts.position_at(request.at_time.ToDatetime(UTC), covered)
            case _:
                if request.at_position < 1:
                    raise invalid("POSITION_INVALID", "at_position", "Positions of the log count from 1.")
                return Position(request.at_position)


def parts_of(directory: Directory, tenant: TenantId, realm: str, pops: Sequence[str]) -> Iterator[pb.ReadTenantResponse]:
    """ACLs with their entries, PART_ENTRIES at a time, then domains; without a position."""
    for acl in directory.acls(tenant).values():
        entries = [*acl.addresses.values(), *acl.accounts.values()]
        for start in range(0, max(len(entries), 1), PART_ENTRIES):
            part = entries[start : start + PART_ENTRIES]
            addresses = {each.cidr: each for each in part if isinstance(each, Address)}
            accounts = {each.username: each for each in part if isinstance(each, Account)}
            yield pb.ReadTenantResponse(acl=acl_message(directory, replace(acl, addresses=addresses, accounts=accounts)))
    for domain in directory.domains(tenant).values():
        yield pb.ReadTenantResponse(domain=domain_message(directory, domain, realm, pops))
