"""A listing's first rows, with a word where there are more: what is cut is never cut silently."""

from __future__ import annotations

from typing import Any

from trunkline.cli.output import errors
from trunkline.runtime.listings import LARGEST_PAGE, each_of


async def first_of(method: Any, request: Any, field: str, limit: int, *, page_size: int = LARGEST_PAGE) -> list[Any]:
    """At most `limit`. Says on standard error where there is one more. Raises AioRpcError."""
    found = [row async for row in each_of(method, request, field, limit=limit + 1, page_size=page_size)]
    if len(found) > limit:
        say_more(limit)
    return found[:limit]


def say_more(limit: int) -> None:
    errors.print(f"there are more than these {limit}: --limit {10 * limit} shows more", style="dim", markup=False)
