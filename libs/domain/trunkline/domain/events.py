"""The events of the log, as values.

Each class mirrors the protobuf message of the same name in `protos/trunkline/api/events/v1/config.proto`, field by field; the codec in
`trunkline.eventlog.codec` relies on that. Fields are only ever added, with a default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

TenantId = NewType("TenantId", str)
AclName = NewType("AclName", str)
DomainLabel = NewType("DomainLabel", str)
Username = NewType("Username", str)
CredentialId = NewType("CredentialId", str)
CarrierId = NewType("CarrierId", str)
GatewayId = NewType("GatewayId", str)
PopName = NewType("PopName", str)
DeckId = NewType("DeckId", str)
Position = NewType("Position", int)
"""Sequence of a commit in the log, counted from 1; 0 is before the first."""

PLATFORM = TenantId("platform")
"""Owner of what belongs to the operator: carriers, route decks, points of presence."""


class Kind(StrEnum):
    """Kinds of aggregates; the second token of a commit's subject."""

    TENANT = "tenant"
    API_KEY = "apikey"
    ACL = "acl"
    DOMAIN = "domain"
    CREDENTIAL = "credential"
    CARRIER = "carrier"
    DECK = "deck"
    POP = "pop"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class TenantCreated:
    name: str = ""


@dataclass(frozen=True, slots=True)
class TenantSuspended:
    is_ending_calls: bool = False


@dataclass(frozen=True, slots=True)
class TenantResumed:
    pass


@dataclass(frozen=True, slots=True)
class WebhookSet:
    """Where the tenant's call records are sent to when they are whole; an empty `url`: nowhere. Another `generation`, another secret to
    sign them with; the secret itself stands nowhere in the log."""

    url: str = ""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """`scopes` empty: all that the tenant may. `expires_s` in seconds since 1970; 0: never."""

    key_hash: bytes = b""
    name: str = ""
    scopes: tuple[str, ...] = ()
    expires_s: int = 0


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    pass


@dataclass(frozen=True, slots=True)
class AclCreated:
    pass


@dataclass(frozen=True, slots=True)
class AclDeleted:
    pass


@dataclass(frozen=True, slots=True)
class AddressAdded:
    cidr: str = ""
    caller_id: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class AddressRemoved:
    cidr: str = ""


@dataclass(frozen=True, slots=True)
class BanExemptionApproved:
    """An operator holds who sends from this wide range for a customer: its ACL's domains hear banned addresses of it."""

    cidr: str = ""


@dataclass(frozen=True, slots=True)
class AccountAdded:
    username: str = ""
    credential_id: str = ""
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class AccountCredentialChanged:
    username: str = ""
    credential_id: str = ""


@dataclass(frozen=True, slots=True)
class AccountRemoved:
    username: str = ""


@dataclass(frozen=True, slots=True)
class DomainCreated:
    label: str = ""


@dataclass(frozen=True, slots=True)
class DomainDeleted:
    pass


@dataclass(frozen=True, slots=True)
class AclAttached:
    acl: str = ""


@dataclass(frozen=True, slots=True)
class AclDetached:
    acl: str = ""


@dataclass(frozen=True, slots=True)
class DigestPolicySet:
    algorithms: tuple[str, ...] = ()
    challenge_status: int = 407
    is_qop_optional: bool = False


@dataclass(frozen=True, slots=True)
class ClassOfServiceSet:
    """Of a domain, or of a tenant: bounds those of its domains. Fields as of `trunkline.domain.class_of_service.ClassOfService`."""

    allowed_prefixes: tuple[str, ...] = ()
    max_duration_s: int = 0
    countries: tuple[str, ...] = ()
    allows_premium: bool = False
    max_rate_micros: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """Of a domain, or of a tenant: over all its domains. 0: no limit."""

    max_calls: int = 0
    max_calls_per_second: int = 0


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """Who a domain's callers may be, and what they are shown: see `trunkline.domain.caller_ids` and `docs/identity.md`.

    `sources` are words of `CALLER_ID_SOURCES` in the order in which they are asked; none: the default order. `allowed_caller_ids` are E.164
    with `+`, or the beginning of some with `*` behind. `default_caller_id` is E.164 with `+` or empty. `hiding` is "default" or "on".
    """

    sources: tuple[str, ...] = ()
    allowed_caller_ids: tuple[str, ...] = ()
    default_caller_id: str = ""
    is_refusing: bool = False
    shows_callee: bool = False
    hiding: str = ""


@dataclass(frozen=True, slots=True)
class IdentityPolicySet:
    policy: IdentityPolicy = IdentityPolicy()


@dataclass(frozen=True, slots=True)
class NearestPopSet:
    """The point of presence that the domain's default name leads to first; empty: the home region's."""

    pop: str = ""


@dataclass(frozen=True, slots=True)
class CaptureSet:
    """SIP messages of so many in a hundred of the domain's calls that go well, until `until_s` (Unix time). `percent` 0: of none."""

    percent: int = 0
    until_s: int = 0


