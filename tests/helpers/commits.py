"""Commits for tests of the log."""

from __future__ import annotations

from datetime import UTC, datetime

from trunkline.domain.events import AclCreated, AddressAdded, ClaimTaken, Commit, Event, Kind, Position, TenantId
from trunkline.eventlog.log import Expect
from trunkline.eventlog.ulid import new_ulid

TIME = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


def commit(
    aggregate: str,
    *events: Event,
    kind: Kind = Kind.ACL,
    tenant: str = "acme",
    version: int = 1,
    request_id: str = "",
    id: str = "",
    source: str = "",
) -> Commit:
    """One with AclCreated where no events are given."""
    return Commit(
        id=id or new_ulid(),
        kind=kind,
        tenant=TenantId(tenant),
        aggregate=aggregate,
        version=version,
        time=TIME,
        actor="operator",
        events=events or (AclCreated(),),
        request_id=request_id,
        source=source,
    )


def address(number: int) -> AddressAdded:
    return AddressAdded(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/32", "", f"entry {number}")


def claim(key: str, tenant: str) -> Commit:
    return commit(f"label.{key}", ClaimTaken(tenant, "domain", key), kind=Kind.CLAIM, tenant=tenant)


def at(commit_: Commit, position: int) -> Expect:
    """The commit's own subject stands at `position`."""
    return Expect(commit_.subject, Position(position))
