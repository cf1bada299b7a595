"""Importing a route deck: read and check all of it, then start a revision, fill it chunk by chunk, activate it.

Calls go by the old revision until the last commit. A repeated request goes on where the first one stopped: each step has a request id of
its own, made from the request's.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable

from trunkline.api.common.v1 import common_pb2
from trunkline.domain import names
from trunkline.domain.commands import ActivateDeck, AddDeckRows, StartDeck
from trunkline.domain.decide_routing import MAX_ROWS_PER_COMMIT, check_row
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, conflict
from trunkline.domain.events import DeckId, DeckRow
from trunkline.routing.deck_csv import DeckReader
from trunkline.runtime.control import ControlState

LINES_A_SLICE = 200
"""Of reading, before others may run: well under a millisecond or two."""


async def read_deck(content: bytes, directory: Directory, on_read: Callable[[int], None]) -> list[DeckRow]:
    """The rows, each checked; `on_read` is told how many lines now and then. Raises Refusal that lists the faults by line and column."""
    reader = DeckReader(content, lambda row, where: check_row(directory, row, where))
    for line in reader.read():
        if line % LINES_A_SLICE == 0:
            on_read(line)
            await asyncio.sleep(0)
    refusal = reader.refusal()
    if refusal is not None:
        raise refusal
    return reader.rows


async def import_deck(
    state: ControlState,
    deck: str,
    currency: str,
    content: bytes,
    options: common_pb2.WriteOptions,
    on_read: Callable[[int], None] = lambda _: None,
    on_started: Callable[[], None] = lambda: None,
) -> common_pb2.Receipt:
    """The receipt of the activation. Raises Refusal; then nothing of the deck counts. `on_started`: from here on the revision that the
    directory shows as being filled is this file's."""
    name, currency = names.deck_id(deck), names.currency(currency)
    await state.catch_up()
    rows = await read_deck(content, state.directory, on_read)
    sha256 = hashlib.sha256(content).digest()
    steps = _Steps(options)
    await state.write(StartDeck(name, currency, len(rows), sha256), steps.first())
    on_started()
    revision = _revision(state.directory, name, sha256)
    for offset in range(0, len(rows), MAX_ROWS_PER_COMMIT):
        chunk = tuple(rows[offset : offset + MAX_ROWS_PER_COMMIT])
        await state.write(AddDeckRows(name, revision, sha256, offset, chunk), steps.next())
    return await state.write(ActivateDeck(name, revision, sha256), steps.next())


class _Steps:
    """The write options of each step, the same when the request is made again."""

    def __init__(self, options: common_pb2.WriteOptions) -> None:
        self._options = options
        self._base = hashlib.sha256((options.request_id or os.urandom(16).hex()).encode()).hexdigest()[:40]
        self._step = 0

    def first(self) -> common_pb2.WriteOptions:
        options = self.next()
        if self._options.HasField("expected_version"):
            options.expected_version = self._options.expected_version
        return options

    def next(self) -> common_pb2.WriteOptions:
        self._step += 1
        return common_pb2.WriteOptions(request_id=f"{self._base}-{self._step}")


def _revision(directory: Directory, name: DeckId, sha256: bytes) -> int:
    """The revision that was started for this file; it may be active already, where the request is a repeated one."""
    deck = directory.decks[name]
    if deck.pending is not None and deck.pending.sha256 == sha256:
        return deck.pending.revision
    if deck.pending is None and deck.sha256 == sha256:
        return deck.revision
    raise interrupted(name)


def interrupted(name: DeckId) -> Refusal:
    return conflict(
        "DECK_IMPORT_INTERRUPTED",
        f'another import of the deck "{name}" has begun since this one',
        "import the file again, with another request id",
    )
