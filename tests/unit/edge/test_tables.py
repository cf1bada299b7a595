"""Facts → tables: what the access rule says after each step, on the engine's own tables."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkline.api.auth.v1 import auth_pb2
from trunkline.domain.events import (
    AccountAdded,
    AclAttached,
    AclCreated,
    AclDetached,
    AddressAdded,
    CarrierCreated,
    CarrierResumed,
    CarrierSuspended,
    CredentialSet,
    DomainCreated,
    Event,
    Kind,
    Position,
    TenantCreated,
    TenantId,
    TenantResumed,
    TenantSuspended,
)
from trunkline.domain.facts import Fact
from trunkline.edge import tables as tables_module
from trunkline.edge.key_ring import NO_KEYS, KeyRing, SigningKey, ring_of
from trunkline.edge.tables import TableFeed
from trunkline.engine import AccessTables
from trunkline.engine.tables import SetTokenKeys, TableChange

REALM = "sip.trunkline.test"
HOST = f"acme.{REALM}"
ACME = TenantId("acme")
KEY = bytes(range(32))

SEALED = b"n" * 12 + AESGCM(KEY).encrypt(b"n" * 12, b"m" * 16 + b"s" * 32 + b"t" * 32, f"acme\0c1\0{REALM}\x0031000000".encode())

STORY: list[tuple[Kind, str, Event]] = [
    (Kind.TENANT, "acme", TenantCreated("Acme")),
    (Kind.ACL, "OUT", AclCreated()),
    (Kind.ACL, "OUT", AddressAdded("192.0.2.0/24")),
    (Kind.DOMAIN, "acme", DomainCreated("acme")),
    (Kind.DOMAIN, "acme", AclAttached("OUT")),
]


class Bench:
    """A feed with the engine's tables behind it."""

    def __init__(self) -> None:
        self.wanted_keys = 0
        self.feed = TableFeed(REALM, "eu1", self._want)
        self.position = 0

    @property
    def engine(self) -> AccessTables:
        return self.feed.tables

    def _want(self) -> int:
        self.wanted_keys += 1
        return self.wanted_keys

    def tell(self, *story: tuple[Kind, str, Event], is_covered: bool = True) -> None:
        for kind, aggregate, event in story:
            self.position += 1
            self.feed.on_fact(Fact(Position(self.position), kind, ACME, aggregate, event, self.position))
        if is_covered:
            self.feed.on_covered(Position(self.position))

    def outcome(self, source: str = "192.0.2.7", host: str = HOST, username: str = "") -> str:
        trace = self.engine.explain(host=host, source=source, username=username, is_password_right=True)
        return trace.reason or trace.outcome


class Recording:
    """The engine's tables, what they were given, and what was ordered of its calls."""

    def __init__(self, bench: Bench) -> None:
        self.given: list[TableChange] = []
        self.batches: list[tuple[int, int]] = []
        """Sizes with their positions."""
        self.orders: list[tuple[str, str, str]] = []
        self._bench = bench

    def apply(self, batch: list[TableChange], position: int) -> None:
        self.given += batch
        self.batches.append((len(batch), position))
        self._bench.engine.apply(batch, position)

    def hang_up(self, *, reason: str, facts: str = "", tenant: str = "", carrier: str = "") -> int:
        assert self._bench.feed.directory.tenants[ACME].is_suspended or carrier, "new calls would still be taken"
        self.orders.append((reason, tenant, carrier))
        return 1


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ring() -> KeyRing:
    return ring_of(auth_pb2.FetchKeysResponse(tenant_keys=[auth_pb2.TenantKey(tenant="acme", key_id="k1", key=KEY)]))


def test_what_was_told_before_the_engine_came_is_given_at_once(bench: Bench) -> None:
    bench.tell(*STORY)
    bench.feed.attach(bench.engine)
    assert bench.outcome() == "admit"
    assert bench.outcome("192.0.3.7") == "T203"
    assert bench.outcome(host=f"acme.eu1.{REALM}") == "admit"
    assert bench.outcome(host=f"acme.us1.{REALM}") == "T201"
    assert (bench.engine.position, bench.feed.applied.position) == (5, 5)


def test_a_change_holds_when_its_position_is_covered_and_not_before(bench: Bench) -> None:
    bench.feed.attach(bench.engine)
    bench.tell(*STORY)
    bench.tell((Kind.DOMAIN, "acme", AclDetached("OUT")), is_covered=False)
    assert bench.outcome() == "admit" and bench.feed.applied.position == 5
    bench.feed.on_covered(Position(6))
    assert bench.outcome() == "T201" and bench.feed.applied.position == 6


