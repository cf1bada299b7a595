"""Domain events and their protobuf twins."""

from __future__ import annotations

import typing
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from helpers.commits import address, commit
from hypothesis import given
from hypothesis import strategies as st

from trunkline.api.events.v1 import commit_pb2, config_pb2
from trunkline.domain.events import (
    AclDeleted,
    CarrierCreated,
    CarrierSettings,
    Commit,
    CredentialSet,
    DeckRow,
    DeckRowsAdded,
    DigestPolicySet,
    Event,
    IdentityPolicy,
    Kind,
    TenantId,
)
from trunkline.eventlog.codec import (
    EVENT_CLASSES,
    UnknownEvent,
    decode_commit,
    decode_event,
    encode_commit,
    encode_event,
    field_name_of,
)
from trunkline.eventlog.log import LogDamaged

NESTED = (CarrierSettings, DeckRow, IdentityPolicy)

_SCALARS: dict[type, set[int]] = {
    str: {FieldDescriptor.TYPE_STRING},
    bytes: {FieldDescriptor.TYPE_BYTES},
    bool: {FieldDescriptor.TYPE_BOOL},
    int: {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64},
}


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=lambda each: each.__name__)
def test_every_event_has_a_place_in_the_oneof(event_class: type[Any]) -> None:
    twin = commit_pb2.Event.DESCRIPTOR.fields_by_name[field_name_of(event_class)]
    assert twin.message_type.name == event_class.__name__


def test_every_place_in_the_oneof_has_an_event() -> None:
    names = {field_name_of(each) for each in EVENT_CLASSES}
    assert {each.name for each in commit_pb2.Event.DESCRIPTOR.oneofs_by_name["event"].fields} == names


@pytest.mark.parametrize("value_class", [*EVENT_CLASSES, *NESTED], ids=lambda each: each.__name__)
def test_fields_have_the_names_and_types_of_their_twins(value_class: type[Any]) -> None:
    descriptor = config_pb2.DESCRIPTOR.message_types_by_name[value_class.__name__]
    twins = {each.name: each for each in descriptor.fields}
    assert {each.name for each in fields(value_class)} == set(twins)
    for name, hint in typing.get_type_hints(value_class).items():
        is_tuple = typing.get_origin(hint) is tuple
        kind = typing.get_args(hint)[0] if is_tuple else hint
        assert twins[name].is_repeated is is_tuple, name
        if is_dataclass(kind):
            assert twins[name].message_type.name == typing.cast("type", kind).__name__
        else:
            assert twins[name].type in _SCALARS[kind], name


def test_every_message_of_the_config_events_has_a_class() -> None:
    known = {each.__name__ for each in (*EVENT_CLASSES, *NESTED)}
    assert set(config_pb2.DESCRIPTOR.message_types_by_name) == known


def test_the_commit_has_the_fields_of_its_twin() -> None:
    twins = {each.name for each in commit_pb2.Commit.DESCRIPTOR.fields}
    assert {each.name for each in fields(Commit)} == twins


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if typing.get_origin(hint) is tuple:
        return st.lists(_values(typing.get_args(hint)[0]), max_size=4).map(tuple)
    if is_dataclass(hint):
        return _instances(typing.cast("type[Any]", hint))
    strategies: dict[type, st.SearchStrategy[Any]] = {
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        bytes: st.binary(max_size=40),
        bool: st.booleans(),
        int: st.integers(0, 2**32 - 1),
    }
    return strategies[hint]


def _instances(value_class: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(value_class)
    return st.builds(value_class, **{each.name: _values(hints[each.name]) for each in fields(value_class)})


events = st.one_of([_instances(each) for each in EVENT_CLASSES])
commits = st.builds(
    Commit,
    id=st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=1, max_size=26),
    kind=st.sampled_from(Kind),
    tenant=st.text("abc-", min_size=1, max_size=10).map(TenantId),
    aggregate=st.text("abc", min_size=1, max_size=10),
    version=st.integers(0, 2**63),
    time=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    actor=st.text("abc:/", max_size=10),
    events=st.lists(events, min_size=1, max_size=3).map(tuple),
    request_id=st.text("abc", max_size=10),
    request_hash=st.binary(max_size=32),
    trace_parent=st.text("0123456789abcdef-", max_size=55),
)


@given(events)
def test_an_event_survives_its_encoding(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


@given(commits)
def test_a_commit_survives_its_encoding(value: Commit) -> None:
    assert decode_commit(encode_commit(value)) == value


@given(commits)
def test_a_commit_has_one_encoding(value: Commit) -> None:
    assert encode_commit(decode_commit(encode_commit(value))) == encode_commit(value)


def test_what_is_read_has_plain_types() -> None:
    value = commit(
        "a",
        address(1),
        AclDeleted(),
        CarrierCreated(CarrierSettings(is_trusted=True)),
        DeckRowsAdded(1, (DeckRow("31", "alpha"),)),
        DigestPolicySet(("MD5",)),
        CredentialSet("u", "r", "k", b"\0\xff"),
    )
    read = decode_commit(encode_commit(value))
    rows = typing.cast("DeckRowsAdded", read.events[3]).rows
    assert type(rows) is tuple
    assert type(rows[0]) is DeckRow
    assert type(typing.cast("DigestPolicySet", read.events[4]).algorithms) is tuple
    assert isinstance(read.kind, Enum)
    assert read.time.tzinfo is UTC


def _varint_field(number: int, body: bytes) -> bytes:
    key = number << 3 | 2
    return bytes([key & 0x7F | 0x80, key >> 7, len(body)]) + body


def test_an_event_of_a_later_version_is_an_error() -> None:
    with pytest.raises(UnknownEvent, match="Update the program"):
        decode_event(_varint_field(999, b""))
    message = commit_pb2.Commit.FromString(encode_commit(commit("a")))
    message.events.append(commit_pb2.Event.FromString(_varint_field(999, b"")))
    with pytest.raises(UnknownEvent, match="Update the program"):
        decode_commit(message.SerializeToString())


def test_a_kind_of_a_later_version_is_an_error() -> None:
    message = commit_pb2.Commit.FromString(encode_commit(commit("a")))
    message.kind = "satellite"
    with pytest.raises(UnknownEvent, match="satellite"):
        decode_commit(message.SerializeToString())


def test_a_field_of_a_later_version_is_left_out() -> None:
    event = address(1)
    body = encode_event(event)
    inner = _varint_field(999, b"new")
    longer = commit_pb2.Event.FromString(body)
    longer.address_added.MergeFromString(inner)
    assert decode_event(longer.SerializeToString()) == event


@pytest.mark.parametrize("body", [b"", b"\xff\xff\xff", b"hello, world"], ids=["empty", "no message", "text"])
def test_what_is_no_commit_is_damage(body: bytes) -> None:
    with pytest.raises(LogDamaged):
        decode_commit(body)


def test_a_commit_cut_short_is_damage() -> None:
    body = encode_commit(replace(commit("a", address(1)), trace_parent="x" * 55))
    with pytest.raises(LogDamaged):
        decode_commit(body[:-1])
