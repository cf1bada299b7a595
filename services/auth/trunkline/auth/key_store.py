"""The keys: tenants' data keys, nonce keys, token keys. The one thing outside the log, because the log never forgets.

A SQLite file with each key wrapped by the KEK (AES-256-GCM; what the key is for is authenticated with it). All keys are in memory, so
reading never touches the file; a write is one small transaction that is on disk before the key is used: a secret sealed under a key that a
power cut took with it would be lost.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkline.auth.rotation import Plan, SigningKey, forgotten, next_key
from trunkline.auth.sealing import KEY_BYTES, NONCE_BYTES

Random = Callable[[int], bytes]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tenant_keys (
    tenant TEXT NOT NULL, key_id TEXT NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (tenant, key_id)
) STRICT;
CREATE TABLE IF NOT EXISTS signing_keys (
    purpose TEXT NOT NULL, key_id INTEGER NOT NULL, wrapped BLOB NOT NULL, not_before_s INTEGER NOT NULL, not_after_s INTEGER NOT NULL,
    PRIMARY KEY (purpose, key_id)
) STRICT;
"""


class KeyStoreError(Exception):
    """The store cannot be used; the text says why and what to do. Nothing is overwritten."""


class Purpose(StrEnum):
    NONCE = "nonce"
    TOKEN = "token"  # noqa: S105 - a purpose, no secret


class KeyStore:
    """Belongs to one thread. `random(n)` gives n bytes; tests give their own."""

    def __init__(self, path: Path, kek: bytes, random: Random = os.urandom) -> None:
        self._path = path
        self._wrapper = AESGCM(kek)
        self._random = random
        self._tenant_keys: dict[str, dict[str, bytes]] = {}
        self._signing_keys: dict[Purpose, dict[int, SigningKey]] = {purpose: {} for purpose in Purpose}
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path)
        try:
            self._open(hashlib.sha256(b"trunkline kek" + kek).digest())
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise KeyStoreError(f"{path}: is not a key store or is damaged ({error}). Restore it from a backup.") from error
        except KeyStoreError:
            self._database.close()
            raise

    def _open(self, kek_hash: bytes) -> None:
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;" + _SCHEMA)
        known = self._database.execute("SELECT value FROM meta WHERE name = 'kek_hash'").fetchone()
        if known is None:
            with self._database:
                self._database.execute("INSERT INTO meta VALUES ('kek_hash', ?)", (kek_hash,))
        elif known[0] != kek_hash:
            raise KeyStoreError(f"{self._path}: was made with another key encryption key. Point kek_file to the file that belongs to it.")
        for tenant, key_id, wrapped in self._database.execute("SELECT tenant, key_id, wrapped FROM tenant_keys"):
            self._tenant_keys.setdefault(tenant, {})[key_id] = self._unwrap(wrapped, f"tenant/{tenant}/{key_id}")
        for name, number, wrapped, not_before_s, not_after_s in self._database.execute(
            "SELECT purpose, key_id, wrapped, not_before_s, not_after_s FROM signing_keys"
        ):
            key = self._unwrap(wrapped, f"{name}/{number}")
            self._signing_keys[Purpose(name)][number] = SigningKey(number, key, not_before_s, not_after_s)

    def tenant_key(self, tenant: str, key_id: str) -> bytes | None:
        return self._tenant_keys.get(tenant, {}).get(key_id)

    def tenant_keys(self, tenants: Iterable[str] = ()) -> list[tuple[str, str, bytes]]:
        """(tenant, key id, key) of the tenants named, or of all."""
        wanted = list(tenants) or list(self._tenant_keys)
        return [(tenant, key_id, key) for tenant in wanted for key_id, key in self._tenant_keys.get(tenant, {}).items()]

    def sealing_key(self, tenant: str) -> tuple[str, bytes]:
        """The key (id and 32 bytes) that the tenant's secrets are sealed under now; made, and on disk, when this returns."""
        known = self._tenant_keys.get(tenant)
        if known:
            key_id = max(known)
            return key_id, known[key_id]
        key_id, key = f"{1:08d}", self._random(KEY_BYTES)
        with self._database:
            self._database.execute(
                "INSERT INTO tenant_keys VALUES (?, ?, ?)", (tenant, key_id, self._wrap(key, f"tenant/{tenant}/{key_id}"))
            )
        self._tenant_keys[tenant] = {key_id: key}
        return key_id, key

    def signing_keys(self, purpose: Purpose) -> Mapping[int, SigningKey]:
        """By key id; the youngest expired one may be among them."""
        return MappingProxyType(self._signing_keys[purpose])

    def rotate(self, purpose: Purpose, plan: Plan, now_s: int) -> bool:
        """Makes the key that is due and forgets those that are over; whether anything changed. Call it more often than `announce_s`."""
        keys = self._signing_keys[purpose]
        new = next_key(keys.values(), plan, now_s, lambda: self._random(KEY_BYTES))
        over = forgotten([*keys.values(), *([new] if new else [])], now_s)
        if new is None and not over:
            return False
        with self._database:
            self._database.executemany("DELETE FROM signing_keys WHERE purpose = ? AND key_id = ?", [(purpose, key.key_id) for key in over])
            if new is not None:
                wrapped = self._wrap(new.key, f"{purpose}/{new.key_id}")
                self._database.execute(
                    "INSERT OR REPLACE INTO signing_keys VALUES (?, ?, ?, ?, ?)",
                    (purpose, new.key_id, wrapped, new.not_before_s, new.not_after_s),
                )
        for key in over:
            keys.pop(key.key_id, None)
        if new is not None:
            keys[new.key_id] = new
        return True

    def close(self) -> None:
        self._database.close()

    def _wrap(self, key: bytes, use: str) -> bytes:
        nonce = self._random(NONCE_BYTES)
        return nonce + self._wrapper.encrypt(nonce, key, use.encode())

    def _unwrap(self, wrapped: bytes, use: str) -> bytes:
        try:
            return self._wrapper.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], use.encode())
        except InvalidTag:
            raise KeyStoreError(f"{self._path}: the key {use} does not open: the file was changed. Restore it from a backup.") from None
