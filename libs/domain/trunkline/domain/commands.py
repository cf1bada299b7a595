"""What can be asked of the platform's state: one value a command. `trunkline.domain.decide.decide` turns one into events or refuses it.

Fields are as the caller wrote them; `decide` checks and brings them into canonical form. Operators' commands stand under the tenant
`platform`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Final

from trunkline.domain.events import PLATFORM, CarrierSettings, DeckRow, IdentityPolicy, TenantId

_VARIES: Final = {"varies": True}
"""Marks a field that differs when the same request is made again, or is a secret: no part of a fingerprint."""


@dataclass(frozen=True, slots=True)
class CreateTenant:
    tenant: TenantId
    name: str = ""


@dataclass(frozen=True, slots=True)
class SuspendTenant:
    """Refuses its new calls; `is_ending_calls`: ends those in progress too."""

    tenant: TenantId
    is_ending_calls: bool = False


@dataclass(frozen=True, slots=True)
class ResumeTenant:
    tenant: TenantId


@dataclass(frozen=True, slots=True)
class SetWebhook:
    """An empty `url`: records are sent nowhere. `is_new_secret`: they are signed with another one from now on."""

    tenant: TenantId
    url: str
    is_new_secret: bool = False


@dataclass(frozen=True, slots=True)
class CreateApiKey:
    """`api_key` is the id, `key_hash` the SHA-256 (32 bytes) of the key. `expires_s`, in seconds since 1970: 0 for never."""

    tenant: TenantId
    api_key: str
    key_hash: bytes = field(repr=False)
    name: str = ""
    scopes: tuple[str, ...] = ()
    expires_s: int = 0
    now_s: int = field(default=0, metadata=_VARIES)


@dataclass(frozen=True, slots=True)
class RevokeApiKey:
    tenant: TenantId
    api_key: str


@dataclass(frozen=True, slots=True)
class CreateAcl:
    tenant: TenantId
    acl: str


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    tenant: TenantId
    acl: str


@dataclass(frozen=True, slots=True)
class AddAddress:
    tenant: TenantId
    acl: str
    address: str
    caller_id: str = ""
    description: str = ""
    allow_everyone: bool = False


@dataclass(frozen=True, slots=True)
class ApproveBanExemption:
    """Of a listed range wider than /16 (IPv6: /32); operators only."""

    tenant: TenantId
    acl: str
    address: str


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    tenant: TenantId
    acl: str
    address: str


@dataclass(frozen=True, slots=True)
class AddAccount:
    """The credential must stand in the log already."""

    tenant: TenantId
    acl: str
    username: str
    credential_id: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class ChangeAccountCredential:
    tenant: TenantId
    acl: str
    username: str
    credential_id: str


@dataclass(frozen=True, slots=True)
class RemoveAccount:
    tenant: TenantId
    acl: str
    username: str


@dataclass(frozen=True, slots=True)
class CreateDomain:
    tenant: TenantId
    label: str


@dataclass(frozen=True, slots=True)
class DeleteDomain:
    tenant: TenantId
    label: str


@dataclass(frozen=True, slots=True)
class AttachAcl:
    tenant: TenantId
    label: str
    acl: str


@dataclass(frozen=True, slots=True)
class DetachAcl:
    tenant: TenantId
    label: str
    acl: str


@dataclass(frozen=True, slots=True)
class SetDigestPolicy:
    """`challenge_status` 0 means 407."""

    tenant: TenantId
    label: str
    algorithms: tuple[str, ...]
    challenge_status: int = 0
    is_qop_optional: bool = False


@dataclass(frozen=True, slots=True)
class SetClassOfService:
    """Of a domain, or with an empty `label` of the tenant. `countries` and `allowed_prefixes` are all of them; of the rest None is as it
    was and 0 none of it."""

    tenant: TenantId
    label: str
    allowed_prefixes: tuple[str, ...]
    max_duration_s: int | None = None
    countries: tuple[str, ...] = ()
    allows_premium: bool | None = None
    max_rate_micros: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Of a domain, or with an empty `label` of the tenant. None: as it was; 0: no limit."""

    tenant: TenantId
    label: str
    max_calls: int | None = None
    max_calls_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class SetIdentityPolicy:
    """All of it: what is left out is as without a policy."""

    tenant: TenantId
    label: str
    policy: IdentityPolicy


@dataclass(frozen=True, slots=True)
class SetNearestPop:
    """`pops` are all points of presence; an empty `pop` takes the setting away."""

    tenant: TenantId
    label: str
    pop: str
    pops: tuple[str, ...] = field(metadata=_VARIES)


