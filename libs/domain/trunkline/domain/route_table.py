"""The rows of all active route decks, by prefix."""

from __future__ import annotations

from array import array
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
        return 0 if index is None else len(index.rows(prefix))

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
            known = matches.setdefault(best, RouteMatch(best, tuple(row for index in indexes for row in index.rows(best))))
        return known

    def is_branch(self, digits: str) -> bool:
        """Whether some active row's prefix begins with these digits and is longer."""
        return any(digits in index.branches for index in self._view.indexes)

    def rows_under(self, prefix: str) -> Iterator[tuple[DeckId, DeckRow, str]]:
        """Active rows whose prefix begins with `prefix`, by deck, then prefix; with the currency. Sorts: not for the path of a call."""
        for deck in sorted(self._active):
            index = self._active[deck]
            for key in sorted(key for key in index.prefixes if key.startswith(prefix)):
                for row, currency in index.rows(key):
                    yield deck, row, currency


def _priority(row: tuple[DeckRow, str]) -> int:
    return row[0].priority


class _View(NamedTuple):
    """What readers see: the active decks, and the matches of several of them that were put together, at most one a prefix of the decks."""

    indexes: tuple[_Index, ...]
    matches: dict[str, RouteMatch]


class _Index:
    """One revision of a deck, in columns: 32 bytes a row, where objects take 300. Those are made for the prefixes that are
    called, and kept for the next call."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.prefixes: dict[str, int] = {}
        """From a prefix to its first row; the prefix's others follow by `_next`, in the order in which they came."""
        self.branches: set[str] = set()
        """What longer prefixes begin with: some 60 KB for a thousand of them, shared beginnings once."""
        self._matches: dict[str, RouteMatch] = {}
        self._lengths: tuple[int, ...] = ()
        self._texts: dict[str, int] = {}
        """Carriers and destinations, each once: from the text to its place in `_text`."""
        self._text: list[str] = []
        self._carriers = array("I")
        self._priorities = array("I")
        self._weights = array("I")
        self._rates = array("Q")
        self._terms: list[tuple[int, int, int]] = [(0, 0, 0)]
        """Increments and connection fee, each combination once; most rows have the first."""
        self._terms_places = {(0, 0, 0): 0}
        self._terms_of = array("I")
        self._destinations = array("I")
        self._next = array("I")
        """0 where no other row follows; row 0 follows none."""

    def add(self, rows: tuple[DeckRow, ...]) -> None:
        """Not once a reader has been shown this revision: what was found is kept."""
        self._next.extend([0] * len(rows))
        for number, row in enumerate(rows, len(self._rates)):
            first = self.prefixes.setdefault(row.prefix, number)
            if first != number:
                self._next[self._last(first)] = number
            else:
                self._branch(row.prefix)
        self._carriers.extend([self._place(row.carrier) for row in rows])
        self._priorities.extend([row.priority for row in rows])
        self._weights.extend([row.weight for row in rows])
        self._rates.extend([row.rate_micros for row in rows])
        self._destinations.extend([self._place(row.destination) for row in rows])
        self._terms_of.extend([self._terms_place(row) for row in rows])
        lengths = {len(row.prefix) for row in rows}
        self._lengths = tuple(sorted(lengths.union(self._lengths), reverse=True))

    def find(self, digits: str) -> RouteMatch | None:
        prefixes = self.prefixes
        for length in self._lengths:
            prefix = digits[:length]
            if prefix in prefixes:
                # Of two threads that make one at a time, both take the first.
                return self._matches.get(prefix) or self._matches.setdefault(prefix, RouteMatch(prefix, self.rows(prefix)))
        return None

    def rows(self, prefix: str) -> tuple[tuple[DeckRow, str], ...]:
        """Of exactly this prefix, by priority; empty where there are none."""
        found: list[tuple[DeckRow, str]] = []
        at = self.prefixes.get(prefix)
        while at is not None:
            carrier, destination = self._text[self._carriers[at]], self._text[self._destinations[at]]
            terms = self._terms[self._terms_of[at]]
            row = DeckRow(prefix, carrier, self._priorities[at], self._weights[at], self._rates[at], destination, *terms)
            found.append((row, self.currency))
            at = self._next[at] or None
        return tuple(sorted(found, key=_priority))

    def _branch(self, prefix: str) -> None:
        for length in range(len(prefix) - 1, 0, -1):
            beginning = prefix[:length]
            if beginning in self.branches:
                # With all that it begins with.
                return
            self.branches.add(beginning)

    def _last(self, at: int) -> int:
        while following := self._next[at]:
            at = following
        return at

    def _terms_place(self, row: DeckRow) -> int:
        terms = (row.initial_increment_s, row.next_increment_s, row.connection_fee_micros)
        place = self._terms_places.setdefault(terms, len(self._terms))
        if place == len(self._terms):
            self._terms.append(terms)
        return place

    def _place(self, text: str) -> int:
        place = self._texts.setdefault(text, len(self._text))
        if place == len(self._text):
            self._text.append(text)
        return place
