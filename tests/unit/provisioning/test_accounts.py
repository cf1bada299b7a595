from trunkline.domain.events import TenantId
from trunkline.domain.names import credential_id
from trunkline.provisioning.accounts import credential_id_of

ACME, BETA = TenantId("acme"), TenantId("beta")


def test_every_attempt_of_a_request_means_the_same_credential() -> None:
    assert credential_id_of(ACME, "r1") == credential_id_of(ACME, "r1")
    assert len({credential_id_of(ACME, "r1"), credential_id_of(ACME, "r2"), credential_id_of(BETA, "r1")}) == 3


def test_requests_without_an_id_have_nothing_in_common() -> None:
    assert credential_id_of(ACME, "") != credential_id_of(ACME, "")


def test_the_id_is_one_that_the_domain_takes() -> None:
    for request_id in ("", "r1", "!~" * 32):
        assert credential_id(credential_id_of(ACME, request_id))
