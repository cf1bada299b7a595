"""Who is calling: a service by its certificate, everybody else by `authorization: Bearer KEY`; both become a Principal.

The operator's key is compared by its SHA-256 with the settings; tenants' keys are looked up by hash in what the service has replicated.
Keys are 256 random bits, so a plain hash is enough. A service may say on whose behalf it acts.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from trunkline.domain.directory import Directory
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import TenantId
from trunkline.domain.scopes import Grant
from trunkline.runtime.tls import FACES, SERVICE_KINDS, Identity

AUTHORIZATION = "authorization"
ACTOR = "trunkline-actor"
"""Metadata of calls between services: who asked the calling service (`tenant:acme/key:k1`)."""
SOURCE = "trunkline-source"
"""Metadata of calls of services, of REST and of the dashboard: the IP address from which they were asked."""
PERSON = "trunkline-person"
"""Metadata of calls of the dashboard, and of services on behalf of it: the account by which somebody uses his API key."""
PERSON_FORM: Final = re.compile(r"[\x21-\x7e]{1,64}")
ACTOR_LIMIT = 128
"""Characters of an actor; it stands in every commit."""


ALL: Final = Grant()


class Role(StrEnum):
    OPERATOR = "operator"
    SERVICE = "service"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Principal:
    """`actor` is what commits name: `operator`, `service:auth-eu`, `tenant:acme/key:k1`. `tenant` is set for the role tenant only,
    `service` (`auth`, `edge`) for the role service only. `grant` bounds a tenant's key; `source` is the IP address asked from, or empty;
    `person` the account of the dashboard by which the key was used."""

    actor: str
    role: Role
    tenant: TenantId | None = None
    service: str = ""
    grant: Grant = ALL
    source: str = ""
    person: str = ""

    @property
    def key(self) -> str:
        """Id of a tenant's API key; empty for everybody else."""
        return self.actor.partition("/key:")[2] if self.role is Role.TENANT else ""


@dataclass(frozen=True, slots=True)
class TenantKey:
    """Whose API key a hash belongs to."""

    tenant: TenantId
    key: str
    grant: Grant = ALL


FindTenantKey = Callable[[bytes], TenantKey | None]
"""From the 32 bytes of the SHA-256 of a key to its owner; None for one that is unknown or revoked."""


class Unauthenticated(Exception):
    """No key, one that nobody has, or one that has ended. The text says what to send, never what was sent."""

    def __init__(self, text: str, reason: str = "NO_VALID_API_KEY") -> None:
        super().__init__(text)
        self.reason = reason


def nobody_notes(_: TenantKey) -> None:
    """Where the use of keys is not kept."""


def no_tenants(_: bytes) -> TenantKey | None:
    """For services that customers do not call."""
    return None


def tenant_keys_of(directory: Callable[[], Directory]) -> FindTenantKey:
    """Looks tenants' keys up in what the service has replicated, which is another object after a rebuild."""

    def find(key_hash: bytes) -> TenantKey | None:
        key = directory().api_key(key_hash)
        return TenantKey(key.tenant, key.id, key.grant) if key is not None else None

    return find


