"""Who is calling."""

from __future__ import annotations

import hashlib

import pytest

from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import TenantId
from trunkline.domain.scopes import Grant, Scope
from trunkline.runtime import authentication
from trunkline.runtime.authentication import Authenticator, Principal, Role, TenantKey, Unauthenticated
from trunkline.runtime.tls import Identity, identity_of


def find(key_hash: bytes) -> TenantKey | None:
    ending = TenantKey(TenantId("acme"), "k2", Grant(frozenset({Scope.READ}), END_S))
    keys = {b"tk_acme": TenantKey(TenantId("acme"), "k1"), b"tk_ending": ending}
    return {hashlib.sha256(key).digest(): found for key, found in keys.items()}.get(key_hash)


END_S = 2_000_000_000
AUTHENTICATOR = Authenticator(hashlib.sha256(b"operator").hexdigest(), find, lambda: END_S - 1)
PROVISIONING = Identity("provisioning", "provisioning-eu")
CLIENT = Identity("client", "client")


def caller(key: str, peer: Identity | None = CLIENT, **more: str) -> Principal:
    keys = [("authorization", f"Bearer {key}")] if key else []
    return AUTHENTICATOR.authenticate([*keys, *((name.replace("_", "-"), text) for name, text in more.items())], peer)


def test_a_service_is_told_by_its_certificate_operator_and_tenant_by_their_keys() -> None:
    assert caller("operator") == Principal("operator", Role.OPERATOR)
    assert caller("", PROVISIONING) == Principal("service:provisioning-eu", Role.SERVICE, service="provisioning")
    assert caller("operator", PROVISIONING).role is Role.SERVICE
    assert caller("tk_acme") == Principal("tenant:acme/key:k1", Role.TENANT, TenantId("acme"))


def test_a_service_names_whom_it_acts_for_and_nobody_else_can() -> None:
    assert caller("", PROVISIONING, trunkline_actor="tenant:acme/key:k1").actor == "tenant:acme/key:k1"
    assert caller("tk_acme", trunkline_actor="operator").actor == "tenant:acme/key:k1"


@pytest.mark.parametrize("actor", ["a b", "x" * 129, "a\nb"])
def test_an_actor_that_cannot_stand_in_a_commit_is_refused(actor: str) -> None:
    with pytest.raises(Unauthenticated, match="printable"):
        caller("", PROVISIONING, trunkline_actor=actor)


@pytest.mark.parametrize(
    "metadata", [[], [("authorization", "operator")], [("authorization", "Basic b3A=")], [("authorization", "Bearer ")]]
)
def test_no_key_is_told_apart_from_a_wrong_one(metadata: list[tuple[str, str | bytes]]) -> None:
    with pytest.raises(Unauthenticated, match="no API key"):
        AUTHENTICATOR.authenticate(metadata, CLIENT)


def test_a_wrong_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(Unauthenticated, match="unknown or revoked") as caught:
        caller("tk_wrong")
    assert "tk_wrong" not in str(caught.value)


def test_a_customer_touches_its_own_tenant_only() -> None:
    authentication.enter(caller("tk_acme"))
    assert authentication.tenant_for("") == "acme"
    assert authentication.tenant_for("acme") == "acme"
    with pytest.raises(Refusal) as caught:
        authentication.tenant_for("globex")
    assert (caught.value.code, caught.value.field) == (ErrorCode.PERMISSION_DENIED, "tenant")


def test_an_operator_must_name_the_tenant() -> None:
    authentication.enter(caller("operator"))
    assert authentication.tenant_for("globex") == "globex"
    with pytest.raises(Refusal) as caught:
        authentication.tenant_for("")
    assert caught.value.reason == "TENANT_MISSING"


def test_a_role_that_a_method_is_not_for_is_refused() -> None:
    authentication.enter(caller("tk_acme"))
    assert authentication.require(Role.TENANT, Role.OPERATOR).tenant == "acme"
    with pytest.raises(Refusal) as caught:
        authentication.require(Role.OPERATOR, Role.SERVICE)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    assert caught.value.remedy == "use a key of: operator, service"


