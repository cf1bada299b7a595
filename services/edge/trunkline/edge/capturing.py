"""What the engine captured → masked → whoever keeps it, over core NATS (docs/adr/0021-capture.md).

Beside the calls, a portion at a time, and only so many a second: masking runs on the interpreter that decides calls. What is above it
waits in the engine, where tenants share the room and take turns; what does not fit there is dropped and counted. While NATS is away nothing
is kept: there is nobody to tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import nats.errors
from nats.aio.client import Client

from trunkline.api.events.v1 import call_pb2
from trunkline.domain.masking import masked_text
from trunkline.runtime.logs import logger

SUBJECT: Final = "messages.captured"
TURNS_PER_S: Final = 4
"""At most: a turn that is late moves those after it."""
BATCH_BYTES: Final = 256 << 10
"""Of texts in one message; the server takes a megabyte."""
WARN_EVERY_S: Final = 60.0

SAMPLED_PART: Final = 2
"""Of sampled calls one for so many that are told of refused and failed ones, beside them."""
ALL: Final = 1 << 31

Captured = tuple[str, int, bool, int, str, str, str, bytes, int, str, bool]
"""As `trunkline.engine.Engine.take_captured` gives it."""


class Captures(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def take_captured(self, most_failed: int, most_sampled: int) -> tuple[list[Captured], int]: ...


class Portions:
    """`most` messages in `turns` turns, in whole ones: what is left of one is carried to the next turn, so that no `turns` turns that
    follow each other give more. What is not taken of a turn is not."""

    def __init__(self, most: int, turns: int) -> None:
        self._most = most
        self._turns = turns
        self._carried = 0

    def next(self) -> int:
        portion, self._carried = divmod(self._carried + self._most, self._turns)
        return portion


class Teller:
    """`run` until it is cancelled. Of refused and failed calls at most `most_per_s` messages a second are told, beside them half as many of
    sampled ones; 0: none of either."""

    def __init__(self, engine: Captures, client: Client, edge: str, pop: str, most_per_s: int) -> None:
        self._engine = engine
        self._client = client
        self._edge = edge
        self._pop = pop
        self._most_per_s = most_per_s
        self._failed = Portions(most_per_s, TURNS_PER_S)
        self._sampled = Portions(most_per_s, TURNS_PER_S * SAMPLED_PART)
        self._dropped = 0
        self._log = logger("captures")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        warned_s, unsaid = loop.time() - WARN_EVERY_S, 0
        while True:
            await asyncio.sleep(1 / TURNS_PER_S)
            if not self._most_per_s:
                self._engine.take_captured(ALL, ALL)
                continue
            is_heard = self._client.is_connected
            kept, lost = self._engine.take_captured(*(self._failed.next(), self._sampled.next()) if is_heard else (ALL, ALL))
            if not is_heard:
                kept, lost = [], lost + len(kept)
            self._dropped += lost
            unsaid += lost
            if unsaid and loop.time() - warned_s >= WARN_EVERY_S:
                self._log.warning("captured messages dropped", count=unsaid, most_per_s=self._most_per_s)
                warned_s, unsaid = loop.time(), 0
            for batch in self._batches(kept):
                try:
                    await self._client.publish(f"{SUBJECT}.{self._pop}", batch.SerializeToString())
                except (nats.errors.Error, OSError) as error:
                    self._dropped += len(batch.messages)
                    self._log.info("captured messages not told", count=len(batch.messages), why=f"{type(error).__name__}: {error}")
                # Between batches calls have their turn.
                await asyncio.sleep(0)

    def _batches(self, messages: Sequence[Captured]) -> list[call_pb2.CapturedBatch]:
        batches: list[call_pb2.CapturedBatch] = []
        size = BATCH_BYTES
        for message in messages:
            text = text_of(message)
            if size + len(text.text) > BATCH_BYTES:
                batches.append(call_pb2.CapturedBatch(edge=self._edge, pop=self._pop, dropped=self._dropped))
                size, self._dropped = 0, 0
            batches[-1].messages.append(text)
            size += len(text.text)
        return batches


def text_of(message: Captured) -> call_pb2.CapturedText:
    call, time_ns, is_received, number, ours, peer, transport, content, cut, tenant, is_sampled = message
    text = masked_text(content, is_cut=cut > 0)
    return call_pb2.CapturedText(
        call=call,
        time_ns=time_ns,
        is_received=is_received,
        number=number,
        ours=ours,
        peer=peer,
        transport=transport,
        text=text,
        cut_bytes=cut,
        tenant=tenant,
        is_sampled=is_sampled,
    )
