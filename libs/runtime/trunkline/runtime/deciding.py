"""From what `trunkline.domain.policy` decides about a call to what the engine is answered. Used where calls are decided: by an edge on the
engine's thread, and by routing for an edge that cannot decide yet.
"""

from __future__ import annotations

from typing import Final, assert_never, cast

from trunkline.domain.number_formats import formatted
from trunkline.domain.policy import Rejected, Routed, RouteTarget
from trunkline.engine import Reject, Route, Target

_REMEMBERED: Final = 16_384
"""Routes whose targets are kept in the engine's form; about 1 KB each. Beyond it all are forgotten and made again as they come."""


class Translator:
    """`decision_of` for one who decides call after call: of targets that come again as the same object (see `Memory` of
    `trunkline.domain.policy`) the engine is given the same objects again, which it then need not read."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[RouteTarget, ...], tuple[Target, ...]]] = {}
        """By the identity of the first, which is kept with it, so that no other object can have it."""

    def decision_of(self, decided: Routed | Rejected, notes: tuple[str, ...] = ()) -> Route | Reject:
        if type(decided) is Rejected:
            return decision_of(decided, notes)
        routed = cast(Routed, decided)
        known = self._known.get(id(routed.targets))
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[id(routed.targets)] = (routed.targets, _targets(routed.targets))
        return _route(routed, known[1], notes)


def decision_of(decided: Routed | Rejected, notes: tuple[str, ...] = ()) -> Route | Reject:
    """`notes` are added to those of the decision."""
    match decided:
        case Routed():
            return _route(decided, _targets(decided.targets), notes)
        case Rejected():
            return Reject(decided.reason, decided.facts, decided.caller_id, decided.prefix, decided.notes + notes)
        case _:
            assert_never(decided)


def _route(routed: Routed, targets: tuple[Target, ...], notes: tuple[str, ...]) -> Route:
    _, number, identity, privacy, presented, prefix, _, own_notes, longest_s, has_formats, _, is_last_resort, *_ = routed
    return Route(
        targets,
        identity.caller_id or identity.uri,
        presented,
        privacy.is_private,
        privacy.value,
        prefix,
        own_notes + notes,
        _request_users(routed) if has_formats else (number,) * len(targets),
        longest_s,
        is_last_resort,
    )


def _request_users(routed: Routed) -> tuple[str, ...]:
    return tuple([formatted(routed.number, target.choice.carrier.settings) for target in routed.targets])


def _targets(targets: tuple[RouteTarget, ...]) -> tuple[Target, ...]:
    return tuple([_target(each) for each in targets])


def _target(target: RouteTarget) -> Target:
    choice, shown, hides_topology, shows_callee = target
    gateway, settings = choice.gateway, choice.carrier.settings
    # By position, in the order of the fields: by name it takes twice as long, and this is done for each gateway of each call.
    return Target(
        gateway.key,
        gateway.carrier,
        gateway.host,
        gateway.port,
        gateway.transport,
        settings.is_trusted,
        shown.from_name_addr,
        shown.asserted,
        settings.has_pai_on_ack,
        shown.privacy,
        settings.pdd_limit_s,
        choice.row.rate_micros,
        choice.currency,
        hides_topology,
        shows_callee,
        settings.takes_refer,
        choice.row.initial_increment_s,
        choice.row.next_increment_s,
        choice.row.connection_fee_micros,
    )
