"""One NATS connection of a process, with the settings that nats-py should have had.

Its defaults notice a dead peer after four minutes and give up reconnecting; these notice in 10 s and never give up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import nats.errors
from nats.aio.client import Client

from trunkline.runtime.logs import logger
from trunkline.runtime.tls import TlsSettings, host_name, nats_context

PING_INTERVAL_S = 5
PINGS_OUTSTANDING = 2
"""Unanswered pings before the connection is taken for dead: 10 s."""

RECONNECT_WAIT_S = 0.25
CONNECT_LIMIT_S = 2
"""Of one attempt."""

CLOSE_TRIES = 20
"""Whoever swallows a cancellation has bad luck; nobody has it as often."""

SAME_ERROR_AFTER_S = 60.0
"""An outage says the same four times a second, for hours; the log is told once a minute."""

PENDING_BYTES = 2 << 20
"""Published while the connection is away; beyond it a publish fails at once."""


def _settings(client: Client, url: str, tls: TlsSettings | None, name: str, pending_bytes: int) -> dict[str, object]:
    log = logger("nats")

    told: dict[str, float] = {}

    async def on_error(error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        now_s = time.monotonic()
        if now_s - told.get(text, -SAME_ERROR_AFTER_S) >= SAME_ERROR_AFTER_S:
            told.clear()  # another error, or the same after a while: one text is remembered, so that it stays one
            told[text] = now_s
            log.warning("nats error", url=url, error=text)

    async def on_lost() -> None:
        if not client.is_closed:
            log.warning("nats connection lost", url=url)

    async def on_found() -> None:
        log.info("nats connection restored", url=client.connected_url.netloc if client.connected_url else url)

    secured: dict[str, object] = {}
    if url.startswith("tls://"):
        if tls is None:
            raise ValueError(f"{url}: a tls:// address needs a certificate")
        secured = {"tls": nats_context(tls), "tls_hostname": host_name("nats")}
    return {
        **secured,
        "servers": [url],
        "name": name,
        # One inbox a process: a user of the server may read its own only.
        "inbox_prefix": f"_INBOX.{name}",
        "ping_interval": PING_INTERVAL_S,
        "max_outstanding_pings": PINGS_OUTSTANDING,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT_S,
        "connect_timeout": CONNECT_LIMIT_S,
        "pending_size": pending_bytes,
        "error_cb": on_error,
        "disconnected_cb": on_lost,
        "reconnected_cb": on_found,
    }


class Connection(Client):
    """A client that can be closed at any time, and whose closing does not fail because the server is gone already."""

    def __init__(self) -> None:
        super().__init__()
        self._attempt: asyncio.Task[None] | None = None

    async def connect_behind(self, settings: Mapping[str, Any], wait_s: float | None) -> None:
        """As the function `connect`; an attempt that is not waited for goes on until `close`."""
        attempt = asyncio.create_task(self.connect(**settings), name="nats connect")
        self._attempt = attempt
        try:
            await asyncio.wait({attempt}, timeout=wait_s)
        except asyncio.CancelledError:
            attempt.cancel()
            raise
        if attempt.done():
            attempt.result()

    async def close(self) -> None:
        if self._attempt is not None and not self._attempt.done():
            self._attempt.cancel()
            await asyncio.wait({self._attempt})
        try:
            await super().close()
        except (OSError, nats.errors.Error) as error:
            logger("nats").info("nats connection was lost before it was closed", error=f"{type(error).__name__}: {error}")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # An attempt to reconnect was cancelled while it waited for the end of the old connection; asyncio gives whoever else waits for
            # that end the same, though nobody has cancelled him.
            logger("nats").info("nats connection was lost before it was closed", error="an attempt to reconnect was cancelled")
        await self._end_attempts()

    async def _end_attempts(self) -> None:
        """The client asks its attempts to reconnect to end, once. Before Python 3.12 `asyncio.wait_for` loses that where an attempt fails
        at that moment, and they would go on for ever."""
        attempts = self._reconnection_task
        if attempts is None or attempts is asyncio.current_task():
            return
        for _ in range(CLOSE_TRIES):
            if attempts.done():
                return
            attempts.cancel()
            await asyncio.wait({attempts}, timeout=RECONNECT_WAIT_S)


async def connect(
    url: str,
    *,
    tls: TlsSettings | None,
    name: str,
    wait_s: float | None = None,
    pending_bytes: int = PENDING_BYTES,
    hears_itself: bool = True,
) -> Connection:
    """A connection that comes back by itself, for ever.

    Without `wait_s` this returns when it is connected. With it, it returns after so many seconds at the latest and goes on trying behind
    the caller's back: ask `is_connected` before use. `pending_bytes=0`: nothing is buffered while the server is away. Without
    `hears_itself` the server does not send back what was sent here. Ends by `close()`.
    """
    connection = Connection()
    await connection.connect_behind(_settings(connection, url, tls, name, pending_bytes) | {"no_echo": not hears_itself}, wait_s)
    return connection
