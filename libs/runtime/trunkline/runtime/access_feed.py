"""From facts of the log to the engine's tables: one translation for the edge, for `Authorize` and for explain.

The feed keeps what a later fact may need: whose secret an account uses (credential and account are aggregates of their own, so either may
come first), which gateways a carrier has; how a domain is set up it asks a directory. Secrets are kept sealed; what is unsealed goes into
the change only.

Which order the facts of different aggregates come in makes no difference to the tables in the end; facts of one aggregate come in theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from trunkline.domain.directory import Directory
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
    LimitsSet,
    NearestPopSet,
    PopDrained,
    PopUndrained,
    TenantCreated,
    TenantId,
    TenantResumed,
    TenantSuspended,
    WebhookSet,
)
from trunkline.domain.facts import Fact
from trunkline.domain.host_names import host_names
from trunkline.domain.views import Domain
from trunkline.engine.tables import (
    ExemptAddress,
    RemoveAccount,
    RemoveAcl,
    RemoveAddress,
    RemoveDomain,
    RemoveGateway,
    SetAccount,
    SetAddress,
    SetDomain,
    SetGateway,
    TableChange,
)

Secrets = tuple[bytes, bytes, bytes]
"""HA1s of MD5, SHA-256 and SHA-512-256, raw: 16, 32 and 32 bytes."""

Unseal = Callable[[TenantId, str, CredentialSet], Secrets | None]
"""From tenant, credential id and the sealed credential to its HA1s; None where the key is missing or does not fit."""

NO_SECRETS: Secrets = (b"", b"", b"")
"""The account exists, and nobody can authenticate as it."""


FindDomain = Callable[[str, str], Domain | None]
"""From tenant and label to the domain as it is: `Directory.find_domain`."""


def acl_key(tenant: str, acl: str) -> str:
    """How the engine's tables name an ACL."""
    return f"{tenant}/{acl}"


def gateway_key(carrier: str, gateway: str) -> str:
    """How the engine's tables name a gateway; its name alone is unique within its carrier only."""
    return f"{carrier}/{gateway}"


@dataclass(slots=True)
class _Account:
    credential_id: str
    caller_id: str


@dataclass(slots=True)
class _Carrier:
    is_trusted: bool = False
    gateways: dict[str, GatewayAdded | GatewayChanged] = field(default_factory=dict)


