"""The request that each action is, without how it is to be written and without a password."""

from __future__ import annotations

from typing import Final, assert_never

from trunkline.api.events.v1 import config_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.applying import planning as do
from trunkline.cli.applying.model import MICROS, ClassOfService, Digest, Identity, Limits

Request = (
    pb.CreateAclRequest
    | pb.DeleteAclRequest
    | pb.AddAddressRequest
    | pb.ApproveBanExemptionRequest
    | pb.RemoveAddressRequest
    | pb.AddAccountRequest
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


_FIELDS: Final = {field.message_type.name: field.name for field in pb.AssumedChange.DESCRIPTOR.fields if field.message_type is not None}


def method_of(request: Request) -> str:
    """Of the service: `CreateAcl`."""
    return type(request).__name__.removesuffix("Request")


def assumed(request: Request) -> pb.AssumedChange:
    """For the question what would be if it had been made."""
    change = pb.AssumedChange()
    getattr(change, _FIELDS[type(request).__name__]).CopyFrom(request)
    return change


def request_of(action: do.Action, tenant: str) -> Request:
    match action:
        case do.CreateAcl(acl=acl):
            return pb.CreateAclRequest(tenant=tenant, acl=acl)
        case do.DeleteAcl(acl=acl):
            return pb.DeleteAclRequest(tenant=tenant, acl=acl)
        case do.AddAddress(acl=acl, address=address):
            return pb.AddAddressRequest(
                tenant=tenant,
                acl=acl,
                address=address.cidr,
                caller_id=address.caller_id or "",
                description=address.description or "",
                # Whoever writes it into a file means it.
                allow_everyone=address.cidr.endswith("/0"),
            )
        case do.Exempt(acl=acl, cidr=cidr):
            return pb.ApproveBanExemptionRequest(tenant=tenant, acl=acl, address=cidr)
        case do.RemoveAddress(acl=acl, cidr=cidr):
            return pb.RemoveAddressRequest(tenant=tenant, acl=acl, address=cidr)
        case do.AddAccount(acl=acl, account=account):
            return pb.AddAccountRequest(tenant=tenant, acl=acl, username=account.username, caller_id=account.caller_id or "")
        case do.RemoveAccount(acl=acl, username=username):
            return pb.RemoveAccountRequest(tenant=tenant, acl=acl, username=username)
        case do.CreateDomain(label=label):
            return pb.CreateDomainRequest(tenant=tenant, label=label)
        case do.DeleteDomain(label=label):
            return pb.DeleteDomainRequest(tenant=tenant, label=label)
        case do.Attach(label=label, acl=acl):
            return pb.AttachAclRequest(tenant=tenant, label=label, acl=acl)
        case do.Detach(label=label, acl=acl):
            return pb.DetachAclRequest(tenant=tenant, label=label, acl=acl)
        case do.SetNearestPop(label=label, pop=pop):
            return pb.SetNearestPopRequest(tenant=tenant, label=label, pop=pop)
        case do.Set(label=label, value=value):
            return _setting(tenant, label, value)
        case _:
            assert_never(action)


def _setting(tenant: str, label: str, value: Digest | ClassOfService | Limits | Identity) -> Request:
    match value:
        case Digest():
            return pb.SetDigestPolicyRequest(
                tenant=tenant,
                label=label,
                algorithms=value.algorithms,
                challenge_status=value.challenge_status,
                is_qop_optional=value.is_qop_optional,
            )
        case ClassOfService():
            return pb.SetClassOfServiceRequest(
                tenant=tenant,
                label=label,
                allowed_prefixes=value.prefixes,
                max_duration_s=value.max_duration_s,
                countries=value.countries,
                allows_premium=value.premium,
                max_rate_micros=int(value.price * MICROS),
                currency=value.currency,
            )
        case Limits():
            return pb.SetLimitsRequest(tenant=tenant, label=label, max_calls=value.calls, max_calls_per_second=value.calls_per_second)
        case Identity():
            policy = config_pb2.IdentityPolicy(
                sources=value.sources,
                allowed_caller_ids=value.allowed,
                default_caller_id=value.default,
                is_refusing=value.is_refusing,
                shows_callee=value.shows_callee,
                hiding=value.hiding,
            )
            return pb.SetIdentityPolicyRequest(tenant=tenant, label=label, policy=policy)
        case _:
            assert_never(value)