@dataclass(frozen=True, slots=True)
class CredentialSet:
    username: str = ""
    realm: str = ""
    key_id: str = ""
    sealed: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CredentialErased:
    pass


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """How a carrier is to be treated; `pdd_limit_s` is 1 to 120.

    Words are those of `trunkline.domain.number_formats` and `trunkline.domain.identity`; an empty one, of a log older than the field, is
    the first of its kind. `country_code` and the prefixes are digits: those of the format, else empty.
    """

    is_trusted: bool = False
    has_pai_on_ack: bool = True
    sends_pai_without_privacy: bool = False
    pdd_limit_s: int = 20
    number_format: str = ""
    country_code: str = ""
    international_prefix: str = ""
    national_prefix: str = ""
    pai_forms: str = ""
    from_form: str = ""
    hiding: str = ""
    takes_refer: bool = False


@dataclass(frozen=True, slots=True)
class CarrierCreated:
    settings: CarrierSettings = CarrierSettings()


@dataclass(frozen=True, slots=True)
class CarrierChanged:
    settings: CarrierSettings = CarrierSettings()


@dataclass(frozen=True, slots=True)
class CarrierSuspended:
    is_ending_calls: bool = False


@dataclass(frozen=True, slots=True)
class CarrierResumed:
    pass


@dataclass(frozen=True, slots=True)
class GatewayAdded:
    gateway: str = ""
    host: str = ""
    port: int = 5060
    transport: str = "udp"
    region: str = ""
    priority: int = 0
    weight: int = 1
    tls_name: str = ""
    takes_no_options: bool = False


@dataclass(frozen=True, slots=True)
class GatewayChanged:
    """All of it, as it is from now on; the name stays."""

    gateway: str = ""
    host: str = ""
    port: int = 5060
    transport: str = "udp"
    region: str = ""
    priority: int = 0
    weight: int = 1
    tls_name: str = ""
    takes_no_options: bool = False


@dataclass(frozen=True, slots=True)
class GatewayRemoved:
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class DeckStarted:
    revision: int = 0
    rows: int = 0
    currency: str = ""
    sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class DeckRow:
    """`trunkline.domain.rating.Rate` says what rate, increments and fee mean."""

    prefix: str = ""
    carrier: str = ""
    priority: int = 0
    weight: int = 1
    rate_micros: int = 0
    destination: str = ""
    initial_increment_s: int = 0
    next_increment_s: int = 0
    connection_fee_micros: int = 0


@dataclass(frozen=True, slots=True)
class DeckRowsAdded:
    revision: int = 0
    rows: tuple[DeckRow, ...] = ()


@dataclass(frozen=True, slots=True)
class DeckActivated:
    revision: int = 0


@dataclass(frozen=True, slots=True)
class PopDrained:
    """`since_s`: Unix time of the command."""

    since_s: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class PopUndrained:
    pass


@dataclass(frozen=True, slots=True)
class ClaimTaken:
    owner_tenant: str = ""
    owner_kind: str = ""
    owner_aggregate: str = ""


@dataclass(frozen=True, slots=True)
class ClaimReleased:
    pass


Event = (
    TenantCreated
    | TenantSuspended
    | TenantResumed
    | WebhookSet
    | ApiKeyCreated
    | ApiKeyRevoked
    | AclCreated
    | AclDeleted
    | AddressAdded
    | AddressRemoved
    | BanExemptionApproved
    | AccountAdded
    | AccountCredentialChanged
    | AccountRemoved
    | DomainCreated
    | DomainDeleted
    | AclAttached
    | AclDetached
    | DigestPolicySet
    | ClassOfServiceSet
    | LimitsSet
    | IdentityPolicySet
    | NearestPopSet
    | CaptureSet
    | CredentialSet
    | CredentialErased
    | CarrierCreated
    | CarrierChanged
    | CarrierSuspended
    | CarrierResumed
    | GatewayAdded
    | GatewayChanged
    | GatewayRemoved
    | DeckStarted
    | DeckRowsAdded
    | DeckActivated
    | PopDrained
    | PopUndrained
    | ClaimTaken
    | ClaimReleased
)


@dataclass(frozen=True, slots=True)
class Commit:
    """One message of the log: events of one aggregate that came to be together.

    `id` is a ULID and the same over every retry of one append. `version` counts the aggregate's commits from 1. `events` is never empty.
    `source` is the IP address that the actor asked from, empty where nobody did; `person` the account of the dashboard by which he did.
    """

    id: str
    kind: Kind
    tenant: TenantId
    aggregate: str
    version: int
    time: datetime
    actor: str
    events: tuple[Event, ...]
    request_id: str = ""
    request_hash: bytes = b""
    trace_parent: str = ""
    source: str = ""
    person: str = ""

    @property
    def subject(self) -> str:
        """Where the commit stands in the log; claims belong to no tenant."""
        return subject_of(self.kind, self.tenant, self.aggregate)


def subject_of(kind: Kind, tenant: TenantId, aggregate: str) -> str:
    """`config.<kind>.<tenant>.<aggregate>`; for claims `config.claim.<type>.<key>`, the aggregate being `<type>.<key>`."""
    if kind is Kind.CLAIM:
        return f"config.claim.{aggregate}"
    return f"config.{kind.value}.{tenant}.{aggregate}"
