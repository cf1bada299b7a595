"""Stores of keys of several regions become one: every one asks every other, some seconds apart, and gives it what is new at once.

A round with a peer: our digest; where it is not the peer's, the peer's buckets; then, some buckets at a time, what we have in those that
differ, answered by what the peer has in them. Nothing differs: 32 bytes a round. `answer` is the other end of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import grpc.aio

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.auth.key_messages import BadKeys, entries_of, key_set_of
from trunkline.auth.key_set import BUCKETS, Entry, Forgotten, TenantKey, name_of
from trunkline.auth.key_store import KeyStore
from trunkline.domain.errors import Refusal
from trunkline.runtime.logs import logger

PERIOD_S = 2.0
"""Between two rounds with one peer."""

PAGE_BYTES = 128 << 10
"""Of keys in one message, about 1,200: far below what gRPC takes, and some 50 ms of work that other requests wait for."""

KEY_OVERHEAD_BYTES = 64
"""Of a key in a message, besides names: 32 bytes and what stands around them."""

PAGES_LIMIT = 2 * BUCKETS
"""Of one round: each answers a bucket at least, and buckets may be given back once."""

ASK_S = 5.0
"""The longest that a peer may take for one page."""

SHARE_S = 0.5
"""So long a write waits for peers to take a new key. Who has not taken it gets it within PERIOD_S of being back."""

SHUNNED_S = 5.0
"""A peer that did not answer is not waited for by writes for so long."""

FIRST_KEYS_RETRY_S = 0.25
FIRST_KEYS_LIMIT_S = 20.0
"""How long a new store of another region than home asks for keys that sign before it makes its own: home's starts in about a second."""

HOME_FIRST_KEYS_LIMIT_S = 1.0
"""The same at home, where nobody who answers is likely to have any."""


class PeerProblem(Exception):
    """A peer did not answer, or not as a peer does; the text says how."""


class Peer(Protocol):
    """Another region's store."""

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        """Raises PeerProblem."""
        ...


