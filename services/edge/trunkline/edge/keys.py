"""Keeps an edge's keys: from the cache at start, from auth as often as the settings say and whenever a fact names a key that is missing.

Without auth the edge goes on with what it has until the cache expires; then it forgets the tenants' keys, in memory and on disk, and
accounts cannot be read any more: whoever erases a tenant's key may count on that. Keys that sign have times of their own; calls that an
address alone admits need no others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from trunkline.api.auth.v1 import auth_pb2
from trunkline.edge.key_cache import KeyCache, UnusableCache
from trunkline.edge.key_ring import NO_KEYS, BadKeys, KeyRing, response_of, ring_of
from trunkline.runtime.logs import logger

FIRST_RETRY_S = 0.25
LAST_RETRY_S = 15.0
MIN_FETCH_INTERVAL_S = 0.2
"""Between two fetches that missing keys ask for: a replay names many at once, and an erased key stays missing for ever."""


class KeysUnavailable(Exception):
    """Auth did not give any; the text says why."""


Fetch = Callable[[], Awaitable[auth_pb2.FetchKeysResponse]]
"""Asks auth once, within a few seconds. Raises KeysUnavailable."""

RingChanged = Callable[[KeyRing, KeyRing], None]
"""(new, old): called on the event loop whenever the ring, or the key that signs, is another."""


class KeyKeeper:
    """`ring` is what holds now, readable from any thread. `expires_s` (Unix time) is the end of the tenants' keys, 0: there were none."""

    def __init__(
        self,
        cache: KeyCache,
        *,
        refresh_s: float,
        lifetime_s: float,
        on_change: RingChanged,
        on_asked: Callable[[int], None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`on_asked` is told when auth was asked, with or without an answer: with the number of the last `want` before that."""
        self.ring: KeyRing = NO_KEYS
        self.expires_s = 0
        self._cache = cache
        self._refresh_s = refresh_s
        self._lifetime_s = lifetime_s
        self._on_change = on_change
        self._on_asked = on_asked
        self._wants = 0
        self._now = now
        self._is_wanted = asyncio.Event()
        self._has_changed = asyncio.Event()
        self._log = logger("keys")

    def load(self) -> None:
        """Takes the cached keys, if they are usable. Call once, before `run`."""
        try:
            cached = self._cache.load()
            ring = ring_of(cached.response)
        except (UnusableCache, BadKeys) as error:
            self._log.info("no cached keys", why=str(error))
            return
        if self._now() >= cached.expires_s:
            self._forget_tenants(ring, cached.expires_s)
        else:
            self._take(ring, cached.expires_s)

    def can_sign(self) -> bool:
        """Without a key that signs nobody can be challenged and no call set up."""
        return self.ring.can_sign(int(self._now()))

    async def wait_can_sign(self) -> None:
        """Until auth has given keys for it; `run` fetches them."""
        while not self.can_sign():
            self._has_changed.clear()
            await self._has_changed.wait()

    def want(self) -> int:
        """A key is missing: fetch soon. The number is what `on_asked` will have reached when that was done."""
        self._wants += 1
        self._is_wanted.set()
        return self._wants

    async def run(self, fetch: Fetch) -> None:
        """Fetches for ever. Failures of auth are retried with growing waits; an answer that is no answer is one."""
        retry_s = FIRST_RETRY_S
        while True:
            self._is_wanted.clear()
            wants = self._wants
            try:
                await self._renew(fetch)
                self._on_asked(wants)
            except (KeysUnavailable, BadKeys, OSError) as error:
                self._log.warning("keys not renewed", why=str(error), retry_s=retry_s, expires_s=self.expires_s)
                self._on_asked(wants)
                await self._wait(retry_s, is_wakable=False)
                retry_s = min(2 * retry_s, LAST_RETRY_S)
            else:
                retry_s = FIRST_RETRY_S
                await asyncio.sleep(MIN_FETCH_INTERVAL_S)
                await self._wait(self._refresh_s, is_wakable=True)
            self.expire()

    def expire(self) -> None:
        """Forgets keys whose time is over; else tells who signs now, which changes with time alone."""
        if self.ring.tenant_keys and self._now() >= self.expires_s:
            self._forget_tenants(self.ring, self.expires_s)
        else:
            self._on_change(self.ring, self.ring)

    def _forget_tenants(self, ring: KeyRing, expired_s: int) -> None:
        self._log.error("keys expired: accounts cannot be authenticated until auth is back", expired_s=expired_s)
        left = ring.without_tenants()
        self._take(left, expired_s)
        try:
            self._cache.store(response_of(left), expired_s)
        except OSError as error:
            self._log.error("the key cache is deleted whole: the disk takes no other", why=str(error))
            self._cache.delete()

    async def _renew(self, fetch: Fetch) -> None:
        response = await fetch()
        ring = ring_of(response)
        expires_s = int(self._now() + self._lifetime_s)
        self._take(ring, expires_s)
        self._cache.store(response, expires_s)

    def _take(self, ring: KeyRing, expires_s: int) -> None:
        before, self.ring, self.expires_s = self.ring, ring, expires_s
        self._has_changed.set()
        self._on_change(ring, before)

    async def _wait(self, limit_s: float, *, is_wakable: bool) -> None:
        """Not beyond the expiry, so that keys are forgotten on time."""
        if self.ring.tenant_keys:
            limit_s = min(limit_s, max(0.0, self.expires_s - self._now()))
        if not is_wakable:
            await asyncio.sleep(limit_s)
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._is_wanted.wait()
        except TimeoutError:
            pass
