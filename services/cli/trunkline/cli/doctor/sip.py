"""Is anybody there: OPTIONS (RFC 3261 §11) to an edge, over UDP or TCP."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final, Literal, cast

from trunkline.cli.uac.wires import wire_to
from trunkline.lab.sip.flow import Flow
from trunkline.lab.sip.message import MalformedMessage, Request, Response, bracketed, parse

AGAIN_S: Final = 0.5
"""T1 of RFC 3261: a datagram that was lost is sent again."""


async def ask_options(address: str, transport: str, limit_s: float) -> tuple[int, float, str]:
    """Status, milliseconds, and where there is no answer (0) why."""
    host, _, port = address.rpartition(":")
    flow = Flow(host.strip("[]"), int(port), cast(Literal["udp", "tcp"], transport))
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int] = loop.create_future()

    def received(data: bytes) -> None:
        try:
            message = parse(data)
        except MalformedMessage as error:
            lost(error)
            return
        if isinstance(message, Response) and not answer.done():
            answer.set_result(message.status)

    def lost(error: Exception) -> None:
        if not answer.done():
            answer.set_exception(OSError(str(error)))

    began = loop.time()
    try:
        wire = wire_to(flow, "", None, received, lost)
    except OSError as error:
        return 0, 0.0, str(error)
    try:
        async with asyncio.timeout(limit_s):
            await wire.connect()
            request = _options(flow, wire.local).encode()
            while not answer.done():
                wire.send(request, flow)
                await asyncio.wait({answer}, timeout=None if flow.is_reliable else AGAIN_S)
            return answer.result(), (loop.time() - began) * 1000, ""
    except TimeoutError:
        return 0, 0.0, f"{address} does not answer OPTIONS within {limit_s:g} s"
    except OSError as error:
        return 0, 0.0, f"{address}: {error}"
    finally:
        wire.close()


def _options(flow: Flow, local: tuple[str, int]) -> Request:
    own = f"{bracketed(local[0])}:{local[1]}"
    headers = (
        ("Via", f"SIP/2.0/{flow.transport.upper()} {own};branch=z9hG4bK{secrets.token_hex(8)};rport"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:doctor@{own}>;tag={secrets.token_hex(4)}"),
        ("To", f"<sip:{bracketed(flow.host)}:{flow.port}>"),
        ("Call-ID", secrets.token_hex(8)),
        ("CSeq", "1 OPTIONS"),
        ("Contact", f"<sip:doctor@{own}>"),
    )
    return Request("OPTIONS", f"sip:{bracketed(flow.host)}:{flow.port};transport={flow.transport}", headers, b"")
