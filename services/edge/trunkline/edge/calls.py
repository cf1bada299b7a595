"""What an edge needs to serve calls and nothing else: keys from the cache, the replica from the disk, the engine.

Here nothing outside the process is asked for: an edge that was complete once serves with everything else dead, a few hundred milliseconds
after it was started. Who talks to auth, NATS and callers of gRPC comes later (`trunkline.edge.outside`).

An edge whose replica was never complete asks auth and routing about each call (`trunkline.edge.degraded`). One that has no keys yet does
not listen at all: a client is told so by ICMP at once and goes to another point of presence.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable

from trunkline.edge.certificates import CertificateKeeper
from trunkline.edge.draining import Draining
from trunkline.edge.gateway_healths import GatewayHealths
from trunkline.edge.journal_lines import ended_in
from trunkline.edge.key_cache import KeyCache
from trunkline.edge.keys import KeyKeeper
from trunkline.edge.limits import Limits
from trunkline.edge.policy import Policy
from trunkline.edge.saved_calls import SavedCalls
from trunkline.edge.settings import EdgeSettings
from trunkline.edge.tables import TableFeed
from trunkline.edge.taking_over import LOOK_S, taken_address
from trunkline.engine import AccessTables, Engine, Invite, JournalChunk
from trunkline.runtime.gateway_reports import GatewayReports
from trunkline.runtime.logs import logger

SWITCH_INTERVAL_S = 0.00005
"""How long a thread keeps the interpreter while another wants it: the engine's decision waits so long at most, and with it every datagram
behind its INVITE. Python's own is 5 ms."""

GC_THRESHOLDS = (50_000, 20, 50)
"""Young objects before a collection: a decision makes some fifty that die at once, and a full collection stops calls."""


NOBODYS_ADDRESS = ("127.0.0.1", 0, "udp")


OnQuestion = Callable[[Invite], None]
"""Answers later, by `Engine.complete`."""


