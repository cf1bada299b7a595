from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.domain.dns_names import (
    ADDRESS_LIMIT,
    SRV_LIMIT,
    Door,
    Naptr,
    Policy,
    PopSite,
    RecordSet,
    Srv,
    Steering,
    find,
    record_sets,
    steer,
)
from trunkline.domain.pop_states import PopState, believe
from trunkline.domain.regions import nearest_first

REALM = "sip.example.com"
POLICY = Policy("eu")
NEAREST = {"acme": "", "nearby": "us2"}
"""The domains."""
SIX = tuple(
    PopSite(f"{region}{n}", region, (f"192.0.2.{10 * rank + n}",)) for rank, region in enumerate(("eu", "us", "apac")) for n in (1, 2)
)


@st.composite
def pop_lists(draw: st.DrawFn) -> tuple[PopSite, ...]:
    count = draw(st.integers(1, 12))
    pops = []
    for number in range(count):
        region = draw(st.sampled_from(("eu", "us", "apac", "mars")))
        addresses = draw(st.sampled_from(((f"192.0.2.{number}",), (f"2001:db8::{number}",), (f"192.0.2.{number}", f"2001:db8::{number}"))))
        transports = draw(st.lists(st.sampled_from(("tls", "tcp", "udp")), min_size=1, unique=True))
        pops.append(PopSite(f"{region}{number}", region, addresses, tuple(transports)))
    return tuple(pops)


def states_of(pops: Sequence[PopSite]) -> st.SearchStrategy[dict[str, PopState]]:
    return st.fixed_dictionaries({pop.name: st.sampled_from(PopState) for pop in pops})


def with_states(*states: PopState) -> Steering:
    return steer(REALM, SIX, {pop.name: state for pop, state in zip(SIX, states, strict=True)}, POLICY)


def at(steering: Steering, name: str, kind: str) -> tuple[object, ...]:
    assert name.endswith(REALM)
    found = find(steering, name.removesuffix(f".{REALM}").split("."), NEAREST.get)
    return next((each.records for each in found or () if each.type == kind), ())


def test_a_transport_that_is_silent_at_a_pop_is_left_out_of_default_names_and_nothing_else_changes() -> None:
    pops = tuple(PopSite(pop.name, pop.region, pop.addresses, ("tls", "tcp", "udp")) for pop in SIX)
    whole, less = steer(REALM, pops, {}, POLICY), steer(REALM, pops, {}, POLICY, {"eu1": ("tls",), "us2": ("tls", "tcp")})
    for label in NEAREST:
        targets = [record.target.partition(".")[0] for record in at(less, f"_sips._tcp.{label}.{REALM}", "SRV")]  # type: ignore[attr-defined]
        assert targets and not {"eu1", "us2"} & set(targets)
        assert not any(record.target.startswith("us2.") for record in at(less, f"_sip._tcp.{label}.{REALM}", "SRV"))  # type: ignore[attr-defined]
        for name, kind in ((f"_sip._udp.{label}.{REALM}", "SRV"), (f"{label}.{REALM}", "NAPTR"), (f"{label}.{REALM}", "A")):
            assert at(less, name, kind) == at(whole, name, kind)
    assert (less.bound, less.pops) == (whole.bound, whole.pops)
    # Where nobody else has it, it stays: a client with nothing to try is worse off.
    everywhere = steer(REALM, pops, {}, POLICY, {pop.name: ("tls",) for pop in pops})
    assert everywhere == whole


def addresses_reached(steering: Steering, name: str) -> set[str]:
    """As a client goes: NAPTR → SRV → A and AAAA, and A and AAAA of the name itself."""
    reached = {str(each) for kind in ("A", "AAAA") for each in at(steering, name, kind)}
    for naptr in at(steering, name, "NAPTR"):
        assert isinstance(naptr, Naptr)
        for srv in at(steering, naptr.replacement, "SRV"):
            assert isinstance(srv, Srv)
            reached |= {str(each) for kind in ("A", "AAAA") for each in at(steering, srv.target, kind)}
    return reached


def test_a_default_name_leads_to_home_first_and_to_every_region() -> None:
    steering = steer(REALM, SIX, {}, POLICY)
    assert at(steering, f"acme.{REALM}", "NAPTR") == (Naptr(30, 10, "SIP+D2U", f"_sip._udp.acme.{REALM}"),)
    services = at(steering, f"_sip._udp.acme.{REALM}", "SRV")
    assert [(each.priority, each.port, each.target) for each in services if isinstance(each, Srv)] == [
        (10, 5060, f"eu1.{REALM}"),
        (10, 5060, f"eu2.{REALM}"),
        (20, 5060, f"us1.{REALM}"),
        (30, 5060, f"apac1.{REALM}"),
    ]
    assert at(steering, f"acme.{REALM}", "A") == ("192.0.2.1", "192.0.2.2")


