"""One tenant read by itself: by operators any, by a customer its own."""

from __future__ import annotations

from integration.provisioning.conftest import Service
from integration.provisioning.test_writes import refused

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb


async def test_an_operator_reads_any_tenant_and_a_customer_its_own(service: Service) -> None:
    operator = await service.stub()
    acme = await service.tenant("acme")
    await service.tenant("beta")
    await operator.SetLimits(pb.SetLimitsRequest(tenant="acme", max_calls=7))
    found = (await operator.GetTenant(pb.GetTenantRequest(tenant="acme"))).tenant
    assert (found.id, found.limits.max_calls, found.is_suspended) == ("acme", 7, False)
    assert (await acme.GetTenant(pb.GetTenantRequest())).tenant == found
    assert (await acme.GetTenant(pb.GetTenantRequest(tenant="acme"))).tenant == found
    for name in ("beta", "nobody"):
        problem = await refused(acme.GetTenant(pb.GetTenantRequest(tenant=name)))
        assert (problem.code, problem.reason) == ("PERMISSION_DENIED", "OTHER_TENANT")
    problem = await refused(operator.GetTenant(pb.GetTenantRequest(tenant="nobody")))
    assert (problem.code, problem.field) == ("NOT_FOUND", "tenant")
