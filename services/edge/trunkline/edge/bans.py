"""Bans of all regions → the engine's tables."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nats.aio.client import Client

from trunkline.domain.ban_book import BanBook
from trunkline.domain.bans import Ban
from trunkline.edge.calls import CallService
from trunkline.runtime.ban_feed import follow_all_bans

SWEEP_S = 10.0
"""How often ended bans are taken out of the tables. They end by themselves; this is only for the room."""


async def enforce_bans(regions: Sequence[str], calls: CallService, nats: Client) -> None:
    """For ever. While NATS is away the bans that are known hold until their end."""
    await calls.served.wait()
    book = BanBook(lambda changed: calls.tables.on_bans(changed, time.time()))

    def take(bans: list[Ban]) -> None:
        book.take(bans, time.time())

    async with asyncio.TaskGroup() as group:
        group.create_task(follow_all_bans(nats, regions, take))
        while True:
            await asyncio.sleep(SWEEP_S)
            book.sweep(time.time())
