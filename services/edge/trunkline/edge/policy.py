"""The decision about an admitted INVITE: the engine asks, `trunkline.domain.policy` decides, `trunkline.runtime.deciding` translates.

Runs on the engine's thread, synchronously: no I/O, no lock, no loop without a bound, some ten microseconds. It reads the directory while
the event loop's thread changes it; each look-up is of one immutable entry (see `trunkline.edge.tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Protocol

from trunkline.domain.class_of_service import Limit
from trunkline.domain.directory import Directory
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.policy import AdmittedCall, Memory, Rejected, Routed, decide_call
from trunkline.edge.gateway_healths import GatewayHealths
from trunkline.engine import Decision, Invite, Reject
from trunkline.runtime.deciding import Translator

DRAINING = "T903"
DRAINING_FACTS = "the point of presence is being emptied"
ISOLATED_NOTE = "decided from the replica: the log was out of reach"


class CountsCalls(Protocol):
    """What is asked of `trunkline.edge.limits.Limits`."""

    def admit(self, call: str, limits: tuple[Limit, ...]) -> tuple[str, str] | None: ...


class Policy:
    """`directory` gives the one that holds now. May be set from any thread: `is_isolated`, records then say that the log was away;
    `is_refusing`, no new call is taken (T903). `limits` counts the calls of domains that have some; without it nothing is counted."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        *,
        region: str,
        realm: str,
        randomness: Callable[[], float] = random,
        gateways: GatewayHealths | None = None,
        limits: CountsCalls | None = None,
    ) -> None:
        self.is_isolated = True
        self.is_refusing = False
        self._directory = directory
        self._region = region
        self._realm = realm
        self._limits = limits
        self._randomness = randomness
        self._gateways = gateways
        self._memory = Memory()
        self._translator = Translator()

    def on_invite(self, invite: Invite) -> Decision:
        """What the engine is given as its callback."""
        if self.is_refusing:
            return Reject(DRAINING, DRAINING_FACTS, invite.account_caller_id or invite.address_caller_id)
        privacy: list[str] | tuple[str, ...] = ()
        hints: list[str] | tuple[str, ...] = ()
        if invite.has_identity_headers:
            privacy = invite.header("Privacy")
            hints = invite.header("P-Asserted-Identity") + invite.header("P-Preferred-Identity")
        call = AdmittedCall(
            invite.tenant,
            invite.domain,
            invite.host,
            invite.number,
            invite.account,
            invite.account_caller_id,
            invite.from_uri,
            privacy,
            hints,
            invite.address_caller_id,
        )
        view = self._gateways.view if self._gateways is not None else ALL_USED
        decided = decide_call(
            call, self._directory(), region=self._region, realm=self._realm, randomness=self._randomness(), view=view, memory=self._memory
        )
        if type(decided) is Routed and decided.limits and self._limits is not None:
            reached = self._limits.admit(invite.call, decided.limits)
            if reached is not None:
                decided = Rejected(*reached, decided.identity.caller_id, decided.prefix, decided.notes)
        if view.probed and isinstance(decided, Routed):
            self._spend_probe(view, decided)
        return self._translator.decision_of(decided, (ISOLATED_NOTE,) if self.is_isolated else ())

    def _spend_probe(self, view: GatewayView, decided: Routed) -> None:
        """The call goes to a half open gateway: for a while no other does."""
        first = decided.targets[0].choice.gateway.key
        if self._gateways is not None and first in view.probed:
            self._gateways.spend(first)
