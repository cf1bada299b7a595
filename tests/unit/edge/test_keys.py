"""The key cache on disk, and keeping it fresh from auth over real gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from helpers.authority import tls_of

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.edge.auth_client import keys_from
from trunkline.edge.key_cache import CACHE_FILE, NODE_KEY_FILE, KeyCache, UnusableCache, UnusableNodeKey
from trunkline.edge.key_ring import NO_KEYS, KeyRing
from trunkline.edge.keys import KeyKeeper
from trunkline.runtime.grpc_pool import PeerPool
from trunkline.runtime.tls import server_credentials

KEY = bytes(range(32))


def answer(*tenants: str, key: bytes = KEY) -> auth_pb2.FetchKeysResponse:
    return auth_pb2.FetchKeysResponse(tenant_keys=[auth_pb2.TenantKey(tenant=tenant, key_id="k1", key=key) for tenant in tenants])


def test_a_cache_opens_again_with_its_expiry(tmp_path: Path) -> None:
    KeyCache(tmp_path, "edge-eu1").store(answer("acme"), 1000)
    cached = KeyCache(tmp_path, "edge-eu1").load()
    assert (cached.response, cached.expires_s) == (answer("acme"), 1000)
    assert KEY not in (tmp_path / CACHE_FILE).read_bytes()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_another_edges_cache_or_node_key_does_not_open(tmp_path: Path) -> None:
    KeyCache(tmp_path, "edge-eu1").store(answer("acme"), 1000)
    with pytest.raises(UnusableCache, match="another edge"):
        KeyCache(tmp_path, "edge-eu2").load()
    (tmp_path / NODE_KEY_FILE).unlink()
    with pytest.raises(UnusableCache, match="does not open"):
        KeyCache(tmp_path, "edge-eu1").load()


@pytest.mark.parametrize("place", [0, 4, 11, 12, 24, -1])
def test_a_changed_byte_anywhere_closes_the_cache(tmp_path: Path, place: int) -> None:
    cache = KeyCache(tmp_path, "edge-eu1")
    cache.store(answer("acme"), 1000)
    content = bytearray((tmp_path / CACHE_FILE).read_bytes())
    content[place] ^= 1
    (tmp_path / CACHE_FILE).write_bytes(content)
    with pytest.raises(UnusableCache):
        cache.load()


@pytest.mark.parametrize("length", [0, 3, 23, 24, 30])
def test_a_cut_off_cache_is_not_used(tmp_path: Path, length: int) -> None:
    cache = KeyCache(tmp_path, "edge-eu1")
    cache.store(answer("acme"), 1000)
    (tmp_path / CACHE_FILE).write_bytes((tmp_path / CACHE_FILE).read_bytes()[:length])
    with pytest.raises(UnusableCache):
        cache.load()


def test_a_node_key_of_another_size_is_told_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / NODE_KEY_FILE).write_bytes(b"x")
    with pytest.raises(UnusableNodeKey, match="delete it"):
        KeyCache(tmp_path, "edge-eu1")
    assert (tmp_path / NODE_KEY_FILE).read_bytes() == b"x"


class ScriptedAuth(auth_pb2_grpc.AuthServiceServicer):
    """Answers FetchKeys with what the test says: a message, or a status."""

    def __init__(self) -> None:
        self.answer: auth_pb2.FetchKeysResponse | grpc.StatusCode = answer()
        self.asked = 0

    async def FetchKeys(
        self, request: auth_pb2.FetchKeysRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> auth_pb2.FetchKeysResponse:
        self.asked += 1
        if isinstance(self.answer, grpc.StatusCode):
            await context.abort(self.answer, "as the test says")
        return self.answer  # type: ignore[return-value]

    async def SetCredential(self, request: Any, context: Any) -> Any: ...
    async def EraseCredential(self, request: Any, context: Any) -> Any: ...
    async def Authorize(self, request: Any, context: Any) -> Any: ...


class Bench:
    """A keeper against a scripted auth; `changes` is what the keeper told, `now_s` its clock."""

    def __init__(self, folder: Path, auth: ScriptedAuth, pool: PeerPool) -> None:
        self.folder, self.auth, self.now_s = folder, auth, 1000.0
        self.fetch = keys_from(pool)
        self.told = asyncio.Event()

    def keeper(self, **settings: float) -> KeyKeeper:
        def on_change(ring: KeyRing, before: KeyRing) -> None:
            self.told.set()

        cache = KeyCache(self.folder, "edge-eu1")
        values = {"refresh_s": 60.0, "lifetime_s": 100.0, **settings}
        return KeyKeeper(cache, on_change=on_change, now=lambda: self.now_s, **values)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.told.clear()
                await self.told.wait()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    auth, server = ScriptedAuth(), grpc.aio.server()
    auth_pb2_grpc.add_AuthServiceServicer_to_server(auth, server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls_of("auth")))
    await server.start()
    pool = PeerPool([f"127.0.0.1:{port}"], tls=tls_of("edge"), peer="auth")
    yield Bench(tmp_path, auth, pool)
    await pool.close()
    await server.stop(None)


async def test_fetched_keys_are_used_and_stand_in_the_cache_for_the_next_start(bench: Bench) -> None:
    bench.auth.answer = answer("acme")
    keeper = bench.keeper()
    running = asyncio.create_task(keeper.run(bench.fetch))
    await bench.until(lambda: keeper.ring.holds("acme", "k1"))
    running.cancel()
    assert keeper.expires_s == 1100
    restarted = bench.keeper()
    restarted.load()
    assert restarted.ring == keeper.ring and restarted.expires_s == 1100


async def test_failures_are_retried_and_keep_what_is_there(bench: Bench) -> None:
    keeper = bench.keeper()
    bench.auth.answer = answer("acme")
    running = asyncio.create_task(keeper.run(bench.fetch))
    await bench.until(lambda: keeper.ring.holds("acme", "k1"))
    for failure in (grpc.StatusCode.UNAVAILABLE, answer("acme", key=b"short")):
        bench.auth.answer, asked = failure, bench.auth.asked
        keeper.want()
        await bench.until(lambda asked=asked: bench.auth.asked > asked + 1)
        assert keeper.ring.holds("acme", "k1")
    bench.auth.answer = answer("acme", "new")
    await bench.until(lambda: keeper.ring.holds("new", "k1"))
    running.cancel()


async def test_a_missing_key_is_fetched_long_before_the_next_refresh(bench: Bench) -> None:
    keeper = bench.keeper(refresh_s=3600)
    running = asyncio.create_task(keeper.run(bench.fetch))
    await bench.until(lambda: keeper.expires_s)
    bench.auth.answer = answer("new")
    keeper.want()
    await bench.until(lambda: keeper.ring.holds("new", "k1"))
    running.cancel()


def signing(*tenants: str) -> auth_pb2.FetchKeysResponse:
    """Tenants' keys, and keys that sign from 900 to 2000."""
    response = answer(*tenants)
    for keys in (response.nonce_keys, response.token_keys):
        keys.add(key_id=3, key=KEY, not_before=Timestamp(seconds=900), not_after=Timestamp(seconds=2000))
    return response