@pytest.mark.parametrize("kind", ["client", "nats", "stranger"])
def test_a_certificate_of_another_kind_has_no_rights_of_its_own(kind: str) -> None:
    with pytest.raises(Unauthenticated, match="no API key"):
        caller("", Identity(kind, "one"))


def test_a_service_asks_only_what_is_for_its_kind() -> None:
    authentication.enter(caller("", Identity("edge", "edge-eu1")))
    assert authentication.require_service("edge", "auth").actor == "service:edge-eu1"
    with pytest.raises(Refusal) as caught:
        authentication.require_service("provisioning")
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    authentication.enter(caller("operator"))
    with pytest.raises(Refusal, match="operator"):
        authentication.require_service("provisioning")


@pytest.mark.parametrize(
    "name",
    ["edge.trunkline.internal", "spiffe://trunkline.internal/edge", "spiffe://trunkline.internal/edge/a/b", "spiffe://other/edge/edge-eu1"],
)
def test_only_a_whole_name_of_this_platform_is_an_identity(name: str) -> None:
    assert identity_of([name]) is None
    assert identity_of([name, "spiffe://trunkline.internal/edge/edge-eu1"]) == Identity("edge", "edge-eu1")


def test_a_key_counts_until_its_end_and_is_then_refused_with_it() -> None:
    assert caller("tk_ending").grant == Grant(frozenset({Scope.READ}), END_S)
    later = Authenticator(AUTHENTICATOR.operator_key_hash, find, lambda: END_S)
    with pytest.raises(Unauthenticated, match=r"k2 ended at 2033-05-18 03:33:20 UTC: make a new one") as caught:
        later.authenticate([("authorization", "Bearer tk_ending")], CLIENT)
    assert caught.value.reason == "API_KEY_EXPIRED"


@pytest.mark.parametrize("kind", ["rest", "dashboard", "provisioning"])
def test_services_and_faces_say_where_they_were_asked_from(kind: str) -> None:
    said = [("authorization", "Bearer tk_acme"), ("trunkline-source", "2001:db8:0::1")]
    assert AUTHENTICATOR.authenticate(said, Identity(kind, f"{kind}-eu"), "127.0.0.1").source == "2001:db8::1"
    with pytest.raises(Unauthenticated, match="is an IP address"):
        AUTHENTICATOR.authenticate([*said[:1], ("trunkline-source", "home")], Identity(kind, f"{kind}-eu"), "127.0.0.1")


def test_the_dashboard_and_services_it_has_asked_say_who_is_logged_in_and_nobody_else_does() -> None:
    said = [("authorization", "Bearer tk_acme"), ("trunkline-person", "ann")]
    for kind, person in (("dashboard", "ann"), ("provisioning", "ann"), ("rest", "")):
        assert AUTHENTICATOR.authenticate(said, Identity(kind, f"{kind}-eu"), "127.0.0.1").person == person
    assert AUTHENTICATOR.authenticate(said, CLIENT, "198.51.100.1").person == ""
    for name in ("ann\nbob", "a b", "a" * 65, "é"):
        with pytest.raises(Unauthenticated, match="at most 64 printable"):
            AUTHENTICATOR.authenticate([*said[:1], ("trunkline-person", name)], Identity("dashboard", "dashboard-eu"), "127.0.0.1")


def test_nobody_else_is_believed_about_where_he_asks_from() -> None:
    said = [("authorization", "Bearer tk_acme"), ("trunkline-source", "192.0.2.1")]
    assert AUTHENTICATOR.authenticate(said, CLIENT, "198.51.100.1").source == "198.51.100.1"


@pytest.mark.parametrize("kind", ["rest", "dashboard"])
def test_the_certificate_of_a_face_gives_no_right_of_its_own(kind: str) -> None:
    with pytest.raises(Unauthenticated, match="no API key"):
        AUTHENTICATOR.authenticate([("trunkline-actor", "operator")], Identity(kind, f"{kind}-eu"))
