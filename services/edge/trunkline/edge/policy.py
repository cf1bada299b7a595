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
            invite.tenant,
            invite.domain,
            invite.host,
            invite.number,
            invite.account,
            invite.caller_id,
            invite.from_uri,
            header("Privacy"),
            header("P-Asserted-Identity") + header("P-Preferred-Identity"),
        )
        decision = decide_call(call, self._directory(), region=self._region, realm=self._realm, randomness=self._randomness())
        notes = (*decision.notes, ISOLATED_NOTE) if self.is_isolated else decision.notes
        match decision:
            case Routed():
                return Route(
                    tuple([_target(each, decision.number) for each in decision.targets]),
                    decision.identity.caller_id or decision.identity.uri,
                    decision.presented,
                    decision.privacy.is_private,
                    decision.privacy.value,
                    decision.prefix,
                    notes,
                )
            case Rejected():
                return Reject(decision.reason, decision.facts, decision.caller_id, decision.prefix, notes)
            case _:
                assert_never(decision)


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
