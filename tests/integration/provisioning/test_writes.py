import asyncio

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from integration.provisioning.conftest import Service, write

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.runtime.errors import Problem, decode_status
from trunkline.runtime.listings import each_of


async def refused(call: object) -> Problem:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return decode_status(caught.value)


async def test_every_write_is_answered_with_its_position_and_what_it_made(service: Service) -> None:
    acme = await service.tenant("acme")
    created = await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    added = await acme.AddAddress(pb.AddAddressRequest(acl="office", address="192.0.2.0/24", caller_id="31201234567", description="HQ"))
    domain = await acme.CreateDomain(pb.CreateDomainRequest(label="Acme"))
    attached = await acme.AttachAcl(pb.AttachAclRequest(label="acme", acl="office"))
    positions = [answer.receipt.position for answer in (created, added, domain, attached)]
    assert positions == sorted(set(positions)) and positions[0] > 0
    assert all(answer.receipt.commit_id and answer.receipt.time.seconds for answer in (created, added, domain, attached))
    assert [(one.cidr, one.caller_id, one.description) for one in added.acl.addresses] == [("192.0.2.0/24", "+31201234567", "HQ")]
    assert attached.domain.hostname == "acme.sip.trunkline.test"
    assert list(attached.domain.hostnames) == ["acme.sip.trunkline.test", "acme.eu1.sip.trunkline.test"]
    assert list(attached.domain.acls) == ["office"]
    assert list(attached.domain.digest_algorithms) == ["MD5"] and attached.domain.challenge_status == 407
    acl = (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl
    assert list(acl.attached_domains) == ["acme"] and acl.version == 2


async def test_a_repeated_request_id_gives_the_first_answer_and_writes_nothing(service: Service) -> None:
    acme = await service.tenant("acme")
    for request, call in (
        (pb.CreateAclRequest(write=write("r1"), acl="office"), acme.CreateAcl),
        (pb.CreateDomainRequest(write=write("r2"), label="acme"), acme.CreateDomain),
    ):
        first = await call(request)  # type: ignore[arg-type]
        again = await call(request)  # type: ignore[arg-type]
        assert again.receipt.repeated and not first.receipt.repeated
        assert (again.receipt.position, again.receipt.commit_id) == (first.receipt.position, first.receipt.commit_id)
    problem = await refused(acme.CreateAcl(pb.CreateAclRequest(write=write("r1"), acl="other")))
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", "write.request_id")
    assert len((await acme.ListAcls(pb.ListAclsRequest())).acls) == 1


async def test_a_version_that_is_not_the_expected_one_is_aborted(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    problem = await refused(acme.AddAddress(pb.AddAddressRequest(write=write(expected_version=2), acl="office", address="192.0.2.1")))
    assert (problem.code, problem.field) == ("ABORTED", "write.expected_version")
    await acme.AddAddress(pb.AddAddressRequest(write=write(expected_version=1), acl="office", address="192.0.2.1"))


async def test_deletion_names_what_is_still_attached_and_works_once_it_is_not(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    for label in ("one", "two"):
        await acme.CreateDomain(pb.CreateDomainRequest(label=label))
        await acme.AttachAcl(pb.AttachAclRequest(label=label, acl="office"))
    problem = await refused(acme.DeleteAcl(pb.DeleteAclRequest(acl="office")))
    assert (problem.code, problem.reason, problem.metadata) == ("FAILED_PRECONDITION", "ACL_ATTACHED", {"domains": "one,two"})
    problem = await refused(acme.DeleteDomain(pb.DeleteDomainRequest(label="one")))
    assert (problem.reason, problem.metadata) == ("DOMAIN_HAS_ACLS", {"acls": "office"})
    for label in ("one", "two"):
        await acme.DetachAcl(pb.DetachAclRequest(label=label, acl="office"))
        await acme.DeleteDomain(pb.DeleteDomainRequest(label=label))
    await acme.DeleteAcl(pb.DeleteAclRequest(acl="office"))
    problem = await refused(acme.GetAcl(pb.GetAclRequest(acl="office")))
    assert (problem.code, problem.reason) == ("NOT_FOUND", "ACL_NOT_FOUND")
    again = await acme.CreateDomain(pb.CreateDomainRequest(label="one"))
    assert list(again.domain.acls) == []


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.AddAddressRequest(acl="office", address="192.0.2.1/24"), "ADDRESS_HOST_BITS", "address"),
        (pb.AddAddressRequest(acl="office", address="0.0.0.0/0"), "ADDRESS_IS_EVERYONE", "address"),
        (pb.AddAddressRequest(acl="office", address="192.0.2.1", caller_id="x"), "CALLER_ID_INVALID", "caller_id"),
        (pb.AddAddressRequest(write=write("two words"), acl="office", address="192.0.2.1"), "REQUEST_ID_INVALID", "write.request_id"),
    ],
)
async def test_bad_input_is_refused_naming_the_field(service: Service, request_: pb.AddAddressRequest, reason: str, field: str) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    problem = await refused(acme.AddAddress(request_))
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", reason, field)
    assert not (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl.addresses


async def test_everyone_can_be_listed_with_the_flag(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    answer = await acme.AddAddress(pb.AddAddressRequest(acl="office", address="::/0", allow_everyone=True))
    assert [address.cidr for address in answer.acl.addresses] == ["::/0"]


async def test_of_many_who_want_one_label_at_once_exactly_one_gets_it(service: Service) -> None:
    stubs = [await service.tenant(f"racer-{number}") for number in range(4)]
    calls = [stub.CreateDomain(pb.CreateDomainRequest(label="prize")) for stub in stubs for _ in range(3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    won = [result for result in results if isinstance(result, pb.CreateDomainResponse)]
    lost = [decode_status(result) for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert len(won) == 1 and len(lost) == 11
    assert {problem.reason for problem in lost} == {"LABEL_TAKEN"}
    owners = [stub for stub in stubs if (await stub.ListDomains(pb.ListDomainsRequest())).domains]
    assert len(owners) == 1


async def test_parallel_writes_of_one_tenant_all_succeed(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    await asyncio.gather(*(acme.AddAddress(pb.AddAddressRequest(acl="office", address=f"192.0.2.{n}")) for n in range(30)))
    acl = (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl
    assert len(acl.addresses) == 30 and acl.version == 31


async def test_a_listing_goes_page_by_page_through_everything_once(service: Service) -> None:
    acme = await service.tenant("acme")
    for number in range(7):
        await acme.CreateAcl(pb.CreateAclRequest(acl=f"acl-{number}"))
    names, token = [], ""
    while True:
        request = pb.ListAclsRequest()
        request.page.size, request.page.token = 3, token
        answer = await acme.ListAcls(request)
        names += [acl.name for acl in answer.acls]
        token = answer.next_page_token
        if not token:
            break
    assert names == [f"acl-{number}" for number in range(7)]
    for limit, page_size in ((100, 3), (7, 7), (7, 100), (5, 3), (1, 3), (0, 3)):
        found = each_of(acme.ListAcls, pb.ListAclsRequest(), "acls", limit=limit, page_size=page_size)
        assert [acl.name async for acl in found] == names[:limit], (limit, page_size)
    bad = pb.ListAclsRequest()
    bad.page.token = "no token"
    assert (await refused(acme.ListAcls(bad))).reason == "PAGE_TOKEN_INVALID"


async def test_the_event_feed_shows_who_did_what_and_follows(service: Service) -> None:
    acme = await service.tenant("acme")
    created = await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    finite = [one async for one in acme.TailEvents(pb.TailEventsRequest(is_finite=True))]
    assert [event.WhichOneof("event") for one in finite for event in one.commit.events] == [
        "tenant_created",
        "api_key_created",
        "acl_created",
    ]
    assert finite[-1].position == created.receipt.position
    assert finite[-1].commit.actor.startswith("tenant:acme/key:") and finite[0].commit.actor == "operator"
    assert finite[1].commit.events[0].api_key_created.key_hash == b""
    feed = acme.TailEvents(pb.TailEventsRequest(from_position=created.receipt.position + 1))
    later = await acme.CreateAcl(pb.CreateAclRequest(acl="later"))
    first = await asyncio.wait_for(feed.read(), 10)
    assert isinstance(first, pb.TailEventsResponse) and first.position == later.receipt.position
    feed.cancel()


async def test_a_point_of_presence_that_cannot_be_reached_is_named(service: Service) -> None:
    acme = await service.tenant("acme")
    answers = [one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1))]
    assert [(one.pop, one.is_applied) for one in answers] == [("eu1", False)]
    assert "edge-eu1" in answers[0].problem
    pops = (await acme.ListPops(pb.ListPopsRequest())).pops
    assert [(pop.name, pop.is_reachable) for pop in pops] == [("eu1", False)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1, pops=["mars1"]))]
    assert decode_status(caught.value).reason == "POP_UNKNOWN"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [one async for one in acme.WaitApplied(pb.WaitAppliedRequest(position=1, timeout=Duration(seconds=2**62)))]
    assert decode_status(caught.value).field == "timeout"


async def test_a_password_that_cannot_be_stored_leaves_no_account(service: Service) -> None:
    """Auth is not there."""
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    problem = await refused(acme.AddAccount(pb.AddAccountRequest(acl="office", username="alice", password="correct horse")))
    assert problem.code == "UNAVAILABLE"
    assert not (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl.accounts
    problem = await refused(acme.AddAccount(pb.AddAccountRequest(acl="gone", username="alice", password="correct horse")))
    assert problem.reason == "ACL_NOT_FOUND"
    problem = await refused(acme.AddAccount(pb.AddAccountRequest(acl="office", username="alice", password="short")))
    assert (problem.reason, problem.field) == ("PASSWORD_INVALID", "password")
    assert "correct horse" not in service.process.output() and "short" not in service.process.output()


async def test_a_customer_reaches_nothing_of_another(service: Service) -> None:
    acme, beta = await service.tenant("acme"), await service.tenant("beta")
    await beta.CreateAcl(pb.CreateAclRequest(acl="office"))
    await beta.CreateDomain(pb.CreateDomainRequest(label="beta"))
    for tenant in ("beta", "nobody"):
        for call in (
            acme.GetAcl(pb.GetAclRequest(tenant=tenant, acl="office")),
            acme.ListAcls(pb.ListAclsRequest(tenant=tenant)),
            acme.AddAddress(pb.AddAddressRequest(tenant=tenant, acl="office", address="192.0.2.1")),
            acme.DeleteDomain(pb.DeleteDomainRequest(tenant=tenant, label="beta")),
            acme.Explain(pb.ExplainRequest(tenant=tenant, domain="beta", source="192.0.2.1")),
        ):
            problem = await refused(call)
            assert (problem.code, problem.reason) == ("PERMISSION_DENIED", "OTHER_TENANT")
    problem = await refused(acme.GetDomain(pb.GetDomainRequest(label="beta")))
    assert problem.reason == "DOMAIN_NOT_FOUND"
    problem = await refused(acme.Explain(pb.ExplainRequest(domain="beta.sip.trunkline.test", source="192.0.2.1")))
    assert problem.reason == "DOMAIN_NOT_FOUND"
    problem = await refused(acme.ListTenants(pb.ListTenantsRequest()))
    assert problem.code == "PERMISSION_DENIED"
    seen = [one.commit.tenant async for one in acme.TailEvents(pb.TailEventsRequest(is_finite=True))]
    assert set(seen) == {"acme"}


async def test_a_revoked_key_opens_nothing_any_more(service: Service) -> None:
    acme = await service.tenant("acme")
    operator = await service.stub()
    keys = (await operator.ListApiKeys(pb.ListApiKeysRequest(tenant="acme"))).api_keys
    assert [key.name for key in keys] == ["test"]
    await operator.RevokeApiKey(pb.RevokeApiKeyRequest(tenant="acme", api_key=keys[0].id))
    problem = await refused(acme.ListAcls(pb.ListAclsRequest()))
    assert problem.code == "UNAUTHENTICATED"
    nobody = await service.stub("tk_made-up")
    assert (await refused(nobody.ListAcls(pb.ListAclsRequest(tenant="acme")))).code == "UNAUTHENTICATED"


async def test_a_key_tells_whose_it_is(service: Service) -> None:
    acme = await service.tenant("acme")
    asked = await acme.WhoAmI(pb.WhoAmIRequest())
    assert (asked.role, asked.tenant) == ("tenant", "acme") and asked.actor.startswith("tenant:acme/key:")
    assert (asked.api_key.id, asked.api_key.name) == (asked.actor.rpartition(":")[2], "test"), "what the key may is said too"
    asked = await (await service.stub()).WhoAmI(pb.WhoAmIRequest())
    assert not asked.HasField("api_key")
    assert (asked.role, asked.tenant, asked.actor) == ("operator", "", "operator")
