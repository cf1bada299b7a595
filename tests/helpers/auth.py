"""Calls to the auth service, written shorter, and the digests of a client."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

import grpc.aio
import pytest
from helpers.service import REALM, ServiceProcess

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.api.common.v1 import common_pb2
from trunkline.domain import commands
from trunkline.domain.commands import Command
from trunkline.domain.events import TenantId
from trunkline.engine import AccessTables, digest_response
from trunkline.engine.tables import RotatingKey, SetNonceKeys
from trunkline.runtime.control import ControlState
from trunkline.runtime.errors import Problem, decode_status

PASSWORD = "correct horse battery staple"
ACCOUNT = "31000000"
NUMBER = "31201234567"
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class AuthClient:
    """What other services ask of auth."""

    def __init__(self, service: ServiceProcess, key: str = "") -> None:
        """As provisioning, or with a key as a person."""
        self._channel = service.channel(key) if key else service.channel_of("provisioning")
        self._edge = service.channel_of("edge")
        self.stub: Any = auth_pb2_grpc.AuthServiceStub(self._channel)

    async def __aenter__(self) -> AuthClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._edge.close()

    async def set_credential(
        self, credential_id: str, password: str, *, tenant: str = "acme", username: str = "31000000", request_id: str = ""
    ) -> common_pb2.Receipt:
        request = auth_pb2.SetCredentialRequest(
            write=common_pb2.WriteOptions(request_id=request_id),
            tenant=tenant,
            credential_id=credential_id,
            username=username,
            password=password,
        )
        receipt: common_pb2.Receipt = (await self.stub.SetCredential(request)).receipt
        return receipt

    async def authorize(self, **fields: Any) -> auth_pb2.AuthorizeResponse:
        response: auth_pb2.AuthorizeResponse = await self.stub.Authorize(auth_pb2.AuthorizeRequest(**fields))
        return response

    async def keys(self, *tenants: str) -> auth_pb2.FetchKeysResponse:
        response: auth_pb2.FetchKeysResponse = await auth_pb2_grpc.AuthServiceStub(self._edge).FetchKeys(
            auth_pb2.FetchKeysRequest(tenants=tenants)
        )
        return response

    async def nonce(self) -> str:
        """As an edge makes it that has fetched the keys."""
        tables = AccessTables(realm=REALM)
        keys = [
            RotatingKey(key.key_id, key.key, key.not_before.seconds, key.not_after.seconds, key.is_current)
            for key in (await self.keys()).nonce_keys
        ]
        tables.apply([SetNonceKeys(tuple(keys))], 0)
        return tables.issue_nonce(now_s=time.time(), entropy=os.urandom(8))

    async def credentials(self, host: str, username: str, password: str, *, algorithm: str = "MD5", number: str = "31201234567") -> str:
        """A client's Proxy-Authorization for an INVITE to `number` at `host`."""
        nonce, uri = await self.nonce(), f"sip:{number}@{host}"
        ha1 = hashlib.new(HASHES[algorithm], f"{username}:{REALM}:{password}".encode()).digest()
        response = digest_response(algorithm=algorithm, ha1=ha1, nonce=nonce, method="INVITE", uri=uri, qop="auth", nc=1, cnonce="0a4f113b")
        return (
            f'Digest username="{username}", realm="{REALM}", nonce="{nonce}", uri="{uri}", response="{response}",'
            f' algorithm={algorithm}, cnonce="0a4f113b", qop=auth, nc=00000001'
        )

    async def problem(self, work: Any) -> Problem:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await work
        return decode_status(caught.value)


@dataclass(frozen=True, slots=True)
class Trunk:
    """A tenant with a domain of its own name, whose ACL OUT holds 192.0.2.0/24 and the account 31000000 with PASSWORD."""

    tenant: TenantId
    position: int

    @property
    def host(self) -> str:
        return f"{self.tenant}.{REALM}"


async def make_trunk(client: AuthClient, provisioned: Provisioned, name: str = "acme", algorithms: tuple[str, ...] = ()) -> Trunk:
    tenant = await provisioned.tenant(name)
    await client.set_credential("c1", PASSWORD, tenant=tenant)
    position = await provisioned.write(
        commands.CreateAcl(tenant, "OUT"),
        commands.AddAddress(tenant, "OUT", "192.0.2.0/24"),
        commands.AddAccount(tenant, "OUT", ACCOUNT, "c1", "+31201234000"),
        commands.CreateDomain(tenant, tenant),
        commands.AttachAcl(tenant, tenant, "OUT"),
        *([commands.SetDigestPolicy(tenant, tenant, algorithms)] if algorithms else []),
    )
    return Trunk(tenant, position)


async def call(
    client: AuthClient,
    trunk: Trunk,
    password: str = PASSWORD,
    *,
    host: str = "",
    username: str = ACCOUNT,
    algorithm: str = "MD5",
    position: int = 0,
) -> auth_pb2.AuthorizeResponse:
    """What Authorize says to an INVITE with a digest, from a listed address, once it covers the trunk's (or a later) position."""
    host = host or trunk.host
    value = await client.credentials(host, username, password, algorithm=algorithm, number=NUMBER)
    return await client.authorize(
        host=host,
        source="192.0.2.7",
        number=NUMBER,
        sip_call_id="a84b4c76e66710",
        credentials=[value],
        min_position=position or trunk.position,
    )


class Provisioned:
    """What provisioning writes, written directly."""

    def __init__(self, state: ControlState) -> None:
        self.state = state

    async def write(self, *asked: Command) -> int:
        """The position of the last one."""
        position = 0
        for command in asked:
            position = (await self.state.write(command, common_pb2.WriteOptions(), actor="operator")).position
        return position

    async def tenant(self, name: str = "acme") -> TenantId:
        tenant = TenantId(name)
        await self.write(commands.CreateTenant(tenant))
        return tenant
