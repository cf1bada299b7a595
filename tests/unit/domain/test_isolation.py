"""Two tenants, any commands: what one does never shows in, nor is changed by, the other; but for labels, of which there is one."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.domain.histories import SETTING_UP, History, commands, contents

from trunkline.domain import commands as c
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import PLATFORM, Kind, TenantId
from trunkline.domain.names import domain_label

ACME, BETA = TenantId("acme"), TenantId("beta")


def _own(history: History, tenant: TenantId) -> dict[str, Any]:
    everything: dict[str, Any] = contents(history.directory)
    return {
        "acls": everything["acls"].get(tenant),
        "domains": everything["domains"].get(tenant),
        "credentials": {key: value for key, value in everything["credentials"].items() if key[0] == tenant},
        "keys": {key: value for key, value in everything["api_keys"].items() if key[0] == tenant},
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(commands, min_size=50, max_size=200))
def test_what_a_tenant_has_is_what_its_own_commands_made(more: list[c.Command]) -> None:
    both, alone = History(), History()
    for command in SETTING_UP:
        both.execute(command)
        if command.tenant in (ACME, PLATFORM):
            alone.execute(command)
    for command in more:
        if isinstance(command, (c.CreateDomain, c.AttachAcl, c.SetDigestPolicy, c.DetachAcl, c.DeleteDomain)) or (
            isinstance(command, (c.SetClassOfService, c.SetLimits)) and command.label
        ):
            # Each tenant keeps to labels of its own here; the race for one label has its own test.
            command = replace(command, label=f"{command.tenant}{command.label}")
        if isinstance(command, c.CreateApiKey):
            command = replace(command, key_hash=command.key_hash[:31] + (b"a" if command.tenant == ACME else b"b"))
        before = _own(both, BETA if command.tenant == ACME else ACME)
        both.attempt(command)
        assert _own(both, BETA if command.tenant == ACME else ACME) == before
        if command.tenant in (ACME, PLATFORM):
            alone.attempt(command)
    assert _own(both, ACME) == _own(alone, ACME)


@given(st.lists(commands, min_size=20, max_size=100))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_label_is_held_by_one_tenant_at_a_time_and_its_domain_is_that_tenants(more: list[c.Command]) -> None:
    history = History()
    for command in [*SETTING_UP, *more]:
        history.attempt(command)
        for claim, holder in history.directory.claims.items():
            label = domain_label(claim.removeprefix("label."))
            assert [tenant for tenant in (ACME, BETA) if history.directory.domain(tenant, label)] == [holder.owner_tenant]


@given(commands)
def test_a_decision_writes_under_its_commands_own_tenant_only(command: c.Command) -> None:
    history = History()
    for each in SETTING_UP:
        history.execute(each)
    try:
        decision = decide(history.directory, command)
    except Refusal:
        return
    assert decision.tenant == command.tenant
    assert decision.kind is not Kind.CLAIM
    assert all(guard == f"config.*.{command.tenant}.>" for guard in decision.guards)
    assert not (decision.claims and decision.guards)
