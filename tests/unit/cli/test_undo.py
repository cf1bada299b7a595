"""What of a past cannot be brought back is left as it is, and said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trunkline.cli.applying import planning as do
from trunkline.cli.applying.model import Account, Acl, Address, ClassOfService, Digest, Domain, Identity, Limits, Tenant
from trunkline.cli.applying.planning import plan
from trunkline.cli.commands.undo import possible

DOMAIN = Domain("acme", ("A",), Digest(), ClassOfService(), Limits(), Identity(), "")


def tenant(acl: Acl, domain: Domain = DOMAIN, limits: Limits | None = None) -> Tenant:
    return Tenant("acme", {acl.name: acl}, {domain.label: domain}, None, limits)


def undone(past: Tenant, known: Tenant, *, is_operator: bool = False) -> tuple[list[do.Action], tuple[str, ...]]:
    wanted, left = possible(past, known, is_operator=is_operator)
    return [action for change in plan(wanted, known, is_pruning=True) for action in change.actions], left


def test_what_was_removed_comes_back_and_what_was_made_since_goes() -> None:
    past = tenant(Acl("A", {"192.0.2.1/32": Address("192.0.2.1/32", "", "", False)}, {"bob": Account("bob", "")}))
    known = Tenant("acme", {"A": Acl("A"), "NEW": Acl("NEW")}, {"acme": replace(DOMAIN, limits=Limits(3))})
    done, left = undone(past, known)
    assert left == () and done == [
        do.AddAddress("A", Address("192.0.2.1/32", "", "", False)),
        do.AddAccount("A", Account("bob", "")),
        do.Set("acme", Limits()),
        do.DeleteAcl("NEW"),
    ]


@pytest.mark.parametrize("is_operator", [False, True])
def test_an_exemption_from_bans_is_an_operators_to_give_again(is_operator: bool) -> None:
    past = tenant(Acl("A", {"10.0.0.0/8": Address("10.0.0.0/8", "", "", True)}))
    done, left = undone(past, tenant(Acl("A")), is_operator=is_operator)
    exempt = [do.Exempt("A", "10.0.0.0/8")] if is_operator else []
    assert done == [do.AddAddress("A", Address("10.0.0.0/8", "", "", is_operator)), *exempt]
    assert bool(left) is not is_operator
    described = tenant(Acl("A", {"10.0.0.0/8": Address("10.0.0.0/8", "", "other", True)}))
    assert bool(undone(past, described, is_operator=is_operator)[0]) is is_operator, "a customer's undo would lose it"


def test_an_accounts_old_number_takes_a_password_that_nobody_knows() -> None:
    past, known = tenant(Acl("A", {}, {"bob": Account("bob", "+311")})), tenant(Acl("A", {}, {"bob": Account("bob", "+312")}))
    done, left = undone(past, known)
    assert done == [] and "bob" in left[0]


@pytest.mark.parametrize("is_operator", [False, True])
def test_what_operators_set_is_theirs_to_undo(is_operator: bool) -> None:
    shown = replace(DOMAIN, identity=Identity(shows_callee=True, hiding="on"))
    done, left = undone(tenant(Acl("A"), shown, Limits(5)), tenant(Acl("A")), is_operator=is_operator)
    bounds = [do.Set("", Limits(5))] if is_operator else []
    assert done == [*bounds, do.Set("acme", Identity(shows_callee=is_operator, hiding="on"))] and bool(left) is not is_operator
