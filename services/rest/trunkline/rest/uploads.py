"""Bodies of requests, bounded in size, time and number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import Request

from trunkline.rest.problems import Refused
from trunkline.runtime.errors import Problem

MAX_BODY_BYTES: Final = 256 << 10
"""Of JSON: an identity policy with all its entries is some kilobytes."""
MAX_UPLOAD_BYTES: Final = 32 << 20
"""Of a file: 300,000 rows of a deck with 100 bytes each."""
PIECE_BYTES: Final = 1 << 20
"""In one message to a service, which takes 4 MiB."""
BODY_LIMIT_S: Final = 10.0
UPLOAD_LIMIT_S: Final = 300.0
AT_ONCE: Final = 2
"""Files under way: they are held whole."""


class Uploads:
    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises Refused where AT_ONCE are under way."""
        if self._free.locked():
            problem = Problem("RESOURCE_EXHAUSTED", "TOO_MANY_UPLOADS", f"{AT_ONCE} files are being taken.", remedy="Try again later.")
            raise Refused(problem, 5.0)
        async with self._free:
            yield


async def body_of(request: Request, limit_bytes: int, media_type: str = "application/json") -> bytes:
    """All of it. Raises Refused, ClientDisconnect."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_LIMIT_S if limit_bytes <= MAX_BODY_BYTES else UPLOAD_LIMIT_S):
            async for piece in request.stream():
                size += len(piece)
                if size > limit_bytes:
                    raise _too_large(limit_bytes)
                pieces.append(piece)
    except TimeoutError:
        raise Refused(Problem("DEADLINE_EXCEEDED", "BODY_TOO_SLOW", "The body did not come in time.", remedy="Try again.")) from None
    if size and given != media_type:
        message = f"The body is {given[:60] or 'of no type'}."
        raise Refused(Problem("INVALID_ARGUMENT", "CONTENT_TYPE_UNKNOWN", message, "Content-Type", f"Send {media_type}."))
    return b"".join(pieces)


def _too_large(limit_bytes: int) -> Refused:
    return Refused(
        Problem("INVALID_ARGUMENT", "BODY_TOO_LARGE", f"A body has at most {limit_bytes} bytes here.", remedy="Send less at a time.")
    )
