"""Used nonces between edges: what one admitted is not admitted by another (docs/adr/0007-used-nonces.md).

Over core NATS, without a stream: a nonce lives a minute, so what is not told at once need not be told. While the server is away the engine
keeps the latest.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.edge.waking import readable
from trunkline.runtime.logs import logger

SUBJECT = "nonces.used"

GATHER_S = 0.1
"""After one message, before it is asked whether there is another: what is used meanwhile goes together. As the engine takes 20 ms to say
that there is something, these are 9 messages a second at most; each costs some 0.2 ms, and so does each that another edge sends."""

USE_BYTES = 20
"""Of one use, as the engine gives it."""

MESSAGE_BYTES = USE_BYTES * 3000
"""Of one message; the server takes a megabyte."""


class Nonces(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def nonces_fileno(self) -> int: ...
    def take_used_nonces(self) -> bytes: ...
    def mark_used_nonces(self, uses: bytes) -> None: ...


async def hear_used_nonces(client: Client, pop: str, engine: Nonces) -> None:
    """Subscribes; what cannot be read is logged and left out. Call it when there is a connection; it is renewed after every loss."""
    mine = f"{SUBJECT}.{pop}"

    async def on_message(message: Msg) -> None:
        if message.subject == mine:
            return
        try:
            engine.mark_used_nonces(message.data)
        except ValueError as error:
            logger("nonces").warning("used nonces of another edge cannot be read", subject=message.subject, why=str(error))

    await client.subscribe(f"{SUBJECT}.>", cb=on_message)


async def tell_used_nonces(client: Client, pop: str, engine: Nonces) -> None:
    """For ever. A use that was taken when the server went away is lost: it was to be heard at once or not at all."""
    while True:
        await readable(engine.nonces_fileno())
        if not client.is_connected:
            await asyncio.sleep(GATHER_S)
            continue
        uses = engine.take_used_nonces()
        try:
            for start in range(0, len(uses), MESSAGE_BYTES):
                await client.publish(f"{SUBJECT}.{pop}", uses[start : start + MESSAGE_BYTES])
        except (nats.errors.Error, OSError) as error:
            logger("nonces").info("used nonces not told", count=len(uses) // USE_BYTES, why=f"{type(error).__name__}: {error}")
        await asyncio.sleep(GATHER_S)