class AccessFeed:
    """Folds facts into table changes; apply what it answers in the order it answers.

    `pop_names` are the POPs whose bound names are served here: an edge its own, `Authorize` all of them. `unseal` is asked each time a
    secret is needed, so keys may come later: say `keys_changed`. `find_domain` is of a directory that is told each fact before this;
    without one the feed keeps its own.
    """

    def __init__(self, realm: str, pop_names: Iterable[str], unseal: Unseal, find_domain: FindDomain | None = None) -> None:
        self._realm = realm
        self._pop_names = tuple(pop_names)
        self._unseal = unseal
        self._own = Directory(is_for_calls=True) if find_domain is None else None
        self._find_domain = find_domain or cast(Directory, self._own).find_domain
        self._accounts: dict[str, dict[str, _Account]] = {}
        self._users: dict[tuple[TenantId, str], dict[tuple[str, str], None]] = {}
        """Credential → accounts that name it, as (ACL key, username)."""
        self._credentials: dict[tuple[TenantId, str], CredentialSet] = {}
        self._carriers: dict[str, _Carrier] = {}

    def host_names(self, label: str) -> tuple[str, ...]:
        """Every name that a domain is dialled by here."""
        return host_names(label, self._pop_names, self._realm)

    def changes(self, fact: Fact) -> list[TableChange]:
        """What a fact does to the tables; empty for facts that are not about access."""
        event, tenant = fact.event, fact.tenant
        match event:
            case AddressAdded():
                return [SetAddress(acl_key(tenant, fact.aggregate), event.cidr, event.caller_id)]
            case AddressRemoved():
                return [RemoveAddress(acl_key(tenant, fact.aggregate), event.cidr)]
            case BanExemptionApproved():
                return [ExemptAddress(acl_key(tenant, fact.aggregate), event.cidr)]
            case AccountAdded():
                return self._account_added(tenant, acl_key(tenant, fact.aggregate), event)
            case AccountCredentialChanged():
                return self._account_credential_changed(tenant, acl_key(tenant, fact.aggregate), event)
            case AccountRemoved():
                return self._account_removed(tenant, acl_key(tenant, fact.aggregate), event.username)
            case AclDeleted():
                return self._acl_deleted(tenant, acl_key(tenant, fact.aggregate))
            case DomainCreated() | DomainDeleted() | AclAttached() | AclDetached() | DigestPolicySet() | CaptureSet():
                if self._own is not None:
                    self._own.apply(fact)
                return self.domain(tenant, fact.aggregate)
            case CredentialSet():
                self._credentials[tenant, fact.aggregate] = event
                return self._accounts_of(tenant, fact.aggregate)
            case CredentialErased():
                self._credentials.pop((tenant, fact.aggregate), None)
                return self._accounts_of(tenant, fact.aggregate)
            case CarrierCreated() | CarrierChanged() | GatewayAdded() | GatewayChanged() | GatewayRemoved():
                return self._carrier_changed(fact.aggregate, event)
            case (
                TenantCreated()
                | TenantSuspended()
                | TenantResumed()
                | WebhookSet()
                | CarrierSuspended()
                | CarrierResumed()
                | ApiKeyCreated()
                | ApiKeyRevoked()
                | AclCreated()
                | ClassOfServiceSet()
                | LimitsSet()
                | IdentityPolicySet()
                | NearestPopSet()
                | DeckStarted()
                | DeckRowsAdded()
                | DeckActivated()
                | PopDrained()
                | PopUndrained()
                | ClaimTaken()
                | ClaimReleased()
            ):
                return []

    def domain(self, tenant: TenantId, label: str) -> list[TableChange]:
        """The domain as it is now, or that it is not there any more; one change a name."""
        names = self.host_names(label)
        domain = self._find_domain(tenant, label)
        if domain is None:
            return [RemoveDomain(name) for name in names]
        acls, digest, capture = tuple([acl_key(tenant, acl) for acl in domain.acls]), domain.digest, domain.capture
        settings = digest.algorithms, digest.challenge_status, digest.is_qop_optional, capture.percent, capture.until_s
        return [SetDomain(name, tenant, label, acls, *settings) for name in names]

    def keys_changed(self, *tenants: str) -> list[TableChange]:
        """After data keys of these tenants came or went: their accounts again. One pass over all accounts, however many tenants."""
        owners = frozenset(tenants)
        return [change for (of, credential_id) in self._users if of in owners for change in self._accounts_of(of, credential_id)]

    def _account_added(self, tenant: TenantId, acl: str, event: AccountAdded) -> list[TableChange]:
        self._forget_account(tenant, acl, event.username)
        self._accounts.setdefault(acl, {})[event.username] = _Account(event.credential_id, event.caller_id)
        self._users.setdefault((tenant, event.credential_id), {})[acl, event.username] = None
        return [self._set_account(tenant, acl, event.username)]

    def _account_credential_changed(self, tenant: TenantId, acl: str, event: AccountCredentialChanged) -> list[TableChange]:
        caller_id = self._accounts[acl][event.username].caller_id
        return self._account_added(tenant, acl, AccountAdded(event.username, event.credential_id, caller_id))

    def _account_removed(self, tenant: TenantId, acl: str, username: str) -> list[TableChange]:
        self._forget_account(tenant, acl, username)
        return [RemoveAccount(acl, username)]

    def _forget_account(self, tenant: TenantId, acl: str, username: str) -> None:
        accounts = self._accounts.get(acl, {})
        account = accounts.pop(username, None)
        if account is None:
            return
        if not accounts:
            del self._accounts[acl]
        users = self._users[tenant, account.credential_id]
        del users[acl, username]
        if not users:
            del self._users[tenant, account.credential_id]

    def _acl_deleted(self, tenant: TenantId, acl: str) -> list[TableChange]:
        for username in list(self._accounts.get(acl, ())):
            self._forget_account(tenant, acl, username)
        return [RemoveAcl(acl)]

    def _accounts_of(self, tenant: TenantId, credential_id: str) -> list[TableChange]:
        return [self._set_account(tenant, acl, username) for acl, username in self._users.get((tenant, credential_id), ())]

    def _set_account(self, tenant: TenantId, acl: str, username: str) -> SetAccount:
        account = self._accounts[acl][username]
        md5, sha256, sha512_256 = self._secrets(tenant, account.credential_id, username)
        return SetAccount(acl, username, md5, sha256, sha512_256, account.caller_id)

    def _secrets(self, tenant: TenantId, credential_id: str, username: str) -> Secrets:
        credential = self._credentials.get((tenant, credential_id))
        # an HA1 holds user and realm: one made for others admits nobody, so it is not readable for this account
        if credential is None or credential.username != username or credential.realm != self._realm:
            return NO_SECRETS
        return self._unseal(tenant, credential_id, credential) or NO_SECRETS

    def _carrier_changed(
        self, name: str, event: CarrierCreated | CarrierChanged | GatewayAdded | GatewayChanged | GatewayRemoved
    ) -> list[TableChange]:
        carrier = self._carriers.setdefault(name, _Carrier())
        match event:
            case CarrierCreated() | CarrierChanged():
                carrier.is_trusted = event.settings.is_trusted
                return [_set_gateway(name, carrier, gateway) for gateway in carrier.gateways.values()]
            case GatewayAdded() | GatewayChanged():
                carrier.gateways[event.gateway] = event
                return [_set_gateway(name, carrier, event)]
            case GatewayRemoved():
                carrier.gateways.pop(event.gateway, None)
                return [RemoveGateway(gateway_key(name, event.gateway))]


def _set_gateway(name: str, carrier: _Carrier, gateway: GatewayAdded | GatewayChanged) -> SetGateway:
    key = gateway_key(name, gateway.gateway)
    return SetGateway(key, name, gateway.host, gateway.port, gateway.transport, carrier.is_trusted, gateway.tls_name)
