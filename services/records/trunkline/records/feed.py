"""The stream CALLS_ALL at home → the projection, from where it stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from trunkline.eventlog.streams import CALLS_ALL, api_prefix
from trunkline.eventlog.tail import RawMessage, RawTail
from trunkline.records.projection import Projection, StreamMessage
from trunkline.runtime.logs import logger

GROUP_BYTES = 512 << 10
"""Of messages in one transaction: some fifty milliseconds of work, in which no query is answered."""

GATHER_S = 0.1
"""After a transaction that took all there was: what comes meanwhile shares the next one. Facts of a call come in twos and threes, and each
transaction has its own cost: 23 % of a core at 200 calls a second without, 17 % with it."""

FRESH_NS = 1_000_000_000
"""What was stored so lately is the end of the stream. Clocks that differ by more cost the saving, or slow catching up down."""

FIRST_RETRY_S = 0.1
LAST_RETRY_S = 2.0

_log = logger("feed")


async def follow(client: Client, projection: Projection, home: str, on_applied: Callable[[int], None] = lambda sequence: None) -> None:
    """For ever. `on_applied` is told the sequence of the last message of each transaction.

    Raises LogDamaged when the stream loses its end meanwhile: the next start finds that and begins anew.
    """
    await _check_stream(client, projection, home)
    async for arrived in RawTail(client, CALLS_ALL, projection.position + 1, api_prefix=api_prefix(home)).groups():
        for group in _groups(arrived):
            applied = await projection.apply(group)
            if applied.rejected:
                _log.warning("lines set aside", rejected=applied.rejected, first=group[0].sequence, last=group[-1].sequence)
            on_applied(projection.position)
        if is_at_the_end(arrived, time.time_ns()):
            await asyncio.sleep(GATHER_S)


def is_at_the_end(arrived: Sequence[RawMessage], now_ns: int) -> bool:
    """Not while it catches up: messages come in batches then, which are small too, and each pause would count."""
    return now_ns - arrived[-1].time_ns < FRESH_NS


async def _check_stream(client: Client, projection: Projection, home: str) -> None:
    """Begins at the first message where the stream is not the one, or not all of the one, that the position counts in."""
    retry_s = FIRST_RETRY_S
    while True:
        try:
            info = await client.jetstream(domain=home).stream_info(CALLS_ALL)
            break
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            _log.info("stream not there yet", stream=CALLS_ALL, why=f"{type(error).__name__}: {error}", retry_s=retry_s)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)
    name = f"{CALLS_ALL} {info.created.isoformat() if info.created else ''}"
    if projection.stream == name and info.state.last_seq >= projection.position:
        return
    if projection.stream:
        _log.warning("the stream is another one, or has lost its end: reading it from the beginning", was=projection.stream, now=name)
    await projection.restart(name)


def _groups(messages: Sequence[RawMessage]) -> Iterator[list[StreamMessage]]:
    group: list[StreamMessage] = []
    size = 0
    for message in messages:
        group.append(StreamMessage(message.sequence, message.data))
        size += len(message.data)
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
