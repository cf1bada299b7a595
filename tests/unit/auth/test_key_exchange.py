"""Giving a new key to other stores, and asking them, where some of them are away or do not speak properly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.api.auth.v1 import auth_pb2
from trunkline.auth import key_exchange
from trunkline.auth.key_exchange import KeyExchange, PeerProblem, answer
from trunkline.auth.key_store import KeyStore
from trunkline.auth.rotation import NONCE_PLAN, TOKEN_PLAN, Purpose, Slot

NOW_S = 1_795_000_000


class Near:
    """A peer that answers."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self.asked = 0
        self.was_asked_again = asyncio.Event()

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        self.asked += 1
        if self.asked > 1:
            self.was_asked_again.set()
        await asyncio.sleep(0)
        return answer(self.store, request, NOW_S)


class Down:
    """A peer that takes no connection."""

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        raise PeerProblem("UNAVAILABLE: connection refused")


class Frozen:
    """A peer that never answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class Foreign:
    """A peer that answers something else."""

    def __init__(self, response: auth_pb2.SyncKeysResponse) -> None:
        self._response = response

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        return self._response


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "mine.sqlite", b"K" * 32, slot=Slot(1, 3))
    yield store
    store.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "other.sqlite", b"O" * 32, slot=Slot(0, 3))
    yield store
    store.close()


def exchange_of(store: KeyStore, **peers: key_exchange.Peer) -> KeyExchange:
    return KeyExchange(store, peers, now_s=lambda: NOW_S)


def make_signing_keys(store: KeyStore) -> None:
    store.rotate(Purpose.NONCE, NONCE_PLAN, NOW_S)
    store.rotate(Purpose.TOKEN, TOKEN_PLAN, NOW_S)


async def test_a_new_key_is_at_every_peer_that_answers_and_a_frozen_one_costs_its_limit_once(mine: KeyStore, other: KeyStore) -> None:
    frozen = Frozen()
    exchange = exchange_of(mine, near=Near(other), down=Down(), frozen=frozen)
    key_id, key = mine.sealing_key("acme")
    began = time.monotonic()
    await exchange.share_key("acme")
    assert time.monotonic() - began < 2 * key_exchange.SHARE_S
    assert other.tenant_key("acme", key_id) == key
    key_id, key = mine.sealing_key("globex")
    await exchange.share_key("globex")
    assert other.tenant_key("globex", key_id) == key
    assert frozen.asked == 1, "who did not answer a moment ago is not waited for"


async def test_who_needs_a_key_that_is_being_given_waits_for_the_same_giving(mine: KeyStore, other: KeyStore) -> None:
    near = Near(other)
    exchange = exchange_of(mine, near=near)
    mine.sealing_key("acme")
    first = asyncio.create_task(exchange.share_key("acme"))
    await asyncio.sleep(0)
    assert exchange.is_sharing("acme")
    await exchange.share_key("acme")
    await first
    assert near.asked == 1
    assert not exchange.is_sharing("acme")


async def test_a_writer_that_goes_away_does_not_end_the_giving(mine: KeyStore, other: KeyStore) -> None:
    exchange = exchange_of(mine, near=Near(other))
    mine.sealing_key("acme")
    first, second = asyncio.create_task(exchange.share_key("acme")), asyncio.create_task(exchange.share_key("acme"))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert other.content.keys_of("acme")


async def test_forgetting_says_who_has_not_heard_of_it(mine: KeyStore, other: KeyStore) -> None:
    exchange = exchange_of(mine, near=Near(other), down=Down(), frozen=Frozen())
    other.sealing_key("acme")
    mine.forget("acme")
    entries = list(mine.content.entries(next(bucket for bucket in range(4096) if list(mine.content.entries(bucket)))))
    problems = await exchange.share(entries, is_urgent=True)
    assert problems["near"] == ""
    assert "refused" in problems["down"]
    assert "no answer within" in problems["frozen"]
    assert other.content.is_forgotten("acme")


async def test_a_new_store_takes_the_keys_that_sign_from_a_peer(mine: KeyStore, other: KeyStore) -> None:
    make_signing_keys(other)
    await exchange_of(mine, down=Down(), near=Near(other)).first_keys(is_home=False)
    make_signing_keys(mine)
    for purpose in Purpose:
        assert mine.signing_keys(purpose) == other.signing_keys(purpose)


async def test_a_new_store_waits_for_a_peer_that_has_none_yet(mine: KeyStore, other: KeyStore) -> None:
    near = Near(other)
    waiting = asyncio.create_task(exchange_of(mine, near=near).first_keys(is_home=False))
    async with asyncio.timeout(5):
        await near.was_asked_again.wait()
    assert not waiting.done()
    make_signing_keys(other)
    async with asyncio.timeout(5):
        await waiting
    assert mine.can_sign(NOW_S)


async def test_at_home_nobody_is_waited_for_and_elsewhere_not_for_ever(mine: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    await exchange_of(mine, frozen=Frozen(), down=Down()).first_keys(is_home=True)
    assert time.monotonic() - began < 2 * key_exchange.HOME_FIRST_KEYS_LIMIT_S
    monkeypatch.setattr(key_exchange, "FIRST_KEYS_LIMIT_S", 0.3)
    began = time.monotonic()
    await exchange_of(mine, frozen=Frozen(), down=Down()).first_keys(is_home=False)
    assert time.monotonic() - began < 2
    assert not mine.can_sign(NOW_S)


async def test_a_key_that_somebody_knows_of_is_asked_for(mine: KeyStore, other: KeyStore) -> None:
    key_id, key = other.sealing_key("acme")
    await exchange_of(mine, frozen=Frozen(), near=Near(other)).fetch_missing()
    assert mine.tenant_key("acme", key_id) == key


@pytest.mark.parametrize(
    "response",
    [
        auth_pb2.SyncKeysResponse(buckets=b"short"),
        auth_pb2.SyncKeysResponse(buckets=bytes([1]) * 65536),
        auth_pb2.SyncKeysResponse(
            buckets=bytes([1]) * 65536,
            answered=[0],
            keys=auth_pb2.KeySet(tenant_keys=[auth_pb2.TenantKey(tenant="acme", key_id="1", key=b"k" * 32)]),
        ),
        auth_pb2.SyncKeysResponse(buckets=bytes([1]) * 65536, answered=[0], keys=auth_pb2.KeySet(forgotten_tenants=["no tenant"])),
    ],
)
async def test_a_peer_that_does_not_speak_properly_is_a_problem_and_changes_nothing(
    mine: KeyStore, response: auth_pb2.SyncKeysResponse
) -> None:
    mine.sealing_key("globex")
    before = mine.content.digest()
    with pytest.raises(PeerProblem):
        await exchange_of(mine, foreign=Foreign(response)).sync("foreign")
    assert mine.content.digest() == before
