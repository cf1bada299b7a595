from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.domain.histories import History, commands, contents, history_of, replayed, retained

from trunkline.domain import commands as c
from trunkline.domain.compaction import compaction
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.events import PLATFORM, CarrierSettings, DeckRow, Event, Kind, Position, TenantId
from trunkline.domain.facts import Fact

ACME = TenantId("acme")
_seen: set[type] = set()
_NAMED = {"AddressAdded", "BanExemptionApproved", "AccountAdded", "AclAttached", "GatewayAdded", "GatewayChanged"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(commands, min_size=100, max_size=400))
def test_replaying_the_retained_events_gives_the_same_directory_as_the_whole_log(more: list[c.Command]) -> None:
    history = history_of(more)
    _seen.update(type(fact.event) for fact in history.facts)
    kept = retained(history.facts)
    assert contents(replayed(kept)) == contents(history.directory)
    assert contents(replayed(history.facts)) == contents(history.directory)
    # A second generation: what was retained, compacted again, is the same.
    assert retained(kept) == kept


def test_the_property_has_met_every_event() -> None:
    """Random histories that never delete anything would show nothing."""
    if not _seen:
        pytest.skip("the property has not run in this process")
    assert {kind.__name__ for kind in get_args(Event)} - {kind.__name__ for kind in _seen} == set()


@pytest.mark.parametrize("event_class", get_args(Event))
def test_a_key_never_ends_in_a_slash(event_class: type[Event]) -> None:
    key = compaction(Fact(Position(7), Kind.ACL, ACME, "office", event_class(), 1)).key
    assert key is None or not key.endswith("/") or event_class.__name__ in _NAMED


def test_an_address_that_was_removed_leaves_its_acl_with_the_version_of_the_removal() -> None:
    history = History()
    for command in (c.CreateTenant(ACME), c.CreateAcl(ACME, "office"), c.AddAddress(ACME, "office", "192.0.2.1"),
                    c.RemoveAddress(ACME, "office", "192.0.2.1")):  # fmt: skip
        history.execute(command)
    kept = retained(history.facts)
    assert [type(fact.event).__name__ for fact in kept] == ["TenantCreated", "AclCreated", "AddressRemoved"]
    acl = next(iter(replayed(kept).acls(ACME).values()))
    assert acl.version == 3
    assert not acl.addresses


def test_a_deleted_acl_is_forgotten_whole() -> None:
    history = History()
    history.execute(c.CreateTenant(ACME))
    history.execute(c.CreateAcl(ACME, "office"))
    for host in range(20):
        history.execute(c.AddAddress(ACME, "office", f"192.0.2.{host}"))
    history.execute(c.DeleteAcl(ACME, "office"))
    assert [fact.aggregate for fact in retained(history.facts)] == ["acme"]


def test_the_rows_of_earlier_revisions_of_a_deck_are_forgotten_and_those_of_the_active_one_kept() -> None:
    history = History()
    history.execute(c.CreateCarrier("alpha", CarrierSettings()))
    for revision in (1, 2, 3):
        history.execute(c.StartDeck("standard", "EUR", 1, b"x" * 32))
        history.execute(c.AddDeckRows("standard", revision, b"x" * 32, 0, (DeckRow("31", "alpha", rate_micros=revision),)))
        if revision < 3:
            history.execute(c.ActivateDeck("standard", revision, b"x" * 32))
    kept = [fact for fact in retained(history.facts) if fact.kind is Kind.DECK]
    assert [type(fact.event).__name__ for fact in kept] == [
        "DeckStarted", "DeckRowsAdded", "DeckActivated", "DeckStarted", "DeckRowsAdded",
    ]  # fmt: skip
    assert [row.rate_micros for _, row, _ in replayed(kept).routes.rows_under("")] == [2]
    assert kept[0].tenant == PLATFORM


def test_an_account_keeps_the_credential_it_was_given_last() -> None:
    history = History()
    for command in (
        c.CreateTenant(ACME),
        c.CreateAcl(ACME, "office"),
        c.SetCredential(ACME, "c1", "alice", "r", "k", b"a" * SEALED_BYTES),
        c.SetCredential(ACME, "c2", "alice", "r", "k", b"a" * SEALED_BYTES),
        c.AddAccount(ACME, "office", "alice", "c1"),
        c.ChangeAccountCredential(ACME, "office", "alice", "c2"),
    ):
        history.execute(command)
    acl = next(iter(replayed(retained(history.facts)).acls(ACME).values()))
    assert [account.credential_id for account in acl.accounts.values()] == ["c2"]
