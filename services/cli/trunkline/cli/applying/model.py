"""A tenant as its file says it, and as the service says it: the same values, so that they can be compared.

What is None is not said, and left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Address:
    """`cidr` is canonical, `caller_id` E.164 with `+` or empty. `is_ban_exempt`: heard where it is banned, an operator's word about a wide
    range."""

    cidr: str
    caller_id: str | None = None
    description: str | None = None
    is_ban_exempt: bool | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """`password_from` names the variable that holds its first password; empty: one is made up."""

    username: str
    caller_id: str | None = None
    password_from: str = ""


@dataclass(frozen=True, slots=True)
class Acl:
    name: str
    addresses: Mapping[str, Address] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Digest:
    algorithms: tuple[str, ...] = ("MD5",)
    challenge_status: int = 407
    is_qop_optional: bool = False


@dataclass(frozen=True, slots=True)
class ClassOfService:
    """`price` a minute in `currency`, 0: any."""

    countries: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    premium: bool = False
    max_duration_s: int = 0
    price: Decimal = Decimal(0)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """0: none."""

    calls: int = 0
    calls_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    sources: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    default: str = ""
    is_refusing: bool = False
    shows_callee: bool = False
    hiding: str = ""


@dataclass(frozen=True, slots=True)
class Domain:
    """`acls` in the order in which they are to be attached."""

    label: str
    acls: tuple[str, ...] | None = None
    digest: Digest | None = None
    class_of_service: ClassOfService | None = None
    limits: Limits | None = None
    identity: Identity | None = None
    nearest_pop: str | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """`class_of_service` and `limits` are over all domains, for operators. `id` empty: that of the key."""

    id: str = ""
    acls: Mapping[str, Acl] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    class_of_service: ClassOfService | None = None
    limits: Limits | None = None
