"""Changes that nobody has made show in a scene, and nowhere else."""

from __future__ import annotations

import pytest
from unit.domain.histories import History, contents
from unit.domain.test_policy import ACME, CALL, REALM, platform

from trunkline.domain import commands as c
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.errors import Refusal
from trunkline.domain.events import DomainLabel
from trunkline.domain.policy import Rejected, Routed, decide_call
from trunkline.domain.scene import AddAccount, AddAddress, Allow, Attach, Change, Detach, RemoveAccount, RemoveAddress, Scene, with_change


def history() -> History:
    made = platform()
    made.execute(c.CreateAcl(ACME, "OFFICE"))
    made.execute(c.CreateAcl(ACME, "OTHER"))
    made.execute(c.AddAddress(ACME, "OFFICE", "192.0.2.0/24"))
    made.execute(c.SetCredential(ACME, "c1", "alice", "r", "k", b"a" * SEALED_BYTES))
    made.execute(c.AddAccount(ACME, "OFFICE", "alice", "c1"))
    made.execute(c.AttachAcl(ACME, "acme", "OFFICE"))
    made.execute(c.SetClassOfService(ACME, "acme", (), None, ("NL",)))
    return made


def scene(made: History) -> Scene:
    domain = made.directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None
    return Scene(made.directory, domain)


@pytest.mark.parametrize(
    ("change", "command"),
    [
        (AddAddress("OFFICE", "198.51.100.7", "+31201234567"), c.AddAddress(ACME, "OFFICE", "198.51.100.7", "+31201234567")),
        (RemoveAddress("OFFICE", "192.0.2.0/24"), c.RemoveAddress(ACME, "OFFICE", "192.0.2.0/24")),
        (RemoveAccount("OFFICE", "alice"), c.RemoveAccount(ACME, "OFFICE", "alice")),
        (Attach("OTHER"), c.AttachAcl(ACME, "acme", "OTHER")),
        (Detach("OFFICE"), c.DetachAcl(ACME, "acme", "OFFICE")),
        (Allow(country="gb"), c.SetClassOfService(ACME, "acme", (), None, ("NL", "GB"))),
        (Allow(prefix="+44"), c.SetClassOfService(ACME, "acme", ("44",), None, ("NL",))),
        (Allow(premium=True), c.SetClassOfService(ACME, "acme", (), None, ("NL",), True)),
    ],
)
def test_a_change_that_is_assumed_shows_what_the_command_would_make(change: Change, command: c.Command) -> None:
    made = history()
    before = contents(made.directory)
    assumed, said = with_change(scene(made), change)
    assert said and contents(made.directory) == before
    made.execute(command)
    real = scene(made)
    assert (assumed.domain.acls, assumed.domain.service, assumed.domain.rules) == (
        real.domain.acls,
        real.domain.service,
        real.domain.rules,
    )
    shown = [(acl.name, dict(acl.addresses), dict(acl.accounts)) for acl in assumed.attached()]
    assert shown == [(acl.name, dict(acl.addresses), dict(acl.accounts)) for acl in real.attached()]


def test_changes_add_up_and_the_policy_decides_on_them() -> None:
    made = history()
    call = CALL._replace(number="+4412345678")
    refused = decide_call(call, scene(made), region="eu", realm=REALM, randomness=0)
    assert isinstance(refused, Rejected) and refused.reason == "T301"
    wider, _ = with_change(scene(made), Allow(country="GB"))
    wider, _ = with_change(wider, AddAccount("OFFICE", "bob"))
    assert isinstance(decide_call(call, wider, region="eu", realm=REALM, randomness=0), Routed)
    assert [list(acl.accounts) for acl in wider.attached()] == [["alice", "bob"]]


def test_where_all_destinations_are_allowed_there_is_none_to_add() -> None:
    made = history()
    made.execute(c.SetClassOfService(ACME, "acme", ()))
    assumed, _ = with_change(scene(made), Allow(country="GB", prefix="44"))
    assert assumed.domain.service == scene(made).domain.service


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (AddAddress("NONE", "192.0.2.1"), "ACL_NOT_FOUND"),
        (AddAddress("OFFICE", "192.0.2.0/24"), "ADDRESS_EXISTS"),
        (AddAddress("OFFICE", "nowhere"), "ADDRESS_INVALID"),
        (RemoveAddress("OFFICE", "192.0.2.1"), "ADDRESS_NOT_FOUND"),
        (AddAccount("OFFICE", "alice"), "ACCOUNT_EXISTS"),
        (RemoveAccount("OFFICE", "bob"), "ACCOUNT_NOT_FOUND"),
        (Attach("NONE"), "ACL_NOT_FOUND"),
        (Allow(country="XX"), "COUNTRY_INVALID"),
        (Allow(prefix="0"), "PREFIX_INVALID"),
    ],
)
def test_a_change_that_could_not_be_made_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        with_change(scene(history()), change)
    assert caught.value.reason == reason
