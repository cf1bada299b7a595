from unit.domain.histories import History

from trunkline.domain import commands as c
from trunkline.domain.events import AclName, DomainLabel, TenantId
from trunkline.provisioning.rendering import ANSWER_BYTES, acl_message, domain_message

ACME = TenantId("acme")


def platform() -> History:
    history = History()
    history.execute(c.CreateTenant(ACME))
    history.execute(c.CreateAcl(ACME, "office"))
    history.execute(c.CreateDomain(ACME, "acme"))
    history.execute(c.AttachAcl(ACME, "acme", "office"))
    return history


def test_a_domain_shows_its_default_name_and_one_for_each_pop() -> None:
    directory = platform().directory
    domain = directory.domain(ACME, DomainLabel("acme"))
    assert domain is not None
    message = domain_message(directory, domain, "sip.example.com", ["eu1", "us1"])
    assert message.hostname == "acme.sip.example.com"
    assert list(message.hostnames) == ["acme.sip.example.com", "acme.eu1.sip.example.com", "acme.us1.sip.example.com"]
    assert (list(message.digest_algorithms), message.challenge_status, list(message.acls)) == (["MD5"], 407, ["office"])


def test_an_acl_of_any_size_fits_an_answer_and_says_when_it_is_cut() -> None:
    history = platform()
    for number in range(5_000):
        history.execute(c.AddAddress(ACME, "office", f"10.0.{number >> 8}.{number & 255}", description="ü" * 256))
    acl = history.directory.acl(ACME, AclName("office"))
    assert acl is not None
    message = acl_message(history.directory, acl)
    assert 1_000 < len(message.addresses) < 5_000
    assert message.ByteSize() < ANSWER_BYTES
    assert f"5000 addresses; the first {len(message.addresses)} are shown here." in message.warnings


def test_an_acl_that_fits_is_shown_whole() -> None:
    history = platform()
    for number in range(500):
        history.execute(c.AddAddress(ACME, "office", f"10.0.{number >> 8}.{number & 255}"))
    acl = history.directory.acl(ACME, AclName("office"))
    assert acl is not None
    message = acl_message(history.directory, acl, 64 << 10)
    assert len(message.addresses) == 500
    assert not message.warnings
    assert list(message.attached_domains) == ["acme"]
