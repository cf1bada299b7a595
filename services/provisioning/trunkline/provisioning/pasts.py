"""What the log said at an earlier position, as a directory of one tenant: for explain.

A past is folded from the log itself, for a replica keeps no more than what holds now. It holds the tenant and the operator's carriers and
route decks. Where nothing of these has changed since, the service's own directory is that past.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trunkline.domain.directory import Directory
from trunkline.domain.errors import failed_precondition, invalid
from trunkline.domain.events import PLATFORM, Kind, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.log import EventLog, StoredCommit
from trunkline.runtime.logs import logger

MAX_PASTS: Final = 4
"""Kept for the next question. One is as large as the route decks, some 60 MB with 200,000 rows."""

FOLD_LIMIT_S: Final = 60.0
"""Of one fold: about a million commits."""

FOLDS: Final = 2
"""At a time. One tenant has one of them, so that nobody's question stands behind all that another asks."""

TENANTS_FOLDS: Final = 2
"""Of one tenant: one under way, and one that waits for it."""

ALL_FOLDS: Final = 8
"""Of all tenants, those that wait among them: what comes after them would hardly have its turn before its asker's deadline."""

SLICE_COMMITS: Final = 64
"""Folded between two turns of the event loop: about a millisecond, as a replica does."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A directory as the log had it at `position`, for questions of one tenant. `is_changed_since`: something that concerns them came
    later."""

    directory: Directory
    position: Position
    is_changed_since: bool


@dataclass(slots=True)
class _Past:
    """`first`: the last commit in it that concerned the tenant. It is the same at every position from there to `last`."""

    tenant: TenantId
    first: Position
    last: Position
    directory: Directory


class Pasts:
    """`current` gives the directory of what the log says now. A fold that was begun is ended, also where nobody waits for it any more: who
    asks again after his deadline finds it. `close` it at the end."""

    def __init__(self, log: EventLog, current: Callable[[], Directory]) -> None:
        self._log = log
        self._current = current
        self._pasts: OrderedDict[int, _Past] = OrderedDict()
        self._folds: dict[tuple[TenantId, Position], asyncio.Task[_Past]] = {}
        self._turns = asyncio.Semaphore(FOLDS)

    async def close(self) -> None:
        """Whoever waits is cancelled."""
        folds = [*self._folds.values()]
        for fold in folds:
            fold.cancel()
        await asyncio.gather(*folds, return_exceptions=True)

    async def at(self, tenant: TenantId, position: Position, covered: Position) -> Moment:
        """`covered` is what `current` covers. Raises Refusal for a position beyond it, too far back to be folded in time, or one more than
        are folded at a time, for a tenant or in all; LogUnavailable, LogDamaged."""
        if position > covered:
            raise invalid("POSITION_AHEAD", "at_position", f"The log has no position {position} yet; it ends at {covered}.")
        last = await self._last_concerning(tenant)
        if last <= position:
            return Moment(self._current(), position, False)
        past = self._known(tenant, position)
        if past is None:
            past = await asyncio.shield(self._begun(tenant, position))
        return Moment(past.directory, position, True)

    async def position_at(self, time: datetime, covered: Position) -> Position:
        """The last position whose commit the log had stored by then; a position's time is never before that of the one before it. Raises
        Refusal where there is none, LogUnavailable."""
        low, high = 0, int(covered)
        while low < high:
            middle = (low + high + 1) // 2
            stored = await self._log.at(Position(middle))
            if stored.stored_time <= time:
                low = middle
            else:
                high = middle - 1
        if not low:
            raise invalid("TIME_BEFORE_LOG", "at_time", f"The log was empty at {time.isoformat()}.", "Ask for a later time.")
        return Position(low)

    async def time_of(self, position: Position) -> datetime:
        """When the commit was stored. Raises LogUnavailable."""
        return (await self._log.at(position)).stored_time

    async def _last_concerning(self, tenant: TenantId) -> Position:
        filters = (f"config.*.{tenant}.>", f"config.{Kind.CARRIER.value}.>", f"config.{Kind.DECK.value}.>")
        found = await asyncio.gather(*[self._log.last(each) for each in filters])
        return max((stored.position for stored in found if stored is not None), default=Position(0))

    def _known(self, tenant: TenantId, position: Position) -> _Past | None:
        for key, past in self._pasts.items():
            if past.tenant == tenant and past.first <= position <= past.last:
                self._pasts.move_to_end(key)
                return past
        return None

    def _begun(self, tenant: TenantId, position: Position) -> asyncio.Task[_Past]:
        """The fold that is under way or waits already, or a new one."""
        key = tenant, position
        if (found := self._folds.get(key)) is not None:
            return found
        before = [fold for (whose, _), fold in self._folds.items() if whose == tenant]
        if len(before) >= TENANTS_FOLDS:
            remedy = "Ask again in a moment, or for a position that is being read."
            raise failed_precondition("HISTORY_BUSY", f"The log is being read back to {len(before)} other positions already.", remedy)
        if len(self._folds) >= ALL_FOLDS:
            raise failed_precondition("HISTORY_BUSY", "The log is being read back for others already.", "Ask again in a minute.")
        fold = self._folds[key] = asyncio.create_task(self._in_turn(tenant, position, before))
        fold.add_done_callback(lambda done: self._ended(key, done))
        return fold

    def _ended(self, key: tuple[TenantId, Position], fold: asyncio.Task[_Past]) -> None:
        del self._folds[key]
        # Whoever waits for it is told; that nobody does any more is no reason for a warning of asyncio's.
        if not fold.cancelled() and (error := fold.exception()) is not None:
            _log.warning("a past was not folded", tenant=key[0], position=key[1], why=str(error))

    async def _in_turn(self, tenant: TenantId, position: Position, before: Sequence[asyncio.Task[_Past]]) -> _Past:
        if before:
            await asyncio.wait(before)
        async with self._turns:
            return self._known(tenant, position) or await self._fold(tenant, position)

    async def _fold(self, tenant: TenantId, position: Position) -> _Past:
        past = _Past(tenant, Position(0), Position(0), Directory())
        try:
            async with asyncio.timeout(FOLD_LIMIT_S):
                await self._read(past, position)
        except TimeoutError:
            raise failed_precondition(
                "HISTORY_TOO_LONG",
                f"The log could not be read up to {position} within {FOLD_LIMIT_S:g} s; {past.last} was reached.",
                "Ask again when the service has less to do.",
            ) from None
        self._pasts[id(past)] = past
        while len(self._pasts) > MAX_PASTS:
            self._pasts.popitem(last=False)
        return past

    async def _read(self, past: _Past, position: Position) -> None:
        # The engines of the log are asynchronous generators; closing them ends their consumer at once.
        async with aclosing(self._log.groups(Position(1))) as groups:  # type: ignore[type-var]
            async for group in groups:
                for number, stored in enumerate(group):
                    if stored.position > position:
                        return
                    _apply(past, stored)
                    if number % SLICE_COMMITS == SLICE_COMMITS - 1:
                        await asyncio.sleep(0)
                if past.last >= position:
                    return


def _apply(past: _Past, stored: StoredCommit) -> None:
    commit = stored.commit
    past.last = stored.position
    # Claims belong to nobody, and no call asks for them.
    if commit.tenant not in (past.tenant, PLATFORM) or commit.kind is Kind.CLAIM:
        return
    past.first = stored.position
    for event in commit.events:
        past.directory.apply(Fact(stored.position, commit.kind, commit.tenant, commit.aggregate, event, commit.version))


_log = logger("pasts")
