"""Options that many commands share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from trunkline.api.common.v1 import common_pb2
from trunkline.cli.completing import (
    complete_accounts,
    complete_acls,
    complete_addresses,
    complete_bans,
    complete_calls,
    complete_carriers,
    complete_decks,
    complete_domains,
    complete_gateways,
    complete_keys,
    complete_live_calls,
    complete_places,
    complete_pops,
    complete_reasons,
    complete_regions,
    complete_tenants,
)

Output = Literal["table", "wide", "json", "yaml", "name"]

_UINT32: Final = 2**32 - 1
_UINT64: Final = 2**64 - 1

DATA: Final = ("json", "yaml", "name")

Amount = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000_000))]
"""Of rows that are wanted; more than a listing ever reads."""

Natural = Annotated[int, Parameter(validator=Number(gte=0, lte=_UINT32))]
"""What an uint32 of the protos holds; the service says what of it is sensible."""

Counter = Annotated[int, Parameter(validator=Number(gte=0, lte=_UINT64))]
"""A version, or a position of the log."""

AclName = Annotated[str, Parameter(completer=complete_acls)]
AccountName = Annotated[str, Parameter(completer=complete_accounts)]
"""Of the ACL that `name` is."""
ListedAddress = Annotated[str, Parameter(completer=complete_addresses)]
"""Of the ACL that `name` is."""
DomainLabel = Annotated[str, Parameter(completer=complete_domains)]
PopName = Annotated[str, Parameter(completer=complete_pops)]
TenantName = Annotated[str, Parameter(completer=complete_tenants)]
CarrierName = Annotated[str, Parameter(completer=complete_carriers)]
GatewayName = Annotated[str, Parameter(completer=complete_gateways)]
"""Of the carrier that `owner` is."""
ApiKeyId = Annotated[str, Parameter(completer=complete_keys)]
RegionName = Annotated[str, Parameter(completer=complete_regions)]
CallName = Annotated[str, Parameter(completer=complete_calls)]
LiveCall = Annotated[str, Parameter(completer=complete_live_calls)]
BannedAddress = Annotated[str, Parameter(completer=complete_bans)]
ReasonCode = Annotated[str, Parameter(completer=complete_reasons)]
DeckName = Annotated[str, Parameter(completer=complete_decks)]
"""Names that the service knows: a shell completes them."""

Words = Parameter(consume_multiple=True, negative="")
"""Of an option with several values: `--sources account address`."""

Port = Annotated[int, Parameter(validator=Number(gte=1, lte=65535))]


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How a command asks and shows."""

    output: Annotated[Output, Parameter(name=["--output", "-o"])] = "table"
    """A table for people, one with every column (wide), JSON, YAML, or names alone, one a line."""
    as_operator: Annotated[bool, Parameter(negative="")] = False
    """Ask with the operator's key instead of the tenant's; name the tenant then."""
    tenant: TenantName = ""
    """Whose; a tenant's key knows by itself."""

    @property
    def is_data(self) -> bool:
        """For programs: all that the service said, as it said it."""
        return self.output in DATA


@Parameter(name="*")
@dataclass(frozen=True)
class Listing(Reading):
    """How a list is shown, once or again and again."""

    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative="")] = False
    """Show it again whenever it has changed, until Ctrl-C."""


@Parameter(name="*")
@dataclass(frozen=True)
class Writing(Reading):
    """How a command writes."""

    wait: Annotated[str, Parameter(completer=complete_places)] = ""
    """Wait until it is enforced, and say where how long that took: all (as --wait alone), region (that of the service), pop (the first), or
    names of regions and points of presence, such as us,apac1."""
    request_id: str = ""
    """Repeating a command with the same id gives the first answer; made up where it is left out."""
    expect_version: Counter | None = None
    """Refuse if somebody else has changed the thing since it had this version."""

    def options(self) -> common_pb2.WriteOptions:
        return common_pb2.WriteOptions(request_id=self.request_id or secrets.token_hex(16), expected_version=self.expect_version)


READING = Reading()
LISTING = Listing()
WRITING = Writing()
