from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.decide_access import SEALED_BYTES
from trunkline.domain.events import AclName, DomainLabel, TenantId
from trunkline.domain.warnings import MAX_WARNINGS, acl_warnings, domain_warnings

ACME = TenantId("acme")


def platform() -> History:
    history = History()
    history.execute(c.CreateTenant(ACME))
    history.execute(c.SetCredential(ACME, "c1", "alice", "r", "k", b"a" * SEALED_BYTES))
    history.execute(c.CreateDomain(ACME, "acme"))
    for acl in ("office", "open"):
        history.execute(c.CreateAcl(ACME, acl))
    return history


def of_acl(history: History, name: str) -> list[str]:
    acl = history.directory.acl(ACME, AclName(name))
    assert acl is not None
    return acl_warnings(history.directory, acl)


def of_domain(history: History) -> list[str]:
    domain = history.directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None
    return domain_warnings(history.directory, domain)


def test_an_empty_acl_and_a_domain_without_one_admit_nobody() -> None:
    history = platform()
    assert "empty" in of_acl(history, "office")[0]
    assert "No ACL" in of_domain(history)[0]
    history.execute(c.AttachAcl(ACME, "acme", "office"))
    assert '"office" is empty' in of_domain(history)[0]


def test_an_acl_of_accounts_only_lets_everybody_try_passwords() -> None:
    history = platform()
    history.execute(c.AddAccount(ACME, "office", "alice", "c1"))
    history.execute(c.AttachAcl(ACME, "acme", "office"))
    assert "every source" in of_acl(history, "office")[0]
    assert "every source" in of_domain(history)[0]
    history.execute(c.AddAddress(ACME, "office", "192.0.2.1"))
    assert of_acl(history, "office") == []
    assert of_domain(history) == []


def test_an_address_that_an_address_only_acl_covers_needs_no_password() -> None:
    history = platform()
    history.execute(c.AddAccount(ACME, "office", "alice", "c1"))
    history.execute(c.AddAddress(ACME, "office", "192.0.2.1"))
    history.execute(c.AddAddress(ACME, "office", "198.51.100.1"))
    history.execute(c.AddAddress(ACME, "open", "192.0.2.0/24"))
    history.execute(c.AttachAcl(ACME, "acme", "office"))
    assert of_acl(history, "office") == []
    history.execute(c.AttachAcl(ACME, "acme", "open"))
    assert len(of_acl(history, "office")) == 1
    assert '192.0.2.1/32 also stands in the address-only ACL "open"' in of_acl(history, "office")[0]
    assert of_acl(history, "open") == []


def test_warnings_are_bounded() -> None:
    history = platform()
    history.execute(c.AddAccount(ACME, "office", "alice", "c1"))
    for host in range(50):
        history.execute(c.AddAddress(ACME, "office", f"192.0.2.{host}"))
    history.execute(c.AddAddress(ACME, "open", "192.0.2.0/24"))
    for acl in ("office", "open"):
        history.execute(c.AttachAcl(ACME, "acme", acl))
    assert len(of_acl(history, "office")) == MAX_WARNINGS
