"""How many digits a decision depends on: whoever has the same ones is decided alike, tried against the decision itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.alike import alike
from trunkline.domain.class_of_service import ClassOfService, Rules, refusal
from trunkline.domain.events import DeckId, DeckRow
from trunkline.domain.numbers import country_code
from trunkline.domain.route_table import RouteTable

PREFIXES = ["1", "12", "1242", "31", "3120", "31201", "44", "4420", "447", "7", "77", "87", "881"]
NUMBERS = st.sampled_from(
    ["1", "12", "1242", "1900", "1809", "31", "312", "3120", "31201", "3190", "44", "4420", "449", "7", "76", "77", "881"]
)


def table(*decks: list[str]) -> RouteTable:
    routes = RouteTable()
    for number, prefixes in enumerate(decks):
        deck = DeckId(f"d{number}")
        routes.start(deck, "EUR")
        routes.add(deck, tuple(DeckRow(prefix, "alpha", 1, 1, 100, "somewhere") for prefix in prefixes))
        routes.activate(deck)
    return routes


@given(
    st.lists(st.lists(st.sampled_from(PREFIXES), unique=True, min_size=1), min_size=1, max_size=2),
    st.lists(st.sampled_from(["31", "3120", "312", "1", "12425", "44", "4477"]), unique=True),
    st.lists(st.sampled_from(["NL", "US", "BS", "KZ", "RU", "GB", "JE"]), unique=True),
    st.booleans(),
    NUMBERS,
    st.text("0123456789", min_size=2, max_size=9),
    st.lists(st.text("0123456789", max_size=8), max_size=6),
)
def test_every_number_that_begins_so_has_the_same_rows_country_and_class_of_service(
    decks: list[list[str]], allowed: list[str], countries: list[str], allows_premium: bool, begin: str, end: str, ends: list[str]
) -> None:
    routes, digits = table(*decks), begin + end
    match, code = routes.find(digits), country_code(digits)
    services = (ClassOfService(tuple(allowed), countries=tuple(countries)),) if allowed or countries else ()
    rules = Rules(services, allows_premium)
    if match is None or code is None or refusal(rules, digits, code) is not None:
        return
    beginning = alike(digits, match.prefix, rules, routes)
    assert digits.startswith(beginning)
    if not beginning:
        return
    for other in (beginning + more for more in ["", *ends, *"0123456789"]):
        assert routes.find(other) == match, other
        assert country_code(other) == code and refusal(rules, other, code) is None, other


def test_it_is_short_where_nothing_longer_is_told_apart_and_empty_where_the_number_is_too_short() -> None:
    routes = table(["31", "3120", "44", "447700"])
    none = Rules()
    assert alike("31301234567", "31", none, routes) == "313"
    assert alike("31201234567", "3120", none, routes) == "3120"
    assert alike("442071234567", "44", none, routes) == "442"
    assert alike("44770", "44", none, routes) == ""
    only = Rules((ClassOfService(("3120555",)),))
    assert alike("31205551234", "3120", only, routes) == "3120555"
