"""From a command and the state to a decision: pure, and the only place where a command is checked."""

from __future__ import annotations

from typing import assert_never

from trunkline.domain import decide_access, decide_domain, decide_gateways, decide_pops, decide_routing, decide_service, webhooks
from trunkline.domain.commands import (
    ActivateDeck,
    AddAccount,
    AddAddress,
    AddDeckRows,
    AddGateway,
    ApproveBanExemption,
    AttachAcl,
    ChangeAccountCredential,
    ChangeCarrier,
    ChangeGateway,
    Command,
    CreateAcl,
    CreateApiKey,
    CreateCarrier,
    CreateDomain,
    CreateTenant,
    DeleteAcl,
    DeleteDomain,
    DetachAcl,
    DrainPop,
    EraseCredential,
    RemoveAccount,
    RemoveAddress,
    RemoveGateway,
    ResumeCarrier,
    ResumeTenant,
    RevokeApiKey,
    SetCapture,
    SetClassOfService,
    SetCredential,
    SetDigestPolicy,
    SetIdentityPolicy,
    SetLimits,
    SetNearestPop,
    SetWebhook,
    StartDeck,
    SuspendCarrier,
    SuspendTenant,
    UndrainPop,
)
from trunkline.domain.decision import ClaimChange, Decision
from trunkline.domain.directory import Directory

__all__ = ["ClaimChange", "Decision", "decide"]


def decide(directory: Directory, command: Command) -> Decision:
    """Raises Refusal where the command cannot be carried out on this state. The decision holds for the position that `directory` covers."""
    match command:
        case CreateTenant():
            return decide_access.create_tenant(directory, command)
        case SuspendTenant():
            return decide_access.suspend_tenant(directory, command)
        case ResumeTenant():
            return decide_access.resume_tenant(directory, command)
        case SetWebhook():
            return webhooks.set_webhook(directory, command)
        case CreateApiKey():
            return decide_access.create_api_key(directory, command)
        case RevokeApiKey():
            return decide_access.revoke_api_key(directory, command)
        case CreateAcl():
            return decide_access.create_acl(directory, command)
        case DeleteAcl():
            return decide_access.delete_acl(directory, command)
        case AddAddress():
            return decide_access.add_address(directory, command)
        case RemoveAddress():
            return decide_access.remove_address(directory, command)
        case ApproveBanExemption():
            return decide_access.approve_ban_exemption(directory, command)
        case AddAccount():
            return decide_access.add_account(directory, command)
        case ChangeAccountCredential():
            return decide_access.change_account_credential(directory, command)
        case RemoveAccount():
            return decide_access.remove_account(directory, command)
        case SetCredential():
            return decide_access.set_credential(directory, command)
        case EraseCredential():
            return decide_access.erase_credential(directory, command)
        case CreateDomain():
            return decide_domain.create_domain(directory, command)
        case DeleteDomain():
            return decide_domain.delete_domain(directory, command)
        case AttachAcl():
            return decide_domain.attach_acl(directory, command)
        case DetachAcl():
            return decide_domain.detach_acl(directory, command)
        case SetDigestPolicy():
            return decide_domain.set_digest_policy(directory, command)
        case SetClassOfService():
            return decide_service.set_class_of_service(directory, command)
        case SetLimits():
            return decide_service.set_limits(directory, command)
        case SetIdentityPolicy():
            return decide_domain.set_identity_policy(directory, command)
        case SetNearestPop():
            return decide_domain.set_nearest_pop(directory, command)
        case SetCapture():
            return decide_domain.set_capture(directory, command)
        case CreateCarrier():
            return decide_routing.create_carrier(directory, command)
        case ChangeCarrier():
            return decide_routing.change_carrier(directory, command)
        case SuspendCarrier():
            return decide_routing.suspend_carrier(directory, command)
        case ResumeCarrier():
            return decide_routing.resume_carrier(directory, command)
        case AddGateway():
            return decide_gateways.add_gateway(directory, command)
        case ChangeGateway():
            return decide_gateways.change_gateway(directory, command)
        case RemoveGateway():
            return decide_gateways.remove_gateway(directory, command)
        case StartDeck():
            return decide_routing.start_deck(directory, command)
        case AddDeckRows():
            return decide_routing.add_deck_rows(directory, command)
        case ActivateDeck():
            return decide_routing.activate_deck(directory, command)
        case DrainPop():
            return decide_pops.drain_pop(directory, command)
        case UndrainPop():
            return decide_pops.undrain_pop(directory, command)
        case _:
            assert_never(command)
