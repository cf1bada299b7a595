"""Facts of the log → the engine's tables and the policy's directory.

Runs on the event loop, while the engine's thread reads both. Neither needs a lock: the engine swaps immutable tables, and the directory
replaces one immutable entry by one assignment (a deck as a whole when it is activated), so a decision sees each entry before or after a
change, never half of it. The directory may be a group of commits ahead of the engine's tables, never behind: a position is called applied
only when both have it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container
from typing import Protocol, assert_never

from trunkline.domain.bans import Ban
from trunkline.domain.directory import Directory
from trunkline.domain.events import (
    AclCreated,
    AddressAdded,
    AddressRemoved,
    BanExemptionApproved,
    CarrierResumed,
    CarrierSuspended,
    CredentialSet,
    Kind,
    Position,
    TenantId,
    TenantResumed,
    TenantSuspended,
)
from trunkline.domain.facts import Fact
from trunkline.domain.reasons import REGISTRY
from trunkline.edge.applied import AppliedPositions
from trunkline.edge.key_ring import NO_KEYS, KeyRing
from trunkline.engine import AccessTables
from trunkline.engine.tables import LiftBan, RemoveAll, SetBan, SetReason, TableChange
from trunkline.eventlog.replica_store import Packed
from trunkline.runtime.access_feed import AccessFeed, Secrets
from trunkline.runtime.logs import logger

SLICE = 500
"""Table changes handed over at once: the interpreter is held for about a millisecond, and calls are decided in between."""


_log = logger("tables")


class Calls(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def apply(self, batch: list[TableChange], position: int) -> None: ...
    def hang_up(self, *, reason: str, facts: str = "", tenant: str = "", carrier: str = "") -> int: ...


class TableFeed:
    """Fills `tables` while there is no engine; one that is made upon them is given the rest by `attach`.

    `on_missing_key` is called when a secret's key is not held and gives a number; until `on_keys_asked` has reached it, the secret's
    position is not called applied: a receipt promises that the account can be used. Where auth does not answer, or has no such key, the
    position is applied all the same: everything else of it is.

    `directory` is another one after a rebuild, and so are `tables` before there is an engine: ask for them each time.
    """

    def __init__(self, realm: str, pop: str, on_missing_key: Callable[[], int]) -> None:
        self.tables = AccessTables(realm=realm)
        self.directory = Directory(is_for_calls=True)
        self.applied = AppliedPositions()
        self._realm = realm
        self._pop = pop
        self._on_missing_key = on_missing_key
        self._ring: KeyRing = NO_KEYS
        self._feed = self._new_feed(self.directory)
        self._rebuilt: Directory | None = None
        """While the replica is given anew: what becomes `directory` when it is whole."""
        self.is_standing_by = False
        """Without an engine because another edge has the addresses: what the tables hold counts as applied."""
        self.is_whole = True
        """False while the log's past is read with an engine at work: nobody's calls are ended by it then."""
        self._engine: Calls | None = None
        self._covered = 0
        self._awaited: tuple[int, int] | None = None
        """Position of the first secret whose key auth is being asked for, and the number of the last such question."""
        self._signing: list[TableChange] = []
        self._unseen: set[tuple[TenantId, str]] = set()
        """Domains of which something was told before there was an engine: only what becomes of them counts."""
        self._exemptions: list[TableChange] = []
        """Of addresses that come in packs, perhaps later: given when all have come."""
        self._waiting: list[tuple[int, list[TableChange]]] = []
        """Changes by position, not yet given to the engine."""
        self._endings: dict[tuple[str, str], TenantSuspended | CarrierSuspended] = {}
        """Whose calls are to be ended when the facts told so far are covered, by kind and name."""

    def attach(self, engine: Calls) -> None:
        """The registry of refusals and the keys go to the engine, made upon `tables` and not started yet; from now on each group."""
        assert self._engine is None, "an edge has one engine"
        self._fill_up()
        self._engine = engine
        reasons: list[TableChange] = [SetReason(row.code, row.status, row.text, row.q850) for row in REGISTRY]
        engine.apply([*reasons, *self._signing], self._covered)
        self._give()

    def end_restored(self, tenants_of: Callable[[], Container[str]]) -> None:
        """After the engine was started with calls of an earlier run, of these tenants: those that were to be ended meanwhile are."""
        if not self._endings:
            return
        tenants = tenants_of()
        self._endings = {
            (kind, name): event for (kind, name), event in self._endings.items() if kind != Kind.TENANT.value or name in tenants
        }
        self._end_calls()

    def on_fact(self, fact: Fact) -> None:
        """The next fact of the log. Raises HistoryError where it fits nothing: the replica stops."""
        directory = self.directory if self._rebuilt is None else self._rebuilt
        directory.apply(fact)
        event = fact.event
        if self._engine is None and fact.kind is Kind.DOMAIN:
            self._unseen.add((fact.tenant, fact.aggregate))
        elif self._engine is None and isinstance(event, BanExemptionApproved):
            self._exemptions += self._feed.changes(fact)
        elif changes := self._feed.changes(fact):
            self._waiting.append((fact.position, changes))
        if isinstance(event, CredentialSet) and not self._ring.holds(fact.tenant, event.key_id):
            first = fact.position if self._awaited is None else self._awaited[0]
            self._awaited = first, self._on_missing_key()
        self._note_ending(fact)
        # While the file is read: nobody looks at the tables, and all of them at once would take as much memory again.
        if self._engine is None and len(self._waiting) + len(self._unseen) >= SLICE:
            self._fill()

    @property
    def packed(self) -> Packed:
        """The addresses of ACLs in the replica's file, which come before there is an engine and go to the tables as they are. Nothing else
        touches them there but exemptions, which wait for them, and the deletion of their ACL, which no replica retains."""
        return Packed((AclCreated, AddressAdded, AddressRemoved), lambda pack: self.tables.fill_stored(pack))

    def on_covered(self, position: Position) -> None:
        """All facts up to this position have been told."""
        if self._rebuilt is not None:
            self._replace(self._rebuilt)
            self._rebuilt = None
        self._covered = position
        self._give()
        self._end_calls()

    def on_keys_asked(self, number: int) -> None:
        """Auth was asked after so many keys had been missed; what it gave came by `on_keys` before."""
        if self._awaited is not None and number >= self._awaited[1]:
            self._awaited = None
            self._give()

    def on_bans(self, bans: list[Ban], now_s: float) -> None:
        """What was said about bans; they are no part of the log, and cover no position. For an edge that has its engine."""
        changes: list[TableChange] = [
            SetBan(ban.cidr, math.ceil(ban.until_s), ban.reason) if ban.holds(now_s) else LiftBan(ban.cidr) for ban in bans
        ]
        self._tell(changes)

    def on_reset(self) -> None:
        """The replica held something else than the log: all facts come again, and `on_covered` when they are whole. Calls go on being
        decided by what was held until then."""
        self._rebuilt = Directory(is_for_calls=True)
        self._feed = self._new_feed(self._rebuilt)
        self._awaited = None
        self._unseen = set()
        self._exemptions = []
        if self._engine is None:
            self.tables = AccessTables(realm=self._realm)
            self._waiting = []
        else:
            self._waiting = [(0, [RemoveAll()])]
        self._endings = {}

    def on_keys(self, ring: KeyRing, before: KeyRing) -> None:
        """Other keys: what they open or no longer open, and what signs from now on."""
        self._ring = ring
        for tenant in sorted(ring.tenants_changed(before)):
            self._waiting.append((self._covered, self._feed.keys_changed(tenant)))
        signing = ring.signing_changes(int(time.time()))
        if signing != self._signing:
            self._signing = signing
            self._tell(signing)
        self._give()

    def _new_feed(self, directory: Directory) -> AccessFeed:
        def unseal(tenant: TenantId, credential: str, sealed: CredentialSet) -> Secrets | None:
            return self._ring.unseal(tenant, credential, sealed)

        return AccessFeed(self._realm, (self._pop,), unseal, directory.find_domain)

    def _tell(self, changes: list[TableChange]) -> None:
        """What is no part of the log: it does not wait for a replica that is being built anew, nor is it forgotten with its facts."""
        if self._engine is not None:
            self._engine.apply(changes, self._covered)

    def _fill_up(self) -> None:
        """When the file has been read."""
        self._fill()
        exemptions, self._exemptions = self._exemptions, []
        self.tables.fill(exemptions)

    def _fill(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.tables.fill([*self._domains_told(), *(change for _, changes in waiting for change in changes)])

    def _domains_told(self) -> list[TableChange]:
        unseen, self._unseen = self._unseen, set()
        return [change for tenant, label in unseen for change in self._feed.domain(tenant, label)]

    def _give(self) -> None:
        """In slices that end where a commit does."""
        if self._rebuilt is not None:
            return
        if self._engine is None:
            self._fill_up()
            if self.is_standing_by:
                self._cover()
            return
        batch: list[TableChange] = []
        waiting, self._waiting = self._waiting, []
        for index, (position, changes) in enumerate(waiting):
            batch += changes
            is_commit_whole = index + 1 == len(waiting) or waiting[index + 1][0] != position
            if is_commit_whole and len(batch) >= SLICE:
                self._engine.apply(batch, min(position, self._covered))
                batch = []
        self._engine.apply(batch, self._covered)
        self._cover()

    def _cover(self) -> None:
        readable = self._covered if self._awaited is None else min(self._covered, self._awaited[0] - 1)
        self.applied.cover(readable, time.time())

    def _note_ending(self, fact: Fact) -> None:
        match fact.event:
            case TenantSuspended(is_ending_calls=True) | CarrierSuspended(is_ending_calls=True):
                self._endings[fact.kind.value, fact.aggregate] = fact.event
            case TenantResumed() | CarrierResumed() if self._engine is None or self._rebuilt is not None or not self.is_whole:
                # History: those calls have ended long ago, and today's are not to.
                self._endings.pop((fact.kind.value, fact.aggregate), None)

    def _end_calls(self) -> None:
        """New ones are refused already: a decision reads the directory."""
        if self._engine is None or not self.is_whole or not self._endings:
            return
        endings, self._endings = self._endings, {}
        for (kind, name), event in endings.items():
            match event:
                case TenantSuspended():
                    number = self._engine.hang_up(tenant=name, reason="T603", facts=f"the tenant {name} was suspended")
                case CarrierSuspended():
                    number = self._engine.hang_up(carrier=name, reason="T604", facts=f"the carrier {name} was suspended")
                case _:
                    assert_never(event)
            _log.info("ending calls", kind=kind, name=name, calls=number)

    def _replace(self, rebuilt: Directory) -> None:
        """The old entries out and the new ones in by one step, so that no call meets half of either."""
        self.directory = rebuilt
        self.applied.restart()
        if self._engine is None:
            self._fill_up()
            return
        waiting, self._waiting = self._waiting, []
        self._engine.apply([change for _, changes in waiting for change in changes], self._covered)
