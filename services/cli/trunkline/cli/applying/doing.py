"""Carries out what was planned, one command after the other. It stops at the first that is refused: made again, a plan begins there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.applying import planning as do
from trunkline.cli.applying.model import MICROS, ClassOfService, Digest, Identity, Limits
from trunkline.cli.commands.access import PASSWORD_BYTES
from trunkline.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub

Told = Callable[[str, str], None]
"""Username and the password that was made up for it."""


class Doer:
    """`told` is called before the account is made, so that no password is lost with an answer."""

    def __init__(self, stub: ProvisioningServiceAsyncStub, tenant: str, told: Told) -> None:
        self._stub = stub
        self._tenant = tenant
        self._told = told

    async def do(self, action: do.Action) -> common_pb2.Receipt:
        """Raises CommandError where a password is missing, AioRpcError."""
        write = common_pb2.WriteOptions(request_id=secrets.token_hex(16))
        stub, tenant = self._stub, self._tenant
        match action:
            case do.CreateAcl(acl=acl):
                return (await stub.CreateAcl(pb.CreateAclRequest(write=write, tenant=tenant, acl=acl))).receipt
            case do.DeleteAcl(acl=acl):
                return (await stub.DeleteAcl(pb.DeleteAclRequest(write=write, tenant=tenant, acl=acl))).receipt
            case do.AddAddress(acl=acl, address=address):
                request = pb.AddAddressRequest(
                    write=write,
                    tenant=tenant,
                    acl=acl,
                    address=address.cidr,
                    caller_id=address.caller_id or "",
                    description=address.description or "",
                    # Whoever writes it into a file means it.
                    allow_everyone=address.cidr.endswith("/0"),
                )
                return (await stub.AddAddress(request)).receipt
            case do.RemoveAddress(acl=acl, cidr=cidr):
                return (await stub.RemoveAddress(pb.RemoveAddressRequest(write=write, tenant=tenant, acl=acl, address=cidr))).receipt
            case do.AddAccount(acl=acl, account=account):
                password = password_of(account.password_from)
                if not account.password_from:
                    self._told(account.username, password)
                added = pb.AddAccountRequest(
                    write=write,
                    tenant=tenant,
                    acl=acl,
                    username=account.username,
                    password=password,
                    caller_id=account.caller_id or "",
                )
                return (await stub.AddAccount(added)).receipt
            case do.RemoveAccount(acl=acl, username=username):
                removed = pb.RemoveAccountRequest(write=write, tenant=tenant, acl=acl, username=username)
                return (await stub.RemoveAccount(removed)).receipt
            case do.CreateDomain(label=label):
                return (await stub.CreateDomain(pb.CreateDomainRequest(write=write, tenant=tenant, label=label))).receipt
            case do.DeleteDomain(label=label):
                return (await stub.DeleteDomain(pb.DeleteDomainRequest(write=write, tenant=tenant, label=label))).receipt
            case do.Attach(label=label, acl=acl):
                return (await stub.AttachAcl(pb.AttachAclRequest(write=write, tenant=tenant, label=label, acl=acl))).receipt
            case do.Detach(label=label, acl=acl):
                return (await stub.DetachAcl(pb.DetachAclRequest(write=write, tenant=tenant, label=label, acl=acl))).receipt
            case do.SetNearestPop(label=label, pop=pop):
                return (await stub.SetNearestPop(pb.SetNearestPopRequest(write=write, tenant=tenant, label=label, pop=pop))).receipt
            case do.Set(label=label, value=value):
                return await self._set(write, label, value)
            case _:
                assert_never(action)

    async def _set(
        self, write: common_pb2.WriteOptions, label: str, value: Digest | ClassOfService | Limits | Identity
    ) -> common_pb2.Receipt:
        stub, tenant = self._stub, self._tenant
        match value:
            case Digest():
                digest = pb.SetDigestPolicyRequest(
                    write=write,
                    tenant=tenant,
                    label=label,
                    algorithms=value.algorithms,
                    challenge_status=value.challenge_status,
                    is_qop_optional=value.is_qop_optional,
                )
                return (await stub.SetDigestPolicy(digest)).receipt
            case ClassOfService():
                service = pb.SetClassOfServiceRequest(
                    write=write,
                    tenant=tenant,
                    label=label,
                    allowed_prefixes=value.prefixes,
                    max_duration_s=value.max_duration_s,
                    countries=value.countries,
                    allows_premium=value.premium,
                    max_rate_micros=int(value.price * MICROS),
                    currency=value.currency,
                )
                return (await stub.SetClassOfService(service)).receipt
            case Limits():
                limits = pb.SetLimitsRequest(
                    write=write, tenant=tenant, label=label, max_calls=value.calls, max_calls_per_second=value.calls_per_second
                )
                return (await stub.SetLimits(limits)).receipt
            case Identity():
                policy = config_pb2.IdentityPolicy(
                    sources=value.sources,
                    allowed_caller_ids=value.allowed,
                    default_caller_id=value.default,
                    is_refusing=value.is_refusing,
                    shows_callee=value.shows_callee,
                    hiding=value.hiding,
                )
                request = pb.SetIdentityPolicyRequest(write=write, tenant=tenant, label=label, policy=policy)
                return (await stub.SetIdentityPolicy(request)).receipt
            case _:
                assert_never(value)


def password_of(variable: str) -> str:
    """Of the environment, or made up where no variable is named. Raises CommandError."""
    if not variable:
        return secrets.token_urlsafe(PASSWORD_BYTES)
    password = os.environ.get(variable, "")
    if not password:
        raise CommandError(f"{variable} holds no password", why="password_from names it", remedy=f"set {variable}", code=Exit.USAGE)
    return password