def test_a_bound_name_leads_to_its_pop() -> None:
    steering = steer(REALM, SIX, {}, POLICY)
    assert at(steering, f"_sip._udp.acme.us2.{REALM}", "SRV") == (Srv(10, 50, 5060, f"us2.{REALM}"),)
    assert at(steering, f"acme.us2.{REALM}", "A") == at(steering, f"us2.{REALM}", "A") == ("192.0.2.12",)
    assert addresses_reached(steering, f"acme.us2.{REALM}") == {"192.0.2.12"}


def test_tls_is_preferred_to_tcp_and_tcp_to_udp() -> None:
    pops = [PopSite("eu1", "eu", ("192.0.2.1", "2001:db8::1"), ("udp", "tls", "tcp")), PopSite("eu2", "eu", ("192.0.2.2",))]
    steering = steer(REALM, pops, {}, POLICY)
    orders = [(each.order, each.service) for each in at(steering, f"acme.{REALM}", "NAPTR") if isinstance(each, Naptr)]
    assert orders == [(10, "SIPS+D2T"), (20, "SIP+D2T"), (30, "SIP+D2U")]
    assert at(steering, f"_sips._tcp.acme.{REALM}", "SRV") == (Srv(10, 50, 5061, f"eu1.{REALM}"),)
    assert len(at(steering, f"_sip._udp.acme.{REALM}", "SRV")) == 2
    assert at(steering, f"eu1.{REALM}", "AAAA") == ("2001:db8::1",)


@pytest.mark.parametrize(
    "name",
    [
        "other",
        "other.eu1",
        "acme.eu3",
        "a.acme",
        "acme.acme",
        "eu1.eu1",
        "_sip._tcp.acme",
        "_tcp.acme",
        "_sip._udp.eu1",
        "_udp.eu1",
        "x.eu1",
    ],
)
def test_there_are_no_other_names(name: str) -> None:
    assert find(steer(REALM, SIX, {}, POLICY), name.split("."), NEAREST.get) is None


def test_a_name_between_is_there_and_empty() -> None:
    steering = steer(REALM, SIX, {}, POLICY)
    assert find(steering, ["_udp", "acme"], NEAREST.get) == ()
    assert find(steering, ["_udp", "acme", "us1"], NEAREST.get) == ()


READY, DRAINING, DOWN = PopState
TRANSPORT = {("_sips", "_tcp"): "tls", ("_sip", "_tcp"): "tcp", ("_sip", "_udp"): "udp"}


def test_a_pop_that_is_not_ready_is_left_out_of_default_names_and_kept_in_its_own() -> None:
    steering = with_states(DOWN, DRAINING, READY, READY, READY, READY)
    assert addresses_reached(steering, f"acme.{REALM}") == {"192.0.2.11", "192.0.2.12", "192.0.2.21", "192.0.2.22"}
    assert at(steering, f"acme.{REALM}", "A") == ("192.0.2.11", "192.0.2.12")
    assert addresses_reached(steering, f"acme.eu1.{REALM}") == {"192.0.2.1"}


def test_draining_pops_are_better_than_none_and_those_that_are_down_better_than_no_answer() -> None:
    assert with_states(DRAINING, DRAINING, DRAINING, DRAINING, DOWN, DOWN).default.a == ("192.0.2.1", "192.0.2.2")
    assert with_states(*6 * (DOWN,)) == steer(REALM, SIX, {}, POLICY)


def test_a_nearest_pop_leads_the_default_name_and_the_others_follow_from_there() -> None:
    steering = steer(REALM, SIX, {}, POLICY)
    services = at(steering, f"_sip._udp.nearby.{REALM}", "SRV")
    assert [(each.priority, each.target) for each in services if isinstance(each, Srv)] == [
        (10, f"us2.{REALM}"),
        (20, f"us1.{REALM}"),
        (30, f"eu1.{REALM}"),
        (40, f"apac1.{REALM}"),
    ]
    assert at(steering, f"nearby.{REALM}", "A") == ("192.0.2.12",)
    assert at(steering, f"nearby.eu1.{REALM}", "A") == ("192.0.2.1",)


