"""What a `Directory` shows: frozen values, one a thing that is configured.

Mappings inside them are read-only windows on the directory's own tables: they show later changes too. Take a copy to keep one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.class_of_service import ANYTHING, DEFAULT_RULES, NO_LIMITS, ClassOfService, Limits, Rules
from trunkline.domain.events import (
    AclName,
    CarrierId,
    CarrierSettings,
    CredentialId,
    DeckId,
    DomainLabel,
    GatewayId,
    IdentityPolicy,
    PopName,
    TenantId,
    Username,
    WebhookSet,
)
from trunkline.domain.scopes import Grant

NO_POLICY: Final = IdentityPolicy()
NO_WEBHOOK: Final = WebhookSet()


@dataclass(frozen=True, slots=True)
class Tenant:
    """`service` bounds those of its domains, None: not at all. `limits` are over all its domains. `webhook`: where its records go."""

    id: TenantId
    name: str
    version: int
    is_suspended: bool = False
    service: ClassOfService | None = None
    limits: Limits = NO_LIMITS
    webhook: WebhookSet = NO_WEBHOOK


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`key_hash` is the SHA-256 of the key."""

    tenant: TenantId
    id: str
    name: str
    key_hash: bytes = field(repr=False)
    version: int
    scopes: frozenset[str] = frozenset()
    expires_s: int = 0

    @property
    def grant(self) -> Grant:
        return Grant(self.scopes, self.expires_s)


@dataclass(frozen=True, slots=True)
class Address:
    """`cidr` is canonical, `caller_id` E.164 with `+` or empty. `is_ban_exempt`: as an operator approved; narrow ranges need none."""

    cidr: str
    caller_id: str
    description: str
    is_ban_exempt: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    username: Username
    credential_id: CredentialId
    caller_id: str


@dataclass(frozen=True, slots=True)
class Acl:
    """In the order in which they were added."""

    tenant: TenantId
    name: AclName
    addresses: Mapping[str, Address]
    accounts: Mapping[Username, Account]
    version: int


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    """`algorithms`: most preferred first, never empty. `challenge_status`: 407 or 401."""

    algorithms: tuple[str, ...] = ("MD5",)
    challenge_status: int = 407
    is_qop_optional: bool = False


@dataclass(frozen=True, slots=True)
class Capture:
    """SIP messages of so many in a hundred calls that go well, until `until_s` (Unix time)."""

    percent: int = 0
    until_s: int = 0


NO_CAPTURE: Final = Capture()


@dataclass(frozen=True, slots=True)
class Domain:
    """`acls` in the order of attachment. `rules` are what its class of service and its limits say together with its tenant's. `nearest_pop`
    empty: the default name leads to the home region."""

    tenant: TenantId
    label: DomainLabel
    acls: tuple[AclName, ...]
    digest: DigestPolicy
    version: int
    identity: IdentityPolicy = NO_POLICY
    nearest_pop: str = ""
    service: ClassOfService = ANYTHING
    limits: Limits = NO_LIMITS
    rules: Rules = DEFAULT_RULES
    capture: Capture = NO_CAPTURE


@dataclass(frozen=True, slots=True)
class Credential:
    """`sealed` as in CredentialSet."""

    tenant: TenantId
    id: CredentialId
    username: Username
    realm: str
    key_id: str
    sealed: bytes = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """`host` is an IP literal. `key` (`<carrier>/<name>`) is what the engine and the records call it. `tls_name` is what its certificate
    must name, empty: `host`. `takes_no_options`: it is sent none."""

    carrier: CarrierId
    name: GatewayId
    key: str
    host: str
    port: int
    transport: str
    region: str
    priority: int
    weight: int
    tls_name: str = ""
    takes_no_options: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """`gateways` by priority, then name."""

    id: CarrierId
    settings: CarrierSettings
    gateways: tuple[Gateway, ...]
    version: int
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class PendingRevision:
    """A revision of a deck that is being filled: `received` of `rows` rows stand in the log."""

    revision: int
    rows: int
    received: int
    currency: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Deck:
    """`revision` is the active one, 0: none yet; `rows`, `currency`, `sha256` are the active one's. The rows are in `Directory.routes`."""

    id: DeckId
    revision: int
    rows: int
    currency: str
    sha256: bytes
    pending: PendingRevision | None
    version: int


@dataclass(frozen=True, slots=True)
class Drain:
    """A point of presence that is, or was, emptied by an operator. `since_s` is the Unix time of the command."""

    pop: PopName
    since_s: int
    note: str
    is_on: bool
    version: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds a name that is unique over all tenants."""

    owner_tenant: TenantId
    owner_kind: str
    owner_aggregate: str
