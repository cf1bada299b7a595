"""The decisions about tenants, access and domains: what is refused, with which reason, and what is guarded."""

import pytest
from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain import names
from trunkline.domain.decide import decide
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import ClaimReleased, ClaimTaken, DomainLabel, Kind, TenantId

ACME, BETA = TenantId("acme"), TenantId("beta")
SEALED = b"s" * SEALED_BYTES


def platform() -> History:
    history = History()
    for tenant in (ACME, BETA):
        history.execute(c.CreateTenant(tenant))
        history.execute(c.CreateAcl(tenant, "office"))
        history.execute(c.SetCredential(tenant, "c1", "alice", "r", "k", SEALED))
    history.execute(c.CreateDomain(ACME, "acme"))
    history.execute(c.AddAddress(ACME, "office", "192.0.2.0/24"))
    history.execute(c.AddAccount(ACME, "office", "alice", "c1"))
    history.execute(c.AttachAcl(ACME, "acme", "office"))
    history.execute(c.CreateApiKey(ACME, "k1", b"1" * 32))
    return history


BAD, N, E, F = ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.ALREADY_EXISTS, ErrorCode.FAILED_PRECONDITION

REFUSED: list[tuple[c.Command, ErrorCode, str]] = [
    (c.CreateTenant(ACME), E, "TENANT_EXISTS"),
    (c.CreateTenant(TenantId("platform")), E, "TENANT_RESERVED"),
    (c.CreateTenant(TenantId("A.B")), BAD, "TENANT_INVALID"),
    (c.CreateTenant(TenantId("new"), "x" * 129), BAD, "TEXT_INVALID"),
    (c.CreateApiKey(ACME, "k1", b"2" * 32), E, "API_KEY_EXISTS"),
    (c.CreateApiKey(BETA, "k9", b"1" * 32), E, "API_KEY_EXISTS"),
    (c.CreateApiKey(ACME, "k2", b"short"), BAD, "KEY_HASH_INVALID"),
    (c.RevokeApiKey(BETA, "k1"), N, "API_KEY_NOT_FOUND"),
    (c.CreateAcl(TenantId("nobody"), "x"), N, "TENANT_NOT_FOUND"),
    (c.CreateAcl(ACME, "office"), E, "ACL_EXISTS"),
    (c.SetNearestPop(ACME, "acme", "us3", ("eu1", "us1")), N, "POP_NOT_FOUND"),
    (c.SetNearestPop(BETA, "acme", "us1", ("eu1", "us1")), N, "DOMAIN_NOT_FOUND"),
    (c.SetCapture(ACME, "acme", 101, 60, 10), BAD, "PERCENT_INVALID"),
    (c.SetCapture(ACME, "acme", 100, 10, 10), BAD, "UNTIL_INVALID"),
    (c.SetCapture(ACME, "acme", 100, 11 + 7 * 86_400, 10), BAD, "UNTIL_INVALID"),
    (c.SetCapture(BETA, "acme", 100, 60, 10), N, "DOMAIN_NOT_FOUND"),
    (c.CreateAcl(ACME, "off.ice"), BAD, "ACL_NAME_INVALID"),
    (c.DeleteAcl(ACME, "office"), F, "ACL_ATTACHED"),
    (c.DeleteAcl(ACME, "pbx"), N, "ACL_NOT_FOUND"),
    (c.ApproveBanExemption(ACME, "office", "192.0.2.0/24"), F, "EXEMPT_ALREADY"),
    (c.ApproveBanExemption(ACME, "office", "10.0.0.0/8"), N, "ADDRESS_NOT_FOUND"),
    (c.AddAddress(ACME, "office", "192.0.2.0/24"), E, "ADDRESS_EXISTS"),
    (c.AddAddress(ACME, "office", "192.0.2.1/24"), BAD, "ADDRESS_HOST_BITS"),
    (c.AddAddress(ACME, "office", "::/0"), BAD, "ADDRESS_IS_EVERYONE"),
    (c.AddAddress(ACME, "office", "192.0.2.1", "12"), BAD, "CALLER_ID_INVALID"),
    (c.AddAddress(ACME, "office", "192.0.2.1", "", "two\nlines"), BAD, "TEXT_INVALID"),
    (c.AddAddress(ACME, "pbx", "192.0.2.1"), N, "ACL_NOT_FOUND"),
    (c.RemoveAddress(ACME, "office", "192.0.2.1"), N, "ADDRESS_NOT_FOUND"),
    (c.AddAccount(ACME, "office", "alice", "c1"), E, "ACCOUNT_EXISTS"),
    (c.AddAccount(ACME, "office", "bob", "c1"), F, "CREDENTIAL_OF_ANOTHER"),
    (c.AddAccount(ACME, "office", "bob", "c9"), F, "CREDENTIAL_NOT_FOUND"),
    (c.AddAccount(ACME, "office", "b b", "c1"), BAD, "USERNAME_INVALID"),
    (c.ChangeAccountCredential(ACME, "office", "bob", "c1"), N, "ACCOUNT_NOT_FOUND"),
    (c.RemoveAccount(BETA, "office", "alice"), N, "ACCOUNT_NOT_FOUND"),
    (c.SetCredential(ACME, "c1", "bob", "r", "k", SEALED), E, "CREDENTIAL_EXISTS"),
    (c.SetCredential(ACME, "c2", "bob", "r", "k", b"short"), BAD, "CREDENTIAL_INVALID"),
    (c.SetCredential(ACME, "c2", "bob", "", "k", SEALED), BAD, "CREDENTIAL_INVALID"),
    (c.EraseCredential(ACME, "c1"), F, "CREDENTIAL_USED"),
    (c.EraseCredential(ACME, "c9"), N, "CREDENTIAL_NOT_FOUND"),
    (c.CreateDomain(ACME, "acme"), E, "LABEL_TAKEN"),
    (c.CreateDomain(BETA, "ACME"), E, "LABEL_TAKEN"),
    (c.CreateDomain(BETA, "eu1"), E, "LABEL_RESERVED"),
    (c.CreateDomain(BETA, "a-b"), BAD, "LABEL_INVALID"),
    (c.DeleteDomain(ACME, "acme"), F, "DOMAIN_HAS_ACLS"),
    (c.DeleteDomain(BETA, "acme"), N, "DOMAIN_NOT_FOUND"),
    (c.AttachAcl(ACME, "acme", "office"), E, "ACL_IS_ATTACHED"),
    (c.AttachAcl(ACME, "acme", "pbx"), N, "ACL_NOT_FOUND"),
    (c.AttachAcl(BETA, "acme", "office"), N, "DOMAIN_NOT_FOUND"),
    (c.DetachAcl(ACME, "acme", "pbx"), N, "ACL_NOT_ATTACHED"),
    (c.SetDigestPolicy(ACME, "acme", ()), BAD, "ALGORITHMS_INVALID"),
    (c.SetDigestPolicy(ACME, "acme", ("MD5", "MD5")), BAD, "ALGORITHMS_INVALID"),
    (c.SetDigestPolicy(ACME, "acme", ("SHA-1",)), BAD, "ALGORITHMS_INVALID"),
    (c.SetDigestPolicy(ACME, "acme", ("MD5",), 403), BAD, "CHALLENGE_STATUS_INVALID"),
    (c.SetClassOfService(ACME, "acme", ("0031",)), BAD, "PREFIX_INVALID"),
    (c.SetClassOfService(ACME, "acme", ("31a",)), BAD, "PREFIX_INVALID"),
    (c.SetClassOfService(ACME, "acme", ("1",) * 1001), BAD, "TOO_MANY_PREFIXES"),
    (c.SetClassOfService(ACME, "acme", (), countries=("ZZ",)), BAD, "COUNTRY_UNKNOWN"),
    (c.SetClassOfService(ACME, "", (), countries=("NLD",)), BAD, "COUNTRY_UNKNOWN"),
    (c.SetClassOfService(ACME, "acme", (), max_rate_micros=1_000_000_001, currency="EUR"), BAD, "MAX_RATE_INVALID"),
    (c.SetClassOfService(ACME, "acme", (), max_rate_micros=10, currency="euro"), BAD, "CURRENCY_INVALID"),
    (c.SetLimits(ACME, "acme", 1_000_001), BAD, "LIMIT_INVALID"),
    (c.SetLimits(ACME, "", None, 100_001), BAD, "LIMIT_INVALID"),
    (c.SetLimits(ACME, "nosuch", 1), ErrorCode.NOT_FOUND, "DOMAIN_NOT_FOUND"),
]


