"""Explanations as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.class_of_service import Limit
from trunkline.domain.explaining import Explained, SeenGateway, Step
from trunkline.domain.number_formats import formatted
from trunkline.domain.policy import Routed, RouteTarget
from trunkline.domain.reasons import REGISTRY

ADMITTED_STATUS = 200
UNANSWERED = "T207"
CHALLENGE_TEXT = "Challenged: the call must bring credentials"


def seen_on_the_wire(outcome: str, code: str, challenge_status: int) -> tuple[int, str]:
    """SIP status and text; 0 and none for a refusal whose code is newer than our registry."""
    match outcome:
        case "admit":
            return ADMITTED_STATUS, ""
        case "challenge":
            return challenge_status, CHALLENGE_TEXT
        case _:
            if code == UNANSWERED:
                return 0, "Not answered: the source is banned"
            row = next((row for row in REGISTRY if row.code == code), None)
            return (row.status, row.text) if row is not None else (0, "")


def what_to_do(code: str) -> str:
    """Of the registry; empty without a code, or for one that is newer than ours."""
    return next((row.what_to_do for row in REGISTRY if row.code == code), "")


def step_message(step: Step) -> pb.ExplainStep:
    return pb.ExplainStep(
        stage=step.stage,
        outcome=step.outcome.value,
        reason=step.reason,
        text=step.text,
        details=step.details,
        is_beyond=step.is_beyond,
        is_now_only=step.is_now_only,
    )


def lines(steps: Iterable[Step]) -> list[str]:
    """Every detail, then what came of it."""
    return [line for step in steps for line in (*step.details, step.text)]


def identity_message(explained: Explained) -> pb.ExplainIdentity | None:
    decided = explained.decided
    if not isinstance(decided, Routed):
        return None
    return pb.ExplainIdentity(
        caller_id=decided.identity.caller_id,
        uri=decided.identity.uri,
        source=explained.caller_id_source,
        asserted=decided.identity.asserted,
        presented=decided.presented,
        is_private=decided.privacy.is_private,
        privacy=decided.privacy.value,
    )


def route_message(explained: Explained) -> pb.ExplainRoute | None:
    """None where the number has no route."""
    decided = explained.decided
    if decided is None or not decided.prefix:
        return None
    routed = decided if isinstance(decided, Routed) else None
    targets = {target.choice.gateway.key: target for target in routed.targets} if routed is not None else {}
    number = routed.number if routed is not None else ""
    return pb.ExplainRoute(
        prefix=decided.prefix,
        destination=routed.destination if routed is not None else "",
        gateways=[_gateway_message(seen, targets.get(seen.gateway.key), number) for seen in explained.gateways],
        is_drawn=explained.is_drawn,
        max_duration_s=routed.max_duration_s if routed is not None else 0,
    )


def limit_messages(limits: Iterable[Limit], calls: Mapping[str, int]) -> list[pb.ExplainLimit]:
    """`calls` in use by label, the tenant's under the empty one; those that are not known are left out."""
    return [
        pb.ExplainLimit(
            label=limit.key.domain,
            max_calls=limit.max_calls,
            max_calls_per_second=limit.max_calls_per_second,
            calls=calls.get(limit.key.domain),
        )
        for limit in limits
    ]


def _gateway_message(seen: SeenGateway, target: RouteTarget | None, number: str) -> pb.ExplainGateway:
    gateway, (row, currency) = seen.gateway, seen.row
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    message = pb.ExplainGateway(
        place=seen.place,
        carrier=gateway.carrier,
        gateway=gateway.name,
        address=f"{host}:{gateway.port}",
        transport=gateway.transport,
        region=gateway.region,
        priority=gateway.priority,
        weight=gateway.weight,
        rate_micros=row.rate_micros,
        currency=currency,
        why=seen.why,
        is_passed_over=seen.is_passed_over,
        is_trusted=seen.carrier.settings.is_trusted,
        row_priority=row.priority,
        row_weight=row.weight,
    )
    if target is not None:
        message.request_user = formatted(number, seen.carrier.settings)
        message.from_name_addr = target.shown.from_name_addr
        message.asserted.extend(target.shown.asserted)
        message.privacy = target.shown.privacy
        message.hides_topology = target.hides_topology
    return message
