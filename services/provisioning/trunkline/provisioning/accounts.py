"""Accounts with passwords: the credential first, by auth, then the event that names it.

A crash between leaves a credential that nobody uses; auth sweeps it. The credential's id comes from the request's id, so that a retry finds
what the first attempt made.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

import grpc.aio

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.common.v1 import common_pb2
from trunkline.domain import commands, names
from trunkline.domain.decide import decide
from trunkline.domain.errors import Refusal
from trunkline.domain.events import CredentialId, Position, TenantId
from trunkline.eventlog.writer import request_id_reused
from trunkline.runtime.authentication import current
from trunkline.runtime.control import ControlState
from trunkline.runtime.errors import decode_status
from trunkline.runtime.grpc_client import on_behalf_of
from trunkline.runtime.grpc_pool import PeerPool

COVER_LIMIT_S: Final = 5.0
"""How long the replica may take to see the credential that auth has just written."""
SET_LIMIT_S: Final = 3.0
"""Of one auth service; it waits for home's log as long as a write does."""
_ID_BYTES: Final = 16


class Accounts:
    def __init__(self, state: ControlState, auth: PeerPool) -> None:
        self._state = state
        self._auth = auth

    async def add(
        self, tenant: TenantId, write: common_pb2.WriteOptions, *, acl: str, username: str, password: str, caller_id: str
    ) -> common_pb2.Receipt:
        """Raises Refusal, LogUnavailable, AioRpcError of auth."""
        names.check_password(password)
        credential = credential_id_of(tenant, write.request_id)
        command = commands.AddAccount(tenant, acl, username, credential, caller_id)
        return await self._with_credential(command, write, password)

    async def set_password(
        self, tenant: TenantId, write: common_pb2.WriteOptions, *, acl: str, username: str, password: str
    ) -> common_pb2.Receipt:
        """The old credential is left to auth's sweep. Raises as `add`."""
        names.check_password(password)
        credential = credential_id_of(tenant, write.request_id)
        command = commands.ChangeAccountCredential(tenant, acl, username, credential)
        return await self._with_credential(command, write, password)

    async def _with_credential(
        self, command: commands.AddAccount | commands.ChangeAccountCredential, write: common_pb2.WriteOptions, password: str
    ) -> common_pb2.Receipt:
        await self._check(command, write.request_id)
        behalf = on_behalf_of(current().actor, current().source, current().person)
        request = auth_pb2.SetCredentialRequest(
            write=common_pb2.WriteOptions(request_id=command.credential_id),
            tenant=command.tenant,
            credential_id=command.credential_id,
            username=command.username,
            password=password,
        )
        try:
            # The request id makes it safe to ask a second auth what the first one may have done already.
            answer = await self._auth.ask(
                lambda channel: AuthServiceStub(channel).SetCredential(request, metadata=behalf), try_s=SET_LIMIT_S
            )
        except grpc.aio.AioRpcError as error:
            problem = decode_status(error)
            if problem.reason != "REQUEST_ID_REUSED":
                raise
            # Told with the id that the caller knows, not with the one that auth was asked by.
            raise request_id_reused(write.request_id, int(problem.metadata.get("position", 0))) from error
        await self._state.replica.wait_covered(Position(answer.receipt.position), COVER_LIMIT_S)
        return await self._state.write(command, write)

    async def _check(self, command: commands.AddAccount | commands.ChangeAccountCredential, request_id: str) -> None:
        """Refuses what will be refused before a credential is made for it. A request that was carried out already is not looked at."""
        await self._state.catch_up()
        if request_id and await self._state.replica.request(command.tenant, request_id) is not None:
            return
        try:
            decide(self._state.directory, command)
        except Refusal as refusal:
            if refusal.reason != "CREDENTIAL_NOT_FOUND":
                raise


def credential_id_of(tenant: TenantId, request_id: str) -> CredentialId:
    """The same for every attempt of one request; a new one for a request without an id, which cannot be repeated."""
    if not request_id:
        return CredentialId(secrets.token_hex(_ID_BYTES))
    return CredentialId(hashlib.sha256(f"credential\0{tenant}\0{request_id}".encode()).hexdigest()[: 2 * _ID_BYTES])
