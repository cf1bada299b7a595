"""Credentials that no account names."""

from __future__ import annotations

from trunkline.auth.orphans import ERASED_A_SWEEP, Orphans
from trunkline.domain.directory import Directory
from trunkline.domain.events import (
    AccountAdded,
    AccountRemoved,
    AclCreated,
    CredentialErased,
    CredentialSet,
    Event,
    Kind,
    Position,
    TenantId,
)
from trunkline.domain.facts import Fact

ACME = TenantId("acme")


class World:
    def __init__(self) -> None:
        self.directory = Directory()
        self._position = 0
        self.apply(Kind.ACL, "OUT", AclCreated())

    def apply(self, kind: Kind, aggregate: str, event: Event) -> None:
        self._position += 1
        self.directory.apply(Fact(Position(self._position), kind, ACME, aggregate, event, 1))

    def credential(self, name: str) -> None:
        self.apply(Kind.CREDENTIAL, name, CredentialSet("31000000", "sip.trunkline.test", "k1", b"sealed"))


def test_a_credential_is_due_when_it_was_seen_unused_for_long_enough() -> None:
    world, orphans = World(), Orphans(3600)
    world.credential("c1")
    assert orphans.due(world.directory, 100) == []
    assert orphans.due(world.directory, 3699) == []
    assert orphans.due(world.directory, 3700) == [("acme", "c1")]


def test_a_credential_that_an_account_names_is_kept_and_its_time_begins_anew() -> None:
    world, orphans = World(), Orphans(3600)
    world.credential("c1")
    orphans.due(world.directory, 0)
    world.apply(Kind.ACL, "OUT", AccountAdded("31000000", "c1"))
    assert orphans.due(world.directory, 4000) == []
    world.apply(Kind.ACL, "OUT", AccountRemoved("31000000"))
    assert orphans.due(world.directory, 4100) == []
    assert orphans.due(world.directory, 7600) == []
    assert orphans.due(world.directory, 7700) == [("acme", "c1")]


def test_an_erased_credential_is_forgotten() -> None:
    world, orphans = World(), Orphans(10)
    world.credential("c1")
    orphans.due(world.directory, 0)
    world.apply(Kind.CREDENTIAL, "c1", CredentialErased())
    assert orphans.due(world.directory, 100) == []


def test_a_sweep_is_bounded_and_takes_the_oldest_first() -> None:
    world, orphans = World(), Orphans(10)
    world.credential("old")
    orphans.due(world.directory, 0)
    for number in range(ERASED_A_SWEEP):
        world.credential(f"c{number:03}")
    orphans.due(world.directory, 1)
    due = orphans.due(world.directory, 20)
    assert len(due) == ERASED_A_SWEEP
    assert due[0] == ("acme", "old")
