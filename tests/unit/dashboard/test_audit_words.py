"""Changes as people say them: every event that there is, with all that it says but secrets and ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from trunkline.api.events.v1 import commit_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.audit_words import MAX_TEXT, said

EVENTS = [field for field in commit_pb2.Event.DESCRIPTOR.fields if not field.name.startswith("claim_")]
"""Claims are no part of the history."""
UNTOLD = {"credential_id", "key_id", "key_hash", "sealed", "sha256"}
"""Ids of nobody's choice, and secrets."""
SPECIAL = {"cidr": "198.51.100.0/28", "host": "192.0.2.40", "max_rate_micros": 250_000, "until_s": 1_800_000_000,
           "expires_s": 1_800_000_000, "since_s": 1_800_000_000}  # fmt: skip
TOLD = {"max_rate_micros": "0.25", "until_s": "2027-01-15", "expires_s": "2027-01-15", "since_s": "2027-01-15"}


def fill(message: Message, number: int = 0) -> dict[str, str]:
    """Every field with a value of its own; the texts by which each would be known."""
    found: dict[str, str] = {}
    for field in message.DESCRIPTOR.fields:
        number += 7
        if field.message_type is not None:
            if not field.is_repeated:
                found |= fill(getattr(message, field.name), number + 50)
                getattr(message, field.name).SetInParent()
            continue
        match field.type:
            case FieldDescriptor.TYPE_BOOL:
                setattr(message, field.name, True)
                continue
            case FieldDescriptor.TYPE_STRING:
                value: Any = SPECIAL.get(field.name, f"text-{number}")
            case FieldDescriptor.TYPE_BYTES:
                value = b"\x01secret"
            case _:
                value = SPECIAL.get(field.name, 1000 + number)
        setattr(message, field.name, value) if not field.is_repeated else getattr(message, field.name).append(value)
        found[field.name] = TOLD.get(field.name, str(value))
    return found


def entry_of(event: commit_pb2.Event) -> pb.HistoryEntry:
    return pb.HistoryEntry(events=[event], changes=['as it stands: in: "the log"'])


@pytest.mark.parametrize("field", EVENTS, ids=lambda field: field.name)
def test_every_event_is_said_with_all_that_it_says(field: FieldDescriptor) -> None:
    event = commit_pb2.Event()
    body = getattr(event, field.name)
    body.SetInParent()
    values = fill(body)
    [change] = said(entry_of(event))
    text = f"{change.what}; {change.more}"
    assert change.what[0].isupper() and not re.search(r"[a-z]_[a-z]|: \"", text), text
    missing = {name: value for name, value in values.items() if name not in UNTOLD and value not in text}
    assert not missing, f"{text!r} does not say {missing}"
    assert not any(values[name] in text for name in UNTOLD & values.keys()), text


@pytest.mark.parametrize("field", EVENTS, ids=lambda field: field.name)
def test_an_event_that_says_nothing_is_said_all_the_same(field: FieldDescriptor) -> None:
    event = commit_pb2.Event()
    getattr(event, field.name).SetInParent()
    [change] = said(entry_of(event))
    assert change.what.strip() and not change.more.startswith(";"), change


def flags_of(message: Descriptor) -> Iterator[tuple[str, ...]]:
    """Paths of all, also of what stands in it once."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_BOOL:
            yield (field.name,)
        elif field.message_type is not None and not field.is_repeated:
            yield from ((field.name, *more) for more in flags_of(field.message_type))


def test_a_flag_makes_a_difference() -> None:
    """Of every event that has one: what it says is another with the flag than without."""
    seen = set()
    for field in EVENTS:
        for path in flags_of(field.message_type):
            texts = []
            for value in (False, True):
                event = commit_pb2.Event()
                body = getattr(event, field.name)
                body.SetInParent()
                for name in path[:-1]:
                    body = getattr(body, name)
                    body.SetInParent()
                setattr(body, path[-1], value)
                texts.append(said(entry_of(event)))
            assert texts[0] != texts[1], f"{field.name}.{'.'.join(path)}"
            seen.add((field.name, *path))
    assert {("carrier_changed", "settings", "is_trusted"), ("tenant_suspended", "is_ending_calls")} <= seen


def test_a_long_change_is_cut_and_says_so() -> None:
    event = commit_pb2.Event()
    event.class_of_service_set.allowed_prefixes.extend(str(prefix) for prefix in range(1000, 2000))
    [change] = said(entry_of(event))
    assert len(change.more) == MAX_TEXT and change.more.startswith("+1000, +1001, ") and change.more.endswith("…")
    event = commit_pb2.Event()
    event.tenant_created.name = "x" * MAX_TEXT
    assert said(entry_of(event))[0].more == "x" * MAX_TEXT


def test_what_a_newer_service_writes_is_told_as_it_stands() -> None:
    [change] = said(entry_of(commit_pb2.Event()))
    assert (change.what, change.more) == ("as it stands", 'in: "the log"')


@pytest.mark.parametrize(
    ("cidr", "shown"),
    [("192.0.2.1/32", "192.0.2.1"), ("192.0.2.0/24", "192.0.2.0/24"), ("::1/128", "::1"), ("2001:db8::/32", "2001:db8::/32")],
)
def test_one_address_is_said_without_its_length(cidr: str, shown: str) -> None:
    event = commit_pb2.Event()
    event.address_removed.cidr = cidr
    assert said(entry_of(event))[0].what == f"Address {shown} removed"