async def test_tenants_keys_are_forgotten_at_their_expiry_also_on_disk_and_calls_can_still_be_signed(bench: Bench) -> None:
    keeper = bench.keeper()
    KeyCache(bench.folder, "edge-eu1").store(signing("acme"), 1050)
    keeper.load()
    bench.now_s = 1049
    keeper.expire()
    assert keeper.ring.holds("acme", "k1") and keeper.can_sign()
    bench.now_s = 1050
    keeper.expire()
    assert not keeper.ring.tenant_keys and keeper.can_sign()
    assert KeyCache(bench.folder, "edge-eu1").load().response == signing()
    bench.now_s = 2000
    assert not keeper.can_sign()


async def test_a_cache_that_expired_while_the_edge_was_down_gives_no_tenants_key(bench: Bench) -> None:
    KeyCache(bench.folder, "edge-eu1").store(signing("acme"), 999)
    keeper = bench.keeper()
    keeper.load()
    assert not keeper.ring.tenant_keys and keeper.can_sign()
    assert KeyCache(bench.folder, "edge-eu1").load().response == signing()


@pytest.mark.parametrize("is_at_start", [True, False])
async def test_tenants_keys_are_forgotten_though_the_disk_takes_nothing(bench: Bench, is_at_start: bool) -> None:
    KeyCache(bench.folder, "edge-eu1").store(signing("acme"), 1050)
    # As little as on a full disk can the new cache be written.
    (bench.folder / f"{CACHE_FILE}.new").mkdir()
    keeper = bench.keeper()
    bench.now_s = 1050 if is_at_start else 1049
    keeper.load()
    bench.now_s = 1050
    keeper.expire()
    assert not keeper.ring.tenant_keys and keeper.can_sign()
    assert not (bench.folder / CACHE_FILE).exists()


async def test_an_edge_without_keys_waits_for_one_that_signs_calls(bench: Bench) -> None:
    keeper = bench.keeper()
    waiting = asyncio.create_task(keeper.wait_can_sign())
    bench.auth.answer = answer("acme")
    running = asyncio.create_task(keeper.run(bench.fetch))
    await bench.until(lambda: keeper.ring.holds("acme", "k1"))
    assert not waiting.done()
    bench.auth.answer = signing("acme")
    keeper.want()
    async with asyncio.timeout(20):
        await waiting
    running.cancel()


async def test_an_unusable_cache_is_a_start_without_keys(bench: Bench) -> None:
    (bench.folder / CACHE_FILE).write_bytes(b"TKC1 what is this?")
    keeper = bench.keeper()
    keeper.load()
    assert keeper.ring is NO_KEYS
