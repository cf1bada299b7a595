"""What can be said to the engine's tables, as values: the batch of `Engine.apply` and of `AccessTables.apply`.

The replica translates events of the log into these. An entry that is set again is replaced; removing what is not there is no error.
Keys: a domain is its full host name in lower case; an ACL is `<tenant>/<name>`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoveAll:
    """All that the log says: domains, ACLs and gateways. Keys, reasons and bans stay."""


@dataclass(frozen=True, slots=True)
class SetDomain:
    """A name that can be dialled. One per name: the default one and those bound to this POP point to the same tenant and label.

    `acls` are the keys of attached ACLs. `algorithms` are offered in this order. `challenge_status` is 401 or 407. Messages are captured of
    `capture_percent` in a hundred of its calls until `capture_until_s` (Unix seconds).
    """

    host: str
    tenant: str
    label: str
    acls: tuple[str, ...]
    algorithms: tuple[str, ...] = ("MD5",)
    challenge_status: int = 407
    is_qop_optional: bool = False
    capture_percent: int = 0
    capture_until_s: int = 0


@dataclass(frozen=True, slots=True)
class RemoveDomain:
    host: str


@dataclass(frozen=True, slots=True)
class SetAddress:
    acl: str
    cidr: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    acl: str
    cidr: str


@dataclass(frozen=True, slots=True)
class ExemptAddress:
    """This wide range lists its addresses for what bans concern, as a narrow one does by itself; as long as it stands in the ACL."""

    acl: str
    cidr: str


@dataclass(frozen=True, slots=True)
class SetAccount:
    """An account of an ACL. HA1s are raw: 16, 32 and 32 bytes. All empty: the account exists but its secret cannot be read (a key is
    missing or was erased), so nobody can authenticate as it, yet its ACL keeps its account half."""

    acl: str
    username: str
    ha1_md5: bytes
    ha1_sha256: bytes
    ha1_sha512_256: bytes
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAccount:
    acl: str
    username: str


@dataclass(frozen=True, slots=True)
class RemoveAcl:
    """Its addresses and accounts go with it."""

    acl: str


@dataclass(frozen=True, slots=True)
class SetGateway:
    """Where a carrier's messages come from and go to. `address` is an IP literal. Over TLS its certificate must have the DNS name
    `tls_name`, without one the address."""

    gateway: str
    carrier: str
    address: str
    port: int
    transport: str
    is_trusted: bool
    tls_name: str = ""


@dataclass(frozen=True, slots=True)
class RemoveGateway:
    gateway: str


@dataclass(frozen=True, slots=True)
class RotatingKey:
    """`key` is 32 bytes; times are Unix seconds."""

    key_id: int
    key: bytes
    not_before_s: int
    not_after_s: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class SetNonceKeys:
    """Replaces all of them. Without a current key nobody can be challenged: calls that need digest are refused with 500 T9xx."""

    keys: tuple[RotatingKey, ...]


@dataclass(frozen=True, slots=True)
class SetTokenKeys:
    """Replaces all of them; keys of Record-Route tokens."""

    keys: tuple[RotatingKey, ...]


@dataclass(frozen=True, slots=True)
class SetReason:
    """One row of the registry of refusals: what the engine says on the wire for a code. Given at start."""

    code: str
    status: int
    text: str
    q850: int


@dataclass(frozen=True, slots=True)
class SetBan:
    """Nothing that comes from `cidr` is looked at before `until_s` (Unix seconds), except from the address of a gateway, and from one that
    an ACL lists: its calls to the domains of that ACL go on, and those to others are not answered. At most 100,000."""

    cidr: str
    until_s: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LiftBan:
    cidr: str


TableChange = (
    RemoveAll
    | SetDomain
    | RemoveDomain
    | SetAddress
    | RemoveAddress
    | ExemptAddress
    | SetAccount
    | RemoveAccount
    | RemoveAcl
    | SetGateway
    | RemoveGateway
    | SetNonceKeys
    | SetTokenKeys
    | SetReason
    | SetBan
    | LiftBan
)
