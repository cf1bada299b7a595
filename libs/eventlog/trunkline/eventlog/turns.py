"""Whose turn it is to write, within one process: what would only collide in the log waits here instead.

Commands of different aggregates go at once; of one aggregate one after another; one that looks at the whole tenant goes alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from trunkline.domain.events import TenantId


class Turns:
    """Fair: who comes later overtakes nobody of the same tenant who waits to go alone."""

    def __init__(self) -> None:
        self._tenants: WeakValueDictionary[TenantId, _Gate] = WeakValueDictionary()
        self._subjects: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, tenant: TenantId, subject: str | None) -> AsyncIterator[None]:
        """`subject` None: nothing else of the tenant is written meanwhile."""
        gate = self._tenants.setdefault(tenant, _Gate())
        if subject is None:
            async with gate.alone():
                yield
            return
        lock = self._subjects.setdefault(subject, asyncio.Lock())
        async with gate.together(), lock:
            yield


class _Gate:
    """Many together or one alone, in the order in which they came."""

    def __init__(self) -> None:
        self._inside = 0
        self._is_alone = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        await self._enter(is_alone=True)
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        await self._enter(is_alone=False)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, *, is_alone: bool) -> None:
        if not self._waiting and self._has_room(is_alone):
            self._admit(is_alone)
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((is_alone, ticket))
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._leave()
            else:
                self._waiting.remove((is_alone, ticket))
                self._admit_next()
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self._is_alone = False
        self._admit_next()

    def _admit_next(self) -> None:
        while self._waiting and self._has_room(self._waiting[0][0]):
            is_alone, ticket = self._waiting.popleft()
            self._admit(is_alone)
            ticket.set_result(None)

    def _has_room(self, is_alone: bool) -> bool:
        return not self._inside if is_alone else not self._is_alone

    def _admit(self, is_alone: bool) -> None:
        self._inside += 1
        self._is_alone = is_alone
