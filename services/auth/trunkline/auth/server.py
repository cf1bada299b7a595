"""`AuthService` of auth.proto."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.auth.authorizer import Authorizer
from trunkline.auth.ban_desk import BanDesk
from trunkline.auth.credentials import is_password_of, set_credential
from trunkline.auth.key_exchange import KeyExchange, answer
from trunkline.auth.key_messages import BadKeys, keys_for_edges
from trunkline.auth.key_set import Forgotten
from trunkline.auth.key_store import KeyStore, TenantForgotten
from trunkline.domain import commands, names
from trunkline.domain.addresses import canonical_cidr
from trunkline.domain.bans import Ban
from trunkline.domain.errors import ErrorCode, Refusal, invalid, not_found
from trunkline.domain.events import CredentialId, Position
from trunkline.eventlog.writer import request_id_reused
from trunkline.runtime.authentication import Role, require, require_service, tenant_for
from trunkline.runtime.control import ControlState

Context = grpc.aio.ServicerContext[Any, Any]

CREDENTIALS_LIMIT = 8
"""Values of Proxy-Authorization that are looked at, as on an edge."""

COVER_LIMIT_S = 5.0
"""How long `Authorize` waits for a position that it is asked to cover."""

BANNED = "T207"
"""Of the registry of reasons."""

BANS_SHOWN = 10_000
"""Of one list: 1 MB."""

BAN_REASON_LIMIT = 200

TEXT_LIMIT = 4096
"""Characters of one field of a dry run."""


class AuthServer(auth_pb2_grpc.AuthServiceServicer):
    """Called by services and, for dry runs, by operators; keys go to services only.

    Before the replica is complete, or without a key that signs, what is not known is answered UNAVAILABLE: another region's auth is to be
    asked then.
    """

    def __init__(
        self, state: ControlState, authorizer: Authorizer, keys: KeyStore, exchange: KeyExchange, desk: BanDesk, realm: str
    ) -> None:
        self._state = state
        self._authorizer = authorizer
        self._keys = keys
        self._exchange = exchange
        self._desk = desk
        self._realm = realm

    async def SetCredential(self, request: auth_pb2.SetCredentialRequest, context: Context) -> auth_pb2.SetCredentialResponse:
        require_service("provisioning")
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))  # no key is made for a tenant that is not
        is_first = not self._keys.content.keys_of(tenant)
        try:
            command = set_credential(
                self._keys,
                self._realm,
                tenant=tenant,
                credential_id=request.credential_id,
                username=request.username,
                password=request.password,
            )
        except TenantForgotten:
            raise Refusal(
                ErrorCode.FAILED_PRECONDITION,
                "TENANT_FORGOTTEN",
                f"The keys of tenant {tenant} were deleted for ever.",
                field="tenant",
                remedy="It can have no accounts any more; make another tenant.",
            ) from None
        if is_first or self._exchange.is_sharing(tenant):
            await self._exchange.share_key(tenant)
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
        if not self._state.replica.is_complete:
            await _abort_unavailable(context, "this auth has not read the whole log yet: ask another region's, or again in a moment")
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
        ban = self._desk.ban_of(request.source)
        if ban is not None and not self._authorizer.lists(host=request.host, source=request.source):
            until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ban.until_s))
            step = f"{request.source}: banned until {until} ({ban.reason}, {ban.cidr}), and the domain does not list it: it gets no answer"
            return auth_pb2.AuthorizeResponse(
                outcome="refuse",
                reason=BANNED,
                tenant=trace.tenant,
                domain=trace.domain,
                steps=[step],
                position=self._authorizer.position,
                facts=step,
            )
        return auth_pb2.AuthorizeResponse(
            outcome=trace.outcome,
            reason=trace.reason,
            tenant=trace.tenant,
            domain=trace.domain,
            acl=trace.acl,
            account=trace.account,
            address=trace.address,
            account_caller_id=trace.account_caller_id,
            address_caller_id=trace.address_caller_id,
            steps=trace.steps,
            position=self._authorizer.position,
            is_stale=trace.is_stale,
            algorithms=trace.algorithms,
            challenge_status=trace.challenge_status,
            is_qop_optional=trace.is_qop_optional,
            digest_algorithm=trace.digest_algorithm,
            facts=trace.facts,
        )

    async def FetchKeys(self, request: auth_pb2.FetchKeysRequest, context: Context) -> auth_pb2.FetchKeysResponse:
        require_service("edge", "auth")
        if any(not self._keys.content.keys_of(tenant) for tenant in request.tenants):
            await self._exchange.fetch_missing()
        now_s = int(time.time())
        if not self._keys.can_sign(now_s):
            await _abort_unavailable(context, "this auth has no key that signs yet: ask another region's, or again in a moment")
        return keys_for_edges(self._keys, request.tenants, now_s)

    async def ForgetTenant(self, request: auth_pb2.ForgetTenantRequest, context: Context) -> auth_pb2.ForgetTenantResponse:
        require(Role.OPERATOR)
        tenant = names.tenant_id(request.tenant)
        content = self._keys.content
        if not content.keys_of(tenant) and not content.is_forgotten(tenant):
            await self._state.existing_tenant(tenant)  # a name that was mistyped is not forgotten for ever
        self._keys.forget(tenant)
        problems = await self._exchange.share([Forgotten(tenant)], is_urgent=True)
        return auth_pb2.ForgetTenantResponse(
            stores=[
                auth_pb2.KeyStoreAnswer(store=self._state.name, is_forgotten=True),
                *(auth_pb2.KeyStoreAnswer(store=name, is_forgotten=not problem, problem=problem) for name, problem in problems.items()),
            ]
        )

    async def ListBans(self, request: auth_pb2.ListBansRequest, context: Context) -> auth_pb2.ListBansResponse:
        require(Role.OPERATOR)
        now_s = time.time()
        book = self._desk.book
        bans = book.covering(canonical_cidr(request.address), now_s) if request.address else book.holding(now_s)
        return auth_pb2.ListBansResponse(bans=map(ban_message, bans[:BANS_SHOWN]), total=len(bans))

    async def BanAddress(self, request: auth_pb2.BanAddressRequest, context: Context) -> auth_pb2.BanAddressResponse:
        require(Role.OPERATOR)
        cidr = canonical_cidr(request.address)
        duration_s = request.duration.seconds + request.duration.nanos / 1e9
        reason = names.free_text(request.reason, "reason", BAN_REASON_LIMIT)
        return auth_pb2.BanAddressResponse(ban=ban_message(await self._desk.ban(cidr, duration_s, reason)))

    async def LiftBan(self, request: auth_pb2.LiftBanRequest, context: Context) -> auth_pb2.LiftBanResponse:
        require(Role.OPERATOR)
        lifted = await self._desk.lift(canonical_cidr(request.address))
        if not lifted:
            raise not_found("NO_SUCH_BAN", "address", f"no ban covers {request.address!r:.80}", "list them: trunkline ban list")
        return auth_pb2.LiftBanResponse(bans=map(ban_message, lifted))

    async def SyncKeys(self, request: auth_pb2.SyncKeysRequest, context: Context) -> auth_pb2.SyncKeysResponse:
        require_service("auth")
        try:
            return answer(self._keys, request, int(time.time()))
        except BadKeys as error:
            raise invalid("KEYS_INVALID", "keys", str(error)) from error


def ban_message(ban: Ban) -> auth_pb2.Ban:
    return auth_pb2.Ban(
        cidr=ban.cidr, issued_time=_timestamp(ban.issued_s), until_time=_timestamp(ban.until_s), reason=ban.reason, issuer=ban.issuer
    )


def _timestamp(time_s: float) -> Timestamp:
    time = Timestamp()
    time.FromMicroseconds(round(time_s * 1_000_000))
    return time


async def _abort_unavailable(context: Context, why: str) -> None:
    """AbortError."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, why)


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
