"""From what `trunkline.domain.policy` decides about a call to what the engine is answered. Used where calls are decided: by an edge on the
engine's thread, and by routing for an edge that cannot decide yet.
"""

from __future__ import annotations

from typing import assert_never

from trunkline.domain.policy import Rejected, Routed, RouteTarget
from trunkline.engine import Reject, Route, Target


def decision_of(decided: Routed | Rejected, notes: tuple[str, ...] = ()) -> Route | Reject:
    """`notes` are added to those of the decision. Some microseconds: it is done once a call."""
    match decided:
        case Routed():
            return Route(
                tuple([_target(each, decided.number) for each in decided.targets]),
                decided.identity.caller_id or decided.identity.uri,
                decided.presented,
                decided.privacy.is_private,
                decided.privacy.value,
                decided.prefix,
                decided.notes + notes,
            )
        case Rejected():
            return Reject(decided.reason, decided.facts, decided.caller_id, decided.prefix, decided.notes + notes)
        case _:
            assert_never(decided)


def _target(target: RouteTarget, number: str) -> Target:
    choice, shown = target
    gateway, settings = choice.gateway, choice.carrier.settings
    # By position, in the order of the fields: by name it takes twice as long, and this is done for each gateway of each call.
    return Target(
        gateway.key,
        gateway.carrier,
        gateway.host,
        gateway.port,
        gateway.transport,
        settings.is_trusted,
        number,
        shown.from_name_addr,
        shown.asserted,
        settings.has_pai_on_ack,
        shown.privacy,
        settings.pdd_limit_s,
        choice.row.rate_micros,
        choice.currency,
    )
