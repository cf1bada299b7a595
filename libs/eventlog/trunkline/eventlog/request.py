"""One request over NATS that can be cancelled."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg


async def request(nc: Client, subject: str, body: bytes, timeout_s: float, headers: dict[str, str] | None = None) -> Msg:
    """The answer. Raises nats.errors.Error and OSError.

    nats-py waits by asyncio.wait_for, which before Python 3.12 loses a cancellation that comes together with the answer: whoever waits for
    the cancelled task then waits for ever.
    """
    answer = await nc.request(subject, body, timeout=timeout_s, headers=headers)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return answer
