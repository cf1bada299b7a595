"""What auth gave an edge: the data keys that unseal accounts' HA1s, the keys that sign nonces and tokens. A value; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.auth.v1 import auth_pb2
from trunkline.domain.events import CredentialSet, TenantId
from trunkline.engine.tables import RotatingKey, SetNonceKeys, SetTokenKeys, TableChange

KEY_BYTES = 32
_NONCE_BYTES = 12
_MD5_END, _SHA256_END, _PLAIN_BYTES = 16, 48, 80
"""Where the three HA1s stand in the plain text (`CredentialSet` in config.proto)."""


class BadKeys(ValueError):
    """Auth's answer, or what was cached of it, holds a key of the wrong size; the text names which."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Signs from `not_before_s` until a younger one's time has come; is accepted until `not_after_s` (Unix seconds)."""

    key_id: int
    key: bytes = field(repr=False)
    not_before_s: int
    not_after_s: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """`tenant_keys` by tenant and key id. Immutable, so a ring may be replaced while another thread reads it."""

    tenant_keys: Mapping[tuple[str, str], bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    nonce_keys: tuple[SigningKey, ...] = ()
    token_keys: tuple[SigningKey, ...] = ()

    def unseal(self, tenant: TenantId, credential_id: str, credential: CredentialSet) -> tuple[bytes, bytes, bytes] | None:
        """HA1s of MD5, SHA-256 and SHA-512-256. None where the tenant's key is missing, or key, owner or bytes are not what was sealed."""
        key = self.tenant_keys.get((tenant, credential.key_id))
        if key is None:
            return None
        owner = "\0".join((tenant, credential_id, credential.realm, credential.username)).encode()
        try:
            plain = AESGCM(key).decrypt(credential.sealed[:_NONCE_BYTES], credential.sealed[_NONCE_BYTES:], owner)
        except (InvalidTag, ValueError):
            # ValueError: too short to hold a nonce.
            return None
        if len(plain) != _PLAIN_BYTES:
            return None
        return plain[:_MD5_END], plain[_MD5_END:_SHA256_END], plain[_SHA256_END:]

    def holds(self, tenant: str, key_id: str) -> bool:
        return (tenant, key_id) in self.tenant_keys

    def signing_changes(self, now_s: int) -> list[TableChange]:
        """The engine's keys as of now. Which key signs is decided here and not by auth's flag: a ring from the cache may be hours old."""
        return [SetNonceKeys(_rotating(self.nonce_keys, now_s)), SetTokenKeys(_rotating(self.token_keys, now_s))]

    def can_sign(self, now_s: int) -> bool:
        """Whether somebody can be challenged and a call set up, whose dialog needs a token."""
        return all(any(key.not_before_s <= now_s < key.not_after_s for key in keys) for keys in (self.nonce_keys, self.token_keys))

    def without_tenants(self) -> KeyRing:
        """What is left when the time of the tenants' keys is over; signing keys have times of their own."""
        return KeyRing(nonce_keys=self.nonce_keys, token_keys=self.token_keys)

    def tenants_changed(self, before: KeyRing) -> set[str]:
        """Whose keys came, went or differ."""
        both = set(self.tenant_keys) | set(before.tenant_keys)
        return {place[0] for place in both if self.tenant_keys.get(place) != before.tenant_keys.get(place)}


NO_KEYS = KeyRing()


def ring_of(response: auth_pb2.FetchKeysResponse) -> KeyRing:
    """Raises BadKeys."""
    for tenant_key in response.tenant_keys:
        _check(f"the key {tenant_key.key_id} of tenant {tenant_key.tenant}", tenant_key.key)
    tenant_keys = {(each.tenant, each.key_id): each.key for each in response.tenant_keys}
    nonce_keys = _signing_keys("nonce key", response.nonce_keys)
    return KeyRing(MappingProxyType(tenant_keys), nonce_keys, _signing_keys("token key", response.token_keys))


def response_of(ring: KeyRing) -> auth_pb2.FetchKeysResponse:
    """The message that `ring_of` makes the ring from."""
    return auth_pb2.FetchKeysResponse(
        tenant_keys=[auth_pb2.TenantKey(tenant=tenant, key_id=key_id, key=key) for (tenant, key_id), key in ring.tenant_keys.items()],
        nonce_keys=map(_message, ring.nonce_keys),
        token_keys=map(_message, ring.token_keys),
    )


def _message(key: SigningKey) -> auth_pb2.RotatingKey:
    not_before, not_after = Timestamp(seconds=key.not_before_s), Timestamp(seconds=key.not_after_s)
    return auth_pb2.RotatingKey(key_id=key.key_id, key=key.key, not_before=not_before, not_after=not_after)


def _signing_keys(what: str, keys: Iterable[auth_pb2.RotatingKey]) -> tuple[SigningKey, ...]:
    signing = []
    for each in keys:
        _check(f"{what} {each.key_id}", each.key)
        signing.append(SigningKey(each.key_id, each.key, each.not_before.seconds, each.not_after.seconds))
    return tuple(signing)


def _check(what: str, key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise BadKeys(f"{what} has {len(key)} bytes, not {KEY_BYTES}: is auth of another version?")


def _rotating(keys: tuple[SigningKey, ...], now_s: int) -> tuple[RotatingKey, ...]:
    living = [key for key in keys if now_s < key.not_after_s]
    current = max((key for key in living if key.not_before_s <= now_s), key=lambda key: key.not_before_s, default=None)
    return tuple(RotatingKey(key.key_id, key.key, key.not_before_s, key.not_after_s, key is current) for key in living)
