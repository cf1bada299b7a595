"""What is to be done so that a tenant becomes what its file says. Pure.

What the file does not name is left alone, unless `is_pruning`. What is added comes before what is taken away, so that no call is refused
between the two; an address whose number or description changes is taken away and added again, one right after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from trunkline.cli.applying.model import (
    Account,
    Acl,
    Address,
    ClassOfService,
    Digest,
    Domain,
    Identity,
    Limits,
    Tenant,
)


@dataclass(frozen=True, slots=True)
class CreateAcl:
    acl: str


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    acl: str


@dataclass(frozen=True, slots=True)
class AddAddress:
    acl: str
    address: Address


@dataclass(frozen=True, slots=True)
class Exempt:
    """By operators only."""

    acl: str
    cidr: str


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    acl: str
    cidr: str


@dataclass(frozen=True, slots=True)
class AddAccount:
    acl: str
    account: Account


@dataclass(frozen=True, slots=True)
class RemoveAccount:
    acl: str
    username: str


@dataclass(frozen=True, slots=True)
class CreateDomain:
    label: str


@dataclass(frozen=True, slots=True)
class DeleteDomain:
    label: str


@dataclass(frozen=True, slots=True)
class Attach:
    label: str
    acl: str


@dataclass(frozen=True, slots=True)
class Detach:
    label: str
    acl: str


@dataclass(frozen=True, slots=True)
class Set:
    """Of a domain or, with an empty label, of the tenant."""

    label: str
    value: Digest | ClassOfService | Limits | Identity


@dataclass(frozen=True, slots=True)
class SetNearestPop:
    label: str
    pop: str


Action = (
    CreateAcl
    | DeleteAcl
    | AddAddress
    | Exempt
    | RemoveAddress
    | AddAccount
    | RemoveAccount
    | CreateDomain
    | DeleteDomain
    | Attach
    | Detach
    | Set
    | SetNearestPop
)

ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Change:
    """`sign` is one of `+`, `~`, `-`; `text` says what, for people; `actions` go one after the other."""

    sign: str
    text: str
    actions: tuple[Action, ...]


class PlanProblem(Exception):
    """The file asks for what no command can do; says what to change."""


_SETTINGS: Final = (("digest", "digest"), ("class_of_service", "class of service"), ("limits", "limits"), ("identity", "identity"))


def plan(wanted: Tenant, known: Tenant, *, is_pruning: bool = False) -> tuple[Change, ...]:
    """In the order in which it is to be done; empty where all is so already. Raises PlanProblem."""
    changes = list(_tenant_changes(wanted, known))
    for acl in wanted.acls.values():
        changes += _acl_changes(acl, known.acls.get(acl.name))
    for domain in wanted.domains.values():
        changes += _domain_changes(domain, known.domains.get(domain.label), wanted, known)
    if is_pruning:
        changes += _pruned(wanted, known)
    return tuple(changes)


def left_alone(wanted: Tenant, known: Tenant) -> tuple[str, ...]:
    """What is there and not in the file, for people: what pruning would take away."""
    return tuple([change.text for change in _pruned(wanted, known)])


def _tenant_changes(wanted: Tenant, known: Tenant) -> Iterator[Change]:
    if wanted.class_of_service is not None and wanted.class_of_service != known.class_of_service:
        yield Change(
            CHANGED,
            _changed("class of service of the tenant", known.class_of_service, wanted.class_of_service),
            (Set("", wanted.class_of_service),),
        )
    if wanted.limits is not None and wanted.limits != (known.limits or Limits()):
        yield Change(CHANGED, _changed("limits of the tenant", known.limits, wanted.limits), (Set("", wanted.limits),))


def _acl_changes(wanted: Acl, known: Acl | None) -> Iterator[Change]:
    if known is None:
        yield Change(ADDED, f"ACL {wanted.name}", (CreateAcl(wanted.name),))
    for address in wanted.addresses.values():
        there = None if known is None else known.addresses.get(address.cidr)
        where = f"address {address.cidr} in {wanted.name}"
        exempt = (Exempt(wanted.name, address.cidr),)
        if there is None:
            added = (AddAddress(wanted.name, address), *(exempt if address.is_ban_exempt else ()))
            yield Change(ADDED, f"{where}{_address_details(address)}", added)
            continue
        whole = Address(
            address.cidr,
            there.caller_id if address.caller_id is None else address.caller_id,
            there.description if address.description is None else address.description,
            bool(there.is_ban_exempt if address.is_ban_exempt is None else address.is_ban_exempt),
        )
        is_other = _differs(whole.caller_id, there.caller_id) or _differs(whole.description, there.description)
        # Nothing takes an exemption away but the end of the address, and with that it is always gone.
        if is_other or (there.is_ban_exempt and not whole.is_ban_exempt):
            replaced = (RemoveAddress(wanted.name, address.cidr), AddAddress(wanted.name, whole), *(exempt if whole.is_ban_exempt else ()))
            yield Change(CHANGED, f"{where}:{_address_details(whole)}", replaced)
        elif whole.is_ban_exempt and not there.is_ban_exempt:
            yield Change(CHANGED, f"{where}: exempted from bans", exempt)
    for account in wanted.accounts.values():
        held = None if known is None else known.accounts.get(account.username)
        where = f"account {account.username} in {wanted.name}"
        if held is None:
            yield Change(ADDED, f"{where}{_details(account.caller_id, None)}", (AddAccount(wanted.name, account),))
        elif _differs(account.caller_id, held.caller_id):
            if not account.password_from:
                raise PlanProblem(
                    f"the {where} has the caller id {held.caller_id or 'none'}, the file says {account.caller_id or 'none'}: that takes"
                    " a new account, and its password is stored nowhere; name a variable that holds it with password_from"
                )
            actions_of = (RemoveAccount(wanted.name, account.username), AddAccount(wanted.name, account))
            yield Change(CHANGED, f"{where}:{_details(account.caller_id, None)}", actions_of)


def _domain_changes(wanted: Domain, known: Domain | None, file: Tenant, tenant: Tenant) -> Iterator[Change]:
    label = wanted.label
    if known is None:
        yield Change(ADDED, f"domain {label}", (CreateDomain(label),))
    there = known or Domain(label, (), Digest(), ClassOfService(), Limits(), Identity(), "")
    for field, words in _SETTINGS:
        value, before = getattr(wanted, field), getattr(there, field)
        if value is not None and value != before:
            yield Change(CHANGED, _changed(f"{words} of {label}", before, value), (Set(label, value),))
    if wanted.nearest_pop is not None and wanted.nearest_pop != (there.nearest_pop or ""):
        text = f"nearest point of presence of {label}: {there.nearest_pop or 'none'} → {wanted.nearest_pop or 'none'}"
        yield Change(CHANGED, text, (SetNearestPop(label, wanted.nearest_pop),))
    for acl in wanted.acls or ():
        if acl not in file.acls and acl not in tenant.acls:
            raise PlanProblem(f"the domain {label} is to have the ACL {acl}, which neither the file nor the tenant has")
        if acl not in (there.acls or ()):
            yield Change(ADDED, f"ACL {acl} attached to {label}", (Attach(label, acl),))


def _pruned(wanted: Tenant, known: Tenant) -> Iterator[Change]:
    """Domains first, for an ACL that is attached is not deleted."""
    for domain in known.domains.values():
        kept = wanted.domains.get(domain.label)
        if kept is None:
            detached = tuple([Detach(domain.label, acl) for acl in domain.acls or ()])
            yield Change(REMOVED, f"domain {domain.label}", (*detached, DeleteDomain(domain.label)))
        elif kept.acls is not None:
            for acl in domain.acls or ():
                if acl not in kept.acls:
                    yield Change(REMOVED, f"ACL {acl} attached to {domain.label}", (Detach(domain.label, acl),))
    for there in known.acls.values():
        said = wanted.acls.get(there.name)
        if said is None:
            yield from _without_acl(there, wanted, known)
            continue
        for cidr in _missing(there.addresses, said.addresses):
            yield Change(REMOVED, f"address {cidr} in {there.name}", (RemoveAddress(there.name, cidr),))
        for username in _missing(there.accounts, said.accounts):
            yield Change(REMOVED, f"account {username} in {there.name}", (RemoveAccount(there.name, username),))


def _without_acl(there: Acl, wanted: Tenant, known: Tenant) -> Iterator[Change]:
    """Kept where a domain of the file keeps it, by name or because the file says nothing of its ACLs."""
    for domain in wanted.domains.values():
        before = known.domains.get(domain.label)
        kept = domain.acls if domain.acls is not None else (before.acls if before is not None else ())
        if there.name in (kept or ()):
            return
    yield Change(REMOVED, f"ACL {there.name}", (DeleteAcl(there.name),))


def _missing(there: Iterable[str], said: Iterable[str]) -> list[str]:
    kept = set(said)
    return [each for each in there if each not in kept]


def _differs(wanted: str | None, known: str | None) -> bool:
    return wanted is not None and wanted != (known or "")


def _details(caller_id: str | None, description: str | None) -> str:
    found = [f"caller id {caller_id}"] if caller_id else []
    found += [f"{description!r}"] if description else []
    return f" ({', '.join(found)})" if found else ""


def _address_details(address: Address) -> str:
    return _details(address.caller_id, address.description) + (" exempted from bans" if address.is_ban_exempt else "")


def _changed(what: str, before: object, after: object) -> str:
    """Field by field, those that differ."""
    names = type(after).__slots__  # type: ignore[attr-defined]
    fields = [(name, getattr(before, name, None), getattr(after, name)) for name in names]
    told = [f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in fields if old != new]
    return f"{what}: {', '.join(told)}"


def _shown(value: object) -> str:
    match value:
        case None | "" | ():
            return "none"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)
