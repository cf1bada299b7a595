import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.decide_routing import MAX_ROWS_PER_COMMIT
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import CarrierId, CarrierSettings, DeckRow, GatewayId
from trunkline.domain.regions import nearest_first
from trunkline.domain.routing import MAX_TARGETS, OWN_REGION_FIRST, choose

SHA = b"x" * 32


def imported(history: History, deck: str, *rows: DeckRow, currency: str = "EUR") -> None:
    history.execute(c.StartDeck(deck, currency, len(rows), SHA))
    pending = next(each.pending for each in history.directory.decks.values() if each.id == deck)
    assert pending is not None
    for offset in range(0, len(rows), MAX_ROWS_PER_COMMIT):
        history.execute(c.AddDeckRows(deck, pending.revision, SHA, offset, rows[offset : offset + MAX_ROWS_PER_COMMIT]))
    history.execute(c.ActivateDeck(deck, pending.revision, SHA))


def with_carriers(*gateways: tuple[str, str, str]) -> History:
    """Gateways as (carrier, gateway, region)."""
    history = History()
    for number, (carrier, gateway, region) in enumerate(gateways, 1):
        history.attempt(c.CreateCarrier(carrier, CarrierSettings()))
        history.execute(c.AddGateway(carrier, gateway, f"192.0.2.{number}", region))
    return history


def targets(history: History, digits: str, region: str = "eu", is_bound: bool = False, randomness: float = 0.0) -> list[str]:
    match = history.directory.routes.find(digits)
    if match is None:
        return []
    choices = choose(match, history.directory.carriers, region=region, is_bound=is_bound, randomness=randomness).choices
    return [choice.gateway.key for choice in choices]


def test_the_longest_prefix_over_all_active_decks_wins() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("beta", "g", "eu"))
    imported(history, "standard", DeckRow("31", "alpha"), DeckRow("1", "alpha"))
    imported(history, "special", DeckRow("3120", "beta"), DeckRow("1", "beta", priority=1))
    assert targets(history, "31201234567") == ["beta/g"]
    assert targets(history, "31301234567") == ["alpha/g"]
    assert targets(history, "12125550123") == ["alpha/g", "beta/g"]
    assert targets(history, "442071234567") == []


@given(st.lists(st.text("123", min_size=1, max_size=6), min_size=1, max_size=40, unique=True), st.text("123", min_size=3, max_size=8))
def test_the_look_up_agrees_with_a_search_through_all_rows(prefixes: list[str], digits: str) -> None:
    history = with_carriers(("alpha", "g", "eu"))
    imported(history, "standard", *(DeckRow(prefix, "alpha") for prefix in prefixes[::2] or prefixes))
    if prefixes[1::2]:
        imported(history, "other", *(DeckRow(prefix, "alpha") for prefix in prefixes[1::2]))
    match = history.directory.routes.find(digits)
    longest = max((prefix for prefix in prefixes if digits.startswith(prefix)), key=len, default=None)
    assert (match.prefix if match else None) == longest


def test_rows_go_by_priority_then_gateways_by_theirs() -> None:
    history = with_carriers(("alpha", "g1", "eu"), ("beta", "g1", "eu"))
    history.execute(c.AddGateway("alpha", "g0", "192.0.2.9", "eu", priority=5))
    imported(history, "standard", DeckRow("44", "alpha", priority=1), DeckRow("44", "beta", priority=0), DeckRow("31", "alpha"))
    assert targets(history, "44") == ["beta/g1", "alpha/g1", "alpha/g0"]
    assert targets(history, "31") == ["alpha/g1", "alpha/g0"]


def test_two_gateways_of_the_own_region_go_first_then_the_other_regions_nearest_first() -> None:
    history = with_carriers(
        ("alpha", "us", "us"),
        ("alpha", "eu", "eu"),
        ("beta", "apac", "apac"),
        ("beta", "eu", "eu"),
        ("gamma", "eu", "eu"),
        ("gamma", "us", "us"),
    )
    rows = [DeckRow("31", carrier, priority=rank) for rank, carrier in enumerate(("alpha", "beta", "gamma"))]
    imported(history, "standard", *rows)
    assert targets(history, "31") == ["alpha/eu", "beta/eu", "alpha/us", "gamma/us", "beta/apac", "gamma/eu"]
    assert targets(history, "31", region="us") == ["alpha/us", "gamma/us", "alpha/eu", "beta/eu", "gamma/eu", "beta/apac"]
    assert targets(history, "31", region="apac") == ["beta/apac", "alpha/us", "gamma/us", "alpha/eu", "beta/eu", "gamma/eu"]