@dataclass(frozen=True, slots=True)
class Authenticator:
    """The hash is lower-case hexadecimal, as in the settings. `now` is in seconds since 1970. `on_use` is told of each request with a
    tenant's key that is good."""

    operator_key_hash: str
    find_tenant_key: FindTenantKey = no_tenants
    now: Callable[[], float] = time.time
    on_use: Callable[[TenantKey], None] = nobody_notes

    def authenticate(self, metadata: Sequence[tuple[str, str | bytes]], peer: Identity | None, address: str = "") -> Principal:
        """The caller of a request with this metadata over a connection with this certificate from this address. Raises Unauthenticated."""
        values = {key: value for key, value in metadata if isinstance(value, str)}
        if peer is not None and peer.kind in SERVICE_KINDS | FACES and values.get(SOURCE):
            address = _ip_address(values[SOURCE])
        person = _person(values, peer)
        if peer is not None and peer.kind in SERVICE_KINDS:
            return Principal(_service_actor(values, peer), Role.SERVICE, service=peer.kind, source=address, person=person)
        scheme, _, key = values.get(AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated("no API key: send the metadata 'authorization: Bearer KEY'")
        hashed = hashlib.sha256(key.encode()).digest()
        if hmac.compare_digest(hashed.hex(), self.operator_key_hash):
            return Principal("operator", Role.OPERATOR, source=address, person=person)
        found = self.find_tenant_key(hashed)
        if found is None:
            raise Unauthenticated("the API key is unknown or revoked: make a new one, or check that it was copied whole")
        if found.grant.is_over(self.now()):
            ended = datetime.fromtimestamp(found.grant.expires_s, UTC)
            raise Unauthenticated(f"the API key {found.key} ended at {ended:%Y-%m-%d %H:%M:%S} UTC: make a new one", "API_KEY_EXPIRED")
        self.on_use(found)
        actor = f"tenant:{found.tenant}/key:{found.key}"
        return Principal(actor, Role.TENANT, found.tenant, grant=found.grant, source=address, person=person)


def _ip_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise Unauthenticated(f"the metadata '{SOURCE}' is an IP address") from None


def _person(values: dict[str, str], peer: Identity | None) -> str:
    """Of a request that the dashboard makes, or a service that it has asked: nobody else knows who is logged in."""
    person = values.get(PERSON, "")
    if not person or peer is None or peer.kind not in SERVICE_KINDS | {"dashboard"}:
        return ""
    if not PERSON_FORM.fullmatch(person):
        raise Unauthenticated(f"the metadata '{PERSON}' is at most 64 printable characters without blanks")
    return person


def _service_actor(values: dict[str, str], peer: Identity) -> str:
    actor = values.get(ACTOR) or f"service:{peer.process}"
    if len(actor) > ACTOR_LIMIT or not re.fullmatch(r"[\x21-\x7e]+", actor):
        raise Unauthenticated(f"the metadata '{ACTOR}' is at most {ACTOR_LIMIT} printable characters without blanks")
    return actor


_current: ContextVar[Principal] = ContextVar("trunkline_principal")


def enter(principal: Principal) -> None:
    """Makes `principal` the caller of what runs in this task from here on; the gRPC server does it for each request."""
    _current.set(principal)


def current() -> Principal:
    """The caller of the request that this task serves. LookupError outside of one, which is a bug."""
    return _current.get()


def require(*roles: Role) -> Principal:
    """The caller, who must have one of the roles. Raises Refusal (PERMISSION_DENIED)."""
    principal = current()
    if principal.role not in roles:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            "ROLE_NOT_ALLOWED",
            f"this is not for a {principal.role.value}",
            remedy=f"use a key of: {', '.join(role.value for role in roles)}",
        )
    return principal


def require_service(*kinds: str) -> Principal:
    """The caller, who must be a service of one of the kinds, by its certificate. Raises Refusal (PERMISSION_DENIED)."""
    principal = current()
    if principal.role is not Role.SERVICE or principal.service not in kinds:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            "SERVICE_NOT_ALLOWED",
            f"this is not for {principal.service or principal.role.value}",
            remedy=f"only these services may ask: {', '.join(kinds)}",
        )
    return principal


def tenant_for(requested: str) -> TenantId:
    """Whose data a request may touch: a customer's own, whatever an operator or a service names. Raises Refusal.

    A customer may leave the field empty; another tenant's name is PERMISSION_DENIED whether it exists or not.
    """
    principal = current()
    if principal.tenant is None:
        if not requested:
            raise Refusal(ErrorCode.INVALID_ARGUMENT, "TENANT_MISSING", "which tenant?", field="tenant", remedy="name the tenant")
        return TenantId(requested)
    if requested and requested != principal.tenant:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            "OTHER_TENANT",
            "the API key belongs to another tenant",
            field="tenant",
            remedy="leave the tenant out, or use a key of that tenant",
        )
    return principal.tenant
