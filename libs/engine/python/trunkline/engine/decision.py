"""What `on_invite` answers: a Route or a Reject.

Named tuples, not dataclasses like the other values: one call makes several of them, a frozen dataclass of 14 fields takes three times as
long to make, and the engine reads a tuple by position. It checks the order of the fields when it starts.
"""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """One gateway to try, and what it is shown of a caller. The same for each call of that caller: the engine reads an object once and
    knows it when it comes again, so give the same one where you can.

    `address` is an IP literal. `from_name_addr` replaces From without its tag (`"Anonymous" <sip:anonymous@anonymous.invalid>`), or is
    empty to keep it. `asserted` are the values of P-Asserted-Identity, in
    order; empty: none is sent. `privacy` is the value of Privacy, or empty: none is sent. All are ASCII without control characters;
    anything else is refused by the engine with ValueError. `hides_topology`: Via, Record-Route and Contact of one side are not seen by the
    other. `shows_callee`: P-Asserted-Identity of the carrier reaches the caller, unless it is private. `takes_refer`: the
    caller's REFER is passed on to it. Rate, increments (0: by the second) and fee are for the record.
    """

    gateway: str
    carrier: str
    address: str
    port: int
    transport: str = "udp"
    is_trusted: bool = False
    from_name_addr: str = ""
    asserted: tuple[str, ...] = ()
    has_asserted_on_ack: bool = True
    privacy: str = ""
    pdd_limit_s: int = 20
    rate_micros: int = 0
    currency: str = ""
    hides_topology: bool = False
    shows_callee: bool = False
    takes_refer: bool = False
    initial_increment_s: int = 0
    next_increment_s: int = 0
    connection_fee_micros: int = 0


class Route(NamedTuple):
    """Gateways in the order they are tried: 1 to 8. `request_users` are the user parts of the Request-URIs sent to them, one for each, or
    empty: the caller's own is kept. The call is ended `max_duration_s` after its answer; 0: the platform's default, and never later than
    its token's life. `is_last_resort`: none of them is thought usable; where all fail the call is refused with T403 and not with T402.

    `holds_for`, digits: the same Route is good for every E.164 number that begins with them, `request_users` being `+` and the number, from
    whoever calls the same host as the same account and caller IDs, with the same headers of identity and privacy and, if `is_by_from`, the
    same From, until `Engine.forget_decisions` or `apply`. The engine does not ask about those calls. Empty: for this call alone.
    The other fields go to the record."""

    targets: tuple[Target, ...]
    caller_id: str = ""
    presented: str = ""
    is_private: bool = False
    privacy: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()
    request_users: tuple[str, ...] = ()
    max_duration_s: int = 0
    is_last_resort: bool = False
    holds_for: str = ""
    is_by_from: bool = False


class Reject(NamedTuple):
    """`reason` is a code of the registry, `facts` are for the owner's record only. Identity fields as in Route."""

    reason: str
    facts: str = ""
    caller_id: str = ""
    prefix: str = ""
    notes: tuple[str, ...] = ()


class Challenge(NamedTuple):
    """Of an INVITE that was asked about: credentials are wanted. `status` is 407 or 401; `algorithms` most preferred first, never empty."""

    status: int
    algorithms: tuple[str, ...]
    is_stale: bool = False


class Admission(NamedTuple):
    """Whose an INVITE is that was asked about, and what admitted it; all but tenant and domain are empty for one that was refused.

    `domain` is the label, `digest_algorithm` empty without digest, `username` what was sent, `position` that of the log which decided.
    """

    tenant: str
    domain: str
    acl: str = ""
    account: str = ""
    address: str = ""
    account_caller_id: str = ""
    address_caller_id: str = ""
    digest_algorithm: str = ""
    position: int = 0
    username: str = ""


Decision = Route | Reject