def test_a_region_with_many_gateways_leaves_a_place_to_the_last_one() -> None:
    history = with_carriers(("alpha", "eu", "eu"), *(("beta", f"us{n}", "us") for n in range(12)), ("gamma", "apac", "apac"))
    imported(history, "standard", *(DeckRow("31", carrier, priority=rank) for rank, carrier in enumerate(("alpha", "beta", "gamma"))))
    assert targets(history, "31") == ["alpha/eu", *(f"beta/us{n}" for n in (0, 1, 10, 11, 2, 3)), "gamma/apac"]


PLACES = st.lists(st.tuples(st.sampled_from(("a", "b", "c", "d")), st.sampled_from(("eu", "us", "apac", "mars", "moon"))), max_size=30)


@given(PLACES, st.sampled_from(("eu", "us", "apac", "mars")), st.booleans(), st.floats(0, 1, exclude_max=True))
def test_a_bound_call_stays_in_its_region_and_an_unbound_one_reaches_all(
    places: list[tuple[str, str]], region: str, is_bound: bool, randomness: float
) -> None:
    history = with_carriers(*((carrier, f"g{number}", where) for number, (carrier, where) in enumerate(places)))
    for carrier in "abcd":
        history.attempt(c.CreateCarrier(carrier, CarrierSettings()))
    imported(history, "standard", *(DeckRow("31", carrier) for carrier in "abcd"))
    found = targets(history, "31", region, is_bound, randomness)
    region_of = {f"{carrier}/g{number}": where for number, (carrier, where) in enumerate(places)}
    usable = [where for where in region_of.values() if where == region or not is_bound]
    regions = [region_of[key] for key in found]
    assert len(found) == len(set(found)) == min(len(usable), MAX_TARGETS)
    assert set(regions) == set(usable)
    own = regions.count(region)
    assert regions[: min(own, OWN_REGION_FIRST)] == [region] * min(own, OWN_REGION_FIRST)
    away = [where for where in regions if where != region]
    assert away == [where for each in nearest_first(region, away) for where in [each] * away.count(each)]


def test_a_bound_name_never_leaves_its_region() -> None:
    history = with_carriers(("alpha", "us", "us"), ("alpha", "eu", "eu"))
    imported(history, "standard", DeckRow("31", "alpha"))
    assert targets(history, "31", region="us", is_bound=True) == ["alpha/us"]
    assert targets(history, "31", region="apac", is_bound=True) == []


def test_no_more_than_eight_gateways_and_none_twice() -> None:
    history = with_carriers(*((f"carrier-{n}", f"g{m}", "eu") for n in range(5) for m in range(3)))
    imported(history, "standard", *(DeckRow("31", f"carrier-{n}") for n in (0, 1, 2, 3, 4, 0)))
    found = targets(history, "31", randomness=0.7)
    assert len(found) == len(set(found)) == MAX_TARGETS


def test_weights_share_the_calls_and_a_weight_of_zero_comes_last() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("beta", "g", "eu"), ("idle", "g", "eu"))
    imported(history, "standard", DeckRow("31", "alpha", weight=3), DeckRow("31", "beta", weight=1), DeckRow("31", "idle", weight=0))
    numbers = random.Random(7)
    orders = [targets(history, "31", randomness=numbers.random()) for _ in range(4000)]
    first = Counter(order[0] for order in orders)
    assert 0.72 < first["alpha/g"] / 4000 < 0.78
    assert first["idle/g"] == 0
    assert {order[2] for order in orders} == {"idle/g"}


@given(st.floats(0, 1, exclude_max=True))
def test_the_same_number_gives_the_same_order_of_all_gateways(randomness: float) -> None:
    history = with_carriers(*((f"c{n}", "g", "eu") for n in range(4)))
    imported(history, "standard", *(DeckRow("31", f"c{n}", weight=n) for n in range(4)))
    found = targets(history, "31", randomness=randomness)
    assert sorted(found) == [f"c{n}/g" for n in range(4)]
    assert found == targets(history, "31", randomness=randomness)


def test_rows_without_weight_go_by_cost() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("beta", "g", "eu"))
    imported(history, "standard", DeckRow("31", "alpha", weight=0, rate_micros=9), DeckRow("31", "beta", weight=0, rate_micros=8))
    assert targets(history, "31", randomness=0.99) == ["beta/g", "alpha/g"]


