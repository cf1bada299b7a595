"""Suspended tenants and carriers: what is written, and what becomes of calls."""

from __future__ import annotations

import pytest
from unit.domain.histories import History, replayed, retained
from unit.domain.test_policy import ACME, CALL, decided, platform

from trunkline.domain import commands as c
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import CarrierResumed, CarrierSuspended, TenantId, TenantResumed, TenantSuspended
from trunkline.domain.policy import Rejected, Routed


def test_calls_of_a_suspended_tenant_are_refused_with_a_code_of_their_own_until_it_is_resumed() -> None:
    history = platform()
    history.execute(c.SuspendTenant(ACME))
    refused = decided(CALL, history)
    assert isinstance(refused, Rejected) and refused.reason == "T603" and "acme" in refused.facts
    assert refused.caller_id == "+31000000"
    history.execute(c.ResumeTenant(ACME))
    assert isinstance(decided(CALL, history), Routed)


def test_a_suspended_carrier_gets_no_calls() -> None:
    history = platform()
    history.execute(c.SuspendCarrier("alpha"))
    routed = decided(CALL, history)
    assert isinstance(routed, Routed)
    assert [target.choice.gateway.key for target in routed.targets] == ["beta/g"]
    history.execute(c.SuspendCarrier("beta"))
    refused = decided(CALL, history)
    assert isinstance(refused, Rejected) and refused.reason == "T403"
    history.execute(c.ResumeCarrier("alpha"))
    history.execute(c.ResumeCarrier("beta"))
    again = decided(CALL, history)
    assert isinstance(again, Routed) and [target.choice.gateway.key for target in again.targets] == ["alpha/g", "beta/g"]


@pytest.mark.parametrize(
    ("suspend", "end", "resume", "suspended", "resumed"),
    [
        (c.SuspendTenant(ACME), c.SuspendTenant(ACME, True), c.ResumeTenant(ACME), TenantSuspended, TenantResumed),
        (c.SuspendCarrier("alpha"), c.SuspendCarrier("alpha", True), c.ResumeCarrier("alpha"), CarrierSuspended, CarrierResumed),
    ],
)
def test_a_suspension_is_written_once_and_an_order_to_end_calls_each_time(
    suspend: c.Command, end: c.Command, resume: c.Command, suspended: type, resumed: type
) -> None:
    history = platform()
    assert decide(history.directory, resume).events == ()
    for command, events in ((suspend, (suspended(False),)), (suspend, ()), (end, (suspended(True),)), (end, (suspended(True),))):
        assert decide(history.directory, command).events == events
        history.execute(command)
    assert decide(history.directory, resume).events == (resumed(),)


def test_a_replica_keeps_the_last_word() -> None:
    history = platform()
    for command in (c.SuspendTenant(ACME, True), c.ResumeTenant(ACME), c.SuspendTenant(ACME), c.SuspendCarrier("alpha", True)):
        history.execute(command)
    kept = replayed(retained(history.facts))
    assert kept.tenants[ACME] == history.directory.tenants[ACME] and kept.tenants[ACME].is_suspended
    assert kept.carriers == history.directory.carriers
    assert sum(isinstance(fact.event, TenantSuspended | TenantResumed) for fact in retained(history.facts)) == 1


def test_what_does_not_exist_cannot_be_suspended() -> None:
    commands: list[c.Command] = [c.SuspendTenant(TenantId("nobody")), c.ResumeTenant(TenantId("nobody"))]
    commands += [c.SuspendCarrier("nobody"), c.ResumeCarrier("nobody")]
    for command in commands:
        with pytest.raises(Refusal) as raised:
            decide(History().directory, command)
        assert raised.value.reason in ("TENANT_NOT_FOUND", "CARRIER_NOT_FOUND")