def test_an_account_can_be_used_when_its_key_has_come(bench: Bench) -> None:
    bench.feed.attach(bench.engine)
    bench.tell(*STORY[:1], *STORY[1:2], *STORY[3:])
    bench.tell((Kind.CREDENTIAL, "c1", CredentialSet("31000000", REALM, "k1", SEALED)), (Kind.ACL, "OUT", AccountAdded("31000000", "c1")))
    assert bench.wanted_keys == 1
    assert bench.outcome(username="31000000") == "T905"
    bench.feed.on_keys(ring(), NO_KEYS)
    assert bench.outcome(username="31000000") == "admit"
    bench.feed.on_keys(NO_KEYS, ring())
    assert bench.outcome(username="31000000") == "T905"


def test_a_rebuilt_replica_replaces_what_was_held_in_one_step(bench: Bench) -> None:
    bench.feed.attach(bench.engine)
    bench.tell(*STORY)
    before = bench.feed.directory
    bench.feed.on_reset()
    bench.position = 0
    bench.tell(STORY[0], (Kind.ACL, "NEW", AclCreated()), (Kind.ACL, "NEW", AddressAdded("198.51.100.1/32")), is_covered=False)
    assert bench.outcome() == "admit" and bench.feed.directory is before
    bench.tell((Kind.DOMAIN, "new", DomainCreated("new")), (Kind.DOMAIN, "new", AclAttached("NEW")), is_covered=False)
    bench.feed.on_covered(Position(4))
    assert bench.outcome() == "T201"
    assert bench.outcome("198.51.100.1", host=f"new.{REALM}") == "admit"
    assert bench.feed.directory.domain(ACME, "new") is not None and bench.feed.directory.domain(ACME, "acme") is None  # type: ignore[arg-type]
    assert bench.feed.applied.position == 4


def signing_ring(key_id: int) -> KeyRing:
    key = SigningKey(key_id, KEY, 0, 2**40)
    return KeyRing(nonce_keys=(key,), token_keys=(key,))


def test_keys_that_sign_are_given_at_once_though_the_replica_is_being_built_anew(bench: Bench) -> None:
    engine = Recording(bench)
    bench.feed.attach(engine)
    bench.tell(*STORY)
    bench.feed.on_reset()
    bench.feed.on_keys(signing_ring(7), NO_KEYS)
    # The log went away, and what was read of it since the reset is of no use.
    bench.feed.on_reset()
    assert [change.keys[0].key_id for change in engine.given if isinstance(change, SetTokenKeys)] == [7]
    assert bench.outcome() == "admit" and bench.engine.position == bench.position


def test_long_groups_are_given_in_slices_that_end_with_a_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "SLICE", 10)
    engine = Recording(bench)
    bench.feed.attach(engine)
    engine.batches.clear()
    bench.tell(*STORY, is_covered=False)
    for n in range(0, 40, 4):
        bench.position += 1
        for m in range(4):
            event = AddressAdded(f"198.51.100.{n + m}/32")
            bench.feed.on_fact(Fact(Position(bench.position), Kind.ACL, ACME, "OUT", event, 1))
    bench.feed.on_covered(Position(bench.position))
    assert engine.batches[-1][1] == bench.position and len(engine.batches) > 3
    assert sum(size for size, _ in engine.batches) == 40 + 1 + 2 + 2
    assert all(size <= 13 for size, _ in engine.batches)
    assert bench.outcome("198.51.100.39") == "admit"


def test_a_secret_without_its_key_is_not_applied_before_auth_was_asked_for_it(bench: Bench) -> None:
    bench.feed.attach(bench.engine)
    bench.tell(*STORY)
    before = bench.position
    bench.tell((Kind.CREDENTIAL, "c1", CredentialSet("31000000", REALM, "k1", SEALED)), (Kind.ACL, "OUT", AccountAdded("31000000", "c1")))
    assert bench.feed.applied.position == before
    bench.feed.on_keys_asked(bench.wanted_keys - 1)
    assert bench.feed.applied.position == before, "an answer to an earlier question may lack the key"
    bench.feed.on_keys_asked(bench.wanted_keys)
    assert bench.feed.applied.position == bench.position


