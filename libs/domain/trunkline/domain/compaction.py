"""Which events of the log a replica has to keep: compaction at event granularity.

A replica that stores, for each fact in the order of the log, first `drops` removed and then the event put under `key` (replacing what
stood there), holds a set of events that gives the same `Directory` as the whole log when applied in order of (position, ordinal).

Two rules make that true. Every change of an aggregate leaves its latest event standing, so that the aggregate's version survives: removals
stand under one key an aggregate. And nothing that an event needs (a creation) is replaced by something that comes later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from trunkline.domain.events import (
    AccountAdded,
    AccountCredentialChanged,
    AccountRemoved,
    AclAttached,
    AclCreated,
    AclDeleted,
    AclDetached,
    AddressAdded,
    AddressRemoved,
    ApiKeyCreated,
    ApiKeyRevoked,
    BanExemptionApproved,
    CaptureSet,
    CarrierChanged,
    CarrierCreated,
    CarrierResumed,
    CarrierSuspended,
    ClaimReleased,
    ClaimTaken,
    ClassOfServiceSet,
    CredentialErased,
    CredentialSet,
    DeckActivated,
    DeckRowsAdded,
    DeckStarted,
    DigestPolicySet,
    DomainCreated,
    DomainDeleted,
    GatewayAdded,
    GatewayChanged,
    GatewayRemoved,
    IdentityPolicySet,
    Kind,
    LimitsSet,
    NearestPopSet,
    PopDrained,
    PopUndrained,
    TenantCreated,
    TenantResumed,
    TenantSuspended,
    WebhookSet,
)
from trunkline.domain.facts import Fact


@dataclass(frozen=True, slots=True)
class Compaction:
    """`key`: where the event stands among the retained ones, or None: it is not retained. `drops`: keys, or prefixes where they end in
    `/`, of retained events that are obsolete by it; dropped before the event is put under its key."""

    key: str | None
    drops: tuple[str, ...] = ()


def compaction(fact: Fact) -> Compaction:
    """Pure; looks at this fact only. A key never ends in `/`."""
    base = f"claim/{fact.aggregate}" if fact.kind is Kind.CLAIM else f"{fact.kind.value}/{fact.tenant}/{fact.aggregate}"
    match fact.event:
        case AddressAdded(cidr=cidr):
            return Compaction(f"{base}/address/{cidr}")
        case AccountAdded(username=username):
            return Compaction(f"{base}/account/{username}")
        case CredentialSet():
            return Compaction(f"{base}/set")
        case DeckRowsAdded(revision=revision):
            return Compaction(f"{base}/revision/{revision}/rows/{fact.position}")
        case AddressRemoved(cidr=cidr):
            return Compaction(f"{base}/removed", (f"{base}/address/{cidr}", f"{base}/exempt/{cidr}"))
        case BanExemptionApproved(cidr=cidr):
            return Compaction(f"{base}/exempt/{cidr}")
        case AccountCredentialChanged(username=username):
            return Compaction(f"{base}/account/{username}/credential")
        case AccountRemoved(username=username):
            return Compaction(f"{base}/removed", (f"{base}/account/{username}", f"{base}/account/{username}/"))
        case TenantCreated() | ApiKeyCreated() | AclCreated() | DomainCreated() | CarrierCreated():
            return Compaction(f"{base}/created")
        case ApiKeyRevoked() | AclDeleted() | DomainDeleted() | CredentialErased():
            return Compaction(None, (f"{base}/",))
        case AclAttached(acl=acl):
            return Compaction(f"{base}/acl/{acl}")
        case AclDetached(acl=acl):
            return Compaction(f"{base}/detached", (f"{base}/acl/{acl}",))
        case DigestPolicySet():
            return Compaction(f"{base}/digest")
        case ClassOfServiceSet():
            return Compaction(f"{base}/class")
        case LimitsSet():
            return Compaction(f"{base}/limits")
        case IdentityPolicySet():
            return Compaction(f"{base}/identity")
        case NearestPopSet():
            return Compaction(f"{base}/nearest")
        case WebhookSet():
            return Compaction(f"{base}/webhook")
        case CaptureSet():
            return Compaction(f"{base}/capture")
        case TenantSuspended() | TenantResumed() | CarrierSuspended() | CarrierResumed():
            return Compaction(f"{base}/suspended")
        case CarrierChanged():
            return Compaction(f"{base}/settings")
        case GatewayAdded(gateway=gateway) | GatewayChanged(gateway=gateway):
            # Either says all of it.
            return Compaction(f"{base}/gateway/{gateway}")
        case GatewayRemoved(gateway=gateway):
            return Compaction(f"{base}/removed", (f"{base}/gateway/{gateway}",))
        case DeckStarted(revision=revision):
            return Compaction(f"{base}/revision/{revision}/started", (f"{base}/revision/{revision}/",))
        case DeckActivated(revision=revision):
            # A revision is always the active one + 1, so only one can be behind it.
            return Compaction(f"{base}/active", (f"{base}/revision/{revision - 1}/",))
        case PopDrained() | PopUndrained():
            return Compaction(f"{base}/drained")
        case ClaimTaken():
            return Compaction(f"{base}/taken")
        case ClaimReleased():
            return Compaction(None, (f"{base}/",))
        case _:
            assert_never(fact.event)
