"""The access rule on a replica: facts in, answers out, and keys whose turn comes by time alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.auth.authorizer import Authorizer, as_rotating
from trunkline.auth.credentials import set_credential
from trunkline.auth.key_set import Signing
from trunkline.auth.key_store import KeyStore
from trunkline.auth.rotation import NONCE_PLAN, Purpose, SigningKey
from trunkline.domain.errors import Refusal
from trunkline.domain.events import (
    AccountAdded,
    AclAttached,
    AclCreated,
    AddressAdded,
    CredentialSet,
    DomainCreated,
    Event,
    Kind,
    Position,
    TenantId,
)
from trunkline.domain.facts import Fact
from trunkline.engine import AccessTables, digest_response, ha1
from trunkline.engine.tables import SetNonceKeys

ACME = TenantId("acme")
REALM = "sip.trunkline.test"
HOST = f"acme.{REALM}"
START_S = 1_795_000_000


class World:
    """An authorizer with a clock of its own; account 31000000 of an ACL that is attached to acme."""

    def __init__(self, folder: Path) -> None:
        self.now_s = START_S
        self.keys = KeyStore(folder / "keys.sqlite", b"K" * 32)
        self.keys.rotate(Purpose.NONCE, NONCE_PLAN, self.now_s)
        self.authorizer = Authorizer(REALM, ["eu1"], self.keys, lambda: self.now_s)
        self._position = 0
        command = set_credential(self.keys, REALM, tenant=ACME, credential_id="c1", username="31000000", password="correct horse")
        self.apply(Kind.CREDENTIAL, "c1", CredentialSet("31000000", REALM, command.key_id, command.sealed))
        self.apply(Kind.ACL, "OUT", AclCreated())
        self.apply(Kind.ACL, "OUT", AccountAdded("31000000", "c1"))
        self.apply(Kind.DOMAIN, "acme", DomainCreated("acme"))
        self.apply(Kind.DOMAIN, "acme", AclAttached("OUT"))

    def apply(self, kind: Kind, aggregate: str, event: Event) -> None:
        self._position += 1
        self.authorizer.on_fact(Fact(Position(self._position), kind, ACME, aggregate, event, 1))
        self.authorizer.on_covered(Position(self._position))

    def rotate(self) -> None:
        self.keys.rotate(Purpose.NONCE, NONCE_PLAN, self.now_s)
        self.authorizer.keys_rotated()

    def nonce(self) -> str:
        tables = AccessTables(realm=REALM)
        tables.apply([SetNonceKeys(as_rotating(self.keys.signing_keys(Purpose.NONCE).values(), self.now_s))], 0)
        return tables.issue_nonce(now_s=self.now_s, entropy=b"entropy8")

    def outcome(self, nonce: str, password: str = "correct horse") -> str:
        uri = f"sip:31201234567@{HOST}"
        response = digest_response(
            algorithm="MD5", ha1=ha1("MD5", "31000000", REALM, password), nonce=nonce, method="INVITE", uri=uri, cnonce="0a4f113b"
        )
        value = (
            f'Digest username="31000000", realm="{REALM}", nonce="{nonce}", uri="{uri}", response="{response}",'
            ' algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"'
        )
        trace = self.authorizer.check(
            host=HOST, source="192.0.2.1", method="INVITE", number="31201234567", sip_call_id="c", credentials=[value]
        )
        return trace.reason or trace.outcome + (" stale" if trace.is_stale else "")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_password_of_the_log_admits(world: World) -> None:
    assert world.outcome(world.nonce()) == "admit"
    assert world.outcome(world.nonce(), "wrong horse") == "T204"


def test_nonces_are_good_across_every_rotation_of_two_days(world: World) -> None:
    seen = set()
    for _ in range(48 * 6):
        before = world.nonce()
        world.now_s += 50
        world.rotate()
        assert world.outcome(before) == "admit"
        world.now_s += 550
        world.rotate()
        assert world.outcome(before) == "challenge stale"
        seen.add(before[:6])
    assert len(seen) >= 47, "an hour's key signed no longer than its hour"


def test_the_replicas_position_is_told(world: World) -> None:
    assert world.authorizer.position == 5
    world.apply(Kind.ACL, "OUT", AddressAdded("192.0.2.1/32"))
    assert world.authorizer.position == 6


def test_a_key_that_is_over_is_given_to_nobody_and_one_that_is_announced_does_not_sign() -> None:
    keys = [SigningKey(1, b"a" * 32, 0, 100), SigningKey(2, b"b" * 32, 90, 300), SigningKey(3, b"c" * 32, 190, 400)]
    assert [(key.key_id, key.is_current) for key in as_rotating(keys, 100)] == [(2, True), (3, False)]
    assert [(key.key_id, key.is_current) for key in as_rotating(keys, 190)] == [(2, False), (3, True)]


@pytest.mark.parametrize(("name", "value"), [("tenant", "Acme"), ("credential_id", "a.b"), ("username", "a b"), ("password", "short")])
def test_what_cannot_be_a_credential_makes_no_key(tmp_path: Path, name: str, value: str) -> None:
    keys = KeyStore(tmp_path / "keys.sqlite", b"K" * 32)
    fields = {"tenant": "acme", "credential_id": "c1", "username": "31000000", "password": "correct horse"} | {name: value}
    with pytest.raises(Refusal) as caught:
        set_credential(keys, REALM, **fields)  # type: ignore[arg-type]
    assert caught.value.field == name
    assert keys.tenant_keys() == []
    keys.close()


def test_while_tables_are_built_anew_the_old_ones_answer_and_keys_count_in_both(world: World) -> None:
    world.authorizer.on_reset()
    assert world.outcome(world.nonce()) == "admit"
    command = set_credential(world.keys, REALM, tenant=ACME, credential_id="c1", username="31000000", password="another horse")
    facts: list[tuple[Kind, str, Event]] = [
        (Kind.CREDENTIAL, "c1", CredentialSet("31000000", REALM, command.key_id, command.sealed)),
        (Kind.ACL, "OUT", AclCreated()),
        (Kind.ACL, "OUT", AccountAdded("31000000", "c1")),
        (Kind.DOMAIN, "acme", DomainCreated("acme")),
        (Kind.DOMAIN, "acme", AclAttached("OUT")),
    ]
    for position, (kind, aggregate, event) in enumerate(facts, 1):
        world.authorizer.on_fact(Fact(Position(position), kind, ACME, aggregate, event, 1))
    world.now_s += 3_600
    world.rotate()
    assert world.outcome(world.nonce()) == "admit"
    assert world.outcome(world.nonce(), "another horse") == "T204"
    world.authorizer.on_covered(Position(9))
    assert world.authorizer.position == 9
    assert world.outcome(world.nonce(), "another horse") == "admit"
    assert world.outcome(world.nonce()) == "T204"


def test_an_account_can_be_authenticated_when_the_key_comes_after_it_and_not_when_the_tenant_is_forgotten(
    world: World, tmp_path: Path
) -> None:
    late = KeyStore(tmp_path / "late.sqlite", b"K" * 32)
    nonce_keys = [Signing(Purpose.NONCE, key) for key in world.keys.signing_keys(Purpose.NONCE).values()]
    tenant_keys = list(world.keys.content.keys_of(ACME).values())
    world.authorizer = Authorizer(REALM, ["eu1"], late, lambda: world.now_s)
    late.on_change = world.authorizer.keys_changed
    command = set_credential(world.keys, REALM, tenant=ACME, credential_id="c1", username="31000000", password="correct horse")
    world.apply(Kind.CREDENTIAL, "c1", CredentialSet("31000000", REALM, command.key_id, command.sealed))
    world.apply(Kind.ACL, "OUT", AclCreated())
    world.apply(Kind.ACL, "OUT", AccountAdded("31000000", "c1"))
    world.apply(Kind.DOMAIN, "acme", DomainCreated("acme"))
    world.apply(Kind.DOMAIN, "acme", AclAttached("OUT"))
    late.take(nonce_keys, world.now_s)
    assert world.outcome(world.nonce()) == "T905"
    late.take(tenant_keys, world.now_s)
    assert world.outcome(world.nonce()) == "admit"
    late.forget(ACME)
    assert world.outcome(world.nonce()) == "T905"
    late.close()
