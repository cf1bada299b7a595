"""From requests that change a tenant's things to commands: for writes, and for what would be if they had been made."""

from __future__ import annotations

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain import commands
from trunkline.domain.events import TenantId
from trunkline.provisioning.rendering import identity_policy

Change = (
    pb.CreateAclRequest
    | pb.DeleteAclRequest
    | pb.AddAddressRequest
    | pb.RemoveAddressRequest
    | pb.ApproveBanExemptionRequest
    | pb.RemoveAccountRequest
    | pb.CreateDomainRequest
    | pb.DeleteDomainRequest
    | pb.AttachAclRequest
    | pb.DetachAclRequest
    | pb.SetDigestPolicyRequest
    | pb.SetClassOfServiceRequest
    | pb.SetLimitsRequest
    | pb.SetIdentityPolicyRequest
    | pb.SetNearestPopRequest
)
"""Accounts are not among those that are added: a credential goes before them."""


def command_of(tenant: TenantId, request: Change, pops: tuple[str, ...]) -> commands.Command:
    """`tenant` is whose it is, whatever the request says; `pops` are all points of presence. Raises Refusal."""
    match request:
        case pb.CreateAclRequest():
            return commands.CreateAcl(tenant, request.acl)
        case pb.DeleteAclRequest():
            return commands.DeleteAcl(tenant, request.acl)
        case pb.AddAddressRequest():
            return commands.AddAddress(tenant, request.acl, request.address, request.caller_id, request.description, request.allow_everyone)
        case pb.RemoveAddressRequest():
            return commands.RemoveAddress(tenant, request.acl, request.address)
        case pb.ApproveBanExemptionRequest():
            return commands.ApproveBanExemption(tenant, request.acl, request.address)
        case pb.RemoveAccountRequest():
            return commands.RemoveAccount(tenant, request.acl, request.username)
        case pb.CreateDomainRequest():
            return commands.CreateDomain(tenant, request.label)
        case pb.DeleteDomainRequest():
            return commands.DeleteDomain(tenant, request.label)
        case pb.AttachAclRequest():
            return commands.AttachAcl(tenant, request.label, request.acl)
        case pb.DetachAclRequest():
            return commands.DetachAcl(tenant, request.label, request.acl)
        case pb.SetDigestPolicyRequest():
            return commands.SetDigestPolicy(
                tenant, request.label, tuple(request.algorithms), request.challenge_status, request.is_qop_optional
            )
        case pb.SetClassOfServiceRequest():
            return commands.SetClassOfService(
                tenant,
                request.label,
                tuple(request.allowed_prefixes),
                request.max_duration_s if request.HasField("max_duration_s") else None,
                tuple(request.countries),
                request.allows_premium if request.HasField("allows_premium") else None,
                request.max_rate_micros if request.HasField("max_rate_micros") else None,
                request.currency,
            )
        case pb.SetLimitsRequest():
            calls = request.max_calls if request.HasField("max_calls") else None
            rate = request.max_calls_per_second if request.HasField("max_calls_per_second") else None
            return commands.SetLimits(tenant, request.label, calls, rate)
        case pb.SetIdentityPolicyRequest():
            return commands.SetIdentityPolicy(tenant, request.label, identity_policy(request.policy))
        case pb.SetNearestPopRequest():
            return commands.SetNearestPop(tenant, request.label, request.pop, pops)
