"""Explanations say what the policy decides, whatever it decides."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.histories import History
from unit.domain.test_policy import ACME, CALL, REALM, platform

from trunkline.domain import commands as c
from trunkline.domain.events import DomainLabel, IdentityPolicy
from trunkline.domain.explaining import Explained, Outcome, explain_call
from trunkline.domain.gateway_view import GatewayView
from trunkline.domain.policy import AdmittedCall, Rejected, Routed, decide_call
from trunkline.domain.scene import Scene

PLATFORM = platform()


def explained(call: AdmittedCall, history: History | None = None, view: GatewayView | None = None) -> Explained:
    shown = view or GatewayView()
    return explain_call(call, (history or PLATFORM).directory, region="eu", realm=REALM, view=shown)


def outcome_of(found: Explained) -> str:
    return next((step.reason for step in found.steps if step.outcome is Outcome.REFUSED), "")


@given(
    number=st.sampled_from(["+31201234567", "+4412345678", "+3312345678", "+4912345678", "+319001234567", "12x", "+999123456"]),
    host=st.sampled_from([f"acme.{REALM}", f"acme.eu1.{REALM}"]),
    privacy=st.sampled_from([(), ("id",), ("session;critical",), ("none",)]),
    hints=st.sampled_from([(), ("<tel:+31000000>",), ("<tel:+4930123456>",)]),
    countries=st.sampled_from([(), ("NL",), ("DE", "GB", "NL")]),
    rate=st.sampled_from([0, 1, 20_000]),
    is_refusing=st.booleans(),
    is_suspended=st.booleans(),
)
def test_the_steps_come_to_what_the_policy_decides(
    number: str,
    host: str,
    privacy: tuple[str, ...],
    hints: tuple[str, ...],
    countries: tuple[str, ...],
    rate: int,
    is_refusing: bool,
    is_suspended: bool,
) -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "acme", (), None, countries, None, rate, "EUR" if rate else ""))
    if is_refusing:
        history.execute(c.SetIdentityPolicy(ACME, "acme", IdentityPolicy(is_refusing=True)))
    if is_suspended:
        history.execute(c.SuspendTenant(ACME))
    call = CALL._replace(number=number, host=host, privacy=privacy, hints=hints)
    found = explained(call, history)
    decided = decide_call(call, history.directory, region="eu", realm=REALM, randomness=0.0)
    assert found.decided == decided
    assert outcome_of(found) == (decided.reason if isinstance(decided, Rejected) else "")
    # One is refused at most, and it is the last.
    assert all(step.outcome is not Outcome.REFUSED for step in found.steps[:-1])
    if isinstance(decided, Routed):
        assert [seen.gateway.key for seen in found.gateways if seen.place] == [each.choice.gateway.key for each in decided.targets]


def test_every_gateway_of_the_prefix_is_named_with_its_place_or_why_it_has_none() -> None:
    history = platform()
    history.execute(c.AddGateway("alpha", "far", "192.0.2.9", "apac"))
    history.execute(c.SuspendCarrier("beta"))
    found = explained(CALL._replace(host=f"acme.eu1.{REALM}"), history)
    assert [(seen.gateway.key, seen.place) for seen in found.gateways] == [("alpha/g", 1), ("alpha/far", 0), ("beta/g", 0)]
    assert "bound to a point of presence" in found.gateways[1].why and found.gateways[2].why == "its carrier is suspended"


def test_a_gateway_that_is_passed_over_says_so_and_comes_last() -> None:
    view = GatewayView(passed=MappingProxyType({"alpha/g": "gateway alpha/g passed over since then: silent"}))
    found = explained(CALL, view=view)
    assert [(seen.gateway.key, seen.place, seen.is_passed_over) for seen in found.gateways] == [("beta/g", 1, False), ("alpha/g", 2, True)]
    assert "silent" in found.gateways[1].why


@pytest.mark.parametrize(
    ("change", "source", "number"),
    [
        ({}, "username", "+31000000"),
        ({"account_caller_id": "+31201111111"}, "account", "+31201111111"),
        ({"address_caller_id": "+31202222222"}, "address", "+31202222222"),
        ({"account_caller_id": "+31201111111", "hints": ("<tel:+31000000>",)}, "asked", "+31000000"),
        ({"account": "alice"}, "", ""),
    ],
)
def test_the_callers_number_is_told_with_where_it_comes_from(change: dict[str, str], source: str, number: str) -> None:
    found = explained(CALL._replace(**change))  # type: ignore[arg-type]
    assert isinstance(found.decided, Routed)
    assert (found.caller_id_source, found.decided.identity.caller_id) == (source, number)


def test_an_order_that_weights_draw_is_marked_as_one_of_several() -> None:
    history = platform()
    assert not explained(CALL, history).is_drawn
    history.execute(c.AddGateway("alpha", "h", "192.0.2.8", "eu"))
    assert explained(CALL, history).is_drawn


def test_a_scene_without_changes_explains_as_the_directory_does() -> None:
    domain = PLATFORM.directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None
    scene = Scene(PLATFORM.directory, domain)
    assert explain_call(CALL, scene, region="eu", realm=REALM) == explained(CALL)
