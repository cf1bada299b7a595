"""All that a tenant has, or had at a position of the log."""

from __future__ import annotations

from integration.provisioning.conftest import Service
from integration.provisioning.test_writes import refused

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb


async def read(stub: object, **asked: object) -> tuple[int, list[str], dict[str, list[str]], dict[str, list[str]]]:
    """Position, ids of tenants, addresses by ACL, ACLs by domain."""
    position, tenants = 0, []
    acls: dict[str, list[str]] = {}
    domains: dict[str, list[str]] = {}
    async for answer in stub.ReadTenant(pb.ReadTenantRequest(**asked)):  # type: ignore[attr-defined, arg-type]
        position = answer.position
        match answer.WhichOneof("part"):
            case "tenant":
                tenants.append(answer.tenant.id)
            case "acl":
                acls.setdefault(answer.acl.name, []).extend(each.cidr for each in answer.acl.addresses)
            case "domain":
                domains[answer.domain.label] = list(answer.domain.acls)
    return position, tenants, acls, domains


async def test_a_tenant_is_read_as_it_is_and_as_it_was(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    await acme.AddAddress(pb.AddAddressRequest(acl="office", address="192.0.2.1"))
    await acme.CreateDomain(pb.CreateDomainRequest(label="acme"))
    then = (await acme.AttachAcl(pb.AttachAclRequest(label="acme", acl="office"))).receipt
    await acme.DetachAcl(pb.DetachAclRequest(label="acme", acl="office"))
    await acme.RemoveAddress(pb.RemoveAddressRequest(acl="office", address="192.0.2.1"))
    now = (await acme.CreateAcl(pb.CreateAclRequest(acl="later"))).receipt
    assert await read(acme) == (now.position, ["acme"], {"office": [], "later": []}, {"acme": []})
    was = (then.position, ["acme"], {"office": ["192.0.2.1/32"]}, {"acme": ["office"]})
    assert await read(acme, at_position=then.position) == was
    assert await read(await service.stub(), tenant="acme", at_position=then.position) == was


async def test_a_position_before_the_tenant_or_beyond_the_log_is_refused(service: Service) -> None:
    acme = await service.tenant("acme")
    await service.tenant("beta")
    for asked, reason in (({"at_position": 10_000}, "POSITION_AHEAD"), ({"tenant": "beta"}, "OTHER_TENANT")):
        assert (await refused(_first(acme.ReadTenant(pb.ReadTenantRequest(**asked))))).reason == reason  # type: ignore[arg-type]
    operator = await service.stub()
    assert (await refused(_first(operator.ReadTenant(pb.ReadTenantRequest(tenant="beta", at_position=1))))).reason == "TENANT_NOT_FOUND"


async def test_without_a_records_service_calls_are_not_decided_again(service: Service) -> None:
    acme = await service.tenant("acme")
    assert (await refused(acme.ExplainCalls(pb.ExplainCallsRequest()))).reason == "RECORDS_UNKNOWN"
    for asked, reason in (
        (pb.ExplainCallsRequest(most=10_001), "TOO_MANY_CALLS"),
        (pb.ExplainCallsRequest(examples=21), "TOO_MANY_EXAMPLES"),
        (pb.ExplainCallsRequest(changes=[pb.AssumedChange()] * 1_001), "TOO_MANY_CHANGES"),
        (pb.ExplainCallsRequest(domain_changes=[pb.ExplainChange(allow_premium=True)]), "DOMAIN_MISSING"),
        (pb.ExplainCallsRequest(tenant="beta"), "OTHER_TENANT"),
    ):
        assert (await refused(acme.ExplainCalls(asked))).reason == reason


async def _first(stream: object) -> object:
    return await anext(aiter(stream))  # type: ignore[call-overload]