class GrpcPeer:
    """Over a channel to another region's auth."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AuthServiceStub(channel)

    async def ask(self, request: auth_pb2.SyncKeysRequest, limit_s: float) -> auth_pb2.SyncKeysResponse:
        try:
            return await self._stub.SyncKeys(request, timeout=limit_s)
        except grpc.aio.AioRpcError as error:
            raise PeerProblem(f"{error.code().name}: {error.details()}") from error


def answer(keys: KeyStore, request: auth_pb2.SyncKeysRequest, now_s: int) -> auth_pb2.SyncKeysResponse:
    """What a peer is told. Raises BadKeys and Refusal for what is no proper request; nothing is taken of it then."""
    given = entries_of(request.keys)
    if any(bucket >= BUCKETS for bucket in request.wanted) or len(request.wanted) > BUCKETS:
        raise BadKeys(f"buckets are 0 to {BUCKETS - 1}, each once")
    keys.take(given, now_s)
    response = auth_pb2.SyncKeysResponse()
    if request.digest and request.digest != keys.content.digest():
        response.buckets = keys.content.digests()
    pages, entries = _page(keys, request.wanted)
    known = {name_of(entry): entry for entry in given}
    response.keys.CopyFrom(key_set_of(entry for entry in entries if known.get(name_of(entry)) != entry))
    response.answered.extend(pages)
    return response


class KeyExchange:
    """`run` for ever; `share` what has just been made or forgotten. `now_s` gives Unix time."""

    def __init__(self, keys: KeyStore, peers: Mapping[str, Peer], now_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._peers = peers
        self._now_s = now_s
        self._sharing: dict[str, asyncio.Task[dict[str, str]]] = {}
        self._shunned: dict[str, float] = {}
        self._log = logger("keys")

    async def run(self) -> None:
        """A round with every peer each PERIOD_S, for ever."""
        async with asyncio.TaskGroup() as group:
            for name in self._peers:
                group.create_task(self._keep(name))

    async def _keep(self, name: str) -> None:
        is_answering = True
        while True:
            try:
                await self.sync(name)
                if not is_answering:
                    self._log.info("a store of keys answers again", peer=name)
                is_answering = True
            except PeerProblem as error:
                if is_answering:
                    self._log.warning("a store of keys does not answer", peer=name, why=str(error), retry_s=PERIOD_S)
                is_answering = False
            await asyncio.sleep(PERIOD_S)

    async def sync(self, name: str) -> None:
        """One round: afterwards this store has what the peer had, and the peer what this store had. Raises PeerProblem."""
        content = self._keys.content
        response = await self._ask(name, auth_pb2.SyncKeysRequest(digest=content.digest()))
        if not response.buckets:
            return
        try:
            left = content.differing(response.buckets)
        except ValueError as error:
            raise PeerProblem(str(error)) from error
        for _ in range(PAGES_LIMIT):
            if not left:
                return
            wanted, entries = _page(self._keys, left)
            response = await self._ask(name, auth_pb2.SyncKeysRequest(keys=key_set_of(entries), wanted=wanted))
            self._take(response.keys)
            answered = set(response.answered)
            if not answered.intersection(wanted):
                raise PeerProblem("it answered none of the buckets that it was asked for: is it of another version?")
            left = [bucket for bucket in left if bucket not in answered]
            await asyncio.sleep(0)  # other requests have their turn between two pages
        raise PeerProblem(f"it did not come to an end in {PAGES_LIMIT} pages")

    async def share_key(self, tenant: str) -> None:
        """Gives the tenant's keys to all peers that take them within SHARE_S; the others are told of in the log. Call it before anything
        sealed under a new key is written. Where somebody else's call does that already, this waits for it."""
        sharing = self._sharing.get(tenant)
        if sharing is None:
            entries = list(self._keys.content.keys_of(tenant).values())
            sharing = asyncio.create_task(self.share(entries), name=f"sharing the key of {tenant}")
            self._sharing[tenant] = sharing
            sharing.add_done_callback(lambda _: self._sharing.pop(tenant, None))
        problems = await asyncio.shield(sharing)
        for name, problem in problems.items():
            if problem:
                self._log.warning("a new key was not given to a store; it comes later", peer=name, tenant=tenant, why=problem)

    def is_sharing(self, tenant: str) -> bool:
        return tenant in self._sharing

    async def share(self, entries: Sequence[Entry], *, is_urgent: bool = False) -> dict[str, str]:
        """By peer: empty, or why it has not taken them. Not urgent: who did not answer lately is not waited for."""
        names = list(self._peers)
        message = key_set_of(entries)
        return dict(zip(names, await asyncio.gather(*(self._give(name, message, is_urgent) for name in names)), strict=True))

    async def _give(self, name: str, keys: auth_pb2.KeySet, is_urgent: bool) -> str:
        if not is_urgent and self._shunned.get(name, 0.0) > time.monotonic():
            return "it did not answer a moment ago"
        try:
            await self._ask(name, auth_pb2.SyncKeysRequest(keys=keys), SHARE_S)
        except PeerProblem as error:
            self._shunned[name] = time.monotonic() + SHUNNED_S
            return str(error)
        return ""

    async def fetch_missing(self) -> None:
        """One round with every peer within SHARE_S, for keys that somebody knows of and we do not; whoever does not answer is left out."""
        rounds = [asyncio.create_task(self._sync_quietly(name)) for name in self._peers]
        if rounds:
            _, late = await asyncio.wait(rounds, timeout=SHARE_S)
            for task in late:
                task.cancel()

    async def first_keys(self, *, is_home: bool) -> None:
        """For a store that cannot sign yet: until a peer has given it keys for it, for a bounded time; it then makes its own. At home every
        peer is asked once, elsewhere again and again."""
        limit = time.monotonic() + (HOME_FIRST_KEYS_LIMIT_S if is_home else FIRST_KEYS_LIMIT_S)
        asking = {asyncio.create_task(self._ask_for_first_keys(name, is_once=is_home)) for name in self._peers}
        try:
            while asking and not self._can_sign() and (left_s := limit - time.monotonic()) > 0:
                _, asking = await asyncio.wait(asking, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in asking:
                task.cancel()
        if not self._can_sign():
            self._log.info("no store has given keys that sign, this one makes its own", peers=list(self._peers))

    async def _ask_for_first_keys(self, name: str, *, is_once: bool) -> None:
        while not self._can_sign():
            await self._sync_quietly(name)
            if is_once:
                return
            await asyncio.sleep(FIRST_KEYS_RETRY_S)

    def _can_sign(self) -> bool:
        return self._keys.can_sign(int(self._now_s()))

    async def _sync_quietly(self, name: str) -> None:
        try:
            await self.sync(name)
        except PeerProblem as error:
            self._log.info("a store of keys was asked in vain", peer=name, why=str(error))

    async def _ask(self, name: str, request: auth_pb2.SyncKeysRequest, limit_s: float = ASK_S) -> auth_pb2.SyncKeysResponse:
        try:
            async with asyncio.timeout(limit_s):
                return await self._peers[name].ask(request, limit_s)
        except TimeoutError as error:
            raise PeerProblem(f"no answer within {limit_s:g} s") from error

    def _take(self, keys: auth_pb2.KeySet) -> None:
        try:
            self._keys.take(entries_of(keys), int(self._now_s()))
        except (BadKeys, Refusal) as error:
            raise PeerProblem(f"it sent what is no key: {error}") from error


def _page(keys: KeyStore, buckets: Sequence[int]) -> tuple[list[int], list[Entry]]:
    """The first of `buckets`, one at least, whose entries fit into a message; and those."""
    taken: list[int] = []
    entries: list[Entry] = []
    size = 0
    for bucket in buckets:
        found = list(keys.content.entries(bucket))
        size += sum(map(_size, found))
        if taken and size > PAGE_BYTES:
            break
        taken.append(bucket)
        entries += found
    return taken, entries


def _size(entry: Entry) -> int:
    match entry:
        case TenantKey():
            return KEY_OVERHEAD_BYTES + len(entry.tenant) + len(entry.key_id)
        case Forgotten():
            return KEY_OVERHEAD_BYTES + len(entry.tenant)
        case _:
            return KEY_OVERHEAD_BYTES
