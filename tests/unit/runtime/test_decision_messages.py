"""A decision that travels from routing to an edge is the one that the edge would have made itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.policy import AdmittedCall
from trunkline.engine import Reject, Route, Target
from trunkline.runtime.decision_messages import call_of, decision_in, request_of, response_of

_text = st.text(max_size=20)
_texts = st.lists(_text, max_size=3).map(tuple)
_number = st.integers(min_value=0, max_value=60)
_target = st.builds(
    Target,
    gateway=_text,
    carrier=_text,
    address=_text,
    port=st.integers(min_value=1, max_value=65535),
    transport=_text,
    is_trusted=st.booleans(),
    from_name_addr=_text,
    asserted=_texts,
    has_asserted_on_ack=st.booleans(),
    privacy=_text,
    pdd_limit_s=_number,
    rate_micros=st.integers(min_value=0, max_value=2**63),
    initial_increment_s=st.integers(min_value=0, max_value=2**31),
    next_increment_s=st.integers(min_value=0, max_value=2**31),
    connection_fee_micros=st.integers(min_value=0, max_value=2**63),
    currency=_text,
    takes_refer=st.booleans(),
)
_steps = st.lists(st.tuples(_target, _text), min_size=1, max_size=8)
_decision: st.SearchStrategy[Route | Reject] = st.one_of(
    st.builds(
        lambda steps, longest, is_last_resort, *rest: Route(
            tuple(target for target, _ in steps),
            *rest,
            request_users=tuple(user for _, user in steps),
            max_duration_s=longest,
            is_last_resort=is_last_resort,
        ),
        _steps,
        _number,
        st.booleans(),
        _text,
        _text,
        st.booleans(),
        _text,
        _text,
        _texts,
    ),
    st.builds(Reject, reason=_text, facts=_text, caller_id=_text, prefix=_text, notes=_texts),
)
_call = st.builds(
    AdmittedCall,
    tenant=_text,
    domain=_text,
    host=_text,
    number=_text,
    account=_text,
    account_caller_id=_text,
    from_uri=_text,
    privacy=_texts,
    hints=_texts,
    address_caller_id=_text,
)


@given(_decision)
def test_a_decision_arrives_as_it_was_made(decision: Route | Reject) -> None:
    message = routing_pb2.DecideCallResponse.FromString(response_of(decision, 7).SerializeToString())
    assert decision_in(message) == decision
    assert message.position == 7


@given(_call, st.sampled_from(["eu", "us", "apac"]))
def test_a_call_arrives_as_it_was_asked_about(call: AdmittedCall, region: str) -> None:
    message = routing_pb2.DecideCallRequest.FromString(request_of(call, region).SerializeToString())
    assert call_of(message) == call
    assert message.region == region


def test_every_field_of_the_messages_is_used() -> None:
    for fields, message in (
        # `holds_for` and `is_by_from` are between an edge's policy and its engine: who asks another about a call asks about each.
        (set(Route._fields) - {"request_users", "holds_for", "is_by_from"}, routing_pb2.RoutedCall),
        ({*Target._fields, "request_user"}, routing_pb2.RouteTarget),
        (Reject._fields, routing_pb2.RejectedCall),
        ((*AdmittedCall._fields, "region"), routing_pb2.DecideCallRequest),
    ):
        assert set(fields) == {field.name for field in message.DESCRIPTOR.fields}


def test_an_answer_without_a_decision_is_refused() -> None:
    with pytest.raises(ValueError, match="another version"):
        decision_in(routing_pb2.DecideCallResponse(position=7))
