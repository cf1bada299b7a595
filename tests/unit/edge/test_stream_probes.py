"""Probes over TCP and TLS against real sockets: what counts as an answer and what does not."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from helpers.authority import tls_of

from trunkline.domain.pop_health import Sight
from trunkline.edge import stream_probes
from trunkline.edge.observing import Address
from trunkline.edge.stream_probes import StreamObserver

LIMIT_S = 30.0
LOCAL = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert request.startswith("OPTIONS sip:127.0.0.1:") and re.search(r"\r\nVia: SIP/2.0/(TCP|TLS) ", request)
    kept = "".join(f"{line}\r\n" for line in request.split("\r\n") if line.startswith(("Via", "From", "To", "Call-ID", "CSeq")))
    writer.write(f"SIP/2.0 503 Draining T903\r\n{kept}Content-Length: 0\r\n\r\n".encode())
    await writer.drain()


async def another_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"SIP/2.0 200 OK\r\nCall-ID: ffffffffffffffff\r\n\r\n")
    await writer.drain()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SIP/2.0 200 OK\r\n" + b"X: y\r\n" * 4096)
    await writer.drain()
    await reader.read()


@asynccontextmanager
async def peer(serve: Serve, *, is_tls: bool) -> AsyncIterator[Address]:
    context = None
    if is_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = tls_of("edge")
        context.load_cert_chain(files.cert_file, files.key_file)
    server = await asyncio.start_server(serve, LOCAL, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()


async def seen(target: Address, transport: str, wanted: Callable[[Sight], bool], observer: StreamObserver | None = None) -> Sight:
    """What an observer makes of it, as soon as that is what is wanted."""
    observer = observer or StreamObserver({transport: {"us1": target}}, {False: LOCAL}, every_s=0.01)
    running = asyncio.create_task(observer.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            while not wanted(observer.sights[transport]["us1"]):
                assert not running.done(), running.exception()
                await asyncio.sleep(0.001)
        return observer.sights[transport]["us1"]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_whatever_answers_over_a_new_connection_is_there(transport: str) -> None:
    async with peer(answering, is_tls=transport == "tls") as target:
        assert (await seen(target, transport, lambda sight: sight.answered >= 2)).missed == 0


@pytest.mark.parametrize("serve", [another_call, hanging_up, silent, endless])
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_what_takes_the_connection_and_does_not_answer_is_missed(
    transport: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A handshake takes longer than this on no machine that runs the rest of the tests.
    monkeypatch.setattr(stream_probes, "ANSWER_LIMIT_S", 0.5)
    async with peer(serve, is_tls=transport == "tls") as target:
        assert (await seen(target, transport, lambda sight: sight.missed >= 2)).answered == 0


async def test_nobody_listens_and_no_tls_where_tcp_listens() -> None:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(peer(answering, is_tls=False))
        assert (await seen(target, "tls", lambda sight: sight.missed >= 2)).answered == 0
    assert (await seen(target, "tcp", lambda sight: sight.missed >= 2)).answered == 0


@pytest.mark.parametrize(
    ("hosts", "target", "why"),
    [
        # Without a listener of the target's family.
        ({False: LOCAL}, ("::1", 5060), "this edge listens at no address of IPv6"),
        ({}, (LOCAL, 5060), "this edge listens at no address of IPv4"),
        # An address that the edge has not, or not yet (TEST-NET-2, RFC 5737).
        ({False: "198.51.100.1"}, (LOCAL, 5060), "assign requested address"),
        # TCP has no route to the broadcast address, and to the kernel that is a network that is not reached.
        ({False: LOCAL}, ("255.255.255.255", 5060), "unreachable"),
    ],
)
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_what_the_edge_itself_lacks_is_no_vote_and_is_said_once(
    transport: str, hosts: dict[bool, str], target: Address, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    observer = StreamObserver({transport: {"us1": target}}, hosts, every_s=0.001)
    observer.sights[transport]["us1"] = Sight(missed=7)
    assert await seen(target, transport, lambda sight: sight == Sight(), observer) == Sight()
    asked = 0
    plain = observer._look_once

    async def counted(transport: str, target: Address) -> bool:
        nonlocal asked
        asked += 1
        return await plain(transport, target)

    observer._look_once = counted  # type: ignore[method-assign]
    assert await seen(target, transport, lambda _: asked >= 3, observer) == Sight()
    said = capsys.readouterr().out
    assert said.count("does not vote") == 1 and why in said


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_who_could_not_look_votes_again_when_he_can(transport: str) -> None:
    async with peer(answering, is_tls=transport == "tls") as target:
        hosts = {False: "198.51.100.1"}
        observer = StreamObserver({transport: {"us1": target}}, hosts, every_s=0.01)
        observer.sights[transport]["us1"] = Sight(missed=7)
        await seen(target, transport, lambda sight: sight == Sight(), observer)
        hosts[False] = LOCAL
        assert (await seen(target, transport, lambda sight: sight.answered >= 2, observer)).missed == 0


async def test_tls_that_this_machine_cannot_begin_is_no_vote() -> None:
    """OpenSSL's own configuration allows no protocol that the context does."""
    async with peer(answering, is_tls=True) as target:
        observer = StreamObserver({"tls": {"us1": target}}, {False: LOCAL}, every_s=0.01)
        observer.sights["tls"]["us1"] = Sight(missed=7)
        observer._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        observer._tls.maximum_version = ssl.TLSVersion.TLSv1_2
        assert await seen(target, "tls", lambda sight: sight == Sight(), observer) == Sight()
