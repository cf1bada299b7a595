"""The columns of a deck say what its rows said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.events import DeckId, DeckRow
from trunkline.domain.route_table import RouteTable

DECKS = (DeckId("standard"), DeckId("premium"))
rows = st.builds(
    DeckRow,
    st.sampled_from(["3", "31", "312", "3120", "44", "441"]),
    st.sampled_from(["alpha", "bravo"]),
    st.integers(0, 2),
    st.integers(0, 2**16),
    st.integers(0, 2**40),
    st.sampled_from(["", "Netherlands", "alpha"]),
    st.sampled_from([0, 30, 60]),
    st.sampled_from([0, 6, 60]),
    st.sampled_from([0, 2**40]),
)
chunks = st.lists(st.lists(rows, min_size=1, max_size=6).map(tuple), max_size=5)


def filled(decks: dict[DeckId, list[tuple[DeckRow, ...]]]) -> RouteTable:
    table = RouteTable()
    for deck, parts in decks.items():
        table.start(deck, f"of {deck}")
        for part in parts:
            table.add(deck, part)
        table.activate(deck)
    return table


@given(st.fixed_dictionaries(dict.fromkeys(DECKS, chunks)), st.sampled_from(["31201234", "3119", "32", "4412", "445", "1", "3"]))
def test_a_number_finds_the_rows_of_its_longest_prefix_by_priority_and_as_they_came(
    decks: dict[DeckId, list[tuple[DeckRow, ...]]], number: str
) -> None:
    fitting = [(deck, row) for deck in sorted(decks) for part in decks[deck] for row in part if number.startswith(row.prefix)]
    found = filled(decks).find(number)
    if not fitting:
        assert found is None
        return
    longest = max((row.prefix for _, row in fitting), key=len)
    of_it = sorted(((deck, row) for deck, row in fitting if row.prefix == longest), key=lambda each: (each[0], each[1].priority))
    assert found is not None
    assert (found.prefix, found.rows) == (longest, tuple((row, f"of {deck}") for deck, row in of_it))


@given(st.fixed_dictionaries(dict.fromkeys(DECKS, chunks)))
def test_a_list_has_every_row_once(decks: dict[DeckId, list[tuple[DeckRow, ...]]]) -> None:
    listed = list(filled(decks).rows_under("31"))
    wanted = [(deck, row, f"of {deck}") for deck in DECKS for part in decks[deck] for row in part if row.prefix.startswith("31")]
    assert sorted(listed, key=repr) == sorted(wanted, key=repr)
    assert [(deck, row.prefix) for deck, row, _ in listed] == sorted((deck, row.prefix) for deck, row, _ in listed)


def test_a_prefix_has_the_same_rows_until_a_deck_is_activated() -> None:
    table = filled({DECKS[0]: [(DeckRow("31", "alpha"),)]})
    first = table.find("3120")
    table.start(DECKS[0], "EUR")
    table.add(DECKS[0], (DeckRow("31", "bravo"),))
    assert first is not None and table.find("3199") is first and table.pending_rows(DECKS[0], "31") == 1
    table.activate(DECKS[0])
    second = table.find("3120")
    assert second is not None and [row.carrier for row, _ in second.rows] == ["bravo"]
