"""The decision about an admitted INVITE: the engine asks, `trunkline.domain.policy` decides, this translates.

Runs on the engine's thread, synchronously: no I/O, no lock, no loop without a bound, some ten microseconds. It reads the directory while
the event loop's thread changes it; each look-up is of one immutable entry (see `trunkline.edge.tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import assert_never

from trunkline.domain.directory import Directory
from trunkline.domain.policy import AdmittedCall, Rejected, Routed, RouteTarget, decide_call
from trunkline.engine import Decision, Invite, Reject, Route, Target

ISOLATED_NOTE = "decided from the replica: the log was out of reach"

_IDENTITY_HEADERS = ("P-Asserted-Identity", "P-Preferred-Identity")


class Policy:
    """`directory` gives the one that holds now. `is_isolated` may be set from any thread: records then say that the log was away."""

    def __init__(self, directory: Callable[[], Directory], *, region: str, realm: str, randomness: Callable[[], float] = random) -> None:
        self.is_isolated = True
        self._directory = directory
        self._region = region
        self._realm = realm
        self._randomness = randomness

    def on_invite(self, invite: Invite) -> Decision:
        """What the engine is given as its callback."""
        header = invite.header
        call = AdmittedCall(
            tenant=invite.tenant,
            domain=invite.domain,
            host=invite.host,
            number=invite.number,
            account=invite.account,
            caller_id=invite.caller_id,
            from_uri=invite.from_uri,
            privacy=header("Privacy"),
            hints=[value for name in _IDENTITY_HEADERS for value in header(name)],
        )
        decision = decide_call(call, self._directory(), region=self._region, realm=self._realm, randomness=self._randomness())
        notes = (*decision.notes, ISOLATED_NOTE) if self.is_isolated else decision.notes
        match decision:
            case Routed():
                return Route(
                    targets=tuple([_target(each, decision.number) for each in decision.targets]),
                    caller_id=decision.identity.caller_id or decision.identity.uri,
                    presented=decision.presented,
                    is_private=decision.privacy.is_private,
                    privacy=decision.privacy.value,
                    prefix=decision.prefix,
                    notes=notes,
                )
            case Rejected():
                return Reject(decision.reason, decision.facts, decision.caller_id, decision.prefix, notes)
            case _:
                assert_never(decision)


def _target(target: RouteTarget, number: str) -> Target:
    choice, shown = target.choice, target.shown
    gateway, settings = choice.gateway, choice.carrier.settings
    return Target(
        gateway=gateway.key,
        carrier=gateway.carrier,
        address=gateway.host,
        port=gateway.port,
        transport=gateway.transport,
        is_trusted=settings.is_trusted,
        request_user=number,
        from_name_addr=shown.from_name_addr,
        asserted=shown.asserted,
        has_asserted_on_ack=settings.has_pai_on_ack,
        privacy=shown.privacy,
        pdd_limit_s=settings.pdd_limit_s,
        rate_micros=choice.row.rate_micros,
        currency=choice.currency,
    )
