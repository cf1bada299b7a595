"""The rows of all active route decks, by prefix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trunkline.domain.events import DeckId, DeckRow

MAX_PREFIX_DIGITS = 15
"""An E.164 number has no more."""


class RouteMatch(NamedTuple):
    """Rows of the longest prefix that any active deck has for a number, each with its deck's currency. Never empty;
    those of one deck by priority."""

    prefix: str
    rows: tuple[tuple[DeckRow, str], ...]


class RouteTable:
    """Filled chunk by chunk, switched by one assignment, so that a reader in another thread sees a deck's old or new revision, never half
    of one. `Directory` is the only writer."""

    def __init__(self) -> None:
        self._active: dict[DeckId, _Index] = {}
        self._pending: dict[DeckId, _Index] = {}
        self._view = _View((), {})

    def start(self, deck: DeckId, currency: str) -> None:
        self._pending[deck] = _Index(currency)

    def add(self, deck: DeckId, rows: tuple[DeckRow, ...]) -> None:
        """KeyError where no revision of the deck was started."""
        self._pending[deck].add(rows)

    def activate(self, deck: DeckId) -> None:
        """KeyError where no revision of the deck was started."""
        self._active[deck] = self._pending.pop(deck)
        self._view = _View(tuple(self._active[name] for name in sorted(self._active)), {})

    def pending_rows(self, deck: DeckId, prefix: str) -> int:
        """How many rows the revision that is being filled has for exactly this prefix."""
        index = self._pending.get(deck)
        return 0 if index is None or prefix not in index.matches else len(index.matches[prefix].rows)

    def find(self, digits: str) -> RouteMatch | None:
        """`digits` without `+`. For one prefix `rows` is the same object until a deck is activated."""
        indexes, matches = self._view
        if len(indexes) == 1:
            return indexes[0].find(digits)
        best = ""
        for index in indexes:
            match = index.find(digits)
            if match is not None and len(match.prefix) > len(best):
                best = match.prefix
        if not best:
            return None
        known = matches.get(best)
        if known is None:
            known = RouteMatch(best, tuple(row for index in indexes if best in index.matches for row in index.matches[best].rows))
            matches[best] = known
        return known

    def rows_under(self, prefix: str) -> Iterator[tuple[DeckId, DeckRow, str]]:
        """Active rows whose prefix begins with `prefix`, by deck, then prefix; with the currency. Sorts: not for the path of a call."""
        for deck in sorted(self._active):
            matches = self._active[deck].matches
            for key in sorted(key for key in matches if key.startswith(prefix)):
                for row, currency in matches[key].rows:
                    yield deck, row, currency


def _priority(row: tuple[DeckRow, str]) -> int:
    return row[0].priority


class _View(NamedTuple):
    """What readers see: the active decks, and the matches of several of them that were put together, at most one a prefix of the decks."""

    indexes: tuple[_Index, ...]
    matches: dict[str, RouteMatch]


class _Index:
    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.matches: dict[str, RouteMatch] = {}
        """By prefix: what is found is made when the deck is filled, not once a call."""
        self.lengths: tuple[int, ...] = ()

    def add(self, rows: tuple[DeckRow, ...]) -> None:
        for row in rows:
            others = self.matches.get(row.prefix)
            entry = (row, self.currency)
            entries = (entry,) if others is None else tuple(sorted((*others.rows, entry), key=_priority))
            self.matches[row.prefix] = RouteMatch(row.prefix, entries)
        lengths = {len(row.prefix) for row in rows}
        self.lengths = tuple(sorted(lengths.union(self.lengths), reverse=True))

    def find(self, digits: str) -> RouteMatch | None:
        matches = self.matches
        for length in self.lengths:
            match = matches.get(digits[:length])
            if match is not None:
                return match
        return None