def test_a_nearest_pop_that_is_not_ready_is_followed_by_its_region() -> None:
    for state in (DRAINING, DOWN):
        steering = with_states(READY, READY, READY, state, READY, READY)
        assert at(steering, f"nearby.{REALM}", "A") == ("192.0.2.11",)
        assert "192.0.2.12" not in addresses_reached(steering, f"nearby.{REALM}")
    assert with_states(DRAINING, DRAINING, DOWN, DOWN, READY, READY).nearest["us2"].a == ("192.0.2.21", "192.0.2.22")


def test_a_nearest_pop_that_is_no_more_is_none() -> None:
    assert at(steer(REALM, SIX[:2], {}, POLICY), f"nearby.{REALM}", "A") == ("192.0.2.1", "192.0.2.2")


@given(st.data(), pop_lists())
def test_a_bound_name_never_leads_to_another_pop(data: st.DataObject, pops: tuple[PopSite, ...]) -> None:
    steering = steer(REALM, pops, data.draw(states_of(pops)), POLICY)
    for pop in pops:
        for label in NEAREST:
            assert addresses_reached(steering, f"{label}.{pop.name}.{REALM}") == set(pop.addresses)


@given(st.data(), pop_lists())
def test_a_default_name_is_never_empty_and_never_too_long(data: st.DataObject, pops: tuple[PopSite, ...]) -> None:
    steering = steer(REALM, pops, data.draw(states_of(pops)), POLICY)
    for answers in (steering.default, *steering.nearest.values()):
        assert answers.a or answers.aaaa
        assert answers.srv
        assert max(len(answers.a), len(answers.aaaa)) <= ADDRESS_LIMIT
        for targets in answers.srv.values():
            assert 1 <= len(targets) <= SRV_LIMIT
            assert len({each.target for each in targets}) == len(targets)


@given(st.data(), pop_lists())
def test_a_default_name_leads_to_pops_that_are_ready_where_one_is(data: st.DataObject, pops: tuple[PopSite, ...]) -> None:
    states = data.draw(states_of(pops))
    steering = steer(REALM, pops, states, POLICY)
    best = next(state for state in PopState if state in states.values())
    good = {address for pop in pops if states[pop.name] is best for address in pop.addresses}
    for label in NEAREST:
        assert addresses_reached(steering, f"{label}.{REALM}") <= good


@given(st.data(), pop_lists())
def test_a_nearest_pop_that_is_ready_stands_before_all_others(data: st.DataObject, pops: tuple[PopSite, ...]) -> None:
    states = data.draw(states_of(pops))
    steering = steer(REALM, pops, states, POLICY)
    for pop in pops:
        if states[pop.name] is READY:
            nearest = steering.nearest[pop.name]
            assert {*nearest.a, *nearest.aaaa} == set(pop.addresses)
            for prefix, targets in nearest.srv.items():
                if TRANSPORT[prefix] in pop.transports:
                    assert targets[0].target == f"{pop.name}.{REALM}"
                    assert all(each.priority > targets[0].priority for each in targets[1:])


@given(st.data(), pop_lists(), st.integers(1, 6))
def test_losing_sight_of_most_pops_takes_none_out_of_the_answers(data: st.DataObject, pops: tuple[PopSite, ...], steps: int) -> None:
    held: dict[str, PopState] = {}
    for _ in range(steps):
        seen = data.draw(states_of(pops))
        before, held = held, believe(held, seen)
        if 2 * sum(state is DOWN for state in seen.values()) > len(pops):
            assert all(held[pop] == (before.get(pop, READY) if state is DOWN else state) for pop, state in seen.items())
        else:
            assert held == seen


def test_losing_sight_of_most_pops_freezes_the_answers() -> None:
    two_gone = {pop.name: DOWN if pop.name in ("eu1", "us1") else READY for pop in SIX}
    all_gone = dict.fromkeys(two_gone, DOWN)
    held = believe({}, two_gone)
    assert steer(REALM, SIX, believe(held, all_gone), POLICY) == steer(REALM, SIX, two_gone, POLICY)
    assert steer(REALM, SIX, believe({}, all_gone), POLICY) == steer(REALM, SIX, {}, POLICY)


