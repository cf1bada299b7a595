"""REST against its own OpenAPI document: what schemathesis makes of the schemas, right and wrong, over every operation.

Each answer must have a status and a form that the document names, and what the schema forbids must be refused. That all which the schema
allows is taken is not asked for: names, numbers and addresses have rules of their own, which errors tell.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from helpers.platform import Platform
from helpers.platform_grpc import blocking_channel, operator
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from trunkline.api.provisioning.v1 import provisioning_pb2 as p
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.rest.openapi import document

load_all_checks()
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
ASKED = [CHECKS.get_one(name) for name in NAMES]
TIMEOUT_S = 20.0


def schema_of(*, has_coverage: bool) -> Any:
    config = SchemathesisConfig()
    config.projects.default.phases.coverage.enabled = has_coverage
    # `check` gives each request its key: to count a missing one as wrong would be a false alarm.
    config.projects.default.generation.with_security_parameters = False
    return schemathesis.openapi.from_dict(document(), config=config)


FEW, MANY = schema_of(has_coverage=False), schema_of(has_coverage=True)
OPERATORS = FEW.include(lambda context: context.operation.definition.raw["description"].startswith("Operators only."))
"""What a tenant's key is refused before anything of it is looked at."""


@pytest.fixture(scope="session")
def key(platform: Platform) -> Iterator[str]:
    """Of a tenant that is there for this only: it may do everything that tenants may."""
    made = f"tk_{secrets.token_urlsafe(32)}"
    tenant = f"fuzz-{secrets.token_hex(4)}"
    with blocking_channel(platform, "provisioning-eu") as channel:
        stub = ProvisioningServiceStub(channel)
        as_operator = {"metadata": operator(platform), "timeout": 10}
        stub.CreateTenant(p.CreateTenantRequest(tenant=tenant, name="Fuzz"), **as_operator)
        stub.CreateApiKey(p.CreateApiKeyRequest(tenant=tenant, name="fuzz", key_hash=hashlib.sha256(made.encode()).digest()), **as_operator)
        yield made
        stub.SuspendTenant(p.SuspendTenantRequest(tenant=tenant), **as_operator)


def check(case: Any, platform: Platform, key: str) -> None:
    case.call_and_validate(base_url=platform.local["rest"], headers={"Authorization": f"Bearer {key}"}, checks=ASKED, timeout=TIMEOUT_S)


@FEW.parametrize()
@settings(max_examples=3, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_its_document_says(case: Any, platform: Platform, key: str) -> None:
    check(case, platform, key)


@OPERATORS.parametrize()
@settings(max_examples=3, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_of_operators_alone_does_so_for_one(case: Any, platform: Platform) -> None:
    answer = case.call_and_validate(
        base_url=platform.local["rest"],
        headers={"Authorization": f"Bearer {platform.local['operator']['api_key']}"},
        checks=ASKED,
        timeout=TIMEOUT_S,
    )
    assert answer.status_code not in (401, 403), "it was looked at"


@pytest.mark.slow
@MANY.parametrize()
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_its_document_says_whatever_comes(case: Any, platform: Platform, key: str) -> None:
    check(case, platform, key)
