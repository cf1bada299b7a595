"""The test caller over real UDP: against a UAS that plays a script, and against SIPp's."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from helpers.platform import wait_for

from trunkline.cli.uac.call import Ending
from trunkline.cli.uac.messages import Order
from trunkline.cli.uac.shell import PlacedCall, place_call
from trunkline.lab.sip.flow import Flow
from trunkline.lab.sip.message import Headers, Request, Response, copied, first, parse

Answer = tuple[int, Headers]
Script = Callable[[Request], list[Answer]]


class ScriptedUas(asyncio.DatagramProtocol):
    """Asks the script for the answers to each request; `drop_first` requests are lost on the way."""

    def __init__(self, script: Script, drop_first: int = 0) -> None:
        self._script = script
        self._to_drop = drop_first
        self.requests: list[Request] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        assert isinstance(message, Request)
        if self._to_drop:
            self._to_drop -= 1
            return
        self.requests.append(message)
        for status, headers in self._script(message):
            to = first(message.headers, "to")
            tag = "" if status == 100 or "tag=" in to else ";tag=uas"
            host, port = self._transport.get_extra_info("sockname")
            contact = ("Contact", f"<sip:callee@{host}:{port}>")
            fields = (
                *copied(message.headers, ("Via", "From")),
                ("To", to + tag),
                *copied(message.headers, ("Call-ID", "CSeq")),
                contact,
                *headers,
            )
            self._transport.sendto(Response(status, "Scripted", fields).encode(), addr)

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]


async def play(script: Script, order: Order, drop_first: int = 0) -> tuple[PlacedCall, ScriptedUas]:
    loop = asyncio.get_running_loop()
    transport, uas = await loop.create_datagram_endpoint(lambda: ScriptedUas(script, drop_first), local_addr=("127.0.0.1", 0))
    try:
        host, port = transport.get_extra_info("sockname")
        async with asyncio.timeout(30):
            return await place_call(order, proxy=Flow(host, port), from_address="127.0.0.1"), uas
    finally:
        transport.close()


ORDER = Order(number="+31201234567", host="acme.sip.trunkline.test", username="31000000", password="secret", hold_s=0.05)


def answering(request: Request) -> list[Answer]:
    match request.method:
        case "INVITE":
            return [(100, ()), (180, ()), (200, ())]
        case "ACK":
            return []
        case _:
            return [(200, ())]


async def test_a_challenged_call_is_placed_whole() -> None:
    def script(request: Request) -> list[Answer]:
        if request.method == "INVITE" and not first(request.headers, "proxy-authorization"):
            weak = ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"')
            unknown = ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA3-256, qop="auth"')
            strong = ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"')
            return [(407, (unknown, strong, weak))]
        return answering(request)

    call, uas = await play(script, ORDER)
    assert call.outcome.ending is Ending.HUNG_UP
    assert uas.methods() == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]
    assert "algorithm=SHA-256" in first(uas.requests[2].headers, "proxy-authorization")
    assert first(uas.requests[3].headers, "proxy-authorization") == first(uas.requests[2].headers, "proxy-authorization")


async def test_a_lost_invite_is_sent_again() -> None:
    call, _ = await play(answering, ORDER, drop_first=1)
    assert call.outcome.is_answered
    assert [step.is_repeated for step in call.steps[:2]] == [False, True]


async def test_a_call_is_cancelled_while_it_rings() -> None:
    invites: list[Request] = []

    def script(request: Request) -> list[Answer]:
        match request.method:
            case "INVITE":
                invites.append(request)
                return [(180, ())]
            case "CANCEL":
                return [(200, ())]
            case _:
                return []

    class Cancellable(ScriptedUas):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            super().datagram_received(data, addr)
            if self.requests[-1].method == "CANCEL":
                headers = invites[0].headers
                fields = (
                    *copied(headers, ("Via", "From")),
                    ("To", first(headers, "to") + ";tag=uas"),
                    *copied(headers, ("Call-ID", "CSeq")),
                )
                self._transport.sendto(Response(487, "Request Terminated", fields).encode(), addr)

    loop = asyncio.get_running_loop()
    transport, uas = await loop.create_datagram_endpoint(lambda: Cancellable(script), local_addr=("127.0.0.1", 0))
    try:
        async with asyncio.timeout(30):
            order = Order(number="+31201234180", host="acme", hold_s=1, cancel_after_s=0.1)
            call = await place_call(order, proxy=Flow(*transport.get_extra_info("sockname")[:2]))
    finally:
        transport.close()
    assert call.outcome.ending is Ending.CANCELLED
    assert uas.methods() == ["INVITE", "CANCEL", "ACK"]


@pytest.mark.parametrize("status", [403, 486, 600])
async def test_a_refusal_is_acknowledged_and_reported(status: int) -> None:
    call, uas = await play(lambda request: [(status, ())] if request.method == "INVITE" else [], ORDER)
    assert (call.outcome.ending, call.outcome.status) == (Ending.REFUSED, status)
    assert uas.methods() == ["INVITE", "ACK"]


async def test_sipp_accepts_the_caller(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin", "-timeout", "30"]
    uas = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        await asyncio.to_thread(wait_for, "SIPp listens", lambda: f":{port:04X} " in Path("/proc/net/udp").read_text())
        call = await place_call(ORDER, proxy=Flow("127.0.0.1", port), from_address="127.0.0.1")
        assert call.outcome.ending is Ending.HUNG_UP
        _, errors = await asyncio.to_thread(uas.communicate, timeout=30)
        assert uas.returncode == 0, errors
    finally:
        if uas.poll() is None:
            uas.kill()
            uas.communicate()
