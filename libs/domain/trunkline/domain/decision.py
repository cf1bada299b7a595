"""What a command comes to: the events of one aggregate, and what must still be true when they are appended."""

from __future__ import annotations

from dataclasses import dataclass

from trunkline.domain.events import ClaimReleased, ClaimTaken, DomainLabel, Event, Kind, TenantId


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """A claim that is taken or released in the same atomic batch; `claim` is its aggregate, such as `label.acme`."""

    claim: str
    event: ClaimTaken | ClaimReleased


@dataclass(frozen=True, slots=True)
class Decision:
    """One commit of one aggregate.

    `events` may be empty: all is as asked already, nothing is to be written. `claims` go with the commit or not at all. `guards` is at most
    one subject filter that covers the aggregate's own subject too; nothing under it may have been appended after the position that the
    decision was made at. Where it is empty that holds for the aggregate's own subject. A decision with claims has no guards.
    """

    kind: Kind
    tenant: TenantId
    aggregate: str
    events: tuple[Event, ...]
    claims: tuple[ClaimChange, ...] = ()
    guards: tuple[str, ...] = ()


def label_claim(label: DomainLabel) -> str:
    """The claim that makes a label unique over all tenants."""
    return f"label.{label}"


def whole_tenant(tenant: TenantId) -> str:
    """The guard for what two aggregates of one tenant have to agree on."""
    return f"config.*.{tenant}.>"
