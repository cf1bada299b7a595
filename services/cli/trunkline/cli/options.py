"""Options that many commands share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from trunkline.api.common.v1 import common_pb2

Output = Literal["table", "json"]

_UINT32: Final = 2**32 - 1
_UINT64: Final = 2**64 - 1

Amount = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000_000))]
"""Of rows that are wanted; more than a listing ever reads."""

Natural = Annotated[int, Parameter(validator=Number(gte=0, lte=_UINT32))]
"""What an uint32 of the protos holds; the service says what of it is sensible."""

Counter = Annotated[int, Parameter(validator=Number(gte=0, lte=_UINT64))]
"""A version, or a position of the log."""

Words = Parameter(consume_multiple=True, negative="")
"""Of an option with several values: `--sources account address`."""

Port = Annotated[int, Parameter(validator=Number(gte=1, lte=65535))]


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How a command asks and shows."""

    output: Annotated[Output, Parameter(name=["--output", "-o"])] = "table"
    """A table for people, or JSON, one document a line."""
    as_operator: Annotated[bool, Parameter(negative="")] = False
    """Ask with the operator's key instead of the tenant's; name the tenant then."""
    tenant: str = ""
    """Whose; a tenant's key knows by itself."""


@Parameter(name="*")
@dataclass(frozen=True)
class Writing(Reading):
    """How a command writes."""

    wait: str = ""
    """Wait until it is enforced, and say where how long that took: all (as --wait alone), region (that of the service), pop (the first), or
    names of regions and points of presence, such as us,apac1."""
    request_id: str = ""
    """Repeating a command with the same id gives the first answer; made up where it is left out."""
    expect_version: Counter | None = None
    """Refuse if somebody else has changed the thing since it had this version."""

    def options(self) -> common_pb2.WriteOptions:
        return common_pb2.WriteOptions(request_id=self.request_id or secrets.token_hex(16), expected_version=self.expect_version)


READING = Reading()
WRITING = Writing()
