"""Edges that say whom of the other points of presence they hear: what observers would see if some were dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager

from nats.aio.client import Client

from trunkline.domain.pop_health import MISSED_LIMIT, Report, Sight
from trunkline.runtime.pop_reports import encode_report

SAY_EVERY_S = 0.2
"""Nothing is waited for by it: a report counts for FRESH_S and has to be said again as long as it is true, which edges do once a second.
More often, so that one which is late on a busy machine is not missed."""


@asynccontextmanager
async def reporting(client: Client, pops: Collection[str], of: Iterable[str], dead: Collection[str]) -> AsyncIterator[None]:
    """Over this connection, and all the time: the edges of `pops`, but the dead, about all others in `of`."""
    names = tuple(of)

    async def report() -> None:
        while True:
            for pop in pops:
                if pop not in dead:
                    sights = {other: Sight(missed=MISSED_LIMIT) if other in dead else Sight(answered=9) for other in names if other != pop}
                    await client.publish(f"pops.seen.{pop}", encode_report(Report(f"edge-{pop}", pop, 0.0, True, sights)))
            await asyncio.sleep(SAY_EVERY_S)

    task = asyncio.create_task(report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
