"""The pings of an edge against real sockets: what counts as an answer and what does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import cast

import pytest

from trunkline.domain.pop_health import Sight
from trunkline.edge.observing import Address, Observer

LIMIT_S = 10.0
LOCAL = "127.0.0.1"


class Peer(asyncio.DatagramProtocol):
    """Answers each request with `status`; `call_id` where it is to be another than the request's."""

    def __init__(self, status: str = "200 OK", call_id: str = "") -> None:
        self._status = status
        self._call_id = call_id
        self.requests: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:  # type: ignore[override]
        request = data.decode()
        self.requests.append(request)
        kept = "".join(f"{name}: {_header(request, name)}\r\n" for name in ("Via", "From", "To", "CSeq"))
        call_id = self._call_id or _header(request, "Call-ID")
        assert self.transport is not None
        self.transport.sendto(f"SIP/2.0 {self._status}\r\n{kept}Call-ID: {call_id}\r\nContent-Length: 0\r\n\r\n".encode(), addr)


def _header(request: str, name: str) -> str:
    found = re.search(rf"\r\n{name}: (.*)\r\n", request)
    assert found is not None
    return found[1]


class Bench:
    def __init__(self) -> None:
        self._transports: list[asyncio.BaseTransport] = []

    async def peer(self, peer: Peer) -> Address:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: peer, local_addr=(LOCAL, 0))
        self._transports.append(transport)
        host, port = transport.get_extra_info("sockname")[:2]
        return host, port

    async def observer(self, **targets: Address) -> Observer:
        observer = Observer(targets)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: observer, local_addr=(LOCAL, 0))
        self._transports.append(transport)
        return observer

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


async def until_seen(observer: Observer, pop: str, sight: Sight) -> None:
    async with asyncio.timeout(LIMIT_S):
        while observer.sights[pop] != sight:  # noqa: ASYNC110 - an observer tells nobody
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("status", ["200 OK", "503 Draining T903", "420 Bad Extension"])
async def test_whatever_answers_is_there(bench: Bench, status: str) -> None:
    peer = Peer(status)
    observer = await bench.observer(us1=await bench.peer(peer))
    assert observer.sights == {"us1": Sight()}
    for answered in (1, 2):
        observer.look()
        await until_seen(observer, "us1", Sight(answered=answered))
    [first, second] = [_header(request, "Call-ID") for request in peer.requests]
    assert first != second
    assert all(request.startswith("OPTIONS sip:127.0.0.1:") and "branch=z9hG4bK" in request for request in peer.requests)


async def test_silence_is_counted_at_the_end_of_each_round(bench: Bench) -> None:
    address = await bench.peer(Peer())
    silent = await bench.peer(Peer(call_id="ffffffffffffffff"))
    observer = await bench.observer(us1=silent, us2=address)
    for rounds in range(4):
        observer.look()
        assert observer.sights["us1"] == Sight(missed=rounds)
        await until_seen(observer, "us2", Sight(answered=rounds + 1))


async def test_one_does_not_answer_for_another(bench: Bench) -> None:
    """The token of one's ping, sent from another's address."""
    observer = await bench.observer(us1=(LOCAL, 9), us2=await bench.peer(Peer()))
    observer.look()
    await until_seen(observer, "us2", Sight(answered=1))
    [token] = observer._pending
    observer.datagram_received(f"SIP/2.0 200 OK\r\nCall-ID: {token}\r\n\r\n".encode(), (LOCAL, 10))
    assert observer.sights["us1"] == Sight()
    observer.datagram_received(f"SIP/2.0 200 OK\r\nCall-ID: {token}\r\n\r\n".encode(), (LOCAL, 9))
    observer.datagram_received(f"SIP/2.0 200 OK\r\nCall-ID: {token}\r\n\r\n".encode(), (LOCAL, 9))
    assert observer.sights["us1"] == Sight(answered=1)