def test_calls_are_ended_when_a_suspension_says_so_and_new_ones_are_refused_already(bench: Bench) -> None:
    engine = Recording(bench)
    bench.feed.attach(engine)
    bench.tell(*STORY, (Kind.CARRIER, "alpha", CarrierCreated()))
    bench.tell((Kind.TENANT, "acme", TenantSuspended()), (Kind.CARRIER, "alpha", CarrierSuspended()))
    assert engine.orders == []
    bench.tell((Kind.TENANT, "acme", TenantSuspended(is_ending_calls=True)), is_covered=False)
    assert engine.orders == []
    bench.feed.on_covered(Position(bench.position))
    assert engine.orders == [("T603", "acme", "")]
    bench.tell((Kind.CARRIER, "alpha", CarrierSuspended(is_ending_calls=True)))
    assert engine.orders[1:] == [("T604", "", "alpha")]
    bench.tell((Kind.TENANT, "acme", TenantResumed()), (Kind.CARRIER, "alpha", CarrierResumed()))
    assert len(engine.orders) == 2


@pytest.mark.parametrize(
    ("tenants", "is_resumed", "orders"),
    [
        (("acme", "other"), False, [("T603", "acme", ""), ("T604", "", "alpha")]),
        (("other",), False, [("T604", "", "alpha")]),
        (("acme", "other"), True, []),
    ],
)
def test_what_was_suspended_before_the_engine_came_has_the_calls_of_an_earlier_run_ended(
    bench: Bench, tenants: tuple[str, ...], is_resumed: bool, orders: list[tuple[str, str, str]]
) -> None:
    engine = Recording(bench)
    bench.tell(*STORY, (Kind.CARRIER, "alpha", CarrierCreated()))
    bench.tell(
        (Kind.TENANT, "acme", TenantSuspended(is_ending_calls=True)), (Kind.CARRIER, "alpha", CarrierSuspended(is_ending_calls=True))
    )
    if is_resumed:
        bench.tell((Kind.TENANT, "acme", TenantResumed()), (Kind.CARRIER, "alpha", CarrierResumed()))
    bench.feed.attach(engine)
    assert engine.orders == []
    bench.feed.end_restored(lambda: tenants)
    assert engine.orders == orders
    bench.tell((Kind.ACL, "OUT", AddressAdded("198.51.100.1/32")))
    assert engine.orders == orders


def test_a_rebuilt_replica_ends_no_calls_of_who_was_suspended_and_resumed_long_ago(bench: Bench) -> None:
    engine = Recording(bench)
    bench.feed.attach(engine)
    story: list[tuple[Kind, str, Event]] = [
        *STORY,
        (Kind.CARRIER, "alpha", CarrierCreated()),
        (Kind.TENANT, "acme", TenantSuspended(is_ending_calls=True)),
        (Kind.CARRIER, "alpha", CarrierSuspended(is_ending_calls=True)),
    ]
    bench.tell(*story)
    bench.tell((Kind.TENANT, "acme", TenantResumed()), (Kind.CARRIER, "alpha", CarrierResumed()))
    engine.orders.clear()
    bench.feed.on_reset()
    bench.position = 0
    bench.tell(*story, (Kind.TENANT, "acme", TenantResumed()), (Kind.CARRIER, "alpha", CarrierResumed()))
    assert engine.orders == []
    bench.feed.on_reset()
    bench.position = 0
    bench.tell(*story)
    assert engine.orders == [("T603", "acme", ""), ("T604", "", "alpha")]


def test_what_was_told_anew_before_the_engine_came_is_held_after_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file could not be read to its end; the edge serves while the log is read, and asks about calls until it is whole."""
    monkeypatch.setattr(tables_module, "SLICE", 1)
    bench.tell((Kind.ACL, "OLD", AddressAdded("203.0.113.1/32")), (Kind.DOMAIN, "acme", DomainCreated("acme")), is_covered=False)
    bench.tell((Kind.DOMAIN, "acme", AclAttached("OLD")), is_covered=False)
    bench.feed.on_reset()
    bench.position = 0
    bench.tell(*STORY[:4], is_covered=False)
    bench.feed.attach(bench.engine)
    bench.tell(*STORY[4:])
    assert bench.outcome() == "admit" and bench.outcome("203.0.113.1") == "T203"


def test_the_past_of_the_log_ends_nobodys_calls_at_an_edge_that_serves_while_it_is_read(bench: Bench) -> None:
    engine = Recording(bench)
    bench.feed.is_whole = False
    bench.feed.attach(engine)
    bench.tell(*STORY, (Kind.CARRIER, "alpha", CarrierCreated()))
    bench.tell((Kind.TENANT, "acme", TenantSuspended(is_ending_calls=True)))
    bench.tell((Kind.CARRIER, "alpha", CarrierSuspended(is_ending_calls=True)))
    bench.tell((Kind.TENANT, "acme", TenantResumed()))
    assert engine.orders == []
    bench.feed.is_whole = True
    bench.feed.end_restored(lambda: ("acme",))
    assert engine.orders == [("T604", "", "alpha")]
