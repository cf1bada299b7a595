"""Records on their way to tenants: whole ones, in batches, signed, until they are taken.

A tenant's records go one request after another, the oldest first. Where one is not taken (anything but a 2xx answer), all of the tenant's
wait, longer each time. docs/webhooks.md says what a receiver sees.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.domain.events import WebhookSet
from trunkline.domain.webhooks import address_of
from trunkline.records.exporting import json_of
from trunkline.records.webhook_queue import WebhookQueue
from trunkline.records.webhook_sending import NotTaken, Sender
from trunkline.runtime.logs import logger

KEY_BYTES: Final = 32
MAX_AT_ONCE: Final = 16
"""Tenants that are sent to at a time."""
LOOK_S: Final = 1.0
"""Between two looks for somebody whose waiting is over."""
SWEEP_S: Final = 60.0
PAUSES_S: Final = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
"""After so many failures in a row; then the last again and again, each a fifth more or less."""

_log = logger("webhooks")

FindWebhook = Callable[[str], WebhookSet]
"""From a tenant to its webhook as the log says it; an empty one for a tenant that is not there."""


class Signing:
    """Secrets of tenants, all made of one key: nothing of them is stored, and another generation is another secret."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key of webhooks has {KEY_BYTES} bytes, this one {len(key)}")
        self._key = key

    @classmethod
    def read(cls, path: Path) -> Signing:
        """Makes the file where it is missing, for nobody else to read. OSError, ValueError."""
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        with os.fdopen(made, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        return cls(path.read_bytes())

    def secret(self, tenant: str, generation: int) -> str:
        made = hmac.digest(self._key, f"webhook\0{tenant}\0{generation}".encode(), hashlib.sha256)
        return f"whs_{base64.urlsafe_b64encode(made).decode().rstrip('=')}"

    def signature(self, tenant: str, generation: int, now_s: int, body: bytes) -> str:
        """`t=<Unix time>,v1=<hexadecimal>`: HMAC-SHA-256 with the secret over the time, a full stop, and the body."""
        made = hmac.new(self.secret(tenant, generation).encode(), f"{now_s}.".encode() + body, hashlib.sha256)
        return f"t={now_s},v1={made.hexdigest()}"


@dataclass(slots=True)
class Health:
    """How it went with one tenant since this process began. `next_s` is Unix time; 0: nothing is held back."""

    failures: int = 0
    problem: str = ""
    next_s: float = 0.0


class Webhooks:
    """`run` it for ever."""

    def __init__(
        self, queue: WebhookQueue, find: FindWebhook, signing: Signing, sender: Sender, now: Callable[[], float] = time.time
    ) -> None:
        self._queue = queue
        self._find = find
        self._signing = signing
        self._sender = sender
        self._now = now
        self._health: dict[str, Health] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        queue.is_wanted = lambda tenant: bool(find(tenant).url)

    def health(self, tenant: str) -> Health:
        return self._health.get(tenant, Health())

    async def run(self) -> None:
        swept_s = 0.0
        try:
            while True:
                if self._now() - swept_s >= SWEEP_S:
                    await self._queue.sweep(int(self._now()))
                    swept_s = self._now()
                await self.begin()
                try:
                    await asyncio.wait_for(self._queue.added.wait(), LOOK_S)
                except TimeoutError:
                    continue
                self._queue.added.clear()
        finally:
            for task in self._sending.values():
                task.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def begin(self) -> None:
        """Sends to whomever something waits for, and who is not held back."""
        for tenant, task in list(self._sending.items()):
            if task.done():
                del self._sending[tenant]
                # A bug, or a disk that takes nothing: the process ends and tries again.
                task.result()
        for tenant in await self._queue.tenants():
            if len(self._sending) >= MAX_AT_ONCE:
                return
            if tenant not in self._sending and self.health(tenant).next_s <= self._now():
                self._sending[tenant] = asyncio.create_task(self._send_all(tenant))

    async def _send_all(self, tenant: str) -> None:
        """Batch after batch, until nothing waits or one is not taken."""
        while True:
            ids, records = await self._queue.batch(tenant)
            webhook = self._find(tenant)
            if not ids or not webhook.url:
                return
            try:
                await self._send(tenant, webhook, records)
            except NotTaken as problem:
                self._hold_back(tenant, str(problem))
                return
            self._health.pop(tenant, None)
            await self._queue.done(tenant, ids, int(self._now()))

    async def _send(self, tenant: str, webhook: WebhookSet, records: list[Record]) -> None:
        body = f'{{"tenant": "{tenant}", "records": [{", ".join(map(json_of, records))}]}}'.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Trunkline",
            "Trunkline-Delivery": secrets.token_hex(16),
            "Trunkline-Signature": self._signing.signature(tenant, webhook.generation, int(self._now()), body),
        }
        status = await self._sender.post(address_of(webhook.url), headers, body)
        if not 200 <= status < 300:
            why = "; redirects are not followed" if 300 <= status < 400 else ""
            raise NotTaken(f"the answer was {status}{why}")

    def _hold_back(self, tenant: str, problem: str) -> None:
        health = self._health.setdefault(tenant, Health())
        pause_s = PAUSES_S[min(health.failures, len(PAUSES_S) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311 — no secret
        if not health.failures:
            _log.info("records not taken", tenant=tenant, why=problem)
        health.failures += 1
        health.problem, health.next_s = problem, self._now() + pause_s