def test_a_deck_is_seen_whole_or_not_at_all() -> None:
    history = with_carriers(("alpha", "g", "eu"))
    imported(history, "standard", DeckRow("31", "alpha"))
    history.execute(c.StartDeck("standard", "EUR", 2, SHA))
    history.execute(c.AddDeckRows("standard", 2, SHA, 0, (DeckRow("44", "alpha"),)))
    assert targets(history, "44") == []
    with pytest.raises(Refusal, match="1 of 2"):
        history.execute(c.ActivateDeck("standard", 2, SHA))
    history.execute(c.AddDeckRows("standard", 2, SHA, 1, (DeckRow("1", "alpha"),)))
    history.execute(c.ActivateDeck("standard", 2, SHA))
    assert targets(history, "44") == ["alpha/g"]
    assert targets(history, "31") == []


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (DeckRow("", "alpha"), "prefix"),
        (DeckRow("031", "alpha"), "prefix"),
        (DeckRow("31", "nobody"), "carrier"),
        (DeckRow("31", "alpha", priority=-1), "priority"),
        (DeckRow("31", "alpha", weight=70_000), "weight"),
        (DeckRow("31", "alpha", rate_micros=10**10), "rate"),
        (DeckRow("31", "alpha", destination="a\nb"), "destination"),
    ],
)
def test_a_bad_row_is_refused_by_row_and_column(row: DeckRow, column: str) -> None:
    history = with_carriers(("alpha", "g", "eu"))
    history.execute(c.StartDeck("standard", "EUR", 2, SHA))
    with pytest.raises(Refusal, match=f"row 1, column {column}"):
        history.execute(c.AddDeckRows("standard", 1, SHA, 0, (DeckRow("31", "alpha"), row)))


def test_two_imports_at_once_cannot_mix() -> None:
    history = with_carriers(("alpha", "g", "eu"))
    history.execute(c.StartDeck("standard", "EUR", 2, b"1" * 32))
    history.execute(c.AddDeckRows("standard", 1, b"1" * 32, 0, (DeckRow("31", "alpha"),)))
    history.execute(c.StartDeck("standard", "EUR", 1, b"2" * 32))
    with pytest.raises(Refusal) as caught:
        history.execute(c.AddDeckRows("standard", 1, b"1" * 32, 1, (DeckRow("44", "alpha"),)))
    assert caught.value.code is ErrorCode.CONFLICT
    history.execute(c.AddDeckRows("standard", 1, b"2" * 32, 0, (DeckRow("1", "alpha"),)))
    history.execute(c.ActivateDeck("standard", 1, b"2" * 32))
    assert [row.prefix for _, row, _ in history.directory.routes.rows_under("")] == ["1"]


def test_a_prefix_has_a_bounded_number_of_rows() -> None:
    history = with_carriers(("alpha", "g", "eu"))
    history.execute(c.StartDeck("standard", "EUR", 17, SHA))
    history.execute(c.AddDeckRows("standard", 1, SHA, 0, (DeckRow("31", "alpha"),) * 16))
    with pytest.raises(Refusal, match="at most 16 rows"):
        history.execute(c.AddDeckRows("standard", 1, SHA, 16, (DeckRow("31", "alpha"),)))


def test_a_gateway_may_not_move_to_where_another_one_is_and_may_stay_where_it_is() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("beta", "g", "eu"))
    taken = history.directory.carriers[CarrierId("beta")].gateways[0]
    with pytest.raises(Refusal, match="is the gateway beta/g") as caught:
        history.execute(c.ChangeGateway("alpha", "g", host=taken.host))
    assert caught.value.field == "host"
    history.execute(c.ChangeGateway("alpha", "g", transport="udp+tcp"))


def test_a_gateway_is_spoken_to_by_a_transport_of_its_own_with_that_transports_port() -> None:
    history = with_carriers(("alpha", "g", "eu"))
    for name, host, transport, tls_name in [
        ("t1", "192.0.2.9", "tcp", ""),
        ("t2", "192.0.2.9", "tls", "SIP.Carrier.Example"),
        ("t3", "2001:db8::9", "udp+tcp", ""),
    ]:
        history.execute(c.AddGateway("alpha", name, host, "eu", transport=transport, tls_name=tls_name))
    found = {gateway.name: gateway for gateway in history.directory.carriers[CarrierId("alpha")].gateways}
    assert [(found[GatewayId(name)].port, found[GatewayId(name)].transport) for name in ("g", "t1", "t2", "t3")] == [
        (5060, "udp"),
        (5060, "tcp"),
        (5061, "tls"),
        (5060, "udp+tcp"),
    ]
    assert found[GatewayId("t2")].tls_name == "sip.carrier.example"
    history.execute(c.AddGateway("alpha", "beside", "192.0.2.9", "eu", transport="udp"))


