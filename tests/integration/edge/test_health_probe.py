"""What keepalived asks an edge: the probe of docs/failover.md, with the files and the name that stand there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from helpers.authority import tls_of
from helpers.edge import EdgeBench

RECIPE = Path(__file__).parents[3] / "docs" / "failover.md"
LIMIT_S = 5.0


def flags() -> dict[str, str]:
    """Of `grpc_health_probe` in the recipe."""
    script = re.search(r'script "[^"]*grpc_health_probe ([^"]*)"', RECIPE.read_text())
    assert script is not None
    return dict(flag.lstrip("-").partition("=")[::2] for flag in script[1].split())


async def check(address: str, credentials: grpc.ChannelCredentials, name: str) -> int:
    """The health, as the probe of the Go program asks for it. AioRpcError where there is no connection."""
    options = (("grpc.ssl_target_name_override", name),)
    async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)  # type: ignore[misc]
        return int(answer.status)


async def test_the_probe_of_the_recipe_is_answered_and_without_its_certificate_or_name_it_is_not(bench: EdgeBench) -> None:
    given = flags()
    assert {"tls", "tls-ca-cert", "tls-client-cert", "tls-client-key", "tls-server-name"} <= given.keys()
    await bench.provision()
    await asyncio.gather(bench.auth.start(), bench.edge.start())
    files = tls_of("edge")
    root, key, certificate = (path.read_bytes() for path in (files.ca_file, files.key_file, files.cert_file))
    with_own = grpc.ssl_channel_credentials(root, key, certificate)
    assert await check(bench.edge.address, with_own, given["tls-server-name"]) == health_pb2.HealthCheckResponse.SERVING
    for credentials, name in (
        (grpc.ssl_channel_credentials(root), given["tls-server-name"]),
        (with_own, "edge.example.com"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await check(bench.edge.address, credentials, name)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
