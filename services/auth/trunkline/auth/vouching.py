"""Who lately sent right credentials, told by each auth service to all: the streams VOUCHES. An address that is a customer's in one region
is not banned for what another region saw, and not after a restart for what was forgotten.

A word is the last about its address and an hour old at most. What the stream does not take waits, the latest about each address.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.streams import VOUCHES, api_prefix, ensure_vouches
from trunkline.eventlog.tail import RawTail
from trunkline.runtime.ban_feed import subject_tail
from trunkline.runtime.logs import logger

PUBLISH_LIMIT_S: Final = 2.0
RETRY_S: Final = 0.5
WAITING_LIMIT: Final = 10_000
"""Words that wait for the stream; of more the oldest are let go. Whoever goes on sending right credentials is told of again."""

_MICRO: Final = 1_000_000
_log = logger("vouching")

Hear = Callable[[str, float], None]
"""`Suspicion.hear_vouch`."""


class VouchDesk:
    """One a process. `hear` is given what the streams say."""

    def __init__(self, client: Client, region: str, hear: Hear) -> None:
        self._client = client
        self._region = region
        self._hear = hear
        self._waiting: OrderedDict[str, float] = OrderedDict()
        self._something = asyncio.Event()
        self._unread: set[str] = set()
        self._is_read = asyncio.Event()

    def tell(self, cidr: str, time_s: float) -> None:
        """Published as soon as the stream takes it."""
        self._waiting[cidr] = time_s
        self._waiting.move_to_end(cidr)
        if len(self._waiting) > WAITING_LIMIT:
            self._waiting.popitem(last=False)
        self._something.set()

    async def wait_read(self, limit_s: float) -> None:
        """Until what was told before is heard, of all regions; of those that are away it is not waited longer than this."""
        try:
            async with asyncio.timeout(limit_s):
                await self._is_read.wait()
        except TimeoutError:
            _log.warning("words of these regions are not read yet", regions=sorted(self._unread))

    async def run(self, regions: Iterable[str]) -> None:
        """For ever: tells, and hears what was told in these regions, within the last hour first."""
        self._unread = set(regions)
        async with asyncio.TaskGroup() as group:
            group.create_task(ensure_vouches(self._client, self._region))
            for region in sorted(self._unread):
                group.create_task(self._follow(region), name=f"vouches of {region}")
            while True:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    cidr, time_s = next(iter(self._waiting.items()))
                    if await self._publish(cidr, time_s):
                        if self._waiting.get(cidr) == time_s:
                            del self._waiting[cidr]
                    else:
                        await asyncio.sleep(RETRY_S)

    async def _publish(self, cidr: str, time_s: float) -> bool:
        if not self._client.is_connected:
            return False
        subject = f"vouches.{self._region}.{subject_tail(cidr)}"
        body = f"{cidr} {round(time_s * _MICRO)}".encode()
        try:
            await self._client.jetstream().publish(subject, body, timeout=PUBLISH_LIMIT_S, headers={"Nats-Expected-Stream": VOUCHES})
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            _log.info("a word waits", cidr=cidr, why=f"{type(error).__name__}: {error}")
            return False
        return True

    async def _follow(self, region: str) -> None:
        head = await self._head(region)
        self._read_up_to(region, 0, head)
        while True:
            try:
                async for group in RawTail(self._client, VOUCHES, api_prefix=api_prefix(region)).groups():
                    for message in group:
                        self._read(region, message.data)
                    self._read_up_to(region, group[-1].sequence, head)
            except LogDamaged as error:
                _log.info("reading all words of a region again", region=region, why=str(error))

    async def _head(self, region: str) -> int:
        """The last word that the region's stream has, as soon as it is there; 0: none."""
        while True:
            try:
                info = await self._client.jetstream(domain=region).stream_info(VOUCHES)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
                _log.info("no words of a region yet", region=region, why=f"{type(error).__name__}: {error}")
                await asyncio.sleep(RETRY_S)
            else:
                # What has expired is not sent.
                return int(info.state.last_seq) if info.state.messages else 0

    def _read_up_to(self, region: str, sequence: int, head: int) -> None:
        if sequence >= head:
            self._unread.discard(region)
            if not self._unread:
                self._is_read.set()

    def _read(self, region: str, body: bytes) -> None:
        try:
            cidr, _, micros = body.decode("ascii").partition(" ")
            self._hear(str(ip_network(cidr)), int(micros) / _MICRO)
        except ValueError as error:
            _log.warning("a word cannot be read", region=region, why=str(error))
