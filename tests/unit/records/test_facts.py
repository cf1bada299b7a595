"""The journal's lines as values."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import get_type_hints

import pytest

from trunkline.api.events.v1 import call_pb2
from trunkline.records.facts import KINDS, MAX_LINE_BYTES, CallFact, Counted, Ended, MalformedFact, Refused, parse_fact

_ZEROS = {str: "", int: 0, bool: False, tuple[str, ...]: ()}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_has_the_fields_and_defaults_of_its_message(kind: str) -> None:
    message = call_pb2.CallFact.DESCRIPTOR.oneofs_by_name["fact"].containing_type.fields_by_name[kind].message_type
    hints = get_type_hints(KINDS[kind])
    wanted = {}
    for field in message.fields:
        single = {field.TYPE_STRING: str, field.TYPE_BOOL: bool}.get(field.type, int)
        wanted[field.name] = tuple[str, ...] if field.is_repeated else single
    assert hints == wanted
    for ours in fields(KINDS[kind]):
        assert ours.default is not MISSING and ours.default == _ZEROS[hints[ours.name]]


def test_no_kind_of_the_oneof_is_missing() -> None:
    assert set(KINDS) == {field.name for field in call_pb2.CallFact.DESCRIPTOR.oneofs_by_name["fact"].fields}


def test_a_line_is_read_whole() -> None:
    line = b'{"call":"c1","id":"1a-2","time_ns":17,"refused":{"status":403,"reason":"T203","q850":21,"facts":"from 192.0.2.1"}}\n'
    assert parse_fact(line) == CallFact("c1", "1a-2", 17, Refused(403, "T203", 21, "from 192.0.2.1"))


def test_fields_of_a_newer_edge_are_ignored_and_numbers_may_be_text() -> None:
    line = b'{"call":"c1","id":"1-1","time_ns":"17","moon":1,"ended":{"by":"caller","q850":16,"answered_ns":"5","phase":"full"}}'
    assert parse_fact(line) == CallFact("c1", "1-1", 17, Ended("caller", 16, 5))


def test_counted_facts_need_no_call() -> None:
    assert parse_fact(b'{"id":"1-1","counted":{"what":"unknown domain","number":3}}').body == Counted(what="unknown domain", number=3)


def test_a_lone_surrogate_becomes_storable_text() -> None:
    fact = parse_fact(b'{"call":"c","id":"1-1","refused":{"facts":"a\\ud800b"}}')
    assert fact.body == Refused(facts="a?b")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "not JSON"),
        (b'{"call":', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "list where an object"),
        (b'{"call":"c","id":"1-1"}', "there is none"),
        (b'{"call":"c","id":"1-1","failed":{},"ended":{}}', "failed, ended"),
        (b'{"call":"c","id":"1-1","failed":7}', "failed: a JSON int"),
        (b'{"id":"1-1","failed":{}}', "call: missing"),
        (b'{"call":"c","failed":{}}', "id: missing"),
        (b'{"call":5,"id":"1-1","failed":{}}', "call: text is wanted"),
        (b'{"call":"c","id":"1-1","failed":{"status":"busy"}}', "failed.status: a number"),
        (b'{"call":"c","id":"1-1","failed":{"status":true}}', "failed.status: a number"),
        (b'{"call":"c","id":"1-1","failed":{"status":-1}}', "failed.status: a number"),
        (b'{"call":"c","id":"1-1","time_ns":18446744073709551615,"failed":{}}', "time_ns: a number from 0 to 2^63-1"),
        (b'{"call":"c","id":"1-1","attempted":{"is_private":1}}', "attempted.is_private: true or false"),
        (b'{"call":"c","id":"1-1","attempted":{"notes":"x"}}', "attempted.notes: a list"),
        (b'{"call":"c","id":"1-1","attempted":{"notes":[1]}}', "attempted.notes: text"),
        (json.dumps({"call": "c", "id": "1-1", "refused": {"facts": "x" * MAX_LINE_BYTES}}).encode(), "more than"),
    ],
)
def test_a_malformed_line_is_refused_with_its_place(line: bytes, says: str) -> None:
    with pytest.raises(MalformedFact, match=says.replace("^", r"\^")):
        parse_fact(line)
