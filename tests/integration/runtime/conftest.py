"""A real gRPC server around methods that do what a test wants."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc.aio
import pytest
from helpers.authority import tls_of

from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc
from trunkline.api.provisioning.v1 import provisioning_pb2, provisioning_pb2_grpc
from trunkline.domain.events import TenantId
from trunkline.runtime.authentication import Authenticator, TenantKey
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.grpc_server import GrpcServer

Method = Callable[[], Awaitable[None]]


class Scripted(edge_pb2_grpc.EdgeServiceServicer, provisioning_pb2_grpc.ProvisioningServiceServicer):
    """`WaitApplied` (for operators, tenants and provisioning) and `TailEvents` (for people) run `method`, then answer."""

    method: Method

    async def WaitApplied(self, request: edge_pb2.WaitAppliedRequest, context: object) -> edge_pb2.WaitAppliedResponse:  # type: ignore[override]
        await self.method()
        return edge_pb2.WaitAppliedResponse(position=7)

    async def TailEvents(  # type: ignore[override]
        self, request: provisioning_pb2.TailEventsRequest, context: object
    ) -> AsyncIterator[provisioning_pb2.TailEventsResponse]:
        yield provisioning_pb2.TailEventsResponse(position=1)
        await self.method()
        yield provisioning_pb2.TailEventsResponse(position=2)


class Peer:
    """A running server and how to reach it with a key."""

    def __init__(self, address: str, scripted: Scripted, server: GrpcServer) -> None:
        self.address = address
        self.scripted = scripted
        self.server = server
        self.authenticator = AUTHENTICATOR

    def channel(self, key: str = "", *, kind: str = "", **options: object) -> grpc.aio.Channel:
        """With a key as a person's program, without one as the service `provisioning-eu`; the server says that it is an edge."""
        kind = kind or ("client" if key else "provisioning")
        tls = tls_of(kind, f"{kind}-eu")
        return open_channel(self.address, tls=tls, peer="edge", key=key, **options)  # type: ignore[arg-type]


def _find(key_hash: bytes) -> TenantKey | None:
    return TenantKey(TenantId("acme"), "k1") if key_hash == hashlib.sha256(b"tk_acme").digest() else None


AUTHENTICATOR = Authenticator(hashlib.sha256(b"operator").hexdigest(), _find)


async def nothing() -> None:
    return


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    server = GrpcServer("127.0.0.1:0", tls_of("edge"), AUTHENTICATOR)
    scripted = Scripted()
    scripted.method = nothing
    edge_pb2_grpc.add_EdgeServiceServicer_to_server(scripted, server.grpc)
    provisioning_pb2_grpc.add_ProvisioningServiceServicer_to_server(scripted, server.grpc)
    address = await server.start()
    try:
        yield Peer(address, scripted, server)
    finally:
        await server.stop()
