"""Issuing and lifting bans, and telling who is banned: the auth service's side of the streams BANS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from trunkline.domain.ban_book import BanBook
from trunkline.domain.bans import OPERATOR, Ban, Suspicion, lifted
from trunkline.domain.errors import invalid
from trunkline.eventlog.log import LogUnavailable
from trunkline.eventlog.streams import BANS
from trunkline.runtime.ban_feed import subject_of, to_message
from trunkline.runtime.logs import logger

PUBLISH_LIMIT_S: Final = 2.0
RETRY_S: Final = 0.5
WAITING_LIMIT: Final = 10_000
"""Bans that wait for the stream; of more the oldest are let go. Whoever goes on is banned again."""

SWEEP_S: Final = 10.0

LONGEST_S: Final = 7 * 86_400
"""Of a ban by an operator."""

WIDEST: Final = {4: 8, 6: 16}
"""Prefix lengths of an operator's widest ban: more is a slip of the hand."""

_log = logger("bans")


class BanDesk:
    """One a process. `suspicion` forgets what somebody lifted."""

    def __init__(self, client: Client, region: str, suspicion: Suspicion, now_s: Callable[[], float] = time.time) -> None:
        self.book = BanBook(self._heard)
        self._client = client
        self._region = region
        self._suspicion = suspicion
        self._now_s = now_s
        self._waiting: dict[str, Ban] = {}
        self._something = asyncio.Event()

    def heard(self, bans: list[Ban]) -> None:
        """What the streams say."""
        self.book.take(bans, self._now_s())

    def ban_of(self, address: str) -> Ban | None:
        """The latest that covers the address, as far as is known here. ValueError for what is no address."""
        return next(iter(self.book.covering(address, self._now_s())), None)

    def issue(self, ban: Ban) -> None:
        """An automatic one: published as soon as the stream takes it, unless one holds by then that ends no sooner."""
        if not self._is_longest(ban):
            return
        _log.info("banned", cidr=ban.cidr, reason=ban.reason, seconds=round(ban.until_s - ban.issued_s))
        self._waiting.pop(ban.cidr, None)
        if len(self._waiting) >= WAITING_LIMIT:
            self._waiting.pop(next(iter(self._waiting)))
        self._waiting[ban.cidr] = ban
        self._something.set()

    async def run(self) -> None:
        """For ever: publishes what was issued, and forgets bans that have ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            while True:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    cidr, ban = next(iter(self._waiting.items()))
                    if not self._is_longest(ban):
                        del self._waiting[cidr]
                        continue
                    try:
                        await self._publish(ban)
                    except LogUnavailable as error:
                        _log.info("a ban waits", cidr=cidr, why=str(error))
                        await asyncio.sleep(RETRY_S)
                        continue
                    if self._waiting.get(cidr) is ban:
                        del self._waiting[cidr]

    async def ban(self, cidr: str, duration_s: float, reason: str) -> Ban:
        """An operator's; `cidr` is canonical. Raises Refusal, LogUnavailable."""
        length, version = int(cidr.rpartition("/")[2]), 6 if ":" in cidr else 4
        if length < WIDEST[version]:
            message = f"{cidr} is wider than /{WIDEST[version]}, which no ban may be"
            raise invalid("BAN_TOO_WIDE", "address", message, "Ban the ranges that the calls come from.")
        if not 1 <= duration_s <= LONGEST_S:
            raise invalid("BAN_DURATION", "duration", f"{duration_s:g} s is not between 1 s and {LONGEST_S} s (7 days).")
        # From its issue on, which may lie ahead of our clock: the last word may be of somebody whose clock is.
        issued_s = self._after_all(cidr)
        ban = Ban(cidr, issued_s, issued_s + duration_s, reason or "by the operator", OPERATOR)
        await self._publish(ban)
        self.heard([ban])
        return ban

    async def lift(self, address: str) -> list[Ban]:
        """Every ban that covers the address or prefix; empty where there is none. Raises LogUnavailable."""
        found = self.book.covering(address, self._now_s())
        for ban in found:
            self._waiting.pop(ban.cidr, None)
            word = lifted(ban.cidr, self._after_all(ban.cidr), OPERATOR)
            await self._publish(word)
            self.heard([word])
        return found

    def _is_longest(self, ban: Ban) -> bool:
        known = self.book.word(ban.cidr)
        if known is None or ban.until_s > known.until_s:
            return True
        _log.info("banned already", cidr=ban.cidr, reason=ban.reason, by=known.issuer, seconds=round(known.until_s - self._now_s()))
        return False

    def _after_all(self, cidr: str) -> float:
        """Now, and later than all that was said about it, whoever's clock issued that."""
        return max(self._now_s(), self.book.last_issued_s(cidr) + 0.001)

    async def _publish(self, ban: Ban) -> None:
        if not self._client.is_connected:
            raise LogUnavailable(f"stream {BANS} of region {self._region} is out of reach: not connected to NATS. Try again.")
        try:
            headers = {"Nats-Expected-Stream": BANS}
            stream = self._client.jetstream()
            await stream.publish(subject_of(self._region, ban), to_message(ban), timeout=PUBLISH_LIMIT_S, headers=headers)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            why = f"{type(error).__name__}: {error}"
            raise LogUnavailable(
                f"stream {BANS} of region {self._region} did not take the word about {ban.cidr} ({why}). Try again."
            ) from error

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.book.sweep(self._now_s())

    def _heard(self, changed: list[Ban]) -> None:
        for ban in changed:
            if ban.is_lifted:
                self._suspicion.forgive(ban.cidr)
