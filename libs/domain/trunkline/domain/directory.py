"""Everything that is configured, in memory: the fold of the log that every service holds.

`apply` is the only way it changes; live commits and a reload from a replica's retained events take the same path. One entry changes in
constant time whatever the size of its ACL. One thread writes; others may look single entries up meanwhile, but not iterate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, assert_never, cast

from trunkline.domain.carrier_fold import CarrierEvent, carrier_after
from trunkline.domain.class_of_service import ANYTHING, DEFAULT_RULES, NO_LIMITS, ClassOfService, LimitKey, Limits, rules_of
from trunkline.domain.errors import HistoryError
from trunkline.domain.event_kinds import NOT_FOR_CALLS
from trunkline.domain.events import (
    AccountAdded,
    AccountCredentialChanged,
    AccountRemoved,
    AclAttached,
    AclCreated,
    AclDeleted,
    AclDetached,
    AclName,
    AddressAdded,
    AddressRemoved,
    ApiKeyCreated,
    ApiKeyRevoked,
    BanExemptionApproved,
    CaptureSet,
    CarrierChanged,
    CarrierCreated,
    CarrierId,
    CarrierResumed,
    CarrierSuspended,
    ClaimReleased,
    ClaimTaken,
    ClassOfServiceSet,
    CredentialErased,
    CredentialId,
    CredentialSet,
    DeckActivated,
    DeckId,
    DeckRowsAdded,
    DeckStarted,
    DigestPolicySet,
    DomainCreated,
    DomainDeleted,
    DomainLabel,
    GatewayAdded,
    GatewayChanged,
    GatewayRemoved,
    IdentityPolicySet,
    Kind,
    LimitsSet,
    NearestPopSet,
    PopDrained,
    PopName,
    PopUndrained,
    TenantCreated,
    TenantId,
    TenantResumed,
    TenantSuspended,
    Username,
    WebhookSet,
)
from trunkline.domain.facts import Fact
from trunkline.domain.route_table import RouteTable
from trunkline.domain.views import (
    Account,
    Acl,
    Address,
    ApiKey,
    Capture,
    Carrier,
    Claim,
    Credential,
    Deck,
    DigestPolicy,
    Domain,
    Drain,
    PendingRevision,
    Tenant,
)

__all__ = ["Directory"]

_DomainEvent = (
    DomainCreated
    | DomainDeleted
    | AclAttached
    | AclDetached
    | DigestPolicySet
    | ClassOfServiceSet
    | LimitsSet
    | IdentityPolicySet
    | NearestPopSet
    | CaptureSet
)
_TenantEvent = TenantSuspended | TenantResumed | ClassOfServiceSet | LimitsSet | WebhookSet


_FIRST_DIGEST: Final = DigestPolicy()

_SHARED: Final = frozenset({"carriers", "decks", "drains", "claims", "routes", "carriers_version"})


class Directory:
    """Views by their keys. `claims` are keyed by the claim's aggregate, such as `label.acme`.

    `is_for_calls`: it only decides calls that were admitted already: there are no ACLs in it (a domain says which it has, and
    `domains_with` answers nothing), no credentials and no claims.
    """

    def __init__(self, *, is_for_calls: bool = False) -> None:
        self._is_for_calls = is_for_calls
        self._tenants: dict[TenantId, Tenant] = {}
        self._api_keys: dict[tuple[TenantId, str], ApiKey] = {}
        self._api_keys_by_hash: dict[bytes, ApiKey] = {}
        self._acls: dict[TenantId, dict[AclName, Acl]] = {}
        self._entries: dict[tuple[TenantId, AclName], tuple[dict[str, Address], dict[Username, Account]]] = {}
        self._attached: dict[tuple[TenantId, AclName], set[DomainLabel]] = {}
        self._credential_users: dict[tuple[TenantId, CredentialId], int] = {}
        self._domains: dict[TenantId, dict[DomainLabel, Domain]] = {}
        self._domains_by_text = cast("dict[str, dict[str, Domain]]", self._domains)
        self._credentials: dict[tuple[TenantId, CredentialId], Credential] = {}
        self._carriers: dict[CarrierId, Carrier] = {}
        self._decks: dict[DeckId, Deck] = {}
        self._drains: dict[PopName, Drain] = {}
        self._claims: dict[str, Claim] = {}
        self.tenants: Mapping[TenantId, Tenant] = MappingProxyType(self._tenants)
        self.api_keys: Mapping[tuple[TenantId, str], ApiKey] = MappingProxyType(self._api_keys)
        self.credentials: Mapping[tuple[TenantId, CredentialId], Credential] = MappingProxyType(self._credentials)
        self.carriers: Mapping[CarrierId, Carrier] = MappingProxyType(self._carriers)
        self.decks: Mapping[DeckId, Deck] = MappingProxyType(self._decks)
        self.drains: Mapping[PopName, Drain] = MappingProxyType(self._drains)
        self.claims: Mapping[str, Claim] = MappingProxyType(self._claims)
        self.routes = RouteTable()
        self.carriers_version = 0
        """Another one after each change of a carrier or a gateway, raised when the change is in `carriers`."""

    def acls(self, tenant: TenantId) -> Mapping[AclName, Acl]:
        """The tenant's ACLs by name, in the order of their creation; empty for a tenant that is not there."""
        return MappingProxyType(self._acls.get(tenant, {}))

    def acl(self, tenant: TenantId, name: AclName) -> Acl | None:
        return self._acls.get(tenant, {}).get(name)

    def domains(self, tenant: TenantId) -> Mapping[DomainLabel, Domain]:
        """The tenant's domains by label, in the order of their creation; empty for a tenant that is not there."""
        return MappingProxyType(self._domains.get(tenant, {}))

    def domain(self, tenant: TenantId, label: DomainLabel) -> Domain | None:
        return self._domains.get(tenant, {}).get(label)

    def find_domain(self, tenant: str, label: str) -> Domain | None:
        """`domain` for names as they come with a call."""
        labels = self._domains_by_text.get(tenant)
        return None if labels is None else labels.get(label)

    def domains_with(self, tenant: TenantId, acl: AclName) -> tuple[DomainLabel, ...]:
        """Labels of the domains that the ACL is attached to, sorted."""
        return tuple(sorted(self._attached.get((tenant, acl), ())))

    def is_credential_used(self, tenant: TenantId, credential: CredentialId) -> bool:
        """Whether some account names it."""
        return (tenant, credential) in self._credential_users

    def api_key(self, key_hash: bytes) -> ApiKey | None:
        """The key with that SHA-256, of any tenant."""
        return self._api_keys_by_hash.get(key_hash)

    def drain(self, pop: str) -> Drain | None:
        """None for a point of presence that is not being emptied."""
        drain = self._drains.get(PopName(pop))
        return drain if drain is not None and drain.is_on else None

    def apart(self, tenant: TenantId) -> Directory:
        """One tenant's own things but its API keys, for what is applied beside the log: this one hears nothing of it. The rest is shared,
        and nothing of it may be applied. Takes as long as the tenant's ACLs have entries."""
        made = Directory()
        made.__dict__ |= {name: value for name, value in self.__dict__.items() if name.strip("_") in _SHARED}
        made._tenants.update({tenant: self._tenants[tenant]} if tenant in self._tenants else {})
        made._domains[tenant] = dict(self._domains.get(tenant, {}))
        made._attached = {key: set(labels) for key, labels in self._attached.items() if key[0] == tenant}
        for name, acl in self._acls.get(tenant, {}).items():
            made._entries[tenant, name] = addresses, accounts = dict(acl.addresses), dict(acl.accounts)
            shown = replace(acl, addresses=MappingProxyType(addresses), accounts=MappingProxyType(accounts))
            made._acls.setdefault(tenant, {})[name] = shown
            for key in [(tenant, account.credential_id) for account in accounts.values()]:
                made._count_user(*key, 1)
                made._credentials |= {key: self._credentials[key]} if key in self._credentials else {}
        return made

    def apply(self, fact: Fact) -> None:
        """Raises HistoryError where the fact does not fit what came before; the directory is then as before. What an event removes may be
        missing: a compacted log does not have it any more."""
        event, tenant, version = fact.event, fact.tenant, fact.version
        if self._is_for_calls and type(event) in NOT_FOR_CALLS:
            return
        match event:
            case (
                DomainCreated()
                | DomainDeleted()
                | AclAttached()
                | AclDetached()
                | DigestPolicySet()
                | ClassOfServiceSet()
                | LimitsSet()
                | IdentityPolicySet()
                | NearestPopSet()
                | CaptureSet()
            ):
                if fact.kind is Kind.TENANT and isinstance(event, ClassOfServiceSet | LimitsSet):
                    self._apply_to_tenant(fact, event)
                else:
                    self._apply_to_domain(fact, event)
            case (
                AclCreated()
                | AclDeleted()
                | AddressAdded()
                | AddressRemoved()
                | BanExemptionApproved()
                | AccountAdded()
                | AccountCredentialChanged()
                | AccountRemoved()
            ):
                self._apply_to_acl(fact, event)
            case CredentialSet():
                credential = CredentialId(fact.aggregate)
                self._credentials[tenant, credential] = Credential(
                    tenant, credential, Username(event.username), event.realm, event.key_id, event.sealed, version
                )
            case CredentialErased():
                self._credentials.pop((tenant, CredentialId(fact.aggregate)), None)
            case DeckStarted() | DeckRowsAdded() | DeckActivated():
                self._apply_to_deck(fact, event)
            case (
                CarrierCreated()
                | CarrierChanged()
                | CarrierSuspended()
                | CarrierResumed()
                | GatewayAdded()
                | GatewayChanged()
                | GatewayRemoved()
            ):
                self._apply_to_carrier(fact, event)
            case TenantCreated(name=name):
                owner = TenantId(fact.aggregate)
                self._tenants[owner] = Tenant(owner, name, version)
            case TenantSuspended() | TenantResumed() | WebhookSet():
                self._apply_to_tenant(fact, event)
            case ApiKeyCreated():
                key = ApiKey(tenant, fact.aggregate, event.name, event.key_hash, version, frozenset(event.scopes), event.expires_s)
                self._api_keys[tenant, fact.aggregate] = key
                self._api_keys_by_hash[event.key_hash] = key
            case ApiKeyRevoked():
                revoked = self._api_keys.pop((tenant, fact.aggregate), None)
                if revoked is not None:
                    self._api_keys_by_hash.pop(revoked.key_hash, None)
            case PopDrained(since_s=since_s, note=note):
                drained = PopName(fact.aggregate)
                self._drains[drained] = Drain(drained, since_s, note, True, version)
            case PopUndrained():
                back = PopName(fact.aggregate)
                self._drains[back] = Drain(back, 0, "", False, version)
            case ClaimTaken():
                self._claims[fact.aggregate] = Claim(TenantId(event.owner_tenant), event.owner_kind, event.owner_aggregate)
            case ClaimReleased():
                self._claims.pop(fact.aggregate, None)
            case _:
                assert_never(event)

    def _apply_to_tenant(self, fact: Fact, event: _TenantEvent) -> None:
        owner, version = TenantId(fact.aggregate), fact.version
        known = self._tenants.get(owner)
        if known is None:
            raise _misfit(fact, "the tenant does not exist")
        match event:
            case TenantSuspended() | TenantResumed():
                self._tenants[owner] = replace(known, version=version, is_suspended=isinstance(event, TenantSuspended))
                return
            case WebhookSet():
                self._tenants[owner] = replace(known, version=version, webhook=event)
                return
            case ClassOfServiceSet():
                self._tenants[owner] = replace(known, version=version, service=_class_of_service(event))
            case LimitsSet():
                self._tenants[owner] = replace(known, version=version, limits=Limits(event.max_calls, event.max_calls_per_second))
            case _:
                assert_never(event)
        for domain in tuple(self._domains.get(owner, {}).values()):
            self._put_domain(domain)

    def _put_domain(self, domain: Domain) -> None:
        """With the rules that it and its tenant say together."""
        owner = self._tenants.get(domain.tenant)
        bounds, limits = (None, NO_LIMITS) if owner is None else (owner.service, owner.limits)
        rules = DEFAULT_RULES
        # Most have none of it, and most of a replay is of them.
        if bounds is not None or limits is not NO_LIMITS or domain.service is not ANYTHING or domain.limits is not NO_LIMITS:
            rules = rules_of(LimitKey(domain.tenant, domain.label), domain.service, domain.limits, bounds, limits)
        self._domains[domain.tenant][domain.label] = domain if rules is domain.rules else replace(domain, rules=rules)

    def _apply_to_acl(
        self,
        fact: Fact,
        event: AclCreated
        | AclDeleted
        | AddressAdded
        | AddressRemoved
        | BanExemptionApproved
        | AccountAdded
        | AccountCredentialChanged
        | AccountRemoved,
    ) -> None:
        tenant, name = fact.tenant, AclName(fact.aggregate)
        if isinstance(event, AclCreated):
            new_addresses: dict[str, Address] = {}
            new_accounts: dict[Username, Account] = {}
            self._entries[tenant, name] = (new_addresses, new_accounts)
            windows = MappingProxyType(new_addresses), MappingProxyType(new_accounts)
            self._acls.setdefault(tenant, {})[name] = Acl(tenant, name, *windows, fact.version)
            return
        acl = self.acl(tenant, name)
        if acl is None:
            if isinstance(event, AclDeleted):
                return
            raise _misfit(fact, "the ACL does not exist")
        addresses, accounts = self._entries[tenant, name]
        match event:
            case AddressAdded(cidr=cidr):
                addresses[cidr] = Address(cidr, event.caller_id, event.description)
            case AddressRemoved(cidr=cidr):
                addresses.pop(cidr, None)
            case BanExemptionApproved(cidr=cidr):
                address = addresses.get(cidr)
                if address is None:
                    raise _misfit(fact, f"the address {cidr} does not stand there")
                addresses[cidr] = replace(address, is_ban_exempt=True)
            case AccountAdded():
                username = Username(event.username)
                self._put_account(tenant, accounts, Account(username, CredentialId(event.credential_id), event.caller_id))
            case AccountCredentialChanged():
                account = accounts.get(Username(event.username))
                if account is None:
                    raise _misfit(fact, f"the account {event.username} does not exist")
                self._put_account(tenant, accounts, replace(account, credential_id=CredentialId(event.credential_id)))
            case AccountRemoved():
                self._drop_account(tenant, accounts, Username(event.username))
            case AclDeleted():
                for username in tuple(accounts):
                    self._drop_account(tenant, accounts, username)
                del self._entries[tenant, name]
                del self._acls[tenant][name]
                return
            case _:
                assert_never(event)
        # Written out: `replace` takes four times as long, and this is what a replay does most.
        self._acls[tenant][name] = Acl(tenant, name, acl.addresses, acl.accounts, fact.version)

    def _put_account(self, tenant: TenantId, accounts: dict[Username, Account], account: Account) -> None:
        old = accounts.get(account.username)
        accounts[account.username] = account
        self._count_user(tenant, account.credential_id, 1)
        if old is not None:
            self._count_user(tenant, old.credential_id, -1)

    def _drop_account(self, tenant: TenantId, accounts: dict[Username, Account], username: Username) -> None:
        old = accounts.pop(username, None)
        if old is not None:
            self._count_user(tenant, old.credential_id, -1)

    def _count_user(self, tenant: TenantId, credential: CredentialId, change: int) -> None:
        count = self._credential_users.get((tenant, credential), 0) + change
        if count > 0:
            self._credential_users[tenant, credential] = count
        else:
            self._credential_users.pop((tenant, credential), None)

    def _apply_to_domain(self, fact: Fact, event: _DomainEvent) -> None:
        tenant, label = fact.tenant, DomainLabel(fact.aggregate)
        domains = self._domains.setdefault(tenant, {})
        if isinstance(event, DomainCreated):
            self._put_domain(Domain(tenant, label, (), _FIRST_DIGEST, fact.version))
            return
        domain = domains.get(label)
        if domain is None:
            if isinstance(event, DomainDeleted):
                return
            raise _misfit(fact, "the domain does not exist")
        version = fact.version
        match event:
            case AclAttached(acl=acl):
                others = [name for name in domain.acls if name != acl]
                # Written out: `replace` takes four times as long, and every domain has one.
                domains[label] = Domain(
                    tenant,
                    domain.label,
                    (*others, AclName(acl)),
                    domain.digest,
                    version,
                    domain.identity,
                    domain.nearest_pop,
                    domain.service,
                    domain.limits,
                    domain.rules,
                    domain.capture,
                )
                if not self._is_for_calls:
                    self._attached.setdefault((tenant, AclName(acl)), set()).add(label)
            case AclDetached(acl=acl):
                domains[label] = replace(domain, acls=tuple(name for name in domain.acls if name != acl), version=version)
                self._detach(tenant, AclName(acl), label)
            case DigestPolicySet():
                digest = DigestPolicy(event.algorithms, event.challenge_status, event.is_qop_optional)
                domains[label] = replace(domain, digest=digest, version=version)
            case ClassOfServiceSet():
                self._put_domain(replace(domain, service=_class_of_service(event), version=version))
            case LimitsSet():
                limits = Limits(event.max_calls, event.max_calls_per_second)
                self._put_domain(replace(domain, limits=limits, version=version))
            case IdentityPolicySet(policy=policy):
                domains[label] = replace(domain, identity=policy, version=version)
            case NearestPopSet(pop=pop):
                domains[label] = replace(domain, nearest_pop=pop, version=version)
            case CaptureSet():
                domains[label] = replace(domain, capture=Capture(event.percent, event.until_s), version=version)
            case DomainDeleted():
                del domains[label]
                for name in domain.acls:
                    self._detach(tenant, name, label)
            case _:
                assert_never(event)

    def _detach(self, tenant: TenantId, acl: AclName, label: DomainLabel) -> None:
        labels = self._attached.get((tenant, acl))
        if labels is None:
            return
        labels.discard(label)
        if not labels:
            del self._attached[tenant, acl]

    def _apply_to_carrier(self, fact: Fact, event: CarrierEvent) -> None:
        name = CarrierId(fact.aggregate)
        carrier = carrier_after(self._carriers.get(name), name, event, fact.version)
        if carrier is None:
            raise _misfit(fact, "the carrier does not exist")
        self._carriers[name] = carrier
        self.carriers_version += 1

    def _apply_to_deck(self, fact: Fact, event: DeckStarted | DeckRowsAdded | DeckActivated) -> None:
        name, version = DeckId(fact.aggregate), fact.version
        deck = self._decks.get(name, Deck(name, 0, 0, "", b"", None, 0))
        pending = deck.pending
        if isinstance(event, DeckStarted):
            started = PendingRevision(event.revision, event.rows, 0, event.currency, event.sha256)
            self._decks[name] = replace(deck, pending=started, version=version)
            self.routes.start(name, event.currency)
            return
        if pending is None or pending.revision != event.revision:
            raise _misfit(fact, f"revision {event.revision} was not started")
        match event:
            case DeckRowsAdded(rows=rows):
                self.routes.add(name, rows)
                filled = replace(pending, received=pending.received + len(rows))
                self._decks[name] = replace(deck, pending=filled, version=version)
            case DeckActivated(revision=revision):
                self.routes.activate(name)
                self._decks[name] = Deck(name, revision, pending.received, pending.currency, pending.sha256, None, version)
            case _:
                assert_never(event)


def _class_of_service(event: ClassOfServiceSet) -> ClassOfService:
    return ClassOfService(
        event.allowed_prefixes, event.max_duration_s, event.countries, event.allows_premium, event.max_rate_micros, event.currency
    )


def _misfit(fact: Fact, why: str) -> HistoryError:
    return HistoryError(
        f"position {fact.position}: {type(fact.event).__name__} of {fact.kind.value} {fact.tenant}/{fact.aggregate} does not fit: {why}."
        " The replica holds something else than the log: let it rebuild from position 0."
    )
