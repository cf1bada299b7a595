"""Where a request of a tenant's choice may go, and that it goes there and nowhere else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from helpers.authority import tls_of

from trunkline.domain.webhooks import Address
from trunkline.records import webhook_sending
from trunkline.records.webhook_sending import NotTaken, Sender, is_allowed
from trunkline.runtime.tls import host_name

LOOPBACK = (ip_network("127.0.0.0/8"),)
HOST = host_name("records")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("2a00:1450:4001::1", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("2001:db8::1", False),
        ("not an address", False),
    ],
)
def test_a_request_goes_to_public_addresses_only(address: str, allowed: bool) -> None:
    assert is_allowed(address) is allowed


def test_the_operator_allows_networks_of_its_own_and_what_holds_their_addresses() -> None:
    assert is_allowed("127.0.0.1", LOOPBACK) and is_allowed("::ffff:127.0.0.1", LOOPBACK) and not is_allowed("10.0.0.1", LOOPBACK)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def answering(answer: bytes, seen: list[bytes]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        seen.append(head + await reader.readexactly(length))
        writer.write(answer)
        await writer.drain()
        writer.close()

    return handle


class Names:
    """What each look-up gives, one after the other; the last one again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=tls_of("records").ca_file)


async def test_a_request_is_posted_whole_to_the_address_that_was_looked_up_once() -> None:
    seen: list[bytes] = []
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with served(answering(b"HTTP/1.1 204 No Content\r\n\r\n", seen)) as port:
        to = Address(False, "hooks.example", port, "/in?a=b")
        assert await Sender(LOOPBACK, trusting(), names).post(to, {"X-One": "1"}, b'{"a": 1}') == 204
    [request] = seen
    assert request.startswith(b"POST /in?a=b HTTP/1.1\r\n") and request.endswith(b'\r\n\r\n{"a": 1}')
    assert f"Host: hooks.example:{port}".encode().lower() in request.lower() and b"x-one: 1" in request.lower()
    assert names.asked == ["hooks.example"], "a second look-up could lead elsewhere"


async def test_a_certificate_must_name_the_host_that_was_asked_for() -> None:
    seen: list[bytes] = []
    files = tls_of("records")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_file, files.key_file)
    async with served(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen), context) as port:
        sender = Sender(LOOPBACK, trusting(), Names(["127.0.0.1"]))
        assert await sender.post(Address(True, HOST, port, "/"), {}, b"x") == 200
        with pytest.raises(NotTaken, match="certificate"):
            await sender.post(Address(True, "other.example", port, "/"), {}, b"x")
        with pytest.raises(NotTaken, match="certificate"):
            await Sender(LOOPBACK, ssl.create_default_context(), Names(["127.0.0.1"])).post(Address(True, HOST, port, "/"), {}, b"x")
    assert len(seen) == 1


async def test_nothing_is_connected_to_that_is_not_allowed_and_nobody_is_told_what_a_name_means_inside() -> None:
    seen: list[bytes] = []
    async with served(answering(b"HTTP/1.1 200 OK\r\n\r\n", seen)) as port:
        for sender in (Sender((), trusting(), Names(["127.0.0.1"])), Sender((), trusting(), Names(["10.9.8.7", "::1"]))):
            for is_tls in (True, False):
                with pytest.raises(NotTaken, match=r"inside\.example has no public address") as caught:
                    await sender.post(Address(is_tls, "inside.example", port, "/"), {}, b"x")
                assert "10.9.8.7" not in str(caught.value)
        with pytest.raises(NotTaken, match="must begin with https"):
            await Sender(LOOPBACK, trusting(), Names(["8.8.8.8"])).post(Address(False, "h.example", port, "/"), {}, b"x")
    assert seen == []


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 ", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000]
)
async def test_an_answer_that_is_none_or_has_no_end_is_not_taken(answer: bytes) -> None:
    async with served(answering(answer, [])) as port:
        with pytest.raises(NotTaken):
            await Sender(LOOPBACK, trusting(), Names(["127.0.0.1"])).post(Address(False, "h.example", port, "/"), {}, b"x")


async def test_who_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "LIMIT_S", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with served(silent) as port:
        with pytest.raises(NotTaken, match="did not answer within"):
            await Sender(LOOPBACK, trusting(), Names(["127.0.0.1"])).post(Address(False, "h.example", port, "/"), {}, b"x")


async def test_nobody_there_is_not_taken() -> None:
    with pytest.raises(NotTaken, match=r"h\.example:1"):
        await Sender(LOOPBACK, trusting(), Names(["127.0.0.1"])).post(Address(False, "h.example", 1, "/"), {}, b"x")
