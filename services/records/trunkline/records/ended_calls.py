"""Edges ask which of their calls have ended: one that was dead has not heard of those that ended meanwhile. The others answer from memory
(`trunkline.edge.ended_calls`); records know too what an edge has ended that is dead now, or was restarted.

Of all records services one is asked, the nearest (a queue group of NATS). One that is behind says less, and is asked again in a minute.
"""

from __future__ import annotations

import asyncio
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.records.queries import Queries
from trunkline.runtime.limit_messages import ASKED, ENDED, ended_bytes, ended_of
from trunkline.runtime.logs import logger

GROUP: Final = "records"
CONNECT_LOOK_S: Final = 0.5
CALLS_LIMIT: Final = 5_000
"""In one question: five times what an edge asks."""

_log = logger("ended calls")


async def tell_ended_calls(client: Client, queries: Queries, process: str) -> None:
    """For ever. `process` is named in the subject of the answers, which every edge hears."""

    async def on_question(message: Msg) -> None:
        try:
            calls = ended_of(message.data)[:CALLS_LIMIT]
        except ValueError as error:
            _log.warning("a question cannot be read", subject=message.subject, why=str(error))
            return
        ended = await queries.ended(calls)
        if not ended:
            return
        try:
            await client.publish(f"{ENDED}.{process}", ended_bytes(ended))
        except (nats.errors.Error, OSError) as error:
            _log.info("not told", subject=message.subject, why=f"{type(error).__name__}: {error}")

    while not client.is_connected:  # noqa: ASYNC110 — nats-py has no event for its first connection
        await asyncio.sleep(CONNECT_LOOK_S)
    await client.subscribe(f"{ASKED}.>", queue=GROUP, cb=on_question)
    await asyncio.Event().wait()
