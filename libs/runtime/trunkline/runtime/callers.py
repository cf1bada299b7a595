"""Who may call what: one table for all services, checked before any method runs.

A person's key says operator or tenant, a certificate says which service. A method that does not stand here is for nobody. A tenant's key
needs the method's scope too, if it has any. What a caller may see or change by it is the method's to decide (`authentication.tenant_for`).

Reasons: only auth sees passwords and makes credentials, and only at the word of provisioning, which has checked the tenant. Keys leave auth
for edges, which unseal with them, and for other auths. Services ask each other; none of them acts as a person would, so that a stolen
certificate of an edge changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.scopes import Scope
from trunkline.runtime.authentication import Principal, Role

OPERATOR: Final = Role.OPERATOR.value
TENANT: Final = Role.TENANT.value

_PEOPLE = frozenset({OPERATOR, TENANT})


@dataclass(frozen=True, slots=True)
class Callers:
    """Roles of people and kinds of services; `scope` is what a tenant's key must have, None: every key will do."""

    kinds: frozenset[str]
    scope: Scope | None = None

    def and_also(self, service: str) -> Callers:
        return Callers(self.kinds | {service}, self.scope)


_OPERATOR = Callers(frozenset({OPERATOR}))
_PROVISIONING = Callers(frozenset({"provisioning"}))
_READ = Callers(_PEOPLE, Scope.READ)
_ACCESS = Callers(_PEOPLE, Scope.ACCESS_WRITE)
_TRUNKS = Callers(_PEOPLE, Scope.TRUNKS_WRITE)
_CALLS = Callers(_PEOPLE, Scope.CALLS_WRITE)
_KEYS = Callers(_PEOPLE, Scope.KEYS_WRITE)
_ANY_KEY = Callers(_PEOPLE)
"""Says whose the key is, or where a position has been applied; whoever may write wants to know."""

_BY_SERVICE: Mapping[str, Mapping[str, Callers]] = {
    "trunkline.api.auth.v1.AuthService": {
        "SetCredential": _PROVISIONING,
        "EraseCredential": _PROVISIONING,
        "Authorize": Callers(frozenset({OPERATOR, "provisioning", "edge"})),
        "FetchKeys": Callers(frozenset({"edge", "auth"})),
        "ForgetTenant": _OPERATOR,
        "ListBans": _OPERATOR,
        "BanAddress": _OPERATOR,
        "LiftBan": _OPERATOR,
        "SyncKeys": Callers(frozenset({"auth"})),
    },
    "trunkline.api.routing.v1.RoutingService": {
        "CreateCarrier": _OPERATOR,
        "ChangeCarrier": _OPERATOR,
        "SuspendCarrier": _OPERATOR,
        "ResumeCarrier": _OPERATOR,
        "ListCarriers": _OPERATOR,
        "ListGatewayHealth": _OPERATOR,
        "AddGateway": _OPERATOR,
        "ChangeGateway": _OPERATOR,
        "RemoveGateway": _OPERATOR,
        "ImportDeck": _OPERATOR,
        "ListDecks": _OPERATOR,
        "ListRoutes": _READ,
        "Resolve": _READ,
        "DecideCall": Callers(frozenset({"edge"})),
    },
    "trunkline.api.provisioning.v1.ProvisioningService": {
        "WhoAmI": _ANY_KEY,
        "CreateTenant": _OPERATOR,
        "SuspendTenant": _OPERATOR,
        "ResumeTenant": _OPERATOR,
        "ListTenants": _OPERATOR,
        "GetTenant": _READ,
        "SetWebhook": _TRUNKS,
        "CreateApiKey": _KEYS,
        "RevokeApiKey": _KEYS,
        "ListApiKeys": _READ,
        "ListHistory": _READ,
        "CreateAcl": _ACCESS,
        "GetAcl": _READ,
        "ListAcls": _READ,
        "DeleteAcl": _ACCESS,
        "AddAddress": _ACCESS,
        "ApproveBanExemption": _OPERATOR,
        "RemoveAddress": _ACCESS,
        "AddAccount": _ACCESS,
        "SetAccountPassword": _ACCESS,
        "RemoveAccount": _ACCESS,
        "CreateDomain": _TRUNKS,
        "GetDomain": _READ,
        "ListDomains": _READ,
        "DeleteDomain": _TRUNKS,
        "AttachAcl": _TRUNKS,
        "DetachAcl": _TRUNKS,
        "SetDigestPolicy": _TRUNKS,
        "SetClassOfService": _TRUNKS,
        "SetLimits": _TRUNKS,
        "GetLimitUse": _READ,
        "SetIdentityPolicy": _TRUNKS,
        "SetNearestPop": _TRUNKS,
        "SetCapture": _TRUNKS,
        "ListPops": _READ,
        "ListPopChanges": _READ,
        "ListReplicas": _OPERATOR,
        "DrainPop": _OPERATOR,
        "UndrainPop": _OPERATOR,
        "WaitApplied": _ANY_KEY,
        "Explain": _READ,
        "ExplainCalls": _READ,
        "ReadTenant": _READ,
        "TailEvents": _READ,
    },
    "trunkline.api.dns.v1.DnsService": {
        "ListNames": _READ,
        "GetPbxSettings": _READ,
        "GetDrift": _OPERATOR,
        "WaitServed": _ANY_KEY,
    },
    "trunkline.api.edge.v1.EdgeService": {
        "GetStatus": _OPERATOR.and_also("provisioning"),
        "WaitApplied": _ANY_KEY.and_also("provisioning"),
        "ListLiveCalls": _READ,
        "HangUp": _CALLS,
    },
    "trunkline.api.records.v1.RecordsService": {
        "ListRecords": _READ.and_also("provisioning"),
        "GetRecord": _READ.and_also("provisioning"),
        "ExportRecords": _READ,
        "WatchCalls": _READ,
        "ListMessages": _READ,
        "GetUsage": _READ,
        "GetWebhook": _READ,
        "ShowWebhookSecret": _TRUNKS,
        "ListUnrecorded": _READ,
        "GetTotals": _OPERATOR,
    },
}

