"""Calls that ended at another edge than the one that has them, over core NATS: what is told of them, and what is asked.

An edge that ends a call from its token tells the others, and who has the call's row, or counts it against a limit, lets go of it. An edge
that may have been away when it was told asks: whoever remembers an end tells it again, an edge or a records service.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.edge.calls import CallService
from trunkline.edge.limit_link import publish
from trunkline.runtime.limit_messages import ASKED, ENDED, ended_bytes, ended_of
from trunkline.runtime.logs import logger

ASK_S: Final = 60.0
"""Between two questions about the same calls: another edge may have been out of reach."""

LOOK_S: Final = 5.0
"""Between two looks whose turn it is."""

CALLS_AT_ONCE: Final = 1_000
"""Of one question: 33 kB."""

MOST_CALLS: Final = 10_000
"""Of one message that is read: what a chunk of a journal holds, several times over."""

_log = logger("ended calls")


async def hear_ends(client: Client, pop: str, calls: CallService) -> None:
    """Subscribes to ends and to questions about them. Call it when there is a connection; it is renewed after every loss. The connection
    must not hear itself; another edge of the same point of presence is heard."""

    async def on_ended(message: Msg) -> None:
        if ended := _read(message):
            calls.forget(ended)

    async def on_asked(message: Msg) -> None:
        asked = _read(message)
        if asked and calls.engine is not None:
            # The engine's workers answer within a turn; a thread waits for them.
            await tell_ended(client, pop, await asyncio.to_thread(calls.engine.ended_calls, asked))

    await client.subscribe(f"{ENDED}.>", cb=on_ended)
    await client.subscribe(f"{ASKED}.>", cb=on_asked)


async def tell_ended(client: Client, pop: str, ended: list[str]) -> None:
    """Whoever has or counts them is told once; who does not hear it asks."""
    if ended and client.is_connected:
        await publish(client, f"{ENDED}.{pop}", ended_bytes(ended))


async def ask_for_ends(client: Client, pop: str, calls: CallService) -> None:
    """For ever: about calls of earlier runs whose end is not known, and about those that count against limits, whose end may have been lost
    on its way (`Limits.look` says whose turn it is)."""
    asked_s = float("-inf")
    while True:
        left = set(calls.limits.look(time.time()))
        if client.is_connected:
            if calls.saved.restored and time.monotonic() >= asked_s + ASK_S:
                asked_s = time.monotonic()
                left |= calls.saved.restored
            each = sorted(left)
            for at in range(0, len(each), CALLS_AT_ONCE):
                await publish(client, f"{ASKED}.{pop}", ended_bytes(each[at : at + CALLS_AT_ONCE]))
        await asyncio.sleep(LOOK_S)


def _read(message: Msg) -> list[str]:
    """Ids of calls; none of a message that is not all of them."""
    try:
        ids = ended_of(message.data)
        if len(ids) > MOST_CALLS:
            raise ValueError(f"{len(ids)} calls in one message: {MOST_CALLS} at most")
        for call in ids:
            if len(call) != 32:
                raise ValueError(f"{call!r} is no id of a call: 32 hexadecimal digits")
            int(call, 16)
    except ValueError as error:
        _log.warning("what another edge says of ended calls cannot be read", subject=message.subject, why=str(error))
        return []
    return ids
