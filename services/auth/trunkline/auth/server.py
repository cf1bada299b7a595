"""`AuthService` of auth.proto."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.auth.authorizer import Authorizer, as_rotating
from trunkline.auth.credentials import is_password_of, set_credential
from trunkline.auth.key_store import KeyStore, Purpose
from trunkline.domain import commands
from trunkline.domain.errors import invalid
from trunkline.domain.events import CredentialId, Position
from trunkline.eventlog.writer import request_id_reused
from trunkline.runtime.authentication import Role, require, require_service, tenant_for
from trunkline.runtime.control import ControlState

Context = grpc.aio.ServicerContext[Any, Any]

CREDENTIALS_LIMIT = 8
"""Values of Proxy-Authorization that are looked at, as on an edge."""

COVER_LIMIT_S = 5.0
"""How long `Authorize` waits for a position that it is asked to cover."""

TEXT_LIMIT = 4096
"""Characters of one field of a dry run."""


class AuthServer(auth_pb2_grpc.AuthServiceServicer):
    """Called by services and, for dry runs, by operators; keys go to services only."""

    def __init__(self, state: ControlState, authorizer: Authorizer, keys: KeyStore, realm: str) -> None:
        self._state = state
        self._authorizer = authorizer
        self._keys = keys
        self._realm = realm

    async def SetCredential(self, request: auth_pb2.SetCredentialRequest, context: Context) -> auth_pb2.SetCredentialResponse:
        require_service("provisioning")
        command = set_credential(
            self._keys,
            self._realm,
            tenant=await self._state.existing_tenant(tenant_for(request.tenant)),  # no key is made for a tenant that is not
            credential_id=request.credential_id,
            username=request.username,
            password=request.password,
        )
        receipt = await self._state.write(command, request.write)
        # No password is part of what the log compares repeated requests by, so it is compared here.
        standing = self._state.directory.credentials.get((command.tenant, CredentialId(command.credential_id)))
        if receipt.repeated and standing is not None and not is_password_of(self._keys, standing, request.password):
            raise request_id_reused(request.write.request_id, receipt.position)
        return auth_pb2.SetCredentialResponse(receipt=receipt)

    async def EraseCredential(self, request: auth_pb2.EraseCredentialRequest, context: Context) -> auth_pb2.EraseCredentialResponse:
        require_service("provisioning")
        command = commands.EraseCredential(tenant_for(request.tenant), request.credential_id)
        return auth_pb2.EraseCredentialResponse(receipt=await self._state.write(command, request.write))

    async def Authorize(self, request: auth_pb2.AuthorizeRequest, context: Context) -> auth_pb2.AuthorizeResponse:
        require(Role.SERVICE, Role.OPERATOR)
        _check_dry_run(request)
        if request.min_position:
            await self._state.replica.wait_covered(Position(request.min_position), COVER_LIMIT_S)
        if request.assumed_username or not request.credentials:
            trace = self._authorizer.explain(
                host=request.host,
                source=request.source,
                username=request.assumed_username,
                is_password_right=request.is_assumed_right,
            )
        else:
            trace = self._authorizer.check(
                host=request.host,
                source=request.source,
                method=request.method or "INVITE",
                number=request.number,
                sip_call_id=request.sip_call_id,
                credentials=request.credentials,
            )
        return auth_pb2.AuthorizeResponse(
            outcome=trace.outcome,
            reason=trace.reason,
            tenant=trace.tenant,
            domain=trace.domain,
            acl=trace.acl,
            account=trace.account,
            address=trace.address,
            caller_id=trace.caller_id,
            steps=trace.steps,
            position=self._authorizer.position,
            is_stale=trace.is_stale,
        )

    async def FetchKeys(self, request: auth_pb2.FetchKeysRequest, context: Context) -> auth_pb2.FetchKeysResponse:
        require_service("edge", "auth")
        now_s = int(time.time())
        return auth_pb2.FetchKeysResponse(
            tenant_keys=[
                auth_pb2.TenantKey(tenant=tenant, key_id=key_id, key=key) for tenant, key_id, key in self._keys.tenant_keys(request.tenants)
            ],
            nonce_keys=_rotating(self._keys, Purpose.NONCE, now_s),
            token_keys=_rotating(self._keys, Purpose.TOKEN, now_s),
        )


def _check_dry_run(request: auth_pb2.AuthorizeRequest) -> None:
    try:
        ipaddress.ip_address(request.source)
    except ValueError:
        raise invalid("SOURCE_INVALID", "source", f"{request.source[:64]!r} is no IP address", "such as 192.0.2.1 or 2001:db8::1") from None
    if len(request.credentials) > CREDENTIALS_LIMIT:
        raise invalid(
            "TOO_MANY_CREDENTIALS", "credentials", f"{len(request.credentials)} values; at most {CREDENTIALS_LIMIT} are looked at"
        )
    texts = (request.host, request.method, request.number, request.sip_call_id, request.assumed_username, *request.credentials)
    if any(len(text) > TEXT_LIMIT for text in texts):
        raise invalid("TEXT_TOO_LONG", "", f"a field of a dry run has at most {TEXT_LIMIT} characters")


def _rotating(keys: KeyStore, purpose: Purpose, now_s: int) -> list[auth_pb2.RotatingKey]:
    return [
        auth_pb2.RotatingKey(
            key_id=key.key_id,
            key=key.key,
            not_before=Timestamp(seconds=key.not_before_s),
            not_after=Timestamp(seconds=key.not_after_s),
            is_current=key.is_current,
        )
        for key in as_rotating(keys.signing_keys(purpose).values(), now_s)
    ]
