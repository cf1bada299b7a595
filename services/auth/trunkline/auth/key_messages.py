"""Entries of a key store ↔ messages of auth.proto, and what is checked of a peer's."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.auth.v1 import auth_pb2
from trunkline.auth.authorizer import as_rotating
from trunkline.auth.key_set import Entry, Forgotten, Signing, TenantKey
from trunkline.auth.key_store import KeyStore, key_id_of
from trunkline.auth.rotation import KEY_IDS, Purpose, SigningKey
from trunkline.auth.sealing import KEY_BYTES
from trunkline.domain import names

LAST_TIME_S = 253_402_300_799
"""The end of the year 9999, where protobuf's times end."""

NUMBER_DIGITS = 8


class BadKeys(ValueError):
    """What a peer sent cannot be keys; the text says which, never the key."""


def key_set_of(entries: Iterable[Entry]) -> auth_pb2.KeySet:
    message = auth_pb2.KeySet()
    for entry in entries:
        match entry:
            case TenantKey(tenant, key_id, key):
                message.tenant_keys.add(tenant=tenant, key_id=key_id, key=key)
            case Forgotten(tenant):
                message.forgotten_tenants.append(tenant)
            case Signing(Purpose.NONCE, key):
                message.nonce_keys.append(_rotating(key))
            case Signing(_, key):
                message.token_keys.append(_rotating(key))
    return message


def entries_of(message: auth_pb2.KeySet) -> list[Entry]:
    """Raises BadKeys, and Refusal for what is no tenant's name."""
    entries: list[Entry] = [_tenant_key(each) for each in message.tenant_keys]
    entries += [Forgotten(names.tenant_id(tenant)) for tenant in message.forgotten_tenants]
    entries += [Signing(Purpose.NONCE, _signing_key("nonce", each)) for each in message.nonce_keys]
    entries += [Signing(Purpose.TOKEN, _signing_key("token", each)) for each in message.token_keys]
    return entries


def keys_for_edges(keys: KeyStore, tenants: Iterable[str], now_s: int) -> auth_pb2.FetchKeysResponse:
    """In an order that is the same at all stores which hold the same."""
    return auth_pb2.FetchKeysResponse(
        tenant_keys=[
            auth_pb2.TenantKey(tenant=tenant, key_id=key_id, key=key) for tenant, key_id, key in sorted(keys.tenant_keys(tenants))
        ],
        nonce_keys=_signing(keys, Purpose.NONCE, now_s),
        token_keys=_signing(keys, Purpose.TOKEN, now_s),
    )


def _signing(keys: KeyStore, purpose: Purpose, now_s: int) -> list[auth_pb2.RotatingKey]:
    known = sorted(keys.signing_keys(purpose).values(), key=lambda key: key.key_id)
    return [
        _rotating(SigningKey(key.key_id, key.key, key.not_before_s, key.not_after_s), is_current=key.is_current)
        for key in as_rotating(known, now_s)
    ]


def _rotating(key: SigningKey, *, is_current: bool = False) -> auth_pb2.RotatingKey:
    return auth_pb2.RotatingKey(
        key_id=key.key_id,
        key=key.key,
        not_before=Timestamp(seconds=key.not_before_s),
        not_after=Timestamp(seconds=key.not_after_s),
        is_current=is_current,
    )


def _tenant_key(message: auth_pb2.TenantKey) -> TenantKey:
    tenant = names.tenant_id(message.tenant)
    number, _, check = message.key_id.partition("-")
    if len(message.key) != KEY_BYTES or len(number) != NUMBER_DIGITS or not (number.isascii() and number.isdigit()):
        raise BadKeys(f"a key of tenant {tenant} has no proper id or not {KEY_BYTES} bytes: is the peer of another version?")
    # ids without a check are of an older version
    if check and not hmac.compare_digest(message.key_id, key_id_of(int(number), message.key)):
        raise BadKeys(f"the key {message.key_id} of tenant {tenant} is not the one that its id was made of")
    return TenantKey(tenant, message.key_id, message.key)


def _signing_key(what: str, message: auth_pb2.RotatingKey) -> SigningKey:
    begins_s, ends_s = message.not_before.seconds, message.not_after.seconds
    if len(message.key) != KEY_BYTES or message.key_id >= KEY_IDS or not 0 <= begins_s < ends_s <= LAST_TIME_S:
        raise BadKeys(f"the {what} key {message.key_id} has no proper id, size or time: is the peer of another version?")
    return SigningKey(message.key_id, message.key, begins_s, ends_s)
