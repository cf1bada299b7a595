"""One domain and what decides about its calls, with changes that nobody has made yet: for "would it, if this address were added".

A `Scene` shows what a directory shows; what is changed in it the directory does not hear of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, assert_never

from trunkline.domain import names
from trunkline.domain.addresses import canonical_cidr
from trunkline.domain.class_of_service import ALL_COUNTRIES, ClassOfService, LimitKey, rules_of
from trunkline.domain.decide_access import acl_not_found, existing_account
from trunkline.domain.directory import Directory
from trunkline.domain.errors import already_exists, invalid, not_found
from trunkline.domain.events import AclName, CarrierId, CredentialId, TenantId, Username
from trunkline.domain.numbers import is_prefix
from trunkline.domain.route_table import RouteTable
from trunkline.domain.views import Account, Acl, Address, Carrier, Domain, Tenant

ASSUMED: Final = CredentialId("assumed")
"""Of an account that is not there: it is taken to have a secret that can be read."""


@dataclass(frozen=True, slots=True)
class AddAddress:
    acl: str
    address: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    acl: str
    address: str


@dataclass(frozen=True, slots=True)
class AddAccount:
    acl: str
    username: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAccount:
    acl: str
    username: str


@dataclass(frozen=True, slots=True)
class Attach:
    acl: str


@dataclass(frozen=True, slots=True)
class Detach:
    acl: str


@dataclass(frozen=True, slots=True)
class Allow:
    """Added to the domain's class of service: a prefix (digits), a country (ISO 3166-1 alpha-2), premium numbers."""

    prefix: str = ""
    country: str = ""
    premium: bool = False


Change = AddAddress | RemoveAddress | AddAccount | RemoveAccount | Attach | Detach | Allow


@dataclass(frozen=True, slots=True)
class Scene:
    """`changed` are ACLs that are not as the directory has them."""

    directory: Directory
    domain: Domain
    changed: Mapping[AclName, Acl] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def tenant(self) -> TenantId:
        return self.domain.tenant

    @property
    def tenants(self) -> Mapping[TenantId, Tenant]:
        return self.directory.tenants

    @property
    def carriers(self) -> Mapping[CarrierId, Carrier]:
        return self.directory.carriers

    @property
    def routes(self) -> RouteTable:
        return self.directory.routes

    @property
    def carriers_version(self) -> int:
        return self.directory.carriers_version

    def find_domain(self, tenant: str, label: str) -> Domain | None:
        if (tenant, label) == (self.domain.tenant, self.domain.label):
            return self.domain
        return self.directory.find_domain(tenant, label)

    def acl(self, name: str) -> Acl | None:
        return self.changed.get(AclName(name)) or self.directory.acl(self.tenant, AclName(name))

    def attached(self) -> tuple[Acl, ...]:
        """In the order of attachment."""
        return tuple([acl for name in self.domain.acls if (acl := self.acl(name)) is not None])


def with_change(scene: Scene, change: Change) -> tuple[Scene, str]:
    """The scene after it, and what was assumed, for people. Raises Refusal where the change itself would be refused."""
    match change:
        case AddAddress():
            acl, cidr = _existing(scene, change.acl), canonical_cidr(change.address, allow_everyone=True)
            if cidr in acl.addresses:
                raise already_exists("ADDRESS_EXISTS", "changes", f'{cidr} stands in the ACL "{acl.name}" already.')
            address = Address(cidr, names.caller_id(change.caller_id), "")
            return _with_acl(scene, replace(acl, addresses={**acl.addresses, cidr: address})), f"the address {cidr} in the ACL {acl.name}"
        case RemoveAddress():
            acl, cidr = _existing(scene, change.acl), canonical_cidr(change.address, is_listed=True)
            if cidr not in acl.addresses:
                raise not_found("ADDRESS_NOT_FOUND", "changes", f'{cidr} does not stand in the ACL "{acl.name}".')
            left = {key: each for key, each in acl.addresses.items() if key != cidr}
            return _with_acl(scene, replace(acl, addresses=left)), f"without the address {cidr} in the ACL {acl.name}"
        case AddAccount():
            acl, user = _existing(scene, change.acl), names.username(change.username)
            if user in acl.accounts:
                raise already_exists("ACCOUNT_EXISTS", "changes", f'The account "{user}" stands in the ACL "{acl.name}" already.')
            account = Account(user, ASSUMED, names.caller_id(change.caller_id))
            return _with_acl(scene, replace(acl, accounts={**acl.accounts, user: account})), f"the account {user} in the ACL {acl.name}"
        case RemoveAccount():
            acl = _existing(scene, change.acl)
            known = existing_account(acl, change.username).username
            kept: dict[Username, Account] = {key: each for key, each in acl.accounts.items() if key != known}
            return _with_acl(scene, replace(acl, accounts=kept)), f"without the account {known} in the ACL {acl.name}"
        case Attach():
            acl = _existing(scene, change.acl)
            others = [name for name in scene.domain.acls if name != acl.name]
            domain = replace(scene.domain, acls=(*others, acl.name))
            return replace(scene, domain=domain), f"the ACL {acl.name} attached to {domain.label}"
        case Detach():
            acl = _existing(scene, change.acl)
            domain = replace(scene.domain, acls=tuple([name for name in scene.domain.acls if name != acl.name]))
            return replace(scene, domain=domain), f"the ACL {acl.name} detached from {domain.label}"
        case Allow():
            return _allowed(scene, change)
        case _:
            assert_never(change)


def _existing(scene: Scene, name: str) -> Acl:
    acl = scene.acl(name)
    if acl is None:
        raise acl_not_found(name)
    return acl


def _with_acl(scene: Scene, acl: Acl) -> Scene:
    return replace(scene, changed=MappingProxyType({**scene.changed, acl.name: acl}))


def _allowed(scene: Scene, change: Allow) -> tuple[Scene, str]:
    service, prefix, country = scene.domain.service, change.prefix.removeprefix("+"), change.country.upper()
    if prefix and not is_prefix(prefix):
        raise invalid("PREFIX_INVALID", "changes", f"{change.prefix[:32]!r} is no prefix of E.164 numbers.", "Write digits, such as 4420.")
    if country and country not in ALL_COUNTRIES:
        raise invalid("COUNTRY_INVALID", "changes", f"{change.country[:32]!r} is no country.", "Write it as ISO 3166-1 does, such as NL.")
    said = [f"calls to {prefix}"] if prefix else []
    said += [f"calls to {country}"] if country else []
    said += ["premium numbers"] if change.premium else []
    # One that names nothing allows all destinations: there is nothing to add to it.
    is_bounded = bool(service.allowed_prefixes or service.countries)
    wider = ClassOfService(
        tuple(sorted({*service.allowed_prefixes, prefix})) if prefix and is_bounded else service.allowed_prefixes,
        service.max_duration_s,
        tuple(sorted({*service.countries, country})) if country and is_bounded else service.countries,
        service.allows_premium or change.premium,
        service.max_rate_micros,
        service.currency,
    )
    owner = scene.directory.tenants[scene.tenant]
    key = LimitKey(scene.tenant, scene.domain.label)
    rules = rules_of(key, wider, scene.domain.limits, owner.service, owner.limits)
    domain = replace(scene.domain, service=wider, rules=rules)
    return replace(scene, domain=domain), f"{' and '.join(said) or 'nothing more'} allowed to {domain.label}"
