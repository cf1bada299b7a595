"""Stores that make, rotate, forget and exchange in any order hold the same in the end, and what was forgotten stays away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.api.auth.v1 import auth_pb2
from trunkline.auth.key_exchange import KeyExchange, answer
from trunkline.auth.key_messages import BadKeys, entries_of, key_set_of
from trunkline.auth.key_set import BUCKETS, Entry, Forgotten, KeySet, Signing, TenantKey, bucket_of
from trunkline.auth.key_store import KeyStore, TenantForgotten, key_id_of
from trunkline.auth.rotation import NONCE_PLAN, TOKEN_PLAN, Purpose, SigningKey, Slot, current

TENANTS = ("acme", "globex", "initech")
STORES = 3
START_S = 1_795_000_000


class Neighbour:
    """Another store in the same process, asked as over the network: by messages."""

    def __init__(self, store: KeyStore, now_s: list[int]) -> None:
        self._store = store
        self._now_s = now_s

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        received = auth_pb2.SyncKeysRequest.FromString(request.SerializeToString())
        return auth_pb2.SyncKeysResponse.FromString(answer(self._store, received, self._now_s[0]).SerializeToString())


class World:
    """Three regions' stores with one clock."""

    def __init__(self, folder: Path) -> None:
        self.now_s = [START_S]
        self.forgotten: set[str] = set()
        self.stores = [
            KeyStore(folder / f"{number}.sqlite", b"K" * 32, random=_Random(number), slot=Slot(number, STORES)) for number in range(STORES)
        ]
        self.exchanges = [
            KeyExchange(
                store,
                {str(other): Neighbour(self.stores[other], self.now_s) for other in range(STORES) if other != number},
                now_s=lambda: self.now_s[0],
            )
            for number, store in enumerate(self.stores)
        ]

    def make(self, number: int, tenant: str) -> None:
        try:
            self.stores[number].sealing_key(tenant)
        except TenantForgotten:
            assert tenant in self.forgotten

    def rotate(self, number: int, passed_s: int) -> None:
        self.now_s[0] += passed_s
        self.stores[number].rotate(Purpose.NONCE, NONCE_PLAN, self.now_s[0])
        self.stores[number].rotate(Purpose.TOKEN, TOKEN_PLAN, self.now_s[0])

    def forget(self, number: int, tenant: str) -> None:
        self.stores[number].forget(tenant)
        self.forgotten.add(tenant)

    def exchange(self, number: int, other: int) -> None:
        if number != other:
            asyncio.run(self.exchanges[number].sync(str(other)))

    def exchange_all(self) -> None:
        for _ in range(2):
            for number in range(STORES):
                self.rotate(number, 0)  # forgets what is over everywhere
            for number in range(STORES):
                self.exchange(number, (number + 1) % STORES)

    def close(self) -> None:
        for store in self.stores:
            store.close()


