"""Credentials: from a password to a sealed fact of the log, and away again. The password is forgotten with the call that brought it."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable

from trunkline.auth.key_store import KeyStore
from trunkline.auth.sealing import NONCE_BYTES, Owner, ha1s, seal, unseal
from trunkline.domain import commands, names
from trunkline.domain.events import TenantId
from trunkline.domain.views import Credential


def set_credential(
    keys: KeyStore,
    realm: str,
    *,
    tenant: TenantId,
    credential_id: str,
    username: str,
    password: str,
    random: Callable[[int], bytes] = os.urandom,
) -> commands.SetCredential:
    """The command that stands for a password. Makes the tenant's key where it has none. Raises Refusal for what cannot be a credential,
    before any key is made."""
    names.tenant_id(tenant)
    names.check_password(password)
    owner = Owner(tenant, names.credential_id(credential_id), realm, names.username(username))
    key_id, key = keys.sealing_key(tenant)
    sealed = seal(key, owner, ha1s(owner.username, realm, password), random(NONCE_BYTES))
    return commands.SetCredential(tenant, owner.credential_id, owner.username, realm, key_id, sealed)


def is_password_of(keys: KeyStore, credential: Credential, password: str) -> bool:
    """False too where the credential does not open: its key has been deleted."""
    key = keys.tenant_key(credential.tenant, credential.key_id)
    if key is None:
        return False
    owner = Owner(credential.tenant, credential.id, credential.realm, credential.username)
    secrets = unseal(key, owner, credential.sealed)
    return secrets is not None and hmac.compare_digest(b"".join(secrets), b"".join(ha1s(owner.username, owner.realm, password)))
