"""Credentials: from a password to a sealed fact of the log, and away again. The password is forgotten with the call that brought it."""

from __future__ import annotations

import os
from collections.abc import Callable

from trunkline.auth.key_store import KeyStore
from trunkline.auth.sealing import NONCE_BYTES, Owner, ha1s, seal
from trunkline.domain import commands, names
from trunkline.domain.events import TenantId


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
