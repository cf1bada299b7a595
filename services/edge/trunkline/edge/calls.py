"""What an edge needs to serve calls and nothing else: keys from the cache, the replica from the disk, the engine.

Here nothing outside the process is asked for: an edge that was complete once serves with everything else dead, a few hundred milliseconds
after it was started. Who talks to auth, NATS and callers of gRPC comes later (`trunkline.edge.outside`).

An edge whose replica was never complete, or that has no keys yet, does not listen at all: a client is told so by ICMP at once and goes to
another point of presence, where an answer of ours, from half of the tables, would be wrong.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time

from trunkline.edge.key_cache import KeyCache
from trunkline.edge.keys import KeyKeeper
from trunkline.edge.policy import Policy
from trunkline.edge.settings import EdgeSettings
from trunkline.edge.tables import TableFeed
from trunkline.engine import Engine
from trunkline.runtime.logs import logger

SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter while another wants it: the engine's decision waits so long at most. Python's own is 5 ms."""

GC_THRESHOLDS = (50_000, 20, 50)
"""Young objects before a collection: a decision makes some fifty that die at once, and a full collection stops calls."""


class CallService:
    """`engine` is None while the edge is cold."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.engine: Engine | None = None
        self.served = asyncio.Event()
        """Set with `engine`."""
        self._settings = settings
        self._log = logger("calls")
        self.tables = TableFeed(settings.realm, settings.pop, self._want_keys)
        self.keys = KeyKeeper(
            KeyCache(settings.state_dir, settings.name),
            refresh_s=settings.keys_refresh_s,
            lifetime_s=settings.keys_lifetime_s,
            on_change=self.tables.on_keys,
            on_asked=self.tables.on_keys_asked,
        )
        self.policy = Policy(lambda: self.tables.directory, region=settings.region, realm=settings.realm)
        sys.setswitchinterval(SWITCH_INTERVAL_S)

    def _want_keys(self) -> int:
        return self.keys.want()

    def serve(self) -> Engine:
        """The replica is whole: bind, fill the tables, take calls. OSError where an address cannot be bound."""
        settings = self._settings
        began_s = time.monotonic()
        engine = Engine(
            edge=settings.name,
            pop=settings.pop,
            realm=settings.realm,
            listen=settings.listen_pairs,
            journal_dir=str(settings.journal_path),
            other_pops=settings.other_pops,
            timer_t1_ms=settings.timer_t1_ms,
            silent_gateway_ms=settings.silent_gateway_ms,
            all_silent_ms=settings.all_silent_ms,
            decision_limit_ms=settings.decision_limit_ms,
        )
        self.tables.attach(engine)
        # The directory lives as long as the process: moved out of the collector's sight, it costs no pause while calls are decided.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        engine.start(self.policy.on_invite)
        self.engine = engine
        self.served.set()
        self._log.info(
            "serving calls",
            listen=list(settings.listen),
            position=self.tables.applied.position,
            fill_ms=round(1000 * (time.monotonic() - began_s), 1),
        )
        return engine

    def stop(self) -> None:
        """Ends the engine's threads; calls in progress go on at a sibling or after the restart."""
        if self.engine is not None:
            self.engine.stop()
