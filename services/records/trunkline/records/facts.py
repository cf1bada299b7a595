"""The facts of calls, as values: one line of an edge's journal is one `CallFact`.

Each class mirrors the message of the same name in `protos/trunkline/api/events/v1/call.proto`, field by field, in the JSON form that the
journal has (snake_case names, numbers as numbers). Fields that a newer edge added are ignored; fields that an older one lacks have the
protobuf default. `parse_fact` is not `google.protobuf.json_format`: that takes ten times as long a line, and a projection is rebuilt from
millions of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

MAX_LINE_BYTES = 262_144
"""A fact quotes headers of one SIP message, which is under 64 KiB; JSON's escapes make at most six bytes of one, but of few of them."""

_MAX_NUMBER = (1 << 63) - 1
"""SQLite's integers end here. No honest count, price or time comes near."""


class MalformedFact(ValueError):
    """A journal line that is no fact; the text says what is wrong with it and where."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """An INVITE for an existing domain arrived."""

    tenant: str = ""
    domain: str = ""
    host: str = ""
    number: str = ""
    sip_call_id: str = ""
    from_uri: str = ""
    to_uri: str = ""
    user_agent: str = ""
    source: str = ""
    transport: str = ""
    pop: str = ""
    edge: str = ""
    acl: str = ""
    account: str = ""
    address: str = ""
    digest_algorithm: str = ""
    position: int = 0
    caller_id: str = ""
    presented: str = ""
    is_private: bool = False
    privacy: str = ""
    prefix: str = ""
    username: str = ""
    notes: tuple[str, ...] = ()
    max_duration_s: int = 0
    is_source_proved: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused before any gateway was tried."""

    status: int = 0
    reason: str = ""
    q850: int = 0
    facts: str = ""


@dataclass(frozen=True, slots=True)
class GatewayTried:
    number: int = 0
    carrier: str = ""
    gateway: str = ""
    address: str = ""
    rate_micros: int = 0
    currency: str = ""
    from_uri: str = ""
    initial_increment_s: int = 0
    next_increment_s: int = 0
    connection_fee_micros: int = 0


@dataclass(frozen=True, slots=True)
class GatewayFailed:
    number: int = 0
    status: int = 0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Progressed:
    number: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    number: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt ended without an answer."""

    status: int = 0
    reason: str = ""
    q850: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The edge ends the call itself."""

    reason: str = ""
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    by: str = ""
    q850: int = 0
    answered_ns: int = 0


@dataclass(frozen=True, slots=True)
class PresumedOver:
    """Nobody has told the end; written by this service itself."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What gets no record of its own, per source and minute."""

    source: str = ""
    what: str = ""
    number: int = 0
    minute_ns: int = 0
    domain: str = ""
    tenant: str = ""
    proved: int = 0


Body = Attempted | Refused | GatewayTried | GatewayFailed | Progressed | Answered | Failed | Ended | Counted | HungUp | PresumedOver

KINDS: Mapping[str, type[Body]] = {
    "attempted": Attempted,
    "refused": Refused,
    "gateway_tried": GatewayTried,
    "gateway_failed": GatewayFailed,
    "progressed": Progressed,
    "answered": Answered,
    "failed": Failed,
    "ended": Ended,
    "counted": Counted,
    "hung_up": HungUp,
    "presumed_over": PresumedOver,
}
"""The members of the oneof `fact`, by field name."""


@dataclass(frozen=True, slots=True)
class CallFact:
    """`call` is empty for `Counted` only. `id` is unique in the edge. `time_ns` is Unix time by the edge's clock."""

    call: str
    id: str
    time_ns: int
    body: Body


def parse_fact(line: bytes) -> CallFact:
    """One line, with or without its line end. Raises MalformedFact."""
    if len(line) > MAX_LINE_BYTES:
        raise MalformedFact(f"the line has {len(line)} bytes, more than {MAX_LINE_BYTES}")
    try:
        document = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedFact(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedFact(f"a JSON {type(document).__name__} where an object is wanted")
    present = document.keys() & _KIND_NAMES
    if len(present) != 1:
        raise MalformedFact(f"exactly one of {', '.join(KINDS)} is wanted, there is {', '.join(sorted(present)) or 'none'}")
    (kind,) = present
    values = document[kind]
    if not isinstance(values, dict):
        raise MalformedFact(f"{kind}: a JSON {type(values).__name__} where an object is wanted")
    call = _text(document.get("call", ""), "call")
    fact_id = _text(document.get("id", ""), "id")
    if not fact_id:
        raise MalformedFact("id: missing")
    if not call and kind != "counted":
        raise MalformedFact("call: missing")
    body_type = KINDS[kind]
    arguments: dict[str, Any] = {}
    for name, read in _FIELDS[body_type]:
        if name in values:
            arguments[name] = read(values[name], f"{kind}.{name}")
    return CallFact(call, fact_id, _number(document.get("time_ns", 0), "time_ns"), body_type(**arguments))


def kind_of(body: Body) -> str:
    """The name of the oneof's field."""
    return _NAMES[type(body)]


_KIND_NAMES = frozenset(KINDS)
_NAMES: Mapping[type[Body], str] = {body_type: name for name, body_type in KINDS.items()}


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise MalformedFact(f"{where}: text is wanted, there is {value!r:.60}")
    # A lone surrogate cannot be stored as UTF-8.
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _number(value: object, where: str) -> int:
    # The canonical JSON mapping writes 64-bit numbers as text; our engine does not, another writer may.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_NUMBER:
        raise MalformedFact(f"{where}: a number from 0 to 2^63-1 is wanted, there is {value!r:.60}")
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedFact(f"{where}: true or false is wanted, there is {value!r:.60}")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise MalformedFact(f"{where}: a list is wanted, there is {value!r:.60}")
    return tuple(_text(item, where) for item in value)


_READERS: Mapping[object, Callable[[object, str], object]] = {str: _text, int: _number, bool: _flag, tuple[str, ...]: _texts}


def _readers(body_type: type[Body]) -> tuple[tuple[str, Callable[[object, str], object]], ...]:
    hints = get_type_hints(body_type)
    return tuple((field.name, _READERS[hints[field.name]]) for field in fields(body_type))


_FIELDS = {body_type: _readers(body_type) for body_type in KINDS.values()}