class CallService:
    """`engine` is None while the edge is cold."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.engine: Engine | None = None
        self.is_degraded = False
        self.served = asyncio.Event()
        """Set with `engine`."""
        self._settings = settings
        self._log = logger("calls")
        self.tables = TableFeed(settings.realm, settings.pop, self._want_keys)
        self.tables.is_standing_by = settings.shares_addresses
        self.keys = KeyKeeper(
            KeyCache(settings.state_dir, settings.name),
            refresh_s=settings.keys_refresh_s,
            lifetime_s=settings.keys_lifetime_s,
            on_change=self.tables.on_keys,
            on_asked=self.tables.on_keys_asked,
        )
        self.certificates = CertificateKeeper(settings.certificates, settings.carrier_tls, check_s=settings.certificates_check_s)
        self.gateways = GatewayHealths(settings.name, settings.region, GatewayReports(), self._forget_decisions)
        self.limits = Limits(settings.name, settings.edges_in_all, settings.state_dir / "limits.sqlite", lambda: self.tables.directory)
        self.saved = SavedCalls(settings.state_dir / "calls.sqlite")
        self.policy = Policy(
            lambda: self.tables.directory,
            region=settings.region,
            realm=settings.realm,
            gateways=self.gateways,
            limits=self.limits,
            forget=self._forget_decisions,
        )
        self.draining = Draining(
            settings.pop, grace_s=settings.drain_grace_s, policy=self.policy, drain=lambda pop: self.tables.directory.drain(pop)
        )
        sys.setswitchinterval(SWITCH_INTERVAL_S)

    def _want_keys(self) -> int:
        return self.keys.want()

    def _forget_decisions(self) -> None:
        if self.engine is not None:
            self.engine.forget_decisions()

    def serve(self, on_question: OnQuestion | None = None) -> Engine:
        """Bind, fill the tables, take calls. OSError where an address cannot be bound.

        With `on_question` the replica is not whole yet: calls are asked about there, until `become_whole`.
        """
        settings = self._settings
        began_s = time.monotonic()
        engine = Engine(
            edge=settings.name,
            pop=settings.pop,
            realm=settings.realm,
            listen=settings.listeners,
            tables=self.tables.tables,
            journal_dir=str(settings.journal_path),
            other_pops=settings.other_pops,
            timer_t1_ms=settings.timer_t1_ms,
            silent_gateway_ms=settings.silent_gateway_ms,
            all_silent_ms=settings.all_silent_ms,
            decision_limit_ms=settings.decision_limit_ms,
            workers=settings.workers,
            connections=settings.connections.in_all,
            connections_from_one_source=settings.connections.from_one_source,
            stream_message_ms=settings.connections.message_ms,
            stream_idle_ms=settings.connections.idle_ms,
            stranger_rate=(settings.stranger_rate.per_s, settings.stranger_rate.burst),
            known_rate=(settings.known_rate.per_s, settings.known_rate.burst),
            capture_one_in=settings.capture_one_in,
            capture_domains=settings.capture_domains,
            keeps_calls=True,
        )
        self.saved.restore(engine)
        self.tables.is_whole = on_question is None
        self.tables.attach(engine)
        self.certificates.attach(engine)
        # The directory lives as long as the process: moved out of the collector's sight, it costs no pause while calls are decided.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        engine.set_degraded(on_question is not None)
        self.draining.look(engine, time.time())
        self.is_degraded = on_question is not None
        engine.start(self.policy.on_invite, on_question)
        self.engine = engine
        if on_question is None:
            self._end_restored()
        self.served.set()
        self._log.info(
            "serving calls",
            listen=list(settings.listen),
            position=self.tables.applied.position,
            fill_ms=round(1000 * (time.monotonic() - began_s), 1),
        )
        return engine

    def become_whole(self) -> None:
        """The tables hold everything: from the next datagram on they decide."""
        assert self.engine is not None, "nothing is served yet"
        self.engine.set_degraded(False)
        self.is_degraded = False
        self.tables.is_whole = True
        self._end_restored()
        # As in `serve`: what was read meanwhile lives as long as the process.
        gc.freeze()
        self._log.info("the replica is complete: calls are decided here", position=self.tables.applied.position)

    @property
    def is_standing_by(self) -> bool:
        """Another edge has the addresses that this one shares with it."""
        return self.engine is None and self._settings.shares_addresses and taken_address(self._settings.listeners) is not None

    async def addresses_are_free(self) -> None:
        """Returns when the edge that has them is gone."""
        while self.is_standing_by:  # noqa: ASYNC110 - the kernel tells nobody when an address is free
            await asyncio.sleep(LOOK_S)

    def open_journal(self) -> Engine:
        """What earlier runs have written and nobody has shipped, while another edge has the addresses: an engine that serves nobody. Stop
        it before `serve`."""
        settings = self._settings
        return Engine(
            edge=settings.name,
            pop=settings.pop,
            realm=settings.realm,
            listen=[NOBODYS_ADDRESS],
            tables=AccessTables(realm=settings.realm),
            journal_dir=str(settings.journal_path),
        )

    def look_at_drain(self) -> None:
        """Whether the point of presence is being emptied, as the log has it and the clock."""
        if self.engine is not None:
            self.draining.look(self.engine, time.time())

    @property
    def state(self) -> str:
        """READY, DRAINING, DEGRADED, STANDBY or COLD, as of edge.proto."""
        if self.engine is None:
            return "STANDBY" if self.is_standing_by else "COLD"
        if self.draining.is_on:
            return "DRAINING"
        return "DEGRADED" if self.is_degraded else "READY"

    def forget(self, ended: list[str]) -> None:
        """Other edges have ended these calls."""
        self.limits.end(ended)
        if self.engine is not None:
            self.engine.forget_calls(ended)
        else:
            self.saved.end(ended)

    def _end_restored(self) -> None:
        engine = self.engine
        assert engine is not None, "nothing is served yet"
        self.tables.end_restored(lambda: {call.tenant for call in engine.live_calls()} if self.saved.restored else set())

    def on_chunk(self, chunk: JournalChunk) -> list[str]:
        """What the journal says, before it is acknowledged. Calls that ended here and began elsewhere, if at all."""
        if self.saved.has_any:
            ended = ended_in(chunk.lines)
            self.saved.end(ended)
            if self.engine is not None and self.saved.restored:
                # Lines of an earlier run may tell of the ends of calls that stand again.
                self.engine.forget_calls(ended)
        return self.limits.on_chunk(chunk)

    def stop(self) -> None:
        """Ends the engine's threads; calls in progress go on at a sibling or after the restart."""
        if self.engine is not None:
            self.engine.stop()
            self.saved.write(self.engine.take_saved_calls())
        self.saved.close()
        self.limits.close()