@pytest.mark.parametrize(("command", "code", "reason"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_that_does_not_fit_is_refused_with_its_reason(command: c.Command, code: ErrorCode, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        decide(platform().directory, command)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert caught.value.message


def test_deleting_an_attached_acl_names_every_domain_it_is_attached_to() -> None:
    history = platform()
    history.execute(c.CreateDomain(ACME, "second"))
    history.execute(c.AttachAcl(ACME, "second", "office"))
    with pytest.raises(Refusal) as caught:
        decide(history.directory, c.DeleteAcl(ACME, "office"))
    assert caught.value.metadata == {"domains": "acme,second"}
    assert "acme, second" in caught.value.message


def test_deleting_a_domain_names_the_acls_that_are_attached() -> None:
    with pytest.raises(Refusal) as caught:
        decide(platform().directory, c.DeleteDomain(ACME, "acme"))
    assert caught.value.metadata == {"acls": "office"}


def test_what_was_deleted_can_be_created_again_and_is_empty_then() -> None:
    history = platform()
    history.execute(c.DetachAcl(ACME, "acme", "office"))
    history.execute(c.DeleteAcl(ACME, "office"))
    history.execute(c.DeleteDomain(ACME, "acme"))
    history.execute(c.CreateAcl(ACME, "office"))
    history.execute(c.CreateDomain(BETA, "acme"))
    acl = next(iter(history.directory.acls(ACME).values()))
    assert not acl.addresses and not acl.accounts
    assert acl.version == 5
    assert history.directory.claims["label.acme"].owner_tenant == BETA
    assert not history.directory.domains(ACME)


def test_a_domain_takes_its_label_and_gives_it_back_with_the_same_commit() -> None:
    history = platform()
    created = decide(history.directory, c.CreateDomain(BETA, "Shop"))
    assert (created.kind, created.aggregate) == (Kind.DOMAIN, "shop")
    assert [(claim.claim, claim.event) for claim in created.claims] == [("label.shop", ClaimTaken("beta", "domain", "shop"))]
    history.execute(c.CreateDomain(BETA, "shop"))
    deleted = decide(history.directory, c.DeleteDomain(BETA, "shop"))
    assert [(claim.claim, claim.event) for claim in deleted.claims] == [("label.shop", ClaimReleased())]


@pytest.mark.parametrize(
    "command",
    [c.AttachAcl(ACME, "second", "office"), c.DeleteAcl(ACME, "pbx"), c.EraseCredential(ACME, "c2")],
    ids=lambda one: type(one).__name__,
)
def test_decisions_that_rest_on_another_aggregate_are_guarded_over_the_tenant(command: c.Command) -> None:
    history = platform()
    history.execute(c.CreateDomain(ACME, "second"))
    history.execute(c.CreateAcl(ACME, "pbx"))
    history.execute(c.SetCredential(ACME, "c2", "alice", "r", "k", SEALED))
    assert decide(history.directory, command).guards == ("config.*.acme.>",)


@pytest.mark.parametrize("command", [command for command, _, _ in REFUSED])
def test_a_refused_command_changes_nothing(command: c.Command) -> None:
    history = platform()
    before = len(history.facts)
    history.attempt(command)
    assert len(history.facts) == before


def test_asking_for_what_is_so_already_writes_nothing() -> None:
    history = platform()
    history.execute(c.SetClassOfService(ACME, "acme", ("+44", "31", "31")))
    assert history.directory.domain(ACME, names.domain_label("acme")).service.allowed_prefixes == ("31", "44")  # type: ignore[union-attr]
    assert decide(history.directory, c.SetClassOfService(ACME, "acme", ("44", "31"))).events == ()
    assert decide(history.directory, c.SetDigestPolicy(ACME, "acme", ("MD5",), 407)).events == ()
    assert decide(history.directory, c.ChangeAccountCredential(ACME, "office", "alice", "c1")).events == ()


def test_a_fingerprint_tells_requests_apart_but_for_secrets_and_what_varies() -> None:
    one = c.SetCredential(ACME, "c1", "alice", "r", "k1", SEALED)
    again = c.SetCredential(ACME, "c1", "alice", "r", "k2", b"t" * SEALED_BYTES)
    assert c.fingerprint(one) == c.fingerprint(again)
    assert c.fingerprint(one) != c.fingerprint(c.SetCredential(ACME, "c1", "bob", "r", "k1", SEALED))
    assert c.fingerprint(c.CreateAcl(ACME, "x")) != c.fingerprint(c.DeleteAcl(ACME, "x"))


def test_capturing_is_set_changed_and_ended_and_the_rest_of_the_domain_stays() -> None:
    history = platform()
    before = history.directory.domains(ACME)[DomainLabel("acme")]
    for percent, until_s in ((100, 500), (25, 700)):
        history.execute(c.SetCapture(ACME, "acme", percent, until_s, 100))
        domain = history.directory.domains(ACME)[DomainLabel("acme")]
        assert (domain.capture.percent, domain.capture.until_s, domain.acls) == (percent, until_s, before.acls)
    position = history.position
    history.execute(c.SetCapture(ACME, "acme", 25, 700, 200))
    assert history.position == position, "nothing is changed"
    history.execute(c.CreateAcl(ACME, "second"))
    history.execute(c.AttachAcl(ACME, "acme", "second"))
    assert history.directory.domains(ACME)[DomainLabel("acme")].capture.percent == 25
    history.execute(c.SetCapture(ACME, "acme", 0))
    assert history.directory.domains(ACME)[DomainLabel("acme")].capture.percent == 0
