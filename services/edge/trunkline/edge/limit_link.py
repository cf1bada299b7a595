"""An edge's limits and the others, over core NATS: what it uses, to the owner of the shares; its shares, back. Nothing is kept by the
broker: each report is whole, and a lease runs out by itself.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.edge.limits import Limits
from trunkline.edge.waking import set_within
from trunkline.runtime.limit_messages import GRANT, USE, grant_of, report_bytes
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

    await client.subscribe(f"{GRANT}.{pop}", cb=on_grant)
    wanted = asyncio.Event()
    limits.on_wanted = partial(asyncio.get_running_loop().call_soon_threadsafe, wanted.set)
    while True:
        if client.is_connected:
            wanted.clear()
            await publish(client, f"{USE}.{pop}", report_bytes(limits.report()))
            if not await set_within(wanted, REPORT_S):
                continue
        await asyncio.sleep(SOON_S)


async def publish(client: Client, subject: str, body: bytes) -> None:
    """What cannot be sent is said in the log, and is lost."""
    try:
        await client.publish(subject, body)
    except (nats.errors.Error, OSError) as error:
        _log.info("not told", subject=subject, why=f"{type(error).__name__}: {error}")
