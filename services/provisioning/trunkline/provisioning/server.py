"""`ProvisioningService` of provisioning.proto: from requests to commands and back. What is allowed is decided in `trunkline.domain`.

The tenant is the key's. A resource in an answer is as it is now, for a repeated request too; only the receipt is the first one's again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc.aio

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceServicer
from trunkline.domain import commands
from trunkline.domain.decide_access import existing_acl
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import AclName, DomainLabel, TenantId
from trunkline.domain.scopes import check_made_by, known_scopes
from trunkline.domain.views import Acl, Domain
from trunkline.provisioning.accounts import Accounts
from trunkline.provisioning.asking import Change, command_of
from trunkline.provisioning.calls_links import calls_links
from trunkline.provisioning.explain import Explainer
from trunkline.provisioning.feed import Feed
from trunkline.provisioning.history import History
from trunkline.provisioning.key_uses import KeyUseBook
from trunkline.provisioning.limits import LimitOwner
from trunkline.provisioning.pages import page_of
from trunkline.provisioning.pop_history import PopHistory
from trunkline.provisioning.pops import WAIT_DEFAULT_S, WAIT_LIMIT_S, Pops
from trunkline.provisioning.rendering import (
    ANSWER_BYTES,
    WRITE_ANSWER_BYTES,
    acl_message,
    api_key_message,
    domain_message,
    identity_policy,
    tenant_message,
)
from trunkline.provisioning.replicas import ReplicaBook, add_links, listed, of_edge
from trunkline.provisioning.tenant_reading import TenantReader
from trunkline.provisioning.what_if import WhatIf
from trunkline.runtime.authentication import Role, current, require, tenant_for
from trunkline.runtime.control import ControlState
from trunkline.runtime.fields import NS_PER_S, timeout_s, unix_ns
from trunkline.runtime.pop_watch import PopWatch

Context = grpc.aio.ServicerContext[Any, Any]


class ProvisioningServer(ProvisioningServiceServicer):
    def __init__(
        self,
        state: ControlState,
        accounts: Accounts,
        explainer: Explainer,
        what_if: WhatIf,
        reader: TenantReader,
        feed: Feed,
        history: History,
        pops: Pops,
        limits: LimitOwner,
        realm: str,
        watch: PopWatch,
        key_uses: KeyUseBook,
        pop_history: PopHistory,
        replicas: ReplicaBook,
        home: str,
    ) -> None:
        self._state = state
        self._accounts = accounts
        self._explainer = explainer
        self._what_if = what_if
        self._reader = reader
        self._feed = feed
        self._history = history
        self._pops = pops
        self._limits = limits
        self._realm = realm
        self._watch = watch
        self._key_uses = key_uses
        self._pop_history = pop_history
        self._replicas = replicas
        self._home = home

    async def WhoAmI(self, request: pb.WhoAmIRequest, context: Context) -> pb.WhoAmIResponse:
        caller = current()
        answer = pb.WhoAmIResponse(role=caller.role.value, tenant=caller.tenant or "", actor=caller.actor)
        if caller.tenant is not None and (key := self._state.directory.api_keys.get((caller.tenant, caller.key))) is not None:
            answer.api_key.CopyFrom(api_key_message(key))
        return answer

    async def CreateTenant(self, request: pb.CreateTenantRequest, context: Context) -> pb.CreateTenantResponse:
        require(Role.OPERATOR)
        tenant = TenantId(request.tenant)
        receipt = await self._state.write(commands.CreateTenant(tenant, request.name), request.write)
        return pb.CreateTenantResponse(receipt=receipt, tenant=tenant_message(self._state.directory.tenants[tenant]))

    async def ListTenants(self, request: pb.ListTenantsRequest, context: Context) -> pb.ListTenantsResponse:
        require(Role.OPERATOR, Role.SERVICE)
        tenants = self._state.directory.tenants
        shown, token = page_of(tenants, request.page)
        return pb.ListTenantsResponse(tenants=[tenant_message(tenants[TenantId(name)]) for name in shown], next_page_token=token)

    async def GetTenant(self, request: pb.GetTenantRequest, context: Context) -> pb.GetTenantResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        return pb.GetTenantResponse(tenant=tenant_message(self._state.directory.tenants[tenant]))

    async def SuspendTenant(self, request: pb.SuspendTenantRequest, context: Context) -> pb.SuspendTenantResponse:
        require(Role.OPERATOR)
        tenant = TenantId(request.tenant)
        receipt = await self._state.write(commands.SuspendTenant(tenant, request.is_ending_calls), request.write)
        return pb.SuspendTenantResponse(receipt=receipt, tenant=tenant_message(self._state.directory.tenants[tenant]))

    async def ResumeTenant(self, request: pb.ResumeTenantRequest, context: Context) -> pb.ResumeTenantResponse:
        require(Role.OPERATOR)
        tenant = TenantId(request.tenant)
        receipt = await self._state.write(commands.ResumeTenant(tenant), request.write)
        return pb.ResumeTenantResponse(receipt=receipt, tenant=tenant_message(self._state.directory.tenants[tenant]))

    async def SetWebhook(self, request: pb.SetWebhookRequest, context: Context) -> pb.SetWebhookResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._state.write(commands.SetWebhook(tenant, request.url, request.is_new_secret), request.write)
        return pb.SetWebhookResponse(receipt=receipt, tenant=tenant_message(self._state.directory.tenants[tenant]))

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Context) -> pb.CreateApiKeyResponse:
        tenant = tenant_for(request.tenant)
        # Of the key itself, so that a repeated request means the same one.
        api_key = request.key_hash.hex()[:16] or "none"
        expires_s = -(-unix_ns(request.expire_time, "expire_time") // NS_PER_S) if request.HasField("expire_time") else 0
        command = commands.CreateApiKey(
            tenant, api_key, request.key_hash, request.name, known_scopes(request.scopes), expires_s, int(time.time())
        )
        check_made_by(current().grant, command.scopes, expires_s)
        receipt = await self._state.write(command, request.write)
        view = self._state.directory.api_keys.get((tenant, api_key))
        return pb.CreateApiKeyResponse(receipt=receipt, api_key=api_key_message(view) if view is not None else None)

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Context) -> pb.RevokeApiKeyResponse:
        tenant = tenant_for(request.tenant)
        return pb.RevokeApiKeyResponse(receipt=await self._state.write(commands.RevokeApiKey(tenant, request.api_key), request.write))

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Context) -> pb.ListApiKeysResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        keys = self._state.directory.api_keys
        names = sorted(name for owner, name in keys if owner == tenant)
        shown = [api_key_message(keys[tenant, name], self._key_uses.last_use_s(tenant, name)) for name in names]
        return pb.ListApiKeysResponse(api_keys=shown)

    async def ListHistory(self, request: pb.ListHistoryRequest, context: Context) -> pb.ListHistoryResponse:
        is_everyones = current().role is not Role.TENANT and not request.tenant
        tenant = None if is_everyones else await self._state.existing_tenant(tenant_for(request.tenant))
        return await self._history.list(tenant, request, is_own=current().role is Role.TENANT)

    async def CreateAcl(self, request: pb.CreateAclRequest, context: Context) -> pb.CreateAclResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.CreateAclResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def GetAcl(self, request: pb.GetAclRequest, context: Context) -> pb.GetAclResponse:
        acl = await self._acl(tenant_for(request.tenant), request.acl)
        return pb.GetAclResponse(acl=acl_message(self._state.directory, acl))

    async def ListAcls(self, request: pb.ListAclsRequest, context: Context) -> pb.ListAclsResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        acls = self._state.directory.acls(tenant)
        shown, token = page_of(acls, request.page)
        messages = [acl_message(self._state.directory, acls[AclName(name)], ANSWER_BYTES // len(shown)) for name in shown]
        return pb.ListAclsResponse(acls=messages, next_page_token=token)

    async def DeleteAcl(self, request: pb.DeleteAclRequest, context: Context) -> pb.DeleteAclResponse:
        tenant = tenant_for(request.tenant)
        return pb.DeleteAclResponse(receipt=await self._change(tenant, request))

    async def AddAddress(self, request: pb.AddAddressRequest, context: Context) -> pb.AddAddressResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.AddAddressResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def ApproveBanExemption(self, request: pb.ApproveBanExemptionRequest, context: Context) -> pb.ApproveBanExemptionResponse:
        require(Role.OPERATOR)
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.ApproveBanExemptionResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def RemoveAddress(self, request: pb.RemoveAddressRequest, context: Context) -> pb.RemoveAddressResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.RemoveAddressResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def AddAccount(self, request: pb.AddAccountRequest, context: Context) -> pb.AddAccountResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._accounts.add(
            tenant,
            request.write,
            acl=request.acl,
            username=request.username,
            password=request.password,
            caller_id=request.caller_id,
        )
        return pb.AddAccountResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def SetAccountPassword(self, request: pb.SetAccountPasswordRequest, context: Context) -> pb.SetAccountPasswordResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._accounts.set_password(
            tenant, request.write, acl=request.acl, username=request.username, password=request.password
        )
        return pb.SetAccountPasswordResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def RemoveAccount(self, request: pb.RemoveAccountRequest, context: Context) -> pb.RemoveAccountResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.RemoveAccountResponse(receipt=receipt, acl=self._acl_now(tenant, request.acl))

    async def CreateDomain(self, request: pb.CreateDomainRequest, context: Context) -> pb.CreateDomainResponse:
        tenant = tenant_for(request.tenant)
        if request.label.lower() in self._pops.names:
            raise Refusal(
                ErrorCode.ALREADY_EXISTS,
                "LABEL_RESERVED",
                f'"{request.label}" is a point of presence.',
                field="label",
                remedy="Choose another.",
            )
        receipt = await self._change(tenant, request)
        return pb.CreateDomainResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def GetDomain(self, request: pb.GetDomainRequest, context: Context) -> pb.GetDomainResponse:
        return pb.GetDomainResponse(domain=self._domain_message(await self._domain(tenant_for(request.tenant), request.label)))

    async def ListDomains(self, request: pb.ListDomainsRequest, context: Context) -> pb.ListDomainsResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        domains = self._state.directory.domains(tenant)
        shown, token = page_of(domains, request.page)
        return pb.ListDomainsResponse(domains=[self._domain_message(domains[DomainLabel(label)]) for label in shown], next_page_token=token)

    async def DeleteDomain(self, request: pb.DeleteDomainRequest, context: Context) -> pb.DeleteDomainResponse:
        tenant = tenant_for(request.tenant)
        return pb.DeleteDomainResponse(receipt=await self._change(tenant, request))

    async def AttachAcl(self, request: pb.AttachAclRequest, context: Context) -> pb.AttachAclResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.AttachAclResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def DetachAcl(self, request: pb.DetachAclRequest, context: Context) -> pb.DetachAclResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.DetachAclResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def SetDigestPolicy(self, request: pb.SetDigestPolicyRequest, context: Context) -> pb.SetDigestPolicyResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.SetDigestPolicyResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def SetClassOfService(self, request: pb.SetClassOfServiceRequest, context: Context) -> pb.SetClassOfServiceResponse:
        tenant = tenant_for(request.tenant)
        if not request.label:
            require(Role.OPERATOR)
        receipt = await self._change(tenant, request)
        domain, owner = self._owner_now(tenant, request.label)
        return pb.SetClassOfServiceResponse(receipt=receipt, domain=domain, tenant=owner)

    async def SetLimits(self, request: pb.SetLimitsRequest, context: Context) -> pb.SetLimitsResponse:
        tenant = tenant_for(request.tenant)
        if not request.label:
            require(Role.OPERATOR)
        receipt = await self._change(tenant, request)
        domain, owner = self._owner_now(tenant, request.label)
        return pb.SetLimitsResponse(receipt=receipt, domain=domain, tenant=owner)

    async def GetLimitUse(self, request: pb.GetLimitUseRequest, context: Context) -> pb.GetLimitUseResponse:
        tenant = await self._state.existing_tenant(tenant_for(request.tenant))
        return pb.GetLimitUseResponse(uses=self._limits.uses(tenant))

    async def SetIdentityPolicy(self, request: pb.SetIdentityPolicyRequest, context: Context) -> pb.SetIdentityPolicyResponse:
        tenant = tenant_for(request.tenant)
        if (
            identity_policy(request.policy).shows_callee
            != existing_domain(self._state.directory, tenant, request.label).identity.shows_callee
        ):
            # Whether its customers may see whom carriers assert is the operator's word (RFC 3325 §5).
            require(Role.OPERATOR)
        receipt = await self._change(tenant, request)
        return pb.SetIdentityPolicyResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def SetNearestPop(self, request: pb.SetNearestPopRequest, context: Context) -> pb.SetNearestPopResponse:
        tenant = tenant_for(request.tenant)
        receipt = await self._change(tenant, request)
        return pb.SetNearestPopResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def SetCapture(self, request: pb.SetCaptureRequest, context: Context) -> pb.SetCaptureResponse:
        tenant = tenant_for(request.tenant)
        until_s = unix_ns(request.until, "until") // NS_PER_S if request.HasField("until") else 0
        receipt = await self._state.write(
            commands.SetCapture(tenant, request.label, request.percent, until_s, int(time.time())), request.write
        )
        return pb.SetCaptureResponse(receipt=receipt, domain=self._domain_now(tenant, request.label))

    async def ListPops(self, request: pb.ListPopsRequest, context: Context) -> pb.ListPopsResponse:
        pops = await self._pops.statuses()
        for pop in pops:
            health = self._watch.healths[pop.name]
            pop.health, pop.health_reason = health.state, health.reason
            pop.without_transports[:] = health.without
        self._pop_history.mark(pops)
        if current().role is Role.TENANT:
            for pop in pops:
                # How many calls others have is none of a customer's business, nor is what operators write of a point of presence.
                for field in ("live_calls", "health_reason", "health_decided_by"):
                    pop.ClearField(field)
        return pb.ListPopsResponse(pops=pops, head=self._state.replica.covered)

    async def ListReplicas(self, request: pb.ListReplicasRequest, context: Context) -> pb.ListReplicasResponse:
        require(Role.OPERATOR)
        edges, links = await asyncio.gather(self._pops.statuses(), calls_links(self._state.nc, self._home))
        rows = [*self._replicas.replicas(time.monotonic()), *map(of_edge, edges)]
        replica = self._state.replica
        answer = listed(rows, self._home, [pop.region for pop in edges], epoch=replica.epoch, head=replica.covered + replica.lag)
        add_links(answer.regions, links)
        return answer

    async def ListPopChanges(self, request: pb.ListPopChangesRequest, context: Context) -> pb.ListPopChangesResponse:
        answer = self._pop_history.list(request)
        if current().role is Role.TENANT:
            for change in answer.changes:
                for field in ("reason", "decided_by"):
                    change.ClearField(field)
        return answer

    async def DrainPop(self, request: pb.DrainPopRequest, context: Context) -> pb.DrainPopResponse:
        require(Role.OPERATOR)
        dead = tuple(pop for pop, health in self._watch.healths.items() if health.is_down or health.is_frozen)
        command = commands.DrainPop(request.pop, self._pops.names, request.note, int(time.time()), dead)
        return pb.DrainPopResponse(receipt=await self._state.write(command, request.write))

    async def UndrainPop(self, request: pb.UndrainPopRequest, context: Context) -> pb.UndrainPopResponse:
        require(Role.OPERATOR)
        command = commands.UndrainPop(request.pop, self._pops.names)
        return pb.UndrainPopResponse(receipt=await self._state.write(command, request.write))

    async def WaitApplied(self, request: pb.WaitAppliedRequest, context: Context) -> AsyncIterator[pb.WaitAppliedResponse]:
        limit_s = timeout_s(request.timeout, WAIT_LIMIT_S) if request.HasField("timeout") else WAIT_DEFAULT_S
        async with aclosing(self._pops.wait_applied(request.position, request.pops, limit_s)) as answers:
            async for answer in answers:
                yield answer

    async def Explain(self, request: pb.ExplainRequest, context: Context) -> pb.ExplainResponse:
        return await self._explainer.explain(tenant_for(request.tenant), request)

    async def ExplainCalls(self, request: pb.ExplainCallsRequest, context: Context) -> pb.ExplainCallsResponse:
        return await self._what_if.explain_calls(tenant_for(request.tenant), request)

    async def ReadTenant(self, request: pb.ReadTenantRequest, context: Context) -> AsyncIterator[pb.ReadTenantResponse]:
        async with aclosing(self._reader.read(tenant_for(request.tenant), request)) as answers:
            async for answer in answers:
                yield answer

    async def TailEvents(self, request: pb.TailEventsRequest, context: Context) -> AsyncIterator[pb.TailEventsResponse]:
        is_everyones = current().role is not Role.TENANT and not request.tenant
        tenant = None if is_everyones else tenant_for(request.tenant)
        async with aclosing(self._feed.tail(tenant, request.from_position, is_finite=request.is_finite)) as answers:
            async for answer in answers:
                yield answer

    async def _change(self, tenant: TenantId, request: Change) -> common_pb2.Receipt:
        """Raises Refusal, Conflict, LogUnavailable."""
        return await self._state.write(command_of(tenant, request, self._pops.names), request.write)

    async def _acl(self, tenant: TenantId, name: str) -> Acl:
        if self._state.directory.acl(tenant, AclName(name)) is None:
            await self._state.catch_up()
        return existing_acl(self._state.directory, tenant, name)

    async def _domain(self, tenant: TenantId, label: str) -> Domain:
        if self._state.directory.domain(tenant, DomainLabel(label.lower())) is None:
            await self._state.catch_up()
        return existing_domain(self._state.directory, tenant, label)

    def _acl_now(self, tenant: TenantId, name: str) -> pb.Acl | None:
        acl = self._state.directory.acl(tenant, AclName(name))
        return None if acl is None else acl_message(self._state.directory, acl, WRITE_ANSWER_BYTES)

    def _domain_now(self, tenant: TenantId, label: str) -> pb.Domain | None:
        domain = self._state.directory.domain(tenant, DomainLabel(label.lower()))
        return None if domain is None else self._domain_message(domain)

    def _owner_now(self, tenant: TenantId, label: str) -> tuple[pb.Domain | None, pb.Tenant | None]:
        """What was changed: a domain, or without a label the tenant."""
        if label:
            return self._domain_now(tenant, label), None
        return None, tenant_message(self._state.directory.tenants[tenant])

    def _domain_message(self, domain: Domain) -> pb.Domain:
        return domain_message(self._state.directory, domain, self._realm, self._pops.names)
