"""A record is asked about again, and where the answer differs is told."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from unit.domain.test_policy import CALL, REALM, platform

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import Refusal
from trunkline.domain.explaining import Explained, explain_call
from trunkline.domain.policy import Routed
from trunkline.provisioning.recorded import differences, question_of, source_of, view_of_notes

ADMITTED = pb.ExplainResponse(outcome="admit", account="31000000", acl="OFFICE")


def record(**changed: object) -> records_pb2.Record:
    facts: dict[str, object] = {
        "tenant": "acme",
        "domain": "acme",
        "host": f"acme.{REALM}",
        "number": "+31201234567",
        "outcome": "answered",
        "source": "192.0.2.7:5060",
        "account": "31000000",
        "acl": "OFFICE",
        "caller_id": "+31000000",
        "presented": "+31000000",
        "prefix": "31",
        "pop": "eu1",
        "position": 7,
        "attempts": [records_pb2.GatewayAttempt(number=1, carrier="alpha", gateway="g", rate_micros=12_000, result="answered")],
    }
    return records_pb2.Record(**(facts | changed))  # type: ignore[arg-type]


def explained(**changed: object) -> Explained:
    return explain_call(CALL._replace(**changed), platform().directory, region="eu", realm=REALM)  # type: ignore[arg-type]


def told(of: records_pb2.Record, answer: pb.ExplainResponse = ADMITTED, found: Explained | None = None) -> dict[str, tuple[str, str]]:
    return {each.field: (each.recorded, each.computed) for each in differences(of, answer, found or explained())}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:5060", "192.0.2.1"),
        ("[2001:db8::1]:5060", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:x", "2001:db8::1:x"),
    ],
)
def test_the_source_is_taken_without_its_port(text: str, address: str) -> None:
    assert source_of(records_pb2.Record(source=text)) == address


@pytest.mark.parametrize(
    ("changed", "username", "is_right"),
    [
        ({}, "31000000", True),
        ({"account": "", "username": "mallory", "outcome": "refused", "reason": "T204"}, "mallory", False),
        ({"account": "", "outcome": "refused", "reason": "T203"}, "", False),
        ({"username": "31000000", "outcome": "refused", "reason": "T301"}, "31000000", True),
    ],
)
def test_the_password_was_right_unless_the_record_says_otherwise(changed: dict[str, object], username: str, is_right: bool) -> None:
    question = question_of(record(**changed))
    assert (question.username, question.is_password_right) == (username, is_right)
    assert (question.source, question.domain, question.pop) == ("192.0.2.7", f"acme.{REALM}", "eu1")


def test_a_record_without_a_source_is_refused() -> None:
    with pytest.raises(Refusal):
        question_of(record(source=""))


def test_a_call_that_comes_out_as_recorded_differs_in_nothing() -> None:
    assert told(record()) == {}


@pytest.mark.parametrize(
    ("changed", "field", "computed"),
    [
        ({"acl": "OTHER"}, "acl", "OFFICE"),
        ({"caller_id": "+4930123456"}, "caller_id", "+31000000"),
        ({"presented": "anonymous"}, "presented", "+31000000"),
        ({"prefix": "312"}, "prefix", "31"),
        ({"attempts": [records_pb2.GatewayAttempt(carrier="beta", gateway="g")]}, "attempts", "alpha/g, beta/g"),
        (
            {"attempts": [records_pb2.GatewayAttempt(number=1, carrier="alpha", gateway="alpha/g", rate_micros=1)]},
            "attempts.1.rate_micros",
            "12000",
        ),
        ({"outcome": "refused", "reason": "T305"}, "outcome", "admit"),
    ],
)
def test_what_differs_is_named(changed: dict[str, object], field: str, computed: str) -> None:
    assert told(record(**changed))[field][1] == computed


def test_a_reason_that_no_set_up_decides_says_so() -> None:
    found = differences(record(outcome="refused", reason="T305"), ADMITTED, explained())
    assert [each.why for each in found] == ["how many calls there were is not in the log"] * 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "the log has changed since the call"),
        ({"assumed": ["x"]}, "because of the changes that were assumed"),
        ({"position": 9, "position_time": Timestamp(seconds=1)}, "the log was another at position 9; the call was decided at 7"),
        (
            {"position": 7, "position_time": Timestamp(seconds=1)},
            "at the same position; what is not in the log, or an earlier version's rules, decided otherwise",
        ),
    ],
)
def test_every_difference_says_why(answer: dict[str, Any], why: str) -> None:
    asked = pb.ExplainResponse(outcome="admit", account="31000000", acl="OFFICE", **answer)
    tried = records_pb2.GatewayAttempt(number=1, carrier="alpha", gateway="alpha/g", rate_micros=1)
    other = records_pb2.GatewayAttempt(number=2, carrier="gamma", gateway="g")
    found = differences(record(acl="OTHER", prefix="312", attempts=[tried, other]), asked, explained())
    assert {each.field: each.why for each in found} == dict.fromkeys(("acl", "prefix", "attempts", "attempts.1.rate_micros"), why)
    refused = differences(record(outcome="refused", reason="T203"), asked, explained())
    assert [each.why for each in refused] == [why] * 2


def test_a_refusal_that_comes_out_again_differs_in_nothing() -> None:
    refused = pb.ExplainResponse(outcome="refuse", reason="T203")
    assert told(record(outcome="refused", reason="T203", account="", acl=""), refused, Explained()) == {}


def test_gateways_that_the_record_passed_over_are_passed_over_again() -> None:
    view = view_of_notes(["gateway alpha/g passed over since 2026-01-01T00:00:00Z: OPTIONS: silent", "From is anonymous"])
    assert set(view.passed) == {"alpha/g"}
    found = explain_call(CALL, platform().directory, region="eu", realm=REALM, view=view)
    assert isinstance(found.decided, Routed) and found.decided.targets[0].choice.gateway.key == "beta/g"
