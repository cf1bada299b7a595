"""The decision about an admitted INVITE: the engine asks, `trunkline.domain.policy` decides, `trunkline.runtime.deciding` translates. A
route that is good for other calls too says so, and the engine asks about those no more until something changes (docs/adr/0023).

Runs on the engine's thread, synchronously: no I/O, no lock, no loop without a bound, some ten microseconds. It reads the directory while
the event loop's thread changes it; each look-up is of one immutable entry (see `trunkline.edge.tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Protocol, cast

from trunkline.domain.alike import alike
from trunkline.domain.class_of_service import Limit
from trunkline.domain.directory import Directory
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.policy import AdmittedCall, Memory, Rejected, Routed, decide_call
from trunkline.edge.gateway_healths import GatewayHealths
from trunkline.engine import Decision, Invite, Reject, Route
from trunkline.runtime.deciding import Translator

DRAINING = "T903"
DRAINING_FACTS = "the point of presence is being emptied"
ISOLATED_NOTE = "decided from the replica: the log was out of reach"


class CountsCalls(Protocol):
    """What is asked of `trunkline.edge.limits.Limits`."""

    def admit(self, call: str, limits: tuple[Limit, ...]) -> tuple[str, str] | None: ...


class Policy:
    """`directory` gives the one that holds now. May be set from any thread: `is_isolated`, records then say that the log was away;
    `is_refusing`, no new call is taken (T903). `limits` counts the calls of domains that have some; without it nothing is counted.
    `forget` is called when something has changed that neither the log nor `gateways` tells."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        *,
        region: str,
        realm: str,
        randomness: Callable[[], float] = random,
        gateways: GatewayHealths | None = None,
        limits: CountsCalls | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._is_isolated = True
        self._is_refusing = False
        self._forget = forget
        self._directory = directory
        self._region = region
        self._realm = realm
        self._limits = limits
        self._randomness = randomness
        self._gateways = gateways
        self._memory = Memory()
        self._translator = Translator()

    @property
    def is_isolated(self) -> bool:
        return self._is_isolated

    @is_isolated.setter
    def is_isolated(self, is_isolated: bool) -> None:
        if self._is_isolated != is_isolated:
            self._is_isolated = is_isolated
            self._forget()

    @property
    def is_refusing(self) -> bool:
        return self._is_refusing

    @is_refusing.setter
    def is_refusing(self, is_refusing: bool) -> None:
        if self._is_refusing != is_refusing:
            self._is_refusing = is_refusing
            self._forget()

    def on_invite(self, invite: Invite) -> Decision:
        """What the engine is given as its callback."""
        if self._is_refusing:
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
        directory = self._directory()
        decided = decide_call(
            call, directory, region=self._region, realm=self._realm, randomness=self._randomness(), view=view, memory=self._memory
        )
        if type(decided) is Routed and decided.limits and self._limits is not None:
            reached = self._limits.admit(invite.call, decided.limits)
            if reached is not None:
                decided = Rejected(*reached, decided.identity.caller_id, decided.prefix, decided.notes)
        if view.probed and isinstance(decided, Routed):
            self._spend_probe(view, decided)
        decision = self._translator.decision_of(decided, (ISOLATED_NOTE,) if self._is_isolated else ())
        if type(decided) is Routed and decided.is_of_kind and not (decided.limits or decided.has_formats or view.probed):
            return self._with_kind(cast(Route, decision), call, decided, directory)
        return decision

    def _with_kind(self, route: Route, call: AdmittedCall, routed: Routed, directory: Directory) -> Decision:
        domain = directory.find_domain(call.tenant, call.domain)
        if domain is None:
            # It went between two looks: what was decided is decided.
            return route
        holds_for = alike(routed.number[1:], routed.prefix, domain.rules, directory.routes)
        return route._replace(holds_for=holds_for, is_by_from=routed.is_by_from)

    def _spend_probe(self, view: GatewayView, decided: Routed) -> None:
        """The call goes to a half open gateway: for a while no other does."""
        first = decided.targets[0].choice.gateway.key
        if self._gateways is not None and first in view.probed:
            self._gateways.spend(first)
