"""One NATS connection of a process, with the settings that nats-py should have had.

Its defaults notice a dead peer after four minutes and give up reconnecting; these notice in 10 s and never give up.
"""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

from trunkline.runtime.logs import logger

PING_INTERVAL_S = 5
PINGS_OUTSTANDING = 2
"""Unanswered pings before the connection is taken for dead: 10 s."""

RECONNECT_WAIT_S = 0.25
CONNECT_LIMIT_S = 2
"""Of one attempt."""

PENDING_BYTES = 2 << 20
"""Published while the connection is away; beyond it a publish fails at once."""


def _settings(client: Client, url: str, token: str, name: str, pending_bytes: int) -> dict[str, object]:
    log = logger("nats")

    async def on_error(error: Exception) -> None:
        log.warning("nats error", url=url, error=f"{type(error).__name__}: {error}")

    async def on_lost() -> None:
        log.warning("nats connection lost", url=url)

    async def on_found() -> None:
        log.info("nats connection restored", url=client.connected_url.netloc if client.connected_url else url)

    return {
        "servers": [url],
        "token": token or None,
        "name": name,
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


async def connect(url: str, *, token: str, name: str, wait_s: float | None = None, pending_bytes: int = PENDING_BYTES) -> Client:
    """A connection that comes back by itself, for ever.

    Without `wait_s` this returns when it is connected. With it, it returns after so many seconds at the latest and goes on trying behind
    the caller's back: ask `is_connected` before use. `pending_bytes=0`: nothing is buffered while the server is away. Ends by `close()`.
    """
    client = Client()
    attempt = asyncio.create_task(client.connect(**_settings(client, url, token, name, pending_bytes)), name="nats connect")  # type: ignore[arg-type]
    if wait_s is None:
        try:
            await attempt
        finally:
            attempt.cancel()
        return client
    await asyncio.wait({attempt}, timeout=wait_s)
    if attempt.done():
        attempt.result()
    else:
        _CONNECTING.add(attempt)
        attempt.add_done_callback(_CONNECTING.discard)
    return client


_CONNECTING: set[asyncio.Task[None]] = set()
"""Attempts that go on in the background; the loop itself holds tasks weakly."""
