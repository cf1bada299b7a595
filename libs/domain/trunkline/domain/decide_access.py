"""Tenants, API keys, access control lists and credentials: from commands to events."""

from __future__ import annotations

from trunkline.domain import names
from trunkline.domain.addresses import canonical_cidr, is_narrow
from trunkline.domain.commands import (
    AddAccount,
    AddAddress,
    ApproveBanExemption,
    ChangeAccountCredential,
    CreateAcl,
    CreateApiKey,
    CreateTenant,
    DeleteAcl,
    EraseCredential,
    RemoveAccount,
    RemoveAddress,
    ResumeTenant,
    RevokeApiKey,
    SetCredential,
    SuspendTenant,
)
from trunkline.domain.decision import Decision, whole_tenant
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, already_exists, failed_precondition, invalid, not_found
from trunkline.domain.events import (
    AccountAdded,
    AccountCredentialChanged,
    AccountRemoved,
    AclCreated,
    AclDeleted,
    AclName,
    AddressAdded,
    AddressRemoved,
    ApiKeyCreated,
    ApiKeyRevoked,
    BanExemptionApproved,
    CredentialErased,
    CredentialId,
    CredentialSet,
    Event,
    Kind,
    TenantCreated,
    TenantId,
    TenantResumed,
    TenantSuspended,
    Username,
)
from trunkline.domain.scopes import check_expiry, known_scopes
from trunkline.domain.views import Account, Acl

MAX_ACLS = 10_000
"""Of one tenant: a listing of them stays a matter of milliseconds."""
MAX_ENTRIES = 1_000_000
"""Addresses, and accounts, of one ACL: what an edge's tables are measured with."""
MAX_API_KEYS = 1_000
"""Of one tenant that are in force at once."""
KEY_HASH_BYTES = 32
SEALED_BYTES = 12 + 16 + 32 + 32 + 16
"""Of AES-256-GCM over the three HA1s, see CredentialSet."""
_NAMED = 20
"""How many attached names an error's text lists; its metadata has them all."""


def create_tenant(directory: Directory, command: CreateTenant) -> Decision:
    tenant = names.tenant_id(command.tenant)
    name = names.free_text(command.name, "name", names.MAX_NAME)
    if tenant in directory.tenants:
        raise already_exists("TENANT_EXISTS", "tenant", f'The tenant "{tenant}" exists.')
    return Decision(Kind.TENANT, tenant, tenant, (TenantCreated(name or tenant),))


def suspend_tenant(directory: Directory, command: SuspendTenant) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    # To end calls is an act, and may be wanted again: of calls that a cut-off edge has taken meanwhile.
    is_done = directory.tenants[tenant].is_suspended and not command.is_ending_calls
    return Decision(Kind.TENANT, tenant, tenant, () if is_done else (TenantSuspended(command.is_ending_calls),))


def resume_tenant(directory: Directory, command: ResumeTenant) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    return Decision(Kind.TENANT, tenant, tenant, (TenantResumed(),) if directory.tenants[tenant].is_suspended else ())


def create_api_key(directory: Directory, command: CreateApiKey) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    key = names.api_key_id(command.api_key)
    name = names.free_text(command.name, "name", names.MAX_NAME)
    if len(command.key_hash) != KEY_HASH_BYTES:
        raise invalid(
            "KEY_HASH_INVALID", "key_hash", f"A key hash is the {KEY_HASH_BYTES} bytes of a SHA-256; these are {len(command.key_hash)}."
        )
    if (tenant, key) in directory.api_keys or directory.api_key(command.key_hash) is not None:
        raise already_exists("API_KEY_EXISTS", "api_key", "This API key exists.", "Make a new one.")
    if sum(1 for owner, _ in directory.api_keys if owner == tenant) >= MAX_API_KEYS:
        raise failed_precondition("TOO_MANY_API_KEYS", f"The tenant has {MAX_API_KEYS} API keys.", "Revoke those that are not in use.")
    scopes = known_scopes(command.scopes)
    check_expiry(command.expires_s, command.now_s)
    return Decision(Kind.API_KEY, tenant, key, (ApiKeyCreated(command.key_hash, name, scopes, command.expires_s),))


