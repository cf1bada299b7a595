"""The beacon: twice a second the home tells where its log stands, over core NATS.

Its age tells that the link is down, its sequence how far a replica is behind, its digest that a replica holds something else than the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.domain.events import Position
from trunkline.eventlog.digest import DIGEST_BYTES

SUBJECT: Final = "sync.config.head"
INTERVAL_S: Final = 0.5

_log = logging.getLogger("trunkline.eventlog.beacon")


@dataclass(frozen=True, slots=True)
class Beacon:
    """At `position` the log of that epoch has that digest."""

    epoch: str
    position: Position
    digest: bytes


def encode_beacon(beacon: Beacon) -> bytes:
    return json.dumps(
        {"epoch": beacon.epoch, "seq": beacon.position, "digest": beacon.digest.hex(), "time_ns": time.time_ns()}, separators=(",", ":")
    ).encode()


def parse_beacon(body: bytes) -> Beacon:
    """Raises ValueError, naming what is wrong."""
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("a beacon is a JSON object")
    epoch, position, digest = fields.get("epoch"), fields.get("seq"), fields.get("digest")
    if not isinstance(epoch, str) or not isinstance(position, int) or not isinstance(digest, str) or position < 0:
        raise ValueError(f"a beacon needs epoch, seq and digest, this one has {sorted(fields)}")
    raw = bytes.fromhex(digest)
    if len(raw) != DIGEST_BYTES:
        raise ValueError(f"the digest has {len(raw)} bytes, not {DIGEST_BYTES}")
    return Beacon(epoch, Position(position), raw)


async def publish_beacons(nc: Client, current: Callable[[], Beacon | None]) -> None:
    """For ever, every INTERVAL_S; `current` may answer None while there is nothing to tell. A lost connection is waited out."""
    while True:
        beacon = current()
        if beacon is not None and nc.is_connected:
            try:
                await nc.publish(SUBJECT, encode_beacon(beacon))
            except (nats.errors.Error, OSError) as error:
                _log.info("beacon not sent: %s: %s", type(error).__name__, error)
        await asyncio.sleep(INTERVAL_S)


async def follow_beacons(nc: Client, on_beacon: Callable[[Beacon], None]) -> Callable[[], Awaitable[None]]:
    """Call `on_beacon` for each; what cannot be read is logged and left out. Returns what ends it."""

    async def on_message(message: Msg) -> None:
        try:
            beacon = parse_beacon(message.data)
        except ValueError as error:
            _log.warning("a beacon on %s cannot be read: %s", SUBJECT, error)
            return
        on_beacon(beacon)

    subscription = await nc.subscribe(SUBJECT, cb=on_message)
    return subscription.unsubscribe
