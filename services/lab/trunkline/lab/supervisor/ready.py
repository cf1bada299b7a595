"""When is a process ready: an open port, a healthy gRPC service, an answered OPTIONS."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.tls import TlsSettings

LOOK_S = 0.05
"""Between two looks at something that cannot call back."""
START_LIMIT_S = 120.0
"""Of one process, while all others start too: 30 of them need some 40 s of processor time on two cores, twice that where modules are
compiled anew, and two platforms of tests may come up at once."""


class NotReady(Exception):
    """Something did not come up within its time."""


async def until(what: str, probe: Callable[[], Awaitable[bool]], *, limit_s: float = START_LIMIT_S) -> None:
    """Raises NotReady."""
    try:
        async with asyncio.timeout(limit_s):
            while not await probe():  # noqa: ASYNC110 - what is looked at is another process
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise NotReady(f"{what} is not ready after {limit_s:.0f} s") from None


async def is_open(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def is_healthy(address: str, peer: str, tls: TlsSettings) -> bool:
    """Whether the service of the kind `peer` at this address says that it serves."""
    # a fresh channel each time: a kept one would wait out its backoff
    async with open_channel(address, tls=tls, peer=peer) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its stub file has no methods
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def answers_options(host: str, port: int) -> bool:
    """Whether a SIP element answers OPTIONS over UDP within a second: with 200, or with 503 as one that is being emptied."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect((host, port))
            local_host, local_port = probe.getsockname()[:2]
            token = secrets.token_hex(8)
            request = (
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {local_host}:{local_port};branch=z9hG4bK{token};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:supervisor@{local_host}>;tag={token}\r\nTo: <sip:{host}:{port}>\r\n"
                f"Call-ID: {token}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            async with asyncio.timeout(1):
                await loop.sock_sendall(probe, request.encode())
                return (await loop.sock_recv(probe, 4096)).startswith((b"SIP/2.0 200 ", b"SIP/2.0 503 "))
        except (OSError, TimeoutError):
            return False
