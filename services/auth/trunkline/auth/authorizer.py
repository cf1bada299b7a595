"""The access rule on this service's replica: the engine's tables, fed by the log and opened with the keys of the key store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trunkline.auth.key_set import Difference
from trunkline.auth.key_store import KeyStore
from trunkline.auth.rotation import Purpose, SigningKey, current
from trunkline.auth.sealing import Owner, Secrets, unseal
from trunkline.domain.events import CredentialSet, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.engine import AccessTables, AccessTrace
from trunkline.engine.tables import RotatingKey, SetNonceKeys, TableChange
from trunkline.runtime.access_feed import AccessFeed

CHANGES_A_BATCH = 10_000
"""Of a replay: a batch is applied before more are collected, so that memory stays bounded."""


class _Rule:
    """Tables, and what fills them."""

    def __init__(self, realm: str, feed: AccessFeed) -> None:
        self.tables = AccessTables(realm=realm)
        self.feed = feed
        self.pending: list[TableChange] = []

    def apply(self, position: int) -> None:
        batch, self.pending = self.pending, []
        self.tables.apply(batch, position)


class Authorizer:
    """Feed it every fact, say when a position is covered; then ask. `now_s` gives Unix time.

    After `on_reset` facts come again from the first on; until a position is covered then, answers come from the old tables.
    """

    def __init__(self, realm: str, pops: Iterable[str], keys: KeyStore, now_s: Callable[[], float]) -> None:
        self._realm = realm
        self._pops = tuple(pops)
        self._keys = keys
        self._now_s = now_s
        self._rule = self._filled = self._empty()
        self.keys_rotated()

    @property
    def position(self) -> int:
        """What the tables cover."""
        return self._rule.tables.position

    def on_reset(self) -> None:
        """What was given is void: tables are built beside those that answer."""
        self._filled = self._empty()

    def on_fact(self, fact: Fact) -> None:
        """ValueError where the tables cannot take it; this service must not go on then."""
        filled = self._filled
        filled.pending += filled.feed.changes(fact)
        if len(filled.pending) >= CHANGES_A_BATCH:
            filled.apply(filled.tables.position)

    def on_covered(self, position: Position) -> None:
        """All facts up to `position` have been given."""
        if self._filled is not self._rule:
            self._filled.pending.append(self._nonce_keys())
        self._filled.apply(position)
        self._rule = self._filled

    def keys_changed(self, difference: Difference) -> None:
        """Keys came or went: what `KeyStore.on_change` calls."""
        for rule in {self._rule, self._filled}:
            if difference.tenants:
                rule.pending += rule.feed.keys_changed(*difference.tenants)
            if difference.has(Purpose.NONCE):
                rule.pending.append(self._nonce_keys())
            rule.apply(rule.tables.position)

    def keys_rotated(self) -> None:
        """Takes the nonce keys as they are now; call it once a minute too, for a key's turn comes by time alone."""
        self._rule.pending.append(self._nonce_keys())
        self._rule.apply(self._rule.tables.position)

    def check(self, *, host: str, source: str, method: str, number: str, sip_call_id: str, credentials: Iterable[str]) -> AccessTrace:
        """The rule on real credentials. ValueError for a source that is no IP address."""
        return self._rule.tables.check(
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
        return self._rule.tables.explain(host=host, source=source, username=username, is_password_right=is_password_right)

    def lists(self, *, host: str, source: str) -> bool:
        """Whether the domain that is dialled by this name lists the address. ValueError for a source that is no IP address."""
        return self._rule.tables.lists(host=host, source=source)

    def _empty(self) -> _Rule:
        return _Rule(self._realm, AccessFeed(self._realm, self._pops, self._unseal))

    def _nonce_keys(self) -> SetNonceKeys:
        return SetNonceKeys(as_rotating(self._keys.signing_keys(Purpose.NONCE).values(), int(self._now_s())))

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
