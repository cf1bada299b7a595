"""The order in which an edge comes up: what calls need first, the rest of the platform after.

Modules for the rest (gRPC above all) are loaded after calls are served: loading them takes as long as the whole start.
"""

from __future__ import annotations

import asyncio
import gc

from trunkline.domain.events import Position
from trunkline.edge.calls import CallService
from trunkline.edge.settings import EdgeSettings
from trunkline.edge.traces import AppliedTraces
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.replica import Replica
from trunkline.runtime.logs import logger
from trunkline.runtime.nats_client import connect
from trunkline.runtime.service import Lifecycle


async def start(settings: EdgeSettings, life: Lifecycle) -> None:
    """For `run_service`: returns when all is under way."""
    calls = CallService(settings)
    calls.keys.load()
    feed = await connect(settings.nats_url, tls=settings.tls, name=settings.name, wait_s=0, hears_itself=False)
    life.on_stop("nats", feed.close)
    tables = calls.tables
    traces = AppliedTraces(settings.pop)

    def on_covered(position: Position) -> None:
        tables.on_covered(position)
        traces.on_applied(tables.applied.position)
        calls.look_at_drain()

    replica = Replica(
        JetStreamLog(feed, home=settings.home),
        settings.state_dir / "replica.sqlite",
        on_fact=tables.on_fact,
        on_commit=traces.on_commit,
        on_covered=on_covered,
        on_reset=tables.on_reset,
        packed=tables.packed,
        keeps_versions=False,
    )
    # Nothing of what is read dies: collecting in between only costs time.
    gc.disable()
    await replica.open()
    gc.enable()
    life.on_stop("replica file", replica.close)
    if replica.is_complete and calls.keys.can_sign() and not calls.is_standing_by:
        calls.serve()
    else:
        logger("edge").info("not ready yet", position=replica.covered, is_complete=replica.is_complete, has_keys=calls.keys.can_sign())
    life.on_stop("engine", lambda: asyncio.to_thread(calls.stop))
    following = life.spawn("replica", replica.run())

    async def unfollow() -> None:
        following.cancel()
        await asyncio.wait({following})

    life.on_stop("replica", unfollow)

    from trunkline.edge.outside import join_platform

    await join_platform(settings, life, calls, replica, feed, traces)
