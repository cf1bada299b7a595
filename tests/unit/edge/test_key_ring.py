"""The keys as a value: what they open, and which of them signs at a time."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.auth.v1 import auth_pb2
from trunkline.domain.events import CredentialSet, TenantId
from trunkline.edge.key_ring import NO_KEYS, BadKeys, KeyRing, ring_of
from trunkline.engine.tables import SetNonceKeys

ACME = TenantId("acme")
KEY = bytes(range(32))
SECRETS = (b"m" * 16, b"s" * 32, b"t" * 32)


def sealed(owner: str = "acme\0c1\0sip.example.com\x0031000000", key: bytes = KEY, plain: bytes = b"".join(SECRETS)) -> bytes:
    return b"n" * 12 + AESGCM(key).encrypt(b"n" * 12, plain, owner.encode())


def ring(**tenant_keys: bytes) -> KeyRing:
    return ring_of(
        auth_pb2.FetchKeysResponse(tenant_keys=[auth_pb2.TenantKey(tenant=t, key_id="k1", key=k) for t, k in tenant_keys.items()])
    )


def credential(content: bytes, key_id: str = "k1") -> CredentialSet:
    return CredentialSet("31000000", "sip.example.com", key_id, content)


def test_a_credential_opens_with_its_tenants_key() -> None:
    assert ring(acme=KEY).unseal(ACME, "c1", credential(sealed())) == SECRETS


@pytest.mark.parametrize(
    ("content", "key_id", "credential_id"),
    [
        (sealed(), "k2", "c1"),
        (sealed(), "k1", "c2"),
        (sealed(key=b"x" * 32), "k1", "c1"),
        (sealed(owner="other\0c1\0sip.example.com\x0031000000"), "k1", "c1"),
        (sealed()[:-1], "k1", "c1"),
        (sealed(plain=b"short"), "k1", "c1"),
        (b"", "k1", "c1"),
        (b"n" * 11, "k1", "c1"),
    ],
)
def test_what_was_not_sealed_for_this_owner_by_this_key_does_not_open(content: bytes, key_id: str, credential_id: str) -> None:
    assert ring(acme=KEY).unseal(ACME, credential_id, credential(content, key_id)) is None


def test_tenants_whose_keys_came_went_or_differ_are_named() -> None:
    before = ring(acme=KEY, gone=KEY, other=KEY)
    after = ring(acme=KEY, new=KEY, other=b"x" * 32)
    assert after.tenants_changed(before) == {"gone", "new", "other"}
    assert before.tenants_changed(NO_KEYS) == {"acme", "gone", "other"}


def _nonce_keys(*turns: tuple[int, int, int]) -> KeyRing:
    keys = [
        auth_pb2.RotatingKey(key_id=n, key=KEY, not_before=Timestamp(seconds=begin), not_after=Timestamp(seconds=end))
        for n, begin, end in turns
    ]
    return ring_of(auth_pb2.FetchKeysResponse(nonce_keys=keys))


@pytest.mark.parametrize(
    ("now_s", "known", "signing"),
    [(99, {1, 2}, None), (100, {1, 2}, 1), (199, {1, 2}, 1), (200, {1, 2}, 2), (300, {2}, 2), (400, set(), None)],
)
def test_the_youngest_key_whose_time_has_come_signs_and_those_that_are_over_are_gone(
    now_s: int, known: set[int], signing: int | None
) -> None:
    change = _nonce_keys((1, 100, 300), (2, 200, 400)).signing_changes(now_s)[0]
    assert isinstance(change, SetNonceKeys)
    assert {key.key_id for key in change.keys} == known
    assert [key.key_id for key in change.keys if key.is_current] == ([] if signing is None else [signing])


def test_a_key_of_another_size_is_refused_by_name() -> None:
    with pytest.raises(BadKeys, match="tenant acme has 5 bytes"):
        ring(acme=b"short")
    with pytest.raises(BadKeys, match="nonce key 7"):
        ring_of(auth_pb2.FetchKeysResponse(nonce_keys=[auth_pb2.RotatingKey(key_id=7)]))


def test_no_key_stands_in_a_rings_repr() -> None:
    assert repr(KEY)[2:-1] not in repr(ring(acme=KEY)) and "key=" not in repr(_nonce_keys((1, 1, 2)))
