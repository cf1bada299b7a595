"""The keys: tenants' data keys, nonce keys, token keys. The one thing outside the log, because the log never forgets.

A SQLite file with each key wrapped by the KEK (AES-256-GCM; what the key is for is authenticated with it), and the names of tenants whose
keys are deleted for ever. All is in memory, so reading never touches the file; a write is one small transaction that is on disk before the
key is used: a secret sealed under a key that a power cut took with it would be lost.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import assert_never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunkline.auth.key_set import Difference, Entry, Forgotten, KeySet, Signing, TenantKey
from trunkline.auth.rotation import ALL_IDS, Plan, Purpose, SigningKey, Slot, current, next_key
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
CREATE TABLE IF NOT EXISTS forgotten_tenants (tenant TEXT PRIMARY KEY) STRICT;
"""


class KeyStoreError(Exception):
    """The store cannot be used; the text says why and what to do. Nothing is overwritten."""


class TenantForgotten(Exception):
    """The tenant's keys are deleted for ever; it gets no others."""


class KeyStore:
    """Belongs to one thread. `random(n)` gives n bytes; tests give their own. `slot` are the ids of keys that sign which this store may
    give. `on_change`, once set, is told of every change after it is on disk."""

    def __init__(self, path: Path, kek: bytes, random: Random = os.urandom, slot: Slot = ALL_IDS) -> None:
        self.on_change: Callable[[Difference], None] = lambda _: None
        self._path = path
        self._wrapper = AESGCM(kek)
        self._random = random
        self._slot = slot
        self._set = KeySet()
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
        self._set.apply(Difference(tuple(self._stored())))

    def _stored(self) -> Iterator[Entry]:
        for (tenant,) in self._database.execute("SELECT tenant FROM forgotten_tenants"):
            yield Forgotten(tenant)
        for tenant, key_id, wrapped in self._database.execute("SELECT tenant, key_id, wrapped FROM tenant_keys"):
            yield TenantKey(tenant, key_id, self._unwrap(wrapped, f"tenant/{tenant}/{key_id}"))
        for name, number, wrapped, not_before_s, not_after_s in self._database.execute(
            "SELECT purpose, key_id, wrapped, not_before_s, not_after_s FROM signing_keys"
        ):
            yield Signing(Purpose(name), SigningKey(number, self._unwrap(wrapped, f"{name}/{number}"), not_before_s, not_after_s))

    @property
    def content(self) -> KeySet:
        """What the store holds, to be read and compared; changed by `take` only."""
        return self._set

    def tenant_key(self, tenant: str, key_id: str) -> bytes | None:
        found = self._set.keys_of(tenant).get(key_id)
        return None if found is None else found.key

    def tenant_keys(self, tenants: Iterable[str] = ()) -> list[tuple[str, str, bytes]]:
        """(tenant, key id, key) of the tenants named, or of all."""
        wanted = list(tenants) or list(self._set.tenants())
        return [(tenant, entry.key_id, entry.key) for tenant in wanted for entry in self._set.keys_of(tenant).values()]

    def sealing_key(self, tenant: str) -> tuple[str, bytes]:
        """The key (id and 32 bytes) that the tenant's secrets are sealed under now; made, and on disk, when this returns. Raises
        TenantForgotten.

        Stores that hold the same choose the same, and no two stores choose one id for two keys, for an id holds a hash of its key.
        """
        if self._set.is_forgotten(tenant):
            raise TenantForgotten(tenant)
        known = self._set.keys_of(tenant)
        if known:
            key_id = max(known)
            return key_id, known[key_id].key
        key = self._random(KEY_BYTES)
        key_id = key_id_of(1, key)
        self._put(Difference((TenantKey(tenant, key_id, key),)))
        return key_id, key

    def signing_keys(self, purpose: Purpose) -> Mapping[int, SigningKey]:
        """By key id; the youngest expired one may be among them."""
        return MappingProxyType({key.key_id: key for key in self._set.signing_keys(purpose)})

    def can_sign(self, now_s: int) -> bool:
        """Whether there is a current key for everything."""
        return all(current(self._set.signing_keys(purpose), now_s) is not None for purpose in Purpose)

    def rotate(self, purpose: Purpose, plan: Plan, now_s: int) -> bool:
        """Makes the key that is due and forgets those that are over; whether anything changed. Call it more often than `announce_s`."""
        new = next_key(self._set.signing_keys(purpose), plan, now_s, lambda: self._random(KEY_BYTES), self._slot)
        return bool(self.take([Signing(purpose, new)] if new is not None else [], now_s))

    def forget(self, tenant: str) -> Difference:
        """Deletes the tenant's keys for ever; on disk when this returns. Forgetting it again changes nothing."""
        return self.take([Forgotten(tenant)], now_s=0)

    def take(self, entries: Iterable[Entry], now_s: int) -> Difference:
        """Adds what another store has (`KeySet.merged`); on disk when this returns. What has changed."""
        difference = self._set.merged(entries, now_s)
        if difference:
            self._put(difference)
        return difference

    def _put(self, difference: Difference) -> None:
        with self._database:
            for entry in difference.removed:
                self._delete(entry)
            for entry in difference.added:
                self._insert(entry)
        if any(isinstance(entry, TenantKey) for entry in difference.removed):
            # what was deleted is overwritten in the file when the write-ahead log, where it stands too, goes into it
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._set.apply(difference)
        self.on_change(difference)

    def _delete(self, entry: Entry) -> None:
        match entry:
            case TenantKey():
                self._database.execute("DELETE FROM tenant_keys WHERE tenant = ? AND key_id = ?", (entry.tenant, entry.key_id))
            case Forgotten():
                raise AssertionError("what was forgotten stays forgotten")
            case Signing():
                self._database.execute("DELETE FROM signing_keys WHERE purpose = ? AND key_id = ?", (entry.purpose.value, entry.key.key_id))
            case _:
                assert_never(entry)

    def _insert(self, entry: Entry) -> None:
        match entry:
            case TenantKey(tenant, key_id, key):
                wrapped = self._wrap(key, f"tenant/{tenant}/{key_id}")
                self._database.execute("INSERT INTO tenant_keys VALUES (?, ?, ?)", (tenant, key_id, wrapped))
            case Forgotten(tenant):
                self._database.execute("INSERT INTO forgotten_tenants VALUES (?)", (tenant,))
            case Signing(purpose, signing):
                wrapped = self._wrap(signing.key, f"{purpose}/{signing.key_id}")
                self._database.execute(
                    "INSERT INTO signing_keys VALUES (?, ?, ?, ?, ?)",
                    (purpose.value, signing.key_id, wrapped, signing.not_before_s, signing.not_after_s),
                )
            case _:
                assert_never(entry)

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


def key_id_of(number: int, key: bytes) -> str:
    """The id of a tenant's `number`-th key: ids sort by number, then by 64 bits of the key's hash."""
    return f"{number:08d}-{hashlib.sha256(b'trunkline key id' + key).hexdigest()[:16]}"
