"""A provisioning process on a nats-server of its own, and two tenants with keys."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.nats import NatsServer
from helpers.ports import free_port
from helpers.secure_nats import nats_server
from helpers.service import OPERATOR_KEY, ServiceProcess

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

__all__ = ["nats_server"]

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub as Stub


def key_of(tenant: str) -> str:
    return f"tk_key-of-{tenant}"


def write(request_id: str = "", expected_version: int | None = None) -> common_pb2.WriteOptions:
    return common_pb2.WriteOptions(request_id=request_id, expected_version=expected_version)


class Service:
    """The process, and stubs that show it a key."""

    def __init__(self, process: ServiceProcess, stack: AsyncExitStack) -> None:
        self.process = process
        self._stack = stack

    async def stub(self, key: str = OPERATOR_KEY) -> Stub:
        channel = self.process.channel(key)
        self._stack.push_async_callback(channel.close)
        return ProvisioningServiceStub(channel)  # type: ignore[return-value]

    async def tenant(self, name: str) -> Stub:
        """Creates the tenant and gives its stub."""
        operator = await self.stub()
        await operator.CreateTenant(pb.CreateTenantRequest(tenant=name, name=name.title()))
        key_hash = hashlib.sha256(key_of(name).encode()).digest()
        await operator.CreateApiKey(pb.CreateApiKeyRequest(tenant=name, name="test", key_hash=key_hash))
        return await self.stub(key_of(name))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def new_process(nats_server: NatsServer, tmp_path: Path) -> Callable[..., ServiceProcess]:
    """A process that is not started yet; `auth_addresses` and `pops` may be given."""

    def make(folder: str = "provisioning", **more: object) -> ServiceProcess:
        nobody = f"127.0.0.1:{free_port()}"
        settings: dict[str, object] = {
            "auth_addresses": [nobody],
            "pops": [{"name": "eu1", "region": "eu", "edge": "edge-eu1", "grpc_address": nobody}],
        }
        return ServiceProcess("provisioning", tmp_path / folder, nats_server, **(settings | more))

    return make


@pytest.fixture
async def service(new_process: Callable[..., ServiceProcess], stack: AsyncExitStack) -> AsyncIterator[Service]:
    process = new_process()
    await process.start()
    try:
        yield Service(process, stack)
    finally:
        await process.kill()