def revoke_api_key(directory: Directory, command: RevokeApiKey) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    if (tenant, command.api_key) not in directory.api_keys:
        raise not_found("API_KEY_NOT_FOUND", "api_key", f"There is no API key {command.api_key!r}.")
    return Decision(Kind.API_KEY, tenant, command.api_key, (ApiKeyRevoked(),))


def create_acl(directory: Directory, command: CreateAcl) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    name = names.acl_name(command.acl)
    if directory.acl(tenant, name) is not None:
        raise already_exists("ACL_EXISTS", "acl", f'The ACL "{name}" exists.')
    if len(directory.acls(tenant)) >= MAX_ACLS:
        raise failed_precondition("TOO_MANY_ACLS", f"The tenant has {MAX_ACLS} ACLs.", "Delete those that are attached nowhere.")
    return Decision(Kind.ACL, tenant, name, (AclCreated(),))


def delete_acl(directory: Directory, command: DeleteAcl) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    attached = directory.domains_with(acl.tenant, acl.name)
    if attached:
        raise failed_precondition(
            "ACL_ATTACHED",
            f'The ACL "{acl.name}" is still attached to {enumerated("domain", attached)}.',
            "Detach it first.",
            {"domains": ",".join(attached)},
        )
    # A domain could attach it meanwhile.
    return Decision(Kind.ACL, acl.tenant, acl.name, (AclDeleted(),), guards=(whole_tenant(acl.tenant),))


def add_address(directory: Directory, command: AddAddress) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    cidr = canonical_cidr(command.address, allow_everyone=command.allow_everyone)
    caller_id = names.caller_id(command.caller_id)
    description = names.free_text(command.description, "description", names.MAX_DESCRIPTION)
    if cidr in acl.addresses:
        raise already_exists("ADDRESS_EXISTS", "address", f'{cidr} stands in the ACL "{acl.name}" already.')
    _check_room(acl, len(acl.addresses), "addresses")
    return _on_acl(acl, AddressAdded(cidr, caller_id, description))


def remove_address(directory: Directory, command: RemoveAddress) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    cidr = canonical_cidr(command.address, is_listed=True)
    if cidr not in acl.addresses:
        raise not_found("ADDRESS_NOT_FOUND", "address", f'{cidr} does not stand in the ACL "{acl.name}".')
    return _on_acl(acl, AddressRemoved(cidr))


def approve_ban_exemption(directory: Directory, command: ApproveBanExemption) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    cidr = canonical_cidr(command.address, is_listed=True)
    address = acl.addresses.get(cidr)
    if address is None:
        raise not_found("ADDRESS_NOT_FOUND", "address", f'{cidr} does not stand in the ACL "{acl.name}".')
    if is_narrow(cidr):
        raise failed_precondition("EXEMPT_ALREADY", f"{cidr} needs no approval: whoever lists so narrow a range hears all of it.")
    return _on_acl(acl) if address.is_ban_exempt else _on_acl(acl, BanExemptionApproved(cidr))


def add_account(directory: Directory, command: AddAccount) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    user = names.username(command.username)
    caller_id = names.caller_id(command.caller_id)
    if user in acl.accounts:
        raise already_exists("ACCOUNT_EXISTS", "username", f'The account "{user}" stands in the ACL "{acl.name}" already.')
    _check_room(acl, len(acl.accounts), "accounts")
    credential = _credential_of(directory, acl.tenant, user, command.credential_id)
    # Not guarded against EraseCredential: parallel additions would all collide, and an account without its secret admits nobody.
    return _on_acl(acl, AccountAdded(user, credential, caller_id))


def change_account_credential(directory: Directory, command: ChangeAccountCredential) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    account = existing_account(acl, command.username)
    credential = _credential_of(directory, acl.tenant, account.username, command.credential_id)
    if credential == account.credential_id:
        return _on_acl(acl)
    return _on_acl(acl, AccountCredentialChanged(account.username, credential))


def remove_account(directory: Directory, command: RemoveAccount) -> Decision:
    acl = existing_acl(directory, command.tenant, command.acl)
    return _on_acl(acl, AccountRemoved(existing_account(acl, command.username).username))