CALLERS: Final[Mapping[str, frozenset[str]]] = {
    f"/{service}/{method}": callers.kinds for service, methods in _BY_SERVICE.items() for method, callers in methods.items()
}
"""By a method's path (`/trunkline.api.auth.v1.AuthService/FetchKeys`): roles of people and kinds of services."""

SCOPES: Final[Mapping[str, Scope | None]] = {
    f"/{service}/{method}": callers.scope
    for service, methods in _BY_SERVICE.items()
    for method, callers in methods.items()
    if TENANT in callers.kinds
}
"""By the path of each method that tenants may call: the scope that their key needs, None where any key will do."""


def check(method: str, principal: Principal) -> None:
    """Raises Refusal (PERMISSION_DENIED) where the principal may not call the method, or his key lacks the scope."""
    allowed = CALLERS.get(method, frozenset())
    caller = principal.service or principal.role.value
    if caller in allowed:
        _check_scope(method, principal)
        return
    people = sorted(allowed & _PEOPLE)
    remedy = f"use a key of: {', '.join(people)}" if people else f"only these services may ask: {', '.join(sorted(allowed)) or 'none'}"
    raise Refusal(
        ErrorCode.PERMISSION_DENIED,
        "SERVICE_NOT_ALLOWED" if principal.service else "ROLE_NOT_ALLOWED",
        f"{method.rpartition('/')[2]} is not for {'the service' if principal.service else 'the role'} {caller}",
        remedy=remedy,
    )


def _check_scope(method: str, principal: Principal) -> None:
    scope = SCOPES.get(method) if principal.role is Role.TENANT else None
    if scope is None or principal.grant.has(scope):
        return
    raise Refusal(
        ErrorCode.PERMISSION_DENIED,
        "SCOPE_MISSING",
        f"{method.rpartition('/')[2]} needs the scope {scope}; the API key has: {', '.join(sorted(principal.grant.scopes))}",
        remedy=f"use a key with the scope {scope}, or make one with a key that may",
        metadata={"scope": scope.value},
    )
