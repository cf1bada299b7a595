"""To be woken: by the engine, which has an eventfd for each thing that it gathers for others, or by an event; not by the clock alone. Each
time that the event loop wakes costs some 0.2 ms on a machine that has calls to do.
"""

from __future__ import annotations

import asyncio


async def readable_within(descriptor: int, limit_s: float) -> bool:
    """As `readable`; False where there was nothing for so long."""
    try:
        async with asyncio.timeout(limit_s):
            await readable(descriptor)
    except TimeoutError:
        return False
    return True


async def set_within(event: asyncio.Event, limit_s: float) -> bool:
    """Whether it was set in that time."""
    try:
        async with asyncio.timeout(limit_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def readable(descriptor: int) -> None:
    """Returns when there is something to take. Nothing else of the loop may read from it, and only one waits for it at a time."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        # At once: the descriptor stays readable until somebody takes what is there, and would spin the loop.
        loop.remove_reader(descriptor)
        if not woken.done():
            woken.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await woken
    finally:
        loop.remove_reader(descriptor)
