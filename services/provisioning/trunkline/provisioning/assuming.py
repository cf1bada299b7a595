"""A tenant as it would be if changes had been made: the commands that would make them, decided and folded beside the log.

Nothing is written, and the service's own directory hears of nothing. An account that is added is taken to have a secret that can be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain import commands, names
from trunkline.domain.decide import decide
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, invalid, permission_denied
from trunkline.domain.events import CredentialSet, Event, Kind, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.provisioning.asking import command_of

MAX_CHANGES: Final = 1_000
"""Of one question; a tenant's file with more is asked about in parts."""
_NOWHERE: Final = Position(0)


def assumed(directory: Directory, tenant: TenantId, changes: Iterable[pb.AssumedChange], *, realm: str, pops: tuple[str, ...]) -> Directory:
    """The tenant's own things after the changes, in their order, with the platform's carriers and routes. Raises Refusal, which names the
    change, where one would be refused."""
    made = directory.apart(tenant)
    for place, change in enumerate(changes):
        try:
            _make(made, tenant, change, realm, pops)
        except Refusal as refusal:
            field = f"changes[{place}]"
            raise Refusal(refusal.code, refusal.reason, refusal.message, field=field, remedy=refusal.remedy) from refusal
    return made


def _make(made: Directory, tenant: TenantId, change: pb.AssumedChange, realm: str, pops: tuple[str, ...]) -> None:
    name = change.WhichOneof("change")
    if name is None:
        raise invalid("CHANGE_UNKNOWN", "changes", "A change names nothing that this service knows.")
    request = getattr(change, name)
    if request.tenant and request.tenant != tenant:
        raise permission_denied("OTHER_TENANT", "changes", "The change is another tenant's.")
    if isinstance(request, pb.AddAccountRequest):
        command: commands.Command = _account(made, tenant, request, realm)
    else:
        command = command_of(tenant, request, pops)
    decision = decide(made, command)
    # Claims are not: they are all tenants', and shared.
    for event in decision.events:
        _apply(made, decision.kind, tenant, decision.aggregate, event)


def _account(made: Directory, tenant: TenantId, request: pb.AddAccountRequest, realm: str) -> commands.AddAccount:
    """With a credential that is there, and that nobody can read."""
    username = names.username(request.username)
    credential = hashlib.sha256(f"{request.acl}\0{username}".encode()).hexdigest()[:32]
    _apply(made, Kind.CREDENTIAL, tenant, credential, CredentialSet(username, realm, "assumed", bytes(SEALED_BYTES)))
    return commands.AddAccount(tenant, request.acl, request.username, credential, request.caller_id)


def _apply(made: Directory, kind: Kind, tenant: TenantId, aggregate: str, event: Event) -> None:
    made.apply(Fact(_NOWHERE, kind, tenant, aggregate, event, 0))
