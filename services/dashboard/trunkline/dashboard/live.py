"""Server-sent events: a part of a page, sent again when what it shows has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import grpc.aio
from starlette.responses import StreamingResponse

from trunkline.dashboard.visits import Visit

LOOK_S: Final = 0.5
"""Between two looks; a page that shows more often than that cannot be read."""
KEEP_ALIVE_S: Final = 15.0
LONGEST_S: Final = 600.0
"""Then the browser connects again, and its session is looked at again."""
MAX_STREAMS: Final = 500
"""Of all persons together."""

_streams = 0

Render = Callable[[], Awaitable[str]]


def follow(visit: Visit, event: str, render: Render) -> StreamingResponse:
    """`render` gives the part as it is now; it is sent as often as it differs from what was sent last."""
    return StreamingResponse(_events(event, render), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(event: str, render: Render) -> AsyncIterator[bytes]:
    global _streams
    if _streams >= MAX_STREAMS:
        yield b"retry: 10000\n\n"
        return
    _streams += 1
    loop = asyncio.get_running_loop()
    ends, said, last = loop.time() + LONGEST_S, loop.time(), ""
    try:
        while loop.time() < ends:
            try:
                now = await render()
            except grpc.aio.AioRpcError as error:
                if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                    return
                now = last
            if now != last:
                yield message(event, now)
                last, said = now, loop.time()
            elif loop.time() > said + KEEP_ALIVE_S:
                yield b": still here\n\n"
                said = loop.time()
            await asyncio.sleep(LOOK_S)
    finally:
        _streams -= 1


def message(event: str, text: str) -> bytes:
    """One event; a line break in the text would end it."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines()) or "data:\n"
    return f"event: {event}\n{lines}\n".encode()
