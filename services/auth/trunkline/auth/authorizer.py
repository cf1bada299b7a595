"""The access rule on this service's replica: the engine's tables, fed by the log and opened with the keys of the key store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trunkline.auth.key_store import KeyStore, Purpose
from trunkline.auth.rotation import SigningKey, current
from trunkline.auth.sealing import Owner, Secrets, unseal
from trunkline.domain.events import CredentialSet, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.engine import AccessTables, AccessTrace
from trunkline.engine.tables import RotatingKey, SetNonceKeys, TableChange
from trunkline.runtime.access_feed import AccessFeed

CHANGES_A_BATCH = 10_000
"""Of a replay: a batch is applied before more are collected, so that memory stays bounded."""


class Authorizer:
    """Feed it every fact, say when a position is covered; then ask. `now_s` gives Unix time."""

    def __init__(self, realm: str, pops: Iterable[str], keys: KeyStore, now_s: Callable[[], float]) -> None:
        self._keys = keys
        self._now_s = now_s
        self._tables = AccessTables(realm=realm)
        self._feed = AccessFeed(realm, pops, self._unseal)
        self._pending: list[TableChange] = []
        self.keys_rotated()

    @property
    def position(self) -> int:
        """What the tables cover."""
        return self._tables.position

    def on_fact(self, fact: Fact) -> None:
        """ValueError where the tables cannot take it; this service must not go on then."""
        self._pending += self._feed.changes(fact)
        if len(self._pending) >= CHANGES_A_BATCH:
            self._apply(self._tables.position)

    def on_covered(self, position: Position) -> None:
        """All facts up to `position` have been given."""
        self._apply(position)

    def keys_rotated(self) -> None:
        """Takes the nonce keys as they are now; call it once a minute too, for a key's turn comes by time alone."""
        now_s = int(self._now_s())
        self._pending.append(SetNonceKeys(as_rotating(self._keys.signing_keys(Purpose.NONCE).values(), now_s)))
        self._apply(self._tables.position)

    def check(self, *, host: str, source: str, method: str, number: str, sip_call_id: str, credentials: Iterable[str]) -> AccessTrace:
        """The rule on real credentials. ValueError for a source that is no IP address."""
        return self._tables.check(
            host=host,
            source=source,
            method=method,
            number=number,
            sip_call_id=sip_call_id,
            credentials=list(credentials),
            now_s=self._now_s(),
        )

    def explain(self, *, host: str, source: str, username: str, is_password_right: bool) -> AccessTrace:
        """The rule with the digest's result assumed. ValueError for a source that is no IP address."""
        return self._tables.explain(host=host, source=source, username=username, is_password_right=is_password_right)

    def _apply(self, position: int) -> None:
        batch, self._pending = self._pending, []
        self._tables.apply(batch, position)

    def _unseal(self, tenant: TenantId, credential_id: str, credential: CredentialSet) -> Secrets | None:
        key = self._keys.tenant_key(tenant, credential.key_id)
        if key is None:
            return None
        return unseal(key, Owner(tenant, credential_id, credential.realm, credential.username), credential.sealed)


def as_rotating(keys: Iterable[SigningKey], now_s: int) -> tuple[RotatingKey, ...]:
    """What edges and tables are given of signing keys: those that are not over, with the one that signs now marked."""
    known = [key for key in keys if now_s < key.not_after_s]
    signing = current(known, now_s)
    return tuple(RotatingKey(key.key_id, key.key, key.not_before_s, key.not_after_s, key is signing) for key in known)
