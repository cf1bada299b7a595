"""To be woken by the engine: it has an eventfd for each thing that it gathers for others."""

from __future__ import annotations

import asyncio


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
