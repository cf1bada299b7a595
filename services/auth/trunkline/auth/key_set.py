"""What a key store holds, as a value; and how two stores' sets become one. Pure.

Merging is union with four rules, and in whatever order and however often sets are merged, the result is the same:

- a tenant that was forgotten has no keys, and never again;
- of two tenant keys under one id (only an old version chose ids that could meet) the smaller one stays;
- of two signing keys under one id the one that begins later stays: an id comes again only after its key is over;
- signing keys that are over go, but for the youngest.

For comparing, entries are sorted into buckets by what they are about. A bucket's digest is the exclusive or of its entries' digests: it
follows every change at once and does not depend on order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from trunkline.auth.rotation import Purpose, SigningKey, forgotten

BUCKETS = 4096
"""So many that one new key among 100,000 tenants moves some 25 entries, and that all digests are 64 KiB."""

DIGEST_BYTES = 16
"""Of a bucket. Both sides are ours; it must not collide by chance."""


@dataclass(frozen=True, slots=True)
class TenantKey:
    """`key` is 32 bytes."""

    tenant: str
    key_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A tenant whose keys are deleted for ever."""

    tenant: str


@dataclass(frozen=True, slots=True)
class Signing:
    """A key that signs, and what."""

    purpose: Purpose
    key: SigningKey


Entry = TenantKey | Forgotten | Signing
Name = tuple[str, str, str]
"""What an entry is; of one name a set holds one entry."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What turns one set into another. Nothing stands in both, by name, but an entry that was replaced."""

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    @property
    def tenants(self) -> frozenset[str]:
        """Whose keys came or went."""
        return frozenset(entry.tenant for entry in (*self.added, *self.removed) if not isinstance(entry, Signing))

    def has(self, purpose: Purpose) -> bool:
        """Whether a key of this purpose came or went."""
        return any(isinstance(entry, Signing) and entry.purpose is purpose for entry in (*self.added, *self.removed))


def name_of(entry: Entry) -> Name:
    match entry:
        case TenantKey():
            return "tenant", entry.tenant, entry.key_id
        case Forgotten():
            return "forgotten", entry.tenant, ""
        case Signing():
            return "signing", entry.purpose.value, str(entry.key.key_id)
        case _:
            assert_never(entry)


def bucket_of(entry: Entry) -> int:
    """All that concerns one tenant is in one bucket."""
    match entry:
        case TenantKey() | Forgotten():
            about = f"tenant/{entry.tenant}"
        case Signing():
            about = f"{entry.purpose}/{entry.key.key_id}"
        case _:
            assert_never(entry)
    return int.from_bytes(hashlib.sha256(about.encode()).digest()[:4], "big") % BUCKETS