@given(pop_lists())
def test_services_go_by_region_nearest_to_home_first_and_reach_every_one_that_four_can(pops: tuple[PopSite, ...]) -> None:
    steering = steer(REALM, pops, {}, POLICY)
    region_of = {f"{pop.name}.{REALM}": pop.region for pop in pops}
    for prefix, targets in steering.default.srv.items():
        regions = [region_of[each.target] for each in targets]
        serving = {pop.region for pop in pops if TRANSPORT[prefix] in pop.transports}
        assert [each.priority for each in targets] == sorted(each.priority for each in targets)
        assert regions == [where for each in nearest_first("eu", regions) for where in [each] * regions.count(each)]
        assert set(regions) <= serving
        if len(serving) < SRV_LIMIT:
            assert set(regions) == serving
        for target in targets:
            assert find(steering, [target.target.removesuffix(f".{REALM}")], NEAREST.get)


@given(st.data(), pop_lists(), st.lists(st.sampled_from(("acme", "beta", "eu1")), unique=True))
def test_what_is_asked_for_is_what_a_copy_of_the_zone_holds(data: st.DataObject, pops: tuple[PopSite, ...], labels: list[str]) -> None:
    steering = steer(REALM, pops, data.draw(states_of(pops)), POLICY)
    domains = {label: data.draw(st.sampled_from(("", "eu9", *(pop.name for pop in pops)))) for label in labels}
    zone: dict[str, list[RecordSet]] = {}
    for each in record_sets(domains, steering):
        assert each.records
        assert all(ip_address(str(address)).version == (4 if each.type == "A" else 6) for address in each.records if "A" in each.type[0])
        zone.setdefault(each.name, []).append(each)
    for name, expected in zone.items():
        assert find(steering, name.removesuffix(f".{REALM}").split("."), domains.get) == tuple(expected)
    between = {name.partition(".")[2] for name in zone if name.startswith("_")}
    for name in between:
        assert find(steering, name.removesuffix(f".{REALM}").split("."), domains.get) == ()


def test_a_door_is_found_by_its_own_ports_and_by_no_name_that_has_the_standard_ones() -> None:
    door = Door("2001:db8::1", 20_060, 20_061)
    sites = [PopSite("eu1", "eu", ("192.0.2.1",), ("udp", "tls"), door), PopSite("us1", "us", ("192.0.2.3",), ("udp",))]
    steering = steer(REALM, sites, {}, Policy("eu"))
    assert [(each.priority, each.port, each.target) for each in steering.bound["eu1"].srv["_sips", "_tcp"]] == [
        (10, 5061, f"eu1.{REALM}"),
        (15, 20_061, f"eu1-door.{REALM}"),
    ]
    assert [(each.priority, each.port, each.target) for each in steering.default.srv["_sip", "_udp"]] == [
        (10, 5060, f"eu1.{REALM}"),
        (15, 20_060, f"eu1-door.{REALM}"),
        (20, 5060, f"us1.{REALM}"),
    ]
    assert steering.bound["eu1"].aaaa == steering.default.aaaa == ()
    [found] = find(steering, ["eu1-door"], lambda _: None) or ()
    assert (found.type, found.records) == ("AAAA", ("2001:db8::1",))
    many = [PopSite(f"p{number}", f"r{number}", (f"192.0.2.{number}",), ("udp",), door) for number in range(1, 5)]
    targets = {each.target for each in steer(REALM, many, {}, Policy("r1")).default.srv["_sip", "_udp"]}
    assert targets == {f"p{number}.{REALM}" for number in range(1, 5)}, "no POP makes room for a door"


@given(st.integers(1, 63), st.integers(100, 200))
def test_no_name_is_longer_than_a_name_may_be_and_what_fits_is_there(label_length: int, realm_length: int) -> None:
    realm, label = ("r" * 60 + ".") * 5, "a" * label_length
    realm = realm[:realm_length].rstrip(".") + "r"
    pops = [PopSite(pop.name, pop.region, pop.addresses, ("tls", "tcp", "udp")) for pop in SIX]
    steering = steer(realm, pops, {}, POLICY)
    zone = {(each.name, each.type): each for each in record_sets({label: ""}, steering)}
    for pop in ("", *steering.bound):
        host = f"{label}.{pop}.{realm}" if pop else f"{label}.{realm}"
        services = [f"{service}.{host}" for service in ("_sips._tcp", "_sip._tcp", "_sip._udp")]
        fitting = [name for name in services if len(name) <= 253]
        assert [(name, "SRV") in zone for name in services] == [name in fitting for name in services]
        assert ((host, "A") in zone) is (len(host) <= 253)
        naptr = zone.get((host, "NAPTR"))
        assert [each.replacement for each in naptr.records if isinstance(each, Naptr)] == fitting if naptr else not fitting
    assert max(len(name) for name, _ in zone) <= 253