def test_a_gateway_is_changed_field_by_field_and_stands_where_its_priority_puts_it() -> None:
    history = with_carriers(("alpha", "g", "eu"), ("alpha", "h", "eu"))
    history.execute(c.ChangeGateway("alpha", "g", host="192.0.2.77", port=5070, priority=9, weight=0))
    first, second = history.directory.carriers[CarrierId("alpha")].gateways
    assert (first.name, second.name) == ("h", "g")
    assert (second.host, second.port, second.transport, second.region, second.priority, second.weight) == (
        "192.0.2.77",
        5070,
        "udp",
        "eu",
        9,
        0,
    )
    history.execute(c.ChangeGateway("alpha", "g", port=0, transport="tls", tls_name="sip.carrier.example", takes_no_options=True))
    second = history.directory.carriers[CarrierId("alpha")].gateways[1]
    assert (second.port, second.tls_name, second.host, second.takes_no_options) == (5061, "sip.carrier.example", "192.0.2.77", True)
    history.execute(c.ChangeGateway("alpha", "g", transport="tcp"))
    assert history.directory.carriers[CarrierId("alpha")].gateways[1].tls_name == "", "by TCP nobody shows a certificate"
    before = history.position
    history.execute(c.ChangeGateway("alpha", "g", port=5061, weight=0))
    assert history.position == before, "nothing is written where nothing is changed"


@pytest.mark.parametrize(
    ("there", "wanted"), [("udp+tcp", "udp"), ("udp+tcp", "tcp"), ("tcp", "udp+tcp"), ("tls", "tcp"), ("tcp", "tls"), ("tls", "tls")]
)
def test_two_gateways_do_not_share_a_port_of_one_kind(there: str, wanted: str) -> None:
    history = with_carriers(("alpha", "g", "eu"))
    history.execute(c.AddGateway("alpha", "first", "192.0.2.9", "eu", port=5080, transport=there))
    with pytest.raises(Refusal, match="is the gateway alpha/first"):
        history.execute(c.AddGateway("alpha", "second", "192.0.2.9", "eu", port=5080, transport=wanted))


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.CreateCarrier("alpha", CarrierSettings()), "CARRIER_EXISTS"),
        (c.CreateCarrier("x.y", CarrierSettings()), "CARRIER_INVALID"),
        (c.CreateCarrier("new", CarrierSettings(pdd_limit_s=0)), "PDD_LIMIT_INVALID"),
        (c.ChangeCarrier("nobody", CarrierSettings()), "CARRIER_NOT_FOUND"),
        (c.AddGateway("nobody", "g", "192.0.2.9", "eu"), "CARRIER_NOT_FOUND"),
        (c.AddGateway("alpha", "g", "192.0.2.9", "eu"), "GATEWAY_EXISTS"),
        (c.AddGateway("alpha", "h", "192.0.2.1", "eu"), "GATEWAY_ADDRESS_TAKEN"),
        (c.AddGateway("alpha", "h", "sip.example.com", "eu"), "ADDRESS_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", ""), "REGION_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", "eu", port=70_000), "PORT_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", "eu", transport="sctp"), "TRANSPORT_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", "eu", transport="tls", tls_name="*.example.com"), "HOST_NAME_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", "eu", transport="tls", tls_name="192.0.2.9"), "HOST_NAME_INVALID"),
        (c.AddGateway("alpha", "h", "192.0.2.9", "eu", transport="tcp", tls_name="sip.example.com"), "TLS_NAME_UNUSED"),
        (c.RemoveGateway("alpha", "h"), "GATEWAY_NOT_FOUND"),
        (c.ChangeGateway("alpha", "h", port=5070), "GATEWAY_NOT_FOUND"),
        (c.ChangeGateway("nobody", "g", port=5070), "CARRIER_NOT_FOUND"),
        (c.ChangeGateway("alpha", "g", host="sip.example.com"), "ADDRESS_INVALID"),
        (c.ChangeGateway("alpha", "g", port=70_000), "PORT_INVALID"),
        (c.ChangeGateway("alpha", "g", region=""), "REGION_INVALID"),
        (c.ChangeGateway("alpha", "g", tls_name="sip.example.com"), "TLS_NAME_UNUSED"),
        (c.ChangeGateway("alpha", "g", priority=70_000), "PRIORITY_INVALID"),
        (c.StartDeck("standard", "eur", 1, SHA), "CURRENCY_INVALID"),
        (c.StartDeck("standard", "EUR", 0, SHA), "DECK_SIZE_INVALID"),
        (c.StartDeck("standard", "EUR", 300_001, SHA), "DECK_SIZE_INVALID"),
        (c.ActivateDeck("standard", 1, SHA), "DECK_NOT_FOUND"),
    ],
)
def test_an_operators_command_that_does_not_fit_is_refused(command: c.Command, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        with_carriers(("alpha", "g", "eu")).execute(command)
    assert caught.value.reason == reason
