"""The table of who may call what, against the services themselves."""

from __future__ import annotations

import pytest

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2
from trunkline.api.records.v1 import records_pb2
from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import TenantId
from trunkline.domain.scopes import Grant, Scope
from trunkline.runtime.authentication import Principal, Role
from trunkline.runtime.callers import CALLERS, SCOPES, check
from trunkline.runtime.tls import SERVICE_KINDS

AUTH, ROUTING = "/trunkline.api.auth.v1.AuthService/", "/trunkline.api.routing.v1.RoutingService/"
OPERATOR = Principal("operator", Role.OPERATOR)
CUSTOMER = Principal("tenant:acme/key:k1", Role.TENANT, TenantId("acme"))


def service(kind: str) -> Principal:
    return Principal(f"service:{kind}-eu", Role.SERVICE, service=kind)


def refused(method: str, principal: Principal) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check(method, principal)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    return caught.value


def test_every_method_of_every_service_has_its_callers_and_nothing_else_stands_there() -> None:
    files = (auth_pb2, dns_pb2, edge_pb2, provisioning_pb2, records_pb2, routing_pb2)
    methods = {
        f"/{each.full_name}/{method.name}"
        for file in files
        for each in file.DESCRIPTOR.services_by_name.values()
        for method in each.methods
    }
    assert set(CALLERS) == methods
    assert set().union(*CALLERS.values()) <= SERVICE_KINDS | {"operator", "tenant"}


@pytest.mark.parametrize("kind", sorted(SERVICE_KINDS - {"provisioning"}))
def test_only_provisioning_makes_and_erases_credentials(kind: str) -> None:
    for name in ("SetCredential", "EraseCredential"):
        check(AUTH + name, service("provisioning"))
        for principal in (service(kind), OPERATOR, CUSTOMER):
            refused(AUTH + name, principal)


def test_keys_go_to_edges_and_auths_only() -> None:
    allowed = {kind for kind in SERVICE_KINDS if kind in CALLERS[AUTH + "FetchKeys"]}
    assert allowed == {"edge", "auth"}
    assert refused(AUTH + "FetchKeys", OPERATOR).reason == "ROLE_NOT_ALLOWED"
    assert refused(AUTH + "FetchKeys", service("records")).reason == "SERVICE_NOT_ALLOWED"


def test_a_customer_is_told_whose_key_it_takes() -> None:
    assert refused(ROUTING + "CreateCarrier", CUSTOMER).remedy == "use a key of: operator"
    check(ROUTING + "Resolve", CUSTOMER)


def test_an_edge_changes_nothing_anywhere() -> None:
    assert {method for method, callers in CALLERS.items() if "edge" in callers} == {
        AUTH + "Authorize",
        AUTH + "FetchKeys",
        ROUTING + "DecideCall",
    }


def test_a_method_that_nobody_thought_of_is_for_nobody() -> None:
    for principal in (OPERATOR, CUSTOMER, *map(service, SERVICE_KINDS)):
        refused("/trunkline.api.auth.v1.AuthService/New", principal)


READS = ("Get", "List", "Read", "Resolve", "Explain", "Tail", "Export", "Watch")
"""What the names of methods that change nothing begin with."""


@pytest.mark.parametrize("method", sorted(SCOPES))
def test_a_key_calls_what_its_scope_covers_and_nothing_else(method: str) -> None:
    scope = SCOPES[method]
    for each in Scope:
        limited = Principal("tenant:acme/key:k2", Role.TENANT, TenantId("acme"), grant=Grant(frozenset({each})))
        if scope in (None, each):
            check(method, limited)
        else:
            refusal = refused(method, limited)
            assert (refusal.reason, refusal.metadata["scope"]) == ("SCOPE_MISSING", scope)


@pytest.mark.parametrize("method", sorted(SCOPES))
def test_what_reads_needs_read_and_what_changes_needs_more(method: str) -> None:
    is_reading = method.rpartition("/")[2].startswith(READS)
    assert SCOPES[method] is None or (SCOPES[method] is Scope.READ) == is_reading


def test_an_old_key_has_every_scope() -> None:
    for method in SCOPES:
        check(method, CUSTOMER)