class _Random:
    """Bytes that no other store and no other moment has, and are the same in every run."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._number}/{self._count}".encode()).digest()[:size]


@contextmanager
def world() -> Iterator[World]:
    with TemporaryDirectory() as folder:
        made = World(Path(folder))
        try:
            yield made
        finally:
            made.close()


_store = st.integers(min_value=0, max_value=STORES - 1)
_step = st.one_of(
    st.tuples(st.just("make"), _store, st.sampled_from(TENANTS)),
    st.tuples(st.just("rotate"), _store, st.sampled_from([30, 3_500, 40_000, 300_000])),
    st.tuples(st.just("forget"), _store, st.sampled_from(TENANTS)),
    st.tuples(st.just("exchange"), _store, _store),
)


@given(st.lists(_step, max_size=25))
@settings(max_examples=30, deadline=None)
def test_whatever_happens_to_three_stores_they_end_up_equal_and_nothing_forgotten_comes_back(steps: list[tuple[str, int, object]]) -> None:
    with world() as stores:
        for what, number, argument in steps:
            getattr(stores, what)(number, argument)
        stores.exchange_all()
        first = stores.stores[0]
        for store in stores.stores:
            assert store.content.digest() == first.content.digest()
            assert sorted(store.tenant_keys()) == sorted(first.tenant_keys())
            for purpose in Purpose:
                assert store.signing_keys(purpose) == first.signing_keys(purpose)
                assert current(store.signing_keys(purpose).values(), stores.now_s[0]) is not None
            assert not stores.forgotten.intersection(tenant for tenant, _, _ in store.tenant_keys())
            for tenant in TENANTS:
                if tenant not in stores.forgotten and store.content.keys_of(tenant):
                    assert store.sealing_key(tenant) == first.sealing_key(tenant)


@given(st.lists(_step, max_size=20))
@settings(max_examples=10, deadline=None)
def test_what_a_store_holds_is_what_it_holds_when_it_is_opened_again(steps: list[tuple[str, int, object]]) -> None:
    with TemporaryDirectory() as folder:
        stores = World(Path(folder))
        for what, number, argument in steps:
            getattr(stores, what)(number, argument)
        digests = [store.content.digest() for store in stores.stores]
        stores.close()
        again = World(Path(folder))
        assert [store.content.digest() for store in again.stores] == digests
        again.close()


_key = st.binary(min_size=1, max_size=1).map(lambda byte: byte * 32)
_entry: st.SearchStrategy[Entry] = st.one_of(
    st.builds(TenantKey, st.sampled_from(TENANTS), st.sampled_from(["00000001", "00000002"]), _key),
    st.builds(Forgotten, st.sampled_from(TENANTS)),
    st.builds(
        Signing,
        st.sampled_from(Purpose),
        st.builds(
            # An id comes again when its key is over: who begins then is given, and with it when he ends.
            lambda number, key, begins: SigningKey(number, key, begins, begins + 1 + (number + begins) % 3),
            st.integers(min_value=0, max_value=3),
            _key,
            st.sampled_from([0, 3, 6]),
        ),
    ),
)
_entries = st.lists(_entry, max_size=8)


def _merged(*parts: list[Entry], now_s: int = 6) -> KeySet:
    whole = KeySet()
    for part in parts:
        whole.apply(whole.merged(part, now_s))
    return whole


def _content(held: KeySet) -> set[Entry]:
    return {entry for bucket in range(BUCKETS) for entry in held.entries(bucket)}


@given(_entries, _entries, _entries)
@settings(max_examples=60, deadline=None)
def test_merging_is_commutative_associative_and_idempotent(a: list[Entry], b: list[Entry], c: list[Entry]) -> None:
    one = _merged(a, b, c)
    for other in (_merged(c, a, b), _merged(b, c, a), _merged([*c, *b, *a]), _merged(a, b, c, b, a)):
        assert other.digest() == one.digest()
        assert _content(other) == _content(one)


@given(_entries, _entries)
@settings(deadline=None)
def test_buckets_differ_where_and_only_where_the_content_does(a: list[Entry], b: list[Entry]) -> None:
    one, other = _merged(a), _merged(b)
    differing = set(one.differing(other.digests()))
    assert differing == {bucket_of(entry) for entry in _content(one) ^ _content(other)}
    assert bool(differing) == (one.digest() != other.digest()) == (_content(one) != _content(other))


@given(_entries)
def test_what_is_sent_arrives(entries: list[Entry]) -> None:
    proper: list[Entry] = [entry for entry in entries if not isinstance(entry, TenantKey)]
    proper += [TenantKey("acme", key_id_of(1, b"k" * 32), b"k" * 32), TenantKey("globex", "00000001", b"o" * 32)]
    assert sorted(map(repr, entries_of(key_set_of(proper)))) == sorted(map(repr, proper))


@pytest.mark.parametrize(
    "message",
    [
        auth_pb2.KeySet(tenant_keys=[auth_pb2.TenantKey(tenant="acme", key_id=key_id_of(1, b"k" * 32), key=b"x" * 32)]),
        auth_pb2.KeySet(tenant_keys=[auth_pb2.TenantKey(tenant="acme", key_id="00000001", key=b"k" * 31)]),
        auth_pb2.KeySet(tenant_keys=[auth_pb2.TenantKey(tenant="acme", key_id="first", key=b"k" * 32)]),
        auth_pb2.KeySet(nonce_keys=[auth_pb2.RotatingKey(key_id=256, key=b"k" * 32, not_before={"seconds": 1}, not_after={"seconds": 2})]),
        auth_pb2.KeySet(token_keys=[auth_pb2.RotatingKey(key_id=1, key=b"k" * 32, not_before={"seconds": 2}, not_after={"seconds": 2})]),
        auth_pb2.KeySet(token_keys=[auth_pb2.RotatingKey(key_id=1, key=b"", not_before={"seconds": 1}, not_after={"seconds": 2})]),
    ],
)
def test_what_is_no_key_is_refused_and_nothing_of_the_message_is_taken(message: auth_pb2.KeySet, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", b"K" * 32)
    message.forgotten_tenants.append("globex")
    with pytest.raises(BadKeys):
        answer(store, auth_pb2.SyncKeysRequest(keys=message), START_S)
    assert not store.content.is_forgotten("globex")
    store.close()


def test_one_new_key_among_many_moves_its_bucket_only(tmp_path: Path) -> None:
    now_s = [START_S]
    one, other = (KeyStore(tmp_path / f"{number}.sqlite", b"K" * 32) for number in range(2))
    many = [TenantKey(f"tenant{number}", key_id_of(1, number.to_bytes(32, "big")), number.to_bytes(32, "big")) for number in range(2000)]
    one.take(many, START_S)
    other.take(many, START_S)
    sizes: list[int] = []

    class Counted(Neighbour):
        async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
            response = await super().ask(request, limit_s)
            sizes.append(len(request.keys.tenant_keys) + len(response.keys.tenant_keys))
            return response

    exchange = KeyExchange(one, {"other": Counted(other, now_s)}, now_s=lambda: START_S)
    asyncio.run(exchange.sync("other"))
    assert sizes == [0]
    key_id, key = other.sealing_key("acme")
    asyncio.run(exchange.sync("other"))
    assert one.tenant_key("acme", key_id) == key
    assert len(sizes) == 3 and sum(sizes) < 20
    for store in (one, other):
        store.close()


def test_a_forgotten_tenants_wrapped_key_is_no_more_in_the_files(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.sqlite", b"K" * 32)
    store.sealing_key("acme")
    (wrapped,) = store._database.execute("SELECT wrapped FROM tenant_keys").fetchone()
    assert any(wrapped in path.read_bytes() for path in tmp_path.iterdir())
    store.forget("acme")
    assert not any(wrapped in path.read_bytes() for path in tmp_path.iterdir())
    with pytest.raises(TenantForgotten):
        store.sealing_key("acme")
    store.close()
