"""Domain events ↔ protobuf, by the names of their fields.

Nothing is listed here by hand: `trunkline.domain.events` and `trunkline/api/events/v1` mirror each other (a test checks it both ways), so
the converters of each pair are put together once, at import, as one expression a class: that is twice as fast as a loop over fields, and
replay is bound by it. A field that this code does not know yet is left out; an event that it does not know is an error.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from trunkline.api.events.v1 import commit_pb2, config_pb2
from trunkline.domain.events import Commit, Event, Kind, TenantId
from trunkline.eventlog.log import LogDamaged

EVENT_CLASSES: Final[tuple[type[Any], ...]] = typing.get_args(Event)


class UnknownEvent(Exception):
    """The log holds an event that this version does not know. A projection that cannot apply an event stops: update the program."""


def field_name_of(event_class: type[Any]) -> str:
    """The name in the oneof: the class's in snake_case (`AclCreated` → `acl_created`)."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_class.__name__).lower()


def first_bytes_of(event_class: type[Any]) -> bytes:
    """What every encoded event of this class begins with, and no other."""
    # Field number and wire type 2 as a varint.
    tag, first = commit_pb2.Event.DESCRIPTOR.fields_by_name[field_name_of(event_class)].number << 3 | 2, bytearray()
    while tag > 0x7F:
        first.append(tag & 0x7F | 0x80)
        tag >>= 7
    return bytes([*first, tag])


def encode_event(event: Event) -> bytes:
    return _event_to_proto(event).SerializeToString(deterministic=True)


def decode_event(body: bytes) -> Event:
    """Raises UnknownEvent, and LogDamaged for what is no protobuf message."""
    try:
        return _event_from_proto(commit_pb2.Event.FromString(body))
    except DecodeError as error:
        raise LogDamaged(f"an event of {len(body)} bytes is not a protobuf message: {error}") from error


def encode_commit(commit: Commit) -> bytes:
    """Deterministic: one commit has one encoding, whichever engine stores it."""
    message = commit_pb2.Commit(
        id=commit.id,
        kind=commit.kind.value,
        tenant=commit.tenant,
        aggregate=commit.aggregate,
        version=commit.version,
        actor=commit.actor,
        request_id=commit.request_id,
        request_hash=commit.request_hash,
        trace_parent=commit.trace_parent,
        source=commit.source,
        person=commit.person,
        events=[_event_to_proto(event) for event in commit.events],
    )
    message.time.FromDatetime(commit.time)
    return message.SerializeToString(deterministic=True)


def decode_commit(body: bytes) -> Commit:
    """Raises UnknownEvent, and LogDamaged for a body that is no commit."""
    try:
        message = commit_pb2.Commit.FromString(body)
    except DecodeError as error:
        raise LogDamaged(f"a body of {len(body)} bytes is not a commit: {error}") from error
    if not message.id or not message.events:
        raise LogDamaged(f"a body of {len(body)} bytes is not a commit: it has no id or no event")
    kind = _KINDS.get(message.kind)
    if kind is None:
        raise UnknownEvent(f"commit {message.id} is of the kind {message.kind!r}, which this version does not know. Update the program.")
    stored = tuple([_event_from_proto(event) for event in message.events])
    time = message.time
    return Commit(
        message.id,
        kind,
        TenantId(message.tenant),
        message.aggregate,
        message.version,
        datetime.fromtimestamp(time.seconds, UTC).replace(microsecond=time.nanos // 1000),
        message.actor,
        stored,
        message.request_id,
        message.request_hash,
        message.trace_parent,
        message.source,
        message.person,
    )


_KINDS: Final = {kind.value: kind for kind in Kind}


def _event_to_proto(event: Event) -> commit_pb2.Event:
    name, convert = _TO_PROTO[type(event)]
    wrapper = commit_pb2.Event()
    part: Message = getattr(wrapper, name)
    # An event without fields would otherwise not be seen as set.
    part.SetInParent()
    part.MergeFrom(convert(event))
    return wrapper


def _event_from_proto(wrapper: commit_pb2.Event) -> Event:
    name = wrapper.WhichOneof("event")
    if name is None:
        raise UnknownEvent("the log holds an event that this version does not know. Update the program.")
    convert = _FROM_PROTO.get(name)
    if convert is None:
        raise UnknownEvent(f"the log holds an event {name}, which this version does not know. Update the program.")
    event: Event = convert(getattr(wrapper, name))
    return event


def _reader(value_class: type[Any]) -> Callable[[Any], Any]:
    """A function from a message to `value_class`: `lambda m: AddressAdded(m.cidr, m.caller_id, m.description)`."""
    names: dict[str, Any] = {"cls": value_class}
    arguments = []
    for name, hint in _hints(value_class):
        item = _item_of(hint)
        if item is not None and is_dataclass(item):
            names[f"each_{name}"] = _reader(item)
            arguments.append(f"tuple([each_{name}(each) for each in m.{name}])")
        elif item is not None:
            arguments.append(f"tuple(m.{name})")
        elif is_dataclass(hint):
            names[f"read_{name}"] = _reader(typing.cast("type[Any]", hint))
            arguments.append(f"read_{name}(m.{name})")
        else:
            arguments.append(f"m.{name}")
    return _compile(f"lambda m: cls({', '.join(arguments)})", names)


def _writer(value_class: type[Any], message_class: type[Message]) -> Callable[[Any], Any]:
    """A function from a `value_class` to a message: `lambda v: cls(cidr=v.cidr, …)`."""
    names: dict[str, Any] = {"cls": message_class}
    arguments = []
    for name, hint in _hints(value_class):
        item = _item_of(hint)
        if item is not None and is_dataclass(item):
            names[f"each_{name}"] = _writer(item, _message_class(item.__name__))
            arguments.append(f"{name}=[each_{name}(each) for each in v.{name}]")
        elif is_dataclass(hint):
            nested = typing.cast("type[Any]", hint)
            names[f"write_{name}"] = _writer(nested, _message_class(nested.__name__))
            arguments.append(f"{name}=write_{name}(v.{name})")
        else:
            arguments.append(f"{name}=v.{name}")
    return _compile(f"lambda v: cls({', '.join(arguments)})", names)


def _compile(source: str, names: dict[str, Any]) -> Callable[[Any], Any]:
    # The source holds names of our own dataclass fields and nothing from outside; collections.namedtuple and dataclasses do the same.
    function: Callable[[Any], Any] = eval(source, names)  # noqa: S307
    return function


def _hints(value_class: type[Any]) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(value_class)
    return [(each.name, hints[each.name]) for each in fields(value_class)]


def _item_of(hint: Any) -> type[Any] | None:
    """What a `tuple[X, ...]` holds, or None for another type."""
    if typing.get_origin(hint) is not tuple:
        return None
    item: type[Any] = typing.get_args(hint)[0]
    return item


def _message_class(name: str) -> type[Message]:
    message_class: type[Message] = getattr(config_pb2, name)
    return message_class


_TO_PROTO: Final = {each: (field_name_of(each), _writer(each, _message_class(each.__name__))) for each in EVENT_CLASSES}
_FROM_PROTO: Final = {field_name_of(each): _reader(each) for each in EVENT_CLASSES}
