"""When API keys of tenants were last used, to the minute: noted in memory where a request is authenticated, told on core NATS.

`keys.used.<process>` is a JSON list of [tenant, key, minute since 1970 UTC], every ten seconds where there is something to tell. A request
costs an entry of a dictionary; nothing is written to the log. Nothing is acknowledged: what a cut link has swallowed is told again for an
hour, by the process that saw it, as long as it runs. A process that stops tells what it has not told yet; one that is killed, or stops
while it has no connection, takes that with it. Provisioning keeps what it hears (`trunkline.provisioning.key_uses`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import nats.errors
from nats.aio.client import Client

from trunkline.domain.events import TenantId
from trunkline.runtime.authentication import TenantKey
from trunkline.runtime.logs import logger

SUBJECT: Final = "keys.used"
MINUTE_S: Final = 60
TELL_S: Final = 10.0
LAST_S: Final = 2
"""Of the eight seconds that stopping may take."""
REPEAT_S: Final = 300.0
REPEATED_MINUTES: Final = 60
"""How long a use is told again and again."""
MAX_KEYS: Final = 100_000
"""Of one process; uses of more keys are not noted until older ones are forgotten."""
MAX_OF_MESSAGE: Final = 1_000
"""Some 60 bytes each."""
MESSAGE_LIMIT_BYTES: Final = 1 << 20
NAME_LIMIT: Final = 64

Uses = Mapping[tuple[TenantId, str], int]
"""Minute since 1970 UTC by tenant and key."""


class KeyUses:
    """Of one process, by its own clock. `note` is on the way of each request; all on one event loop."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._minutes: dict[tuple[TenantId, str], int] = {}
        self._untold: set[tuple[TenantId, str]] = set()

    def note(self, key: TenantKey) -> None:
        """It is used now."""
        minute, place = int(self._now()) // MINUTE_S, (key.tenant, key.key)
        known = self._minutes.get(place)
        if known == minute or (known is None and len(self._minutes) >= MAX_KEYS):
            return
        self._minutes[place] = minute
        self._untold.add(place)

    def take(self, *, is_repeating: bool = False) -> Uses:
        """What was not told yet; with `is_repeating` all of the last hour, and what is older is forgotten."""
        if is_repeating:
            since = int(self._now()) // MINUTE_S - REPEATED_MINUTES
            self._minutes = {place: minute for place, minute in self._minutes.items() if minute >= since}
            self._untold = set(self._minutes)
        untold, self._untold = self._untold, set()
        return {place: self._minutes[place] for place in untold}

    def give_back(self, uses: Uses) -> None:
        """They could not be told."""
        self._untold.update(place for place in uses if place in self._minutes)


async def tell_key_uses(client: Client, process: str, uses: KeyUses) -> None:
    """For ever."""
    loop = asyncio.get_running_loop()
    repeated_s = loop.time()
    while True:
        await asyncio.sleep(TELL_S)
        if not client.is_connected:
            continue
        is_repeating = loop.time() - repeated_s >= REPEAT_S
        repeated_s = loop.time() if is_repeating else repeated_s
        taken = uses.take(is_repeating=is_repeating)
        try:
            await publish_uses(client, process, taken)
        except (nats.errors.Error, OSError) as error:
            uses.give_back(taken)
            logger("keys").info("uses of keys not told", why=f"{type(error).__name__}: {error}")


async def tell_last_uses(client: Client, process: str, uses: KeyUses) -> None:
    """When the process stops, before its connection is closed: what was not told yet, sent off within LAST_S, or the log says how many uses
    are lost."""
    taken = uses.take()
    if not taken:
        return
    try:
        if not client.is_connected:
            raise OSError("no connection")
        await publish_uses(client, process, taken)
        await client.flush(LAST_S)
    except (nats.errors.Error, OSError) as error:
        logger("keys").warning("last uses of keys are lost", keys=len(taken), why=f"{type(error).__name__}: {error}")


async def publish_uses(client: Client, process: str, uses: Uses) -> None:
    """nats.errors.Error and OSError where it cannot."""
    for body in encode_uses(uses):
        await client.publish(f"{SUBJECT}.{process}", body)


def encode_uses(uses: Uses) -> Iterator[bytes]:
    """As many messages as it takes."""
    rows = [[tenant, key, minute] for (tenant, key), minute in uses.items()]
    for start in range(0, len(rows), MAX_OF_MESSAGE):
        yield json.dumps(rows[start : start + MAX_OF_MESSAGE], separators=(",", ":")).encode()


def parse_uses(body: bytes) -> Uses:
    """Raises ValueError, saying what is wrong."""
    if len(body) > MESSAGE_LIMIT_BYTES:
        raise ValueError(f"{len(body)} bytes of uses; {MESSAGE_LIMIT_BYTES} are the most")
    rows = json.loads(body)
    if not isinstance(rows, list):
        raise ValueError("uses are a JSON list")
    found: dict[tuple[TenantId, str], int] = {}
    for row in rows:
        match row:
            case [str(tenant), str(key), int(minute)] if len(tenant) <= NAME_LIMIT and len(key) <= NAME_LIMIT and 0 < minute < 1 << 32:
                found[TenantId(tenant), key] = minute
            case _:
                raise ValueError(f"a use is [tenant, key, minute], not {row!r:.80}")
    return found
