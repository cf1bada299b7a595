"""Sealing of an account's three HA1s under its tenant's data key: AES-256-GCM, as `CredentialSet` in config.proto says.

Who it belongs to (tenant, credential id, realm, username) is authenticated with it, so a sealed credential moved elsewhere does not open.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
MD5_BYTES, SHA256_BYTES, SHA512_256_BYTES = 16, 32, 32
SEALED_BYTES = NONCE_BYTES + MD5_BYTES + SHA256_BYTES + SHA512_256_BYTES + 16

Secrets = tuple[bytes, bytes, bytes]
"""HA1s of MD5, SHA-256 and SHA-512-256, raw."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a sealed credential belongs to; part of what is authenticated."""

    tenant: str
    credential_id: str
    realm: str
    username: str

    @property
    def associated_data(self) -> bytes:
        return "\0".join((self.tenant, self.credential_id, self.realm, self.username)).encode()


def ha1s(username: str, realm: str, password: str) -> Secrets:
    """The HA1s of RFC 7616 §3.4.2 for the three algorithms."""
    text = f"{username}:{realm}:{password}".encode()
    # MD5 is what RFC 3261 clients know; its result is a secret here, not a proof of anything
    md5 = hashlib.md5(text, usedforsecurity=False).digest()
    return md5, hashlib.sha256(text).digest(), hashlib.new("sha512_256", text).digest()


def seal(key: bytes, owner: Owner, secrets: Secrets, nonce: bytes) -> bytes:
    """`nonce` is 12 random bytes, never used twice under a key."""
    assert len(nonce) == NONCE_BYTES
    return nonce + AESGCM(key).encrypt(nonce, b"".join(secrets), owner.associated_data)


def unseal(key: bytes, owner: Owner, sealed: bytes) -> Secrets | None:
    """None where the key or the owner is another, or the bytes are damaged."""
    if len(sealed) != SEALED_BYTES:
        return None
    try:
        plain = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.associated_data)
    except InvalidTag:
        return None
    return plain[:MD5_BYTES], plain[MD5_BYTES : MD5_BYTES + SHA256_BYTES], plain[MD5_BYTES + SHA256_BYTES :]
