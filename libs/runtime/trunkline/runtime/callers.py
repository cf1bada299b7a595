"""Who may call what: one table for all services, checked before any method runs.

A person's key says operator or tenant, a certificate says which service. A method that does not stand here is for nobody. What a caller may
see or change by a method is the method's to decide (`authentication.tenant_for`).

Reasons: only auth sees passwords and makes credentials, and only at the word of provisioning, which has checked the tenant. Keys leave auth
for edges, which unseal with them, and for other auths. Services ask each other; none of them acts as a person would, so that a stolen
certificate of an edge changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.runtime.authentication import Principal, Role

OPERATOR: Final = Role.OPERATOR.value
TENANT: Final = Role.TENANT.value

_OPERATOR = frozenset({OPERATOR})
_PEOPLE = frozenset({OPERATOR, TENANT})
_PROVISIONING = frozenset({"provisioning"})

_BY_SERVICE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "trunkline.api.auth.v1.AuthService": {
        "SetCredential": _PROVISIONING,
        "EraseCredential": _PROVISIONING,
        "Authorize": frozenset({OPERATOR, "provisioning", "edge"}),
        "FetchKeys": frozenset({"edge", "auth"}),
        "ForgetTenant": _OPERATOR,
        "ListBans": _OPERATOR,
        "BanAddress": _OPERATOR,
        "LiftBan": _OPERATOR,
        "SyncKeys": frozenset({"auth"}),
    },
    "trunkline.api.routing.v1.RoutingService": {
        "CreateCarrier": _OPERATOR,
        "ChangeCarrier": _OPERATOR,
        "SuspendCarrier": _OPERATOR,
        "ResumeCarrier": _OPERATOR,
        "ListCarriers": _OPERATOR,
        "ListGatewayHealth": _OPERATOR,
        "AddGateway": _OPERATOR,
        "RemoveGateway": _OPERATOR,
        "ImportDeck": _OPERATOR,
        "ListDecks": _OPERATOR,
        "ListRoutes": _PEOPLE,
        "Resolve": _PEOPLE,
        "DecideCall": frozenset({"edge"}),
    },
    "trunkline.api.provisioning.v1.ProvisioningService": {
        "WhoAmI": _PEOPLE,
        "CreateTenant": _OPERATOR,
        "SuspendTenant": _OPERATOR,
        "ResumeTenant": _OPERATOR,
        "ListTenants": _OPERATOR,
        "CreateApiKey": _OPERATOR,
        "RevokeApiKey": _OPERATOR,
        "ListApiKeys": _PEOPLE,
        "CreateAcl": _PEOPLE,
        "GetAcl": _PEOPLE,
        "ListAcls": _PEOPLE,
        "DeleteAcl": _PEOPLE,
        "AddAddress": _PEOPLE,
        "ApproveBanExemption": _OPERATOR,
        "RemoveAddress": _PEOPLE,
        "AddAccount": _PEOPLE,
        "SetAccountPassword": _PEOPLE,
        "RemoveAccount": _PEOPLE,
        "CreateDomain": _PEOPLE,
        "GetDomain": _PEOPLE,
        "ListDomains": _PEOPLE,
        "DeleteDomain": _PEOPLE,
        "AttachAcl": _PEOPLE,
        "DetachAcl": _PEOPLE,
        "SetDigestPolicy": _PEOPLE,
        "SetClassOfService": _PEOPLE,
        "SetLimits": _PEOPLE,
        "GetLimitUse": _PEOPLE,
        "SetIdentityPolicy": _PEOPLE,
        "SetNearestPop": _PEOPLE,
        "ListPops": _PEOPLE,
        "DrainPop": _OPERATOR,
        "UndrainPop": _OPERATOR,
        "WaitApplied": _PEOPLE,
        "Explain": _PEOPLE,
        "TailEvents": _PEOPLE,
    },
    "trunkline.api.dns.v1.DnsService": {
        "ListNames": _PEOPLE,
        "GetPbxSettings": _PEOPLE,
        "GetDrift": _OPERATOR,
        "WaitServed": _PEOPLE,
    },
    "trunkline.api.edge.v1.EdgeService": {
        "GetStatus": _OPERATOR | _PROVISIONING,
        "WaitApplied": _PEOPLE | _PROVISIONING,
        "ListLiveCalls": _PEOPLE,
        "HangUp": _PEOPLE,
    },
    "trunkline.api.records.v1.RecordsService": {
        "ListRecords": _PEOPLE,
        "GetRecord": _PEOPLE,
        "GetTotals": _OPERATOR,
    },
}

CALLERS: Final[Mapping[str, frozenset[str]]] = {
    f"/{service}/{method}": callers for service, methods in _BY_SERVICE.items() for method, callers in methods.items()
}
"""By a method's path (`/trunkline.api.auth.v1.AuthService/FetchKeys`): roles of people and kinds of services."""


def check(method: str, principal: Principal) -> None:
    """Raises Refusal (PERMISSION_DENIED) where the principal may not call the method."""
    allowed = CALLERS.get(method, frozenset())
    caller = principal.service or principal.role.value
    if caller in allowed:
        return
    people = sorted(allowed & _PEOPLE)
    remedy = f"use a key of: {', '.join(people)}" if people else f"only these services may ask: {', '.join(sorted(allowed)) or 'none'}"
    raise Refusal(
        ErrorCode.PERMISSION_DENIED,
        "SERVICE_NOT_ALLOWED" if principal.service else "ROLE_NOT_ALLOWED",
        f"{method.rpartition('/')[2]} is not for {'the service' if principal.service else 'the role'} {caller}",
        remedy=remedy,
    )