def set_credential(directory: Directory, command: SetCredential) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    credential_id = names.credential_id(command.credential_id)
    user = names.username(command.username)
    if not command.realm or not command.key_id:
        raise invalid("CREDENTIAL_INVALID", "realm" if not command.realm else "key_id", "A credential has a realm and a key id.")
    if len(command.sealed) != SEALED_BYTES:
        raise invalid("CREDENTIAL_INVALID", "sealed", f"Three sealed HA1s have {SEALED_BYTES} bytes; these are {len(command.sealed)}.")
    known = directory.credentials.get((tenant, credential_id))
    if known is not None and (known.username, known.realm) != (user, command.realm):
        raise already_exists("CREDENTIAL_EXISTS", "credential_id", f'The credential "{credential_id}" is that of another user or realm.')
    event = CredentialSet(user, command.realm, command.key_id, command.sealed)
    return Decision(Kind.CREDENTIAL, tenant, credential_id, (event,))


def erase_credential(directory: Directory, command: EraseCredential) -> Decision:
    tenant = existing_tenant(directory, command.tenant)
    credential_id = names.credential_id(command.credential_id)
    if (tenant, credential_id) not in directory.credentials:
        raise not_found("CREDENTIAL_NOT_FOUND", "credential_id", f'There is no credential "{credential_id}".')
    if directory.is_credential_used(tenant, credential_id):
        raise failed_precondition(
            "CREDENTIAL_USED",
            f'An account still uses the credential "{credential_id}".',
            "Remove the account or set another password first.",
            {"credential_id": credential_id},
        )
    # An account could take it meanwhile.
    return Decision(Kind.CREDENTIAL, tenant, credential_id, (CredentialErased(),), guards=(whole_tenant(tenant),))


def existing_tenant(directory: Directory, tenant: TenantId) -> TenantId:
    """Raises Refusal where it does not exist."""
    if tenant not in directory.tenants:
        raise not_found("TENANT_NOT_FOUND", "tenant", f"There is no tenant {tenant!r}.", "An operator creates tenants.")
    return tenant


def existing_acl(directory: Directory, tenant: TenantId, name: str) -> Acl:
    """Raises Refusal where it does not exist."""
    existing_tenant(directory, tenant)
    acl = directory.acl(tenant, AclName(name))
    if acl is None:
        raise acl_not_found(name)
    return acl


def acl_not_found(name: str) -> Refusal:
    return not_found("ACL_NOT_FOUND", "acl", f"There is no ACL {name[:64]!r}.")


def existing_account(acl: Acl, name: str) -> Account:
    """Raises Refusal where it does not exist."""
    account = acl.accounts.get(Username(name))
    if account is None:
        raise not_found("ACCOUNT_NOT_FOUND", "username", f'There is no account {name[:64]!r} in the ACL "{acl.name}".')
    return account


def enumerated(noun: str, items: tuple[str, ...]) -> str:
    """`the domain acme`, `3 domains (a, b, c)`; at most `_NAMED` of them."""
    if len(items) == 1:
        return f'the {noun} "{items[0]}"'
    more = ", …" if len(items) > _NAMED else ""
    return f"{len(items)} {noun}s ({', '.join(items[:_NAMED])}{more})"


def _credential_of(directory: Directory, tenant: TenantId, user: Username, credential_id: str) -> CredentialId:
    credential = directory.credentials.get((tenant, names.credential_id(credential_id)))
    if credential is None:
        raise failed_precondition(
            "CREDENTIAL_NOT_FOUND",
            f'The credential "{credential_id}" does not stand in the log.',
            "Set it first.",
            {"credential_id": credential_id},
        )
    if credential.username != user:
        raise failed_precondition(
            "CREDENTIAL_OF_ANOTHER",
            f'The credential "{credential_id}" is not that of the user "{user}".',
            "Set one for this user.",
            {"credential_id": credential_id},
        )
    return credential.id


def _check_room(acl: Acl, count: int, what: str) -> None:
    if count >= MAX_ENTRIES:
        raise failed_precondition("ACL_FULL", f'The ACL "{acl.name}" has {count} {what}.', "Attach a second ACL to the domain.")


def _on_acl(acl: Acl, *events: Event) -> Decision:
    return Decision(Kind.ACL, acl.tenant, acl.name, events)
