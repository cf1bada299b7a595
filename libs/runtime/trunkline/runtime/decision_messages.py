"""`DecideCall` of routing.proto: both ends' translations, field by field, so that they stand side by side."""

from __future__ import annotations

from itertools import repeat
from typing import assert_never

from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.policy import AdmittedCall
from trunkline.engine import Reject, Route, Target


def request_of(call: AdmittedCall, region: str) -> routing_pb2.DecideCallRequest:
    """`region` is that of the POP that asks."""
    return routing_pb2.DecideCallRequest(
        region=region,
        tenant=call.tenant,
        domain=call.domain,
        host=call.host,
        number=call.number,
        account=call.account,
        account_caller_id=call.account_caller_id,
        from_uri=call.from_uri,
        privacy=call.privacy,
        hints=call.hints,
        address_caller_id=call.address_caller_id,
    )


def call_of(request: routing_pb2.DecideCallRequest) -> AdmittedCall:
    return AdmittedCall(
        request.tenant,
        request.domain,
        request.host,
        request.number,
        request.account,
        request.account_caller_id,
        request.from_uri,
        tuple(request.privacy),
        tuple(request.hints),
        request.address_caller_id,
    )


def response_of(decision: Route | Reject, position: int) -> routing_pb2.DecideCallResponse:
    """`position` is what the deciding replica covers."""
    match decision:
        case Route():
            routed = routing_pb2.RoutedCall(
                targets=map(_message_of, decision.targets, decision.request_users or repeat("")),
                caller_id=decision.caller_id,
                presented=decision.presented,
                is_private=decision.is_private,
                privacy=decision.privacy,
                prefix=decision.prefix,
                notes=decision.notes,
                max_duration_s=decision.max_duration_s,
                is_last_resort=decision.is_last_resort,
            )
            return routing_pb2.DecideCallResponse(routed=routed, position=position)
        case Reject():
            rejected = routing_pb2.RejectedCall(
                reason=decision.reason,
                facts=decision.facts,
                caller_id=decision.caller_id,
                prefix=decision.prefix,
                notes=decision.notes,
            )
            return routing_pb2.DecideCallResponse(rejected=rejected, position=position)
        case _:
            assert_never(decision)


def decision_in(response: routing_pb2.DecideCallResponse) -> Route | Reject:
    """ValueError for an answer that holds no decision: of a version that knows another kind."""
    match response.WhichOneof("decision"):
        case "routed":
            routed = response.routed
            return Route(
                tuple(map(_target_of, routed.targets)),
                routed.caller_id,
                routed.presented,
                routed.is_private,
                routed.privacy,
                routed.prefix,
                tuple(routed.notes),
                tuple([target.request_user for target in routed.targets]),
                routed.max_duration_s,
                routed.is_last_resort,
            )
        case "rejected":
            rejected = response.rejected
            return Reject(rejected.reason, rejected.facts, rejected.caller_id, rejected.prefix, tuple(rejected.notes))
        case _:
            raise ValueError("the answer of DecideCall is neither a route nor a refusal: is routing of another version?")


def _message_of(target: Target, request_user: str) -> routing_pb2.RouteTarget:
    return routing_pb2.RouteTarget(
        gateway=target.gateway,
        carrier=target.carrier,
        address=target.address,
        port=target.port,
        transport=target.transport,
        is_trusted=target.is_trusted,
        request_user=request_user,
        from_name_addr=target.from_name_addr,
        asserted=target.asserted,
        has_asserted_on_ack=target.has_asserted_on_ack,
        privacy=target.privacy,
        pdd_limit_s=target.pdd_limit_s,
        rate_micros=target.rate_micros,
        currency=target.currency,
        hides_topology=target.hides_topology,
        shows_callee=target.shows_callee,
        takes_refer=target.takes_refer,
        initial_increment_s=target.initial_increment_s,
        next_increment_s=target.next_increment_s,
        connection_fee_micros=target.connection_fee_micros,
    )


def _target_of(message: routing_pb2.RouteTarget) -> Target:
    return Target(
        message.gateway,
        message.carrier,
        message.address,
        message.port,
        message.transport,
        message.is_trusted,
        message.from_name_addr,
        tuple(message.asserted),
        message.has_asserted_on_ack,
        message.privacy,
        message.pdd_limit_s,
        message.rate_micros,
        message.currency,
        message.hides_topology,
        message.shows_callee,
        message.takes_refer,
        message.initial_increment_s,
        message.next_increment_s,
        message.connection_fee_micros,
    )
