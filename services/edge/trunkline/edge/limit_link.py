"""An edge's limits and the others, over core NATS: what it uses, to the owner of the shares; its shares, back; and calls that ended at
another edge than the one that counts them. Nothing is kept by the broker: each report is whole, and a lease runs out by itself.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.edge.limits import Limits
from trunkline.edge.waking import set_within
from trunkline.runtime.limit_messages import ENDED, GRANT, USE, ended_bytes, ended_of, grant_of, report_bytes
from trunkline.runtime.logs import logger

REPORT_S: Final = 1.0
"""Between two reports at most: a fifth of a lease."""

SOON_S: Final = 0.05
"""Between two reports at least, where one is wanted at once."""

_log = logger("limits")


async def share_limits(client: Client, pop: str, limits: Limits) -> None:
    """For ever, once there is a connection; subscriptions are renewed after every loss."""

    async def on_grant(message: Msg) -> None:
        try:
            limits.on_grant(grant_of(message.data))
        except ValueError as error:
            _log.warning("a grant cannot be read", subject=message.subject, why=str(error))

    async def on_ended(message: Msg) -> None:
        if message.subject == f"{ENDED}.{pop}":
            return
        try:
            limits.end(ended_of(message.data))
        except ValueError as error:
            _log.warning("ended calls cannot be read", subject=message.subject, why=str(error))

    await client.subscribe(f"{GRANT}.{pop}", cb=on_grant)
    await client.subscribe(f"{ENDED}.>", cb=on_ended)
    wanted = asyncio.Event()
    limits.on_wanted = partial(asyncio.get_running_loop().call_soon_threadsafe, wanted.set)
    while True:
        if client.is_connected:
            wanted.clear()
            limits.end_overdue(time.time())
            await _publish(client, f"{USE}.{pop}", report_bytes(limits.report()))
            if not await set_within(wanted, REPORT_S):
                continue
        await asyncio.sleep(SOON_S)


async def tell_ended(client: Client, pop: str, calls: list[str]) -> None:
    """Whoever counts them is told once; if it does not hear, it counts them until they are overdue."""
    if calls and client.is_connected:
        await _publish(client, f"{ENDED}.{pop}", ended_bytes(calls))


async def _publish(client: Client, subject: str, body: bytes) -> None:
    try:
        await client.publish(subject, body)
    except (nats.errors.Error, OSError) as error:
        _log.info("not told", subject=subject, why=f"{type(error).__name__}: {error}")
