"""From the file to what is wanted. Names and numbers come into their canonical form; what they mean the service checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from trunkline.cli.applying import normal
from trunkline.cli.applying.document import DocumentProblem, Entry, read_document
from trunkline.cli.applying.model import Account, Acl, Address, ClassOfService, Digest, Domain, Identity, Limits, Tenant
from trunkline.domain.addresses import canonical_cidr
from trunkline.domain.errors import Refusal

_TENANT: Final = ("tenant", "acls", "domains", "class_of_service", "limits")
_ACL: Final = ("addresses", "accounts")
_ADDRESS: Final = ("cidr", "caller_id", "description", "ban_exempt")
_ACCOUNT: Final = ("username", "caller_id", "password_from")
_DOMAIN: Final = ("acls", "digest", "class_of_service", "limits", "identity", "nearest_pop")
_DIGEST: Final = ("algorithms", "challenge_status", "qop_optional")
_CLASS: Final = ("countries", "prefixes", "premium", "max_duration_s", "max_price", "currency")
_LIMITS: Final = ("calls", "calls_per_second")
_IDENTITY: Final = ("sources", "allowed_caller_ids", "default_caller_id", "refusing", "shows_callee", "hiding")

T = TypeVar("T")


def read_tenant(text: str, file: str) -> Tenant:
    """Raises DocumentProblem, which names the line."""
    fields = read_document(text, file).fields(_TENANT)
    acls = [_acl(name, entry) for name, entry in _named(fields.get("acls"))]
    domains = [_domain(name.lower(), entry) for name, entry in _named(fields.get("domains"))]
    return Tenant(
        _text(fields.get("tenant")),
        {acl.name: acl for acl in acls},
        {domain.label: domain for domain in domains},
        _optional(fields.get("class_of_service"), _class_of_service),
        _optional(fields.get("limits"), _limits),
    )


def _named(entry: Entry | None) -> list[tuple[str, Entry]]:
    return [] if entry is None else list(entry.fields(None).items())


def _acl(name: str, entry: Entry) -> Acl:
    fields = entry.fields(_ACL)
    addresses: dict[str, Address] = {}
    for each in _items(fields.get("addresses")):
        address = _address(each)
        if address.cidr in addresses:
            raise each.problem(f"{address.cidr} stands twice in {entry.path}")
        addresses[address.cidr] = address
    accounts: dict[str, Account] = {}
    for each in _items(fields.get("accounts")):
        account = _account(each)
        if account.username in accounts:
            raise each.problem(f"{account.username} stands twice in {entry.path}")
        accounts[account.username] = account
    return Acl(name, addresses, accounts)


def _address(entry: Entry) -> Address:
    fields = entry.fields(_ADDRESS)
    cidr = _needed(entry, fields.get("cidr"), "cidr")
    try:
        canonical = canonical_cidr(cidr, allow_everyone=True)
    except Refusal as refusal:
        raise fields["cidr"].problem(f"{refusal.message} {refusal.remedy}".strip()) from refusal
    return Address(
        canonical,
        _optional_text(fields.get("caller_id")),
        _optional_text(fields.get("description")),
        _optional(fields.get("ban_exempt"), Entry.flag),
    )


def _account(entry: Entry) -> Account:
    fields = entry.fields(_ACCOUNT)
    username = _needed(entry, fields.get("username"), "username")
    return Account(username, _optional_text(fields.get("caller_id")), _text(fields.get("password_from")))


def _domain(label: str, entry: Entry) -> Domain:
    fields = entry.fields(_DOMAIN)
    return Domain(
        label,
        _optional(fields.get("acls"), _texts),
        _optional(fields.get("digest"), _digest),
        _optional(fields.get("class_of_service"), _class_of_service),
        _optional(fields.get("limits"), _limits),
        _optional(fields.get("identity"), _identity),
        _optional_text(fields.get("nearest_pop")),
    )


def _digest(entry: Entry) -> Digest:
    fields = entry.fields(_DIGEST)
    return Digest(
        _optional(fields.get("algorithms"), _texts) or Digest().algorithms,
        _optional(fields.get("challenge_status"), Entry.number) or Digest().challenge_status,
        _optional(fields.get("qop_optional"), Entry.flag) or False,
    )


def _class_of_service(entry: Entry) -> ClassOfService:
    fields = entry.fields(_CLASS)
    return normal.class_of_service(
        ClassOfService(
            tuple([each.upper() for each in _optional(fields.get("countries"), _texts) or ()]),
            tuple([each.removeprefix("+") for each in _optional(fields.get("prefixes"), _texts) or ()]),
            _optional(fields.get("premium"), Entry.flag) or False,
            _optional(fields.get("max_duration_s"), Entry.number) or 0,
            _optional(fields.get("max_price"), Entry.amount) or ClassOfService().price,
            _text(fields.get("currency")).upper(),
        )
    )


def _limits(entry: Entry) -> Limits:
    fields = entry.fields(_LIMITS)
    return Limits(
        _optional(fields.get("calls"), Entry.number) or 0,
        _optional(fields.get("calls_per_second"), Entry.number) or 0,
    )


def _identity(entry: Entry) -> Identity:
    fields = entry.fields(_IDENTITY)
    return normal.identity(
        Identity(
            _optional(fields.get("sources"), _texts) or (),
            _optional(fields.get("allowed_caller_ids"), _texts) or (),
            _text(fields.get("default_caller_id")),
            _optional(fields.get("refusing"), Entry.flag) or False,
            _optional(fields.get("shows_callee"), Entry.flag) or False,
            _text(fields.get("hiding")),
        )
    )


def _optional(entry: Entry | None, read: Callable[[Entry], T]) -> T | None:
    return None if entry is None else read(entry)


def _items(entry: Entry | None) -> tuple[Entry, ...]:
    return () if entry is None else entry.items()


def _texts(entry: Entry) -> tuple[str, ...]:
    return tuple([each.text() for each in entry.items()])


def _text(entry: Entry | None) -> str:
    return "" if entry is None else entry.text()


def _optional_text(entry: Entry | None) -> str | None:
    return None if entry is None else entry.text()


def _needed(whole: Entry, entry: Entry | None, name: str) -> str:
    text = _text(entry)
    if not text:
        raise whole.problem(f"{whole.path} has no {name}")
    return text


__all__ = ["DocumentProblem", "read_tenant"]
