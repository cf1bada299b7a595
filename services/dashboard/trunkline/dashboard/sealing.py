"""API keys at rest: sealed under what only their owner brings, a password or the secret of a cookie or link.

So the files of the dashboard open nothing by themselves (ADR 18).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TIME, _MEMORY_KIB, _LANES = 3, 64 * 1024, 4
"""RFC 9106 §4, the second recommended choice."""


def new_secret() -> str:
    """For a cookie or a link: 43 characters that fit into an address."""
    return secrets.token_urlsafe(SECRET_BYTES)


def name_of(secret: str) -> bytes:
    """By which a secret is found again in a table; it does not lead back."""
    return hashlib.sha256(b"name\0" + secret.encode()).digest()


def csrf_of(secret: str) -> str:
    """What the forms of a session carry."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def key_of_secret(secret: str) -> bytes:
    """32 bytes; the secret has 256 random bits, so it needs no stretching."""
    return hmac.new(secret.encode(), b"seal", hashlib.sha256).digest()


def key_of_password(password: str, salt: bytes) -> bytes:
    """32 bytes by Argon2id; takes some 50 ms and 64 MiB."""
    return hash_secret_raw(password.encode(), salt, time_cost=_TIME, memory_cost=_MEMORY_KIB, parallelism=_LANES, hash_len=32, type=Type.ID)


def seal(key: bytes, text: str, bound_to: str) -> bytes:
    """Opens only with the same key and `bound_to`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), bound_to.encode())


def unseal(key: bytes, sealed: bytes, bound_to: str) -> str | None:
    """None where the key is not the one."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        return None
