"""The decision about an admitted INVITE: the engine asks, `trunkline.domain.policy` decides, `trunkline.runtime.deciding` translates.

Runs on the engine's thread, synchronously: no I/O, no lock, no loop without a bound, some ten microseconds. It reads the directory while
the event loop's thread changes it; each look-up is of one immutable entry (see `trunkline.edge.tables`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import random

from trunkline.domain.directory import Directory
from trunkline.domain.policy import AdmittedCall, decide_call
from trunkline.engine import Decision, Invite
from trunkline.runtime.deciding import decision_of

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
        decided = decide_call(call, self._directory(), region=self._region, realm=self._realm, randomness=self._randomness())
        return decision_of(decided, (ISOLATED_NOTE,) if self.is_isolated else ())