class KeySet:
    """Ask `merged` what would change, put that where it lasts, then `apply` it."""

    def __init__(self) -> None:
        self._tenants: dict[str, dict[str, TenantKey]] = {}
        self._forgotten: dict[str, Forgotten] = {}
        self._signing: dict[Purpose, dict[int, Signing]] = {purpose: {} for purpose in Purpose}
        self._by_bucket: dict[int, dict[Name, Entry]] = {}
        self._digests = [0] * BUCKETS
        self._digest: bytes | None = None

    def keys_of(self, tenant: str) -> Mapping[str, TenantKey]:
        """By key id."""
        return self._tenants.get(tenant, {})

    def tenants(self) -> Iterable[str]:
        """Those that have a key."""
        return self._tenants

    def is_forgotten(self, tenant: str) -> bool:
        return tenant in self._forgotten

    def signing_keys(self, purpose: Purpose) -> list[SigningKey]:
        return [entry.key for entry in self._signing[purpose].values()]

    def entries(self, bucket: int) -> Iterator[Entry]:
        return iter(self._by_bucket.get(bucket, {}).values())

    def digests(self) -> bytes:
        """Of every bucket, DIGEST_BYTES each."""
        return b"".join(digest.to_bytes(DIGEST_BYTES, "big") for digest in self._digests)

    def digest(self) -> bytes:
        """Of the whole set, 32 bytes."""
        if self._digest is None:
            self._digest = hashlib.sha256(self.digests()).digest()
        return self._digest

    def differing(self, digests: bytes) -> list[int]:
        """The buckets that are not as in another set's `digests`. ValueError where those are not of this form."""
        if len(digests) != BUCKETS * DIGEST_BYTES:
            raise ValueError(f"{len(digests)} bytes of digests, not {BUCKETS * DIGEST_BYTES}: is the peer of another version?")
        return [
            bucket
            for bucket, mine in enumerate(self._digests)
            if mine != int.from_bytes(digests[bucket * DIGEST_BYTES : (bucket + 1) * DIGEST_BYTES], "big")
        ]

    def merged(self, entries: Iterable[Entry], now_s: int) -> Difference:
        """What this set becomes by adding `entries` at `now_s`; nothing is changed yet."""
        found: dict[Name, Entry] = {}
        for entry in entries:
            name = name_of(entry)
            rival = found.get(name)
            if rival is None or _rank(entry) > _rank(rival):
                found[name] = entry
        gone = {entry.tenant for entry in found.values() if isinstance(entry, Forgotten)} - self._forgotten.keys()
        removed: dict[Name, Entry] = {name_of(key): key for tenant in gone for key in self.keys_of(tenant).values()}
        added: dict[Name, Entry] = {}
        for name, entry in found.items():
            if isinstance(entry, TenantKey) and (entry.tenant in gone or entry.tenant in self._forgotten):
                continue
            held = self._held(entry)
            if held is None:
                added[name] = entry
            elif _rank(entry) > _rank(held):
                added[name], removed[name] = entry, held
        self._without_those_over(added, removed, now_s)
        return Difference(tuple(added.values()), tuple(removed.values()))

    def apply(self, difference: Difference) -> None:
        """What `merged` of this very set answered."""
        self._digest = None
        for entry in difference.removed:
            self._toggle(entry)
            del self._by_bucket[bucket_of(entry)][name_of(entry)]
            match entry:
                case TenantKey():
                    keys = self._tenants[entry.tenant]
                    del keys[entry.key_id]
                    if not keys:
                        del self._tenants[entry.tenant]
                case Forgotten():
                    del self._forgotten[entry.tenant]
                case Signing():
                    del self._signing[entry.purpose][entry.key.key_id]
                case _:
                    assert_never(entry)
        for entry in difference.added:
            self._toggle(entry)
            self._by_bucket.setdefault(bucket_of(entry), {})[name_of(entry)] = entry
            match entry:
                case TenantKey():
                    self._tenants.setdefault(entry.tenant, {})[entry.key_id] = entry
                case Forgotten():
                    self._forgotten[entry.tenant] = entry
                case Signing():
                    self._signing[entry.purpose][entry.key.key_id] = entry
                case _:
                    assert_never(entry)

    def _held(self, entry: Entry) -> Entry | None:
        match entry:
            case TenantKey():
                return self.keys_of(entry.tenant).get(entry.key_id)
            case Forgotten():
                return self._forgotten.get(entry.tenant)
            case Signing():
                return self._signing[entry.purpose].get(entry.key.key_id)
            case _:
                assert_never(entry)

    def _without_those_over(self, added: dict[Name, Entry], removed: dict[Name, Entry], now_s: int) -> None:
        for purpose, held in self._signing.items():
            held_names = {name_of(entry): entry for entry in held.values()}
            after = {**held_names, **{name: entry for name, entry in added.items() if isinstance(entry, Signing)}}
            of_purpose = [entry for entry in after.values() if entry.purpose is purpose]
            for key in forgotten([entry.key for entry in of_purpose], now_s):
                name = name_of(Signing(purpose, key))
                added.pop(name, None)
                if name in held_names:
                    removed[name] = held_names[name]

    def _toggle(self, entry: Entry) -> None:
        self._digests[bucket_of(entry)] ^= int.from_bytes(_digest(entry), "big")


def _rank(entry: Entry) -> tuple[int, int, bytes]:
    """Of two entries of one name the one with the higher rank stays."""
    match entry:
        case TenantKey():
            return 0, 0, bytes(255 - byte for byte in entry.key)
        case Forgotten():
            return 0, 0, b""
        case Signing():
            return entry.key.not_before_s, entry.key.not_after_s, entry.key.key
        case _:
            assert_never(entry)


def _digest(entry: Entry) -> bytes:
    text = "\0".join(name_of(entry))
    secret = b""
    match entry:
        case TenantKey():
            secret = entry.key
        case Signing(_, key):
            text += f"\0{key.not_before_s}\0{key.not_after_s}"
            secret = key.key
        case Forgotten():
            pass
        case _:
            assert_never(entry)
    return hashlib.sha256(text.encode() + b"\0" + secret).digest()[:DIGEST_BYTES]
