"""To wait for what nobody tells: what another process, or another task, has come to."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")
LIMIT_S = 10.0
LOOK_S = 0.01


async def until(
    what: str,
    ask: Callable[[], Awaitable[_T] | _T],
    holds: Callable[[_T], object] = bool,
    *,
    limit_s: float = LIMIT_S,
    despite: tuple[type[Exception], ...] = (),
) -> _T:
    """Asks until the answer holds, and gives it; after the errors in `despite`, again. AssertionError with the last answer."""
    last: object = None
    try:
        async with asyncio.timeout(limit_s) as limit:
            while True:
                try:
                    asked = ask()
                    answer = await asked if inspect.isawaitable(asked) else asked
                    if holds(answer):
                        return answer
                    last = answer
                except despite as error:
                    last = error
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"not within {limit_s} s: {what}; last: {str(last)[-2000:]}") from None
