"""A listing that a service gives page by page, read to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

ALL: Final = 10_000_000
PAGE_SIZE: Final = 100
LARGEST_PAGE: Final = 1000
"""That a service gives; for listings whose entries are small."""


async def each_of(method: Any, request: Any, field: str, *, limit: int = ALL, page_size: int = PAGE_SIZE) -> AsyncIterator[Any]:
    """The entries of a listing, in its order, at most `limit`; no more are asked for.

    `method` is a stub's, `request` its first request (its page is changed), `field` the answer's repeated one. Raises AioRpcError.
    """
    left = limit
    while left > 0:
        request.page.size = min(page_size, left)
        answer = await method(request)
        for entry in getattr(answer, field)[:left]:
            left -= 1
            yield entry
        if not answer.next_page_token:
            return
        request.page.token = answer.next_page_token


async def first_of(method: Any, request: Any, field: str, limit: int) -> tuple[list[Any], bool]:
    """The first entries of a listing, at most `limit`, and whether there are more: so that a part is called one. Raises AioRpcError."""
    found = [entry async for entry in each_of(method, request, field, limit=limit + 1)]
    return found[:limit], len(found) > limit
