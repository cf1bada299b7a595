"""The access rule on a scene: the engine's own tables, filled with one domain and its ACLs.

For a past, and for changes that nobody has made; what holds now is auth's to answer, which has the tenants' keys. Here a secret is taken to
be readable where the account's credential stands in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.domain.host_names import host_names
from trunkline.domain.scene import ASSUMED, Scene
from trunkline.domain.views import Account, Acl
from trunkline.engine import AccessTables, AccessTrace
from trunkline.engine.tables import ExemptAddress, SetAccount, SetAddress, SetDomain, TableChange
from trunkline.runtime.access_feed import NO_SECRETS, Secrets, acl_key

_READABLE: Secrets = (b"\1" * 16, b"\1" * 32, b"\1" * 32)
"""In place of HA1s: nobody authenticates against them, the result of the digest is assumed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`host` is the name dialled, `source` an IP address."""

    host: str
    source: str
    username: str
    is_password_right: bool


class SceneAccess:
    """Takes as long as its ACLs have entries, about a microsecond each: build it in a thread."""

    def __init__(self, scene: Scene, pops: Sequence[str], realm: str) -> None:
        self._tables = AccessTables(realm=realm)
        self._tables.fill(list(_changes(scene, pops, realm)))

    def trace(self, asked: Asked) -> AccessTrace:
        """ValueError for a source that is no IP address."""
        return self._tables.explain(
            host=asked.host, source=asked.source, username=asked.username, is_password_right=asked.is_password_right
        )

    def lists(self, asked: Asked) -> bool:
        """Whether a ban of the source is not heeded for this domain. ValueError for a source that is no IP address."""
        return self._tables.lists(host=asked.host, source=asked.source)


def _changes(scene: Scene, pops: Sequence[str], realm: str) -> Iterable[TableChange]:
    domain, digest = scene.domain, scene.domain.digest
    acls = tuple([acl_key(domain.tenant, name) for name in domain.acls])
    for host in host_names(domain.label, pops, realm):
        yield SetDomain(host, domain.tenant, domain.label, acls, digest.algorithms, digest.challenge_status, digest.is_qop_optional)
    for acl in scene.attached():
        key = acl_key(acl.tenant, acl.name)
        for address in acl.addresses.values():
            yield SetAddress(key, address.cidr, address.caller_id)
            if address.is_ban_exempt:
                yield ExemptAddress(key, address.cidr)
        for account in acl.accounts.values():
            md5, sha256, sha512_256 = _secrets(scene, acl, account, realm)
            yield SetAccount(key, account.username, md5, sha256, sha512_256, account.caller_id)


def _secrets(scene: Scene, acl: Acl, account: Account, realm: str) -> Secrets:
    if account.credential_id == ASSUMED:
        return _READABLE
    credential = scene.directory.credentials.get((acl.tenant, account.credential_id))
    # As the edges' feed has it: one made for another user or realm admits nobody.
    is_readable = credential is not None and (credential.username, credential.realm) == (account.username, realm)
    return _READABLE if is_readable else NO_SECRETS