@dataclass(frozen=True, slots=True)
class SetCapture:
    """`percent` 0 to 100, of calls that go well; `until_s` is Unix time, at most `MAX_CAPTURE_S` away."""

    tenant: TenantId
    label: str
    percent: int
    until_s: int = 0
    now_s: int = field(default=0, metadata=_VARIES)


@dataclass(frozen=True, slots=True)
class SetCredential:
    """Replaces the credential of that id, if there is one of the same user and realm."""

    tenant: TenantId
    credential_id: str
    username: str
    realm: str
    key_id: str = field(metadata=_VARIES)
    sealed: bytes = field(repr=False, metadata=_VARIES)


@dataclass(frozen=True, slots=True)
class EraseCredential:
    tenant: TenantId
    credential_id: str


@dataclass(frozen=True, slots=True)
class CreateCarrier:
    carrier: str
    settings: CarrierSettings
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class ChangeCarrier:
    carrier: str
    settings: CarrierSettings
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class SuspendCarrier:
    """Gives it no new calls; `is_ending_calls`: ends those in progress too."""

    carrier: str
    is_ending_calls: bool = False
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class ResumeCarrier:
    carrier: str
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class AddGateway:
    """`port` 0 means 5060, for TLS 5061, an empty `transport` udp, `weight` 0: only when no other of its priority is left. `tls_name` is
    what its certificate must name, empty: `host`. `takes_no_options`: it is sent none, and known from its calls alone."""

    carrier: str
    gateway: str
    host: str
    region: str
    port: int = 0
    transport: str = ""
    priority: int = 0
    weight: int = 1
    tls_name: str = ""
    takes_no_options: bool = False
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class ChangeGateway:
    """None: as it was. `port` 0 is the transport's own; `tls_name` goes where it is no longer spoken to by TLS."""

    carrier: str
    gateway: str
    host: str | None = None
    port: int | None = None
    transport: str | None = None
    region: str | None = None
    priority: int | None = None
    weight: int | None = None
    tls_name: str | None = None
    takes_no_options: bool | None = None
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class RemoveGateway:
    carrier: str
    gateway: str
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class StartDeck:
    """Opens the revision after the active one, or opens it anew. `rows` is how many will follow, `sha256` names the file they come from."""

    deck: str
    currency: str
    rows: int
    sha256: bytes
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class AddDeckRows:
    """Rows `offset` and following (from 0) of the file, at most `MAX_ROWS_PER_COMMIT`. Refused with CONFLICT where another import came
    between."""

    deck: str
    revision: int
    sha256: bytes
    offset: int
    rows: tuple[DeckRow, ...]
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class ActivateDeck:
    deck: str
    revision: int
    sha256: bytes
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class DrainPop:
    """`pops` are all points of presence, `dead` those of them that seem to be down: the last one in service cannot be drained. `now_s` is
    Unix time."""

    pop: str
    pops: tuple[str, ...] = field(metadata=_VARIES)
    note: str = ""
    now_s: int = field(default=0, metadata=_VARIES)
    dead: tuple[str, ...] = field(default=(), metadata=_VARIES)
    tenant: TenantId = PLATFORM


@dataclass(frozen=True, slots=True)
class UndrainPop:
    pop: str
    pops: tuple[str, ...] = field(metadata=_VARIES)
    tenant: TenantId = PLATFORM


Command = (
    CreateTenant
    | SuspendTenant
    | ResumeTenant
    | SetWebhook
    | CreateApiKey
    | RevokeApiKey
    | CreateAcl
    | DeleteAcl
    | AddAddress
    | RemoveAddress
    | ApproveBanExemption
    | AddAccount
    | ChangeAccountCredential
    | RemoveAccount
    | CreateDomain
    | DeleteDomain
    | AttachAcl
    | DetachAcl
    | SetDigestPolicy
    | SetClassOfService
    | SetLimits
    | SetIdentityPolicy
    | SetNearestPop
    | SetCapture
    | SetCredential
    | EraseCredential
    | CreateCarrier
    | ChangeCarrier
    | SuspendCarrier
    | ResumeCarrier
    | AddGateway
    | ChangeGateway
    | RemoveGateway
    | StartDeck
    | AddDeckRows
    | ActivateDeck
    | DrainPop
    | UndrainPop
)


def fingerprint(command: Command) -> bytes:
    """SHA-256 over the command's name and fields, without secrets and what varies: tells a repeated request from a re-used request id."""
    digest = hashlib.sha256(type(command).__name__.encode())
    for each in fields(command):
        if not each.metadata.get("varies"):
            digest.update(f"\0{each.name}={getattr(command, each.name)!r}".encode())
    return digest.digest()
