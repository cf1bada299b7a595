"""The choice among gateways of which some are passed over."""

from hypothesis import given
from hypothesis import strategies as st
from unit.domain.histories import History
from unit.domain.test_routing import imported, with_carriers

from trunkline.domain.events import CarrierId, DeckRow
from trunkline.domain.gateway_health import UNKNOWN, Health, Sign, State, observe, pass_time
from trunkline.domain.gateway_view import ALL_USED, GatewayView, view_of
from trunkline.domain.routing import ALL_PASSED, MAX_TARGETS, choose

NOW_S = 1_800_000_000.0
SILENT = Sign(False, "silent")
DEAD = observe(observe(UNKNOWN, SILENT, NOW_S), SILENT, NOW_S)
TOLD = observe(UNKNOWN, Sign(False, "status", 503, 30), NOW_S)
TRIED = pass_time(DEAD, DEAD.until_s)
WHY = "passed over since 2027-01-15T08:00:00Z"


def seen(healths: dict[str, Health], *spent: str) -> GatewayView:
    return view_of(healths, spent=set(spent), version=1)


def four() -> History:
    history = with_carriers(("alpha", "eu", "eu"), ("alpha", "us", "us"), ("beta", "eu", "eu"), ("beta", "us", "us"))
    imported(history, "standard", DeckRow("31", "alpha"), DeckRow("31", "beta", priority=1))
    return history


def chosen(
    history: History, view: GatewayView = ALL_USED, *, is_bound: bool = False, randomness: float = 0.0
) -> tuple[list[str], list[str]]:
    match = history.directory.routes.find("31")
    assert match is not None
    found = choose(match, history.directory.carriers, region="eu", is_bound=is_bound, randomness=randomness, view=view)
    return [choice.gateway.key for choice in found.choices], list(found.notes)


def test_a_gateway_that_is_passed_over_comes_last_and_the_record_says_why() -> None:
    order, notes = chosen(four(), seen({"alpha/eu": DEAD}))
    assert order == ["beta/eu", "alpha/us", "beta/us", "alpha/eu"]
    assert notes == [f"gateway alpha/eu {WHY}: calls failed in a row, the last: silent"]


def test_one_that_asked_to_be_left_alone_is_left_alone() -> None:
    order, notes = chosen(four(), seen({"alpha/eu": TOLD}))
    assert order == ["beta/eu", "alpha/us", "beta/us"]
    assert notes == [f"gateway alpha/eu {WHY}: 503, Retry-After 30 s"]


def test_where_all_seem_dead_all_are_tried_in_their_usual_order_and_those_that_said_so_last() -> None:
    history = four()
    usual, _ = chosen(history)
    healths = dict.fromkeys(usual, DEAD)
    order, notes = chosen(history, seen(healths))
    assert (order, notes[-1], len(notes)) == (usual, ALL_PASSED, 5)
    order, _ = chosen(history, seen({**healths, usual[0]: TOLD}))
    assert order == [*usual[1:], usual[0]]


def test_a_bound_name_does_not_leave_its_region_for_its_gateways_health() -> None:
    assert chosen(four(), seen({"alpha/eu": DEAD}), is_bound=True)[0] == ["beta/eu", "alpha/eu"]
    assert chosen(four(), seen({"alpha/eu": DEAD, "beta/eu": DEAD}), is_bound=True)[0] == ["alpha/eu", "beta/eu"]


def test_other_routes_gateways_change_nothing() -> None:
    assert chosen(four(), seen({"gamma/eu": DEAD})) == chosen(four())


def test_a_half_open_one_has_its_place_for_one_call_and_is_passed_over_by_the_next() -> None:
    view = seen({"alpha/eu": TRIED})
    assert (view.probed, chosen(four(), view)) == (frozenset({"alpha/eu"}), chosen(four()))
    after = view.without_probe("alpha/eu", 2)
    assert (after.version, after.probed) == (2, frozenset())
    order, notes = chosen(four(), after)
    assert (order[-1], notes) == ("alpha/eu", ["gateway alpha/eu passed over: it is being tried by another call"])
    assert chosen(four(), seen({"alpha/eu": TRIED}, "alpha/eu"))[0][-1] == "alpha/eu"


def test_weights_share_the_calls_among_those_that_are_used() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("beta", "g", "eu"), ("gamma", "g", "eu"))
    imported(history, "standard", *(DeckRow("31", carrier, weight=1) for carrier in ("alpha", "beta", "gamma")))
    view = seen({"beta/g": DEAD})
    firsts = {chosen(history, view, randomness=step / 100)[0][0] for step in range(100)}
    assert firsts == {"alpha/g", "gamma/g"}


PLACES = st.lists(st.tuples(st.sampled_from(("a", "b", "c")), st.sampled_from(("eu", "us", "apac"))), min_size=1, max_size=20)
HEALTHS = st.lists(st.sampled_from((UNKNOWN, DEAD, TOLD, TRIED)), min_size=20, max_size=20)


@given(PLACES, HEALTHS, st.booleans(), st.floats(0, 1, exclude_max=True))
def test_whatever_their_health_calls_go_where_they_may_and_to_those_in_use_first(
    places: list[tuple[str, str]], states: list[Health], is_bound: bool, randomness: float
) -> None:
    history = with_carriers(*((carrier, f"g{number}", where) for number, (carrier, where) in enumerate(places)))
    imported(history, "standard", *(DeckRow("31", carrier) for carrier in sorted({carrier for carrier, _ in places})))
    healths = {f"{carrier}/g{number}": state for number, ((carrier, _), state) in enumerate(zip(places, states, strict=False))}
    view = seen(healths)
    order, notes = chosen(history, view, is_bound=is_bound, randomness=randomness)
    usual, _ = chosen(history, is_bound=is_bound, randomness=randomness)
    assert bool(order) == bool(usual)
    assert len(order) == len(set(order)) <= MAX_TARGETS
    if is_bound:
        regions = {
            gateway.key: gateway.region
            for name in "abc"
            if (found := history.directory.carriers.get(CarrierId(name)))
            for gateway in found.gateways
        }
        assert {regions[key] for key in order} <= {"eu"}
    ranks = [0 if key not in view.passed else 1 if key not in view.told else 2 for key in order]
    assert ranks == sorted(ranks)
    if 0 in ranks:
        assert 2 not in ranks
        assert ALL_PASSED not in notes
    if all(state.state is not State.OPEN for state in healths.values()):
        assert (order, notes) == (usual, [])
