"""Who changed what, when and from where."""

from __future__ import annotations

import hashlib

from helpers.service import OPERATOR_KEY
from integration.provisioning.conftest import Service, key_of, write
from integration.provisioning.test_writes import refused

from trunkline.api.common.v1 import common_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub


async def test_a_change_stands_in_the_history_at_once_with_who_when_what_and_from_where(service: Service) -> None:
    acme = await service.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    receipt = (await acme.AddAddress(pb.AddAddressRequest(acl="office", address="192.0.2.1", write=write("r1")))).receipt
    newest, before = (await acme.ListHistory(pb.ListHistoryRequest())).entries[:2]
    assert (newest.position, newest.request_id, newest.version) == (receipt.position, "r1", 2)
    assert (newest.kind, newest.aggregate) == ("acl", "office")
    assert newest.actor.startswith("tenant:acme/key:") and newest.source == "127.0.0.1" and newest.time == receipt.time
    assert list(newest.changes) == ['address added: cidr: "192.0.2.1/32"'] and list(before.changes) == ["acl created"]


async def test_the_history_names_the_account_of_the_dashboard_and_the_key_after_it_is_revoked_too(service: Service) -> None:
    acme, operator = await service.tenant("acme"), await service.stub()
    by_ann = (("trunkline-person", "ann"), ("authorization", f"Bearer {key_of('acme')}"))
    async with service.process.channel_of("dashboard") as channel:
        dashboard = ProvisioningServiceStub(channel)
        await dashboard.CreateAcl(pb.CreateAclRequest(acl="hers"), metadata=by_ann)
        await dashboard.CreateAcl(
            pb.CreateAclRequest(tenant="acme", acl="ours"),
            metadata=(("trunkline-person", "bob"), ("authorization", f"Bearer {OPERATOR_KEY}")),
        )
    await acme.CreateAcl(pb.CreateAclRequest(acl="by-program"))
    key = (await acme.ListApiKeys(pb.ListApiKeysRequest())).api_keys[0].id
    await operator.RevokeApiKey(pb.RevokeApiKeyRequest(tenant="acme", api_key=key))
    entries = (await operator.ListHistory(pb.ListHistoryRequest(tenant="acme", kind="acl"))).entries
    named = [(entry.aggregate, entry.person, entry.key_name) for entry in entries]
    assert named == [("by-program", "", "test"), ("ours", "bob", ""), ("hers", "ann", "test")]
    # Who of the operators it was is none of a customer's business.
    new_key = b"a" * 32
    await operator.CreateApiKey(pb.CreateApiKeyRequest(tenant="acme", name="next", key_hash=hashlib.sha256(new_key).digest()))
    own = (await (await service.stub(new_key.decode())).ListHistory(pb.ListHistoryRequest(kind="acl"))).entries
    assert [(entry.aggregate, entry.person) for entry in own] == [("by-program", ""), ("ours", ""), ("hers", "ann")]


async def test_the_history_is_read_page_by_page_from_the_newest_on(service: Service) -> None:
    acme = await service.tenant("acme")
    for number in range(7):
        await acme.CreateAcl(pb.CreateAclRequest(acl=f"acl{number}"))
    seen, token = [], ""
    while True:
        answer = await acme.ListHistory(pb.ListHistoryRequest(kind="acl", page=common_pb2.Page(size=3, token=token)))
        seen += [entry.aggregate for entry in answer.entries]
        token = answer.next_page_token
        if not token:
            break
    assert seen == [f"acl{number}" for number in reversed(range(7))]
    assert (await refused(acme.ListHistory(pb.ListHistoryRequest(page=common_pb2.Page(token="MXg"))))).reason == "PAGE_TOKEN_INVALID"


async def test_the_history_is_narrowed_by_aggregate_actor_kind_and_time(service: Service) -> None:
    acme = await service.tenant("acme")
    operator = await service.stub()
    await acme.CreateAcl(pb.CreateAclRequest(acl="a"))
    b = (await operator.CreateAcl(pb.CreateAclRequest(tenant="acme", acl="b"))).receipt

    async def found(**wanted: object) -> list[str]:
        entries = (await acme.ListHistory(pb.ListHistoryRequest(**wanted))).entries  # type: ignore[arg-type]
        return [entry.aggregate for entry in entries]

    assert await found(aggregate="a") == ["a"]
    assert await found(actor="tenant:acme/") == ["a"]
    assert (await found(actor="operator"))[0] == "b" and (await found(kind="tenant")) == ["acme"]
    assert await found(source="127.0.0.1", kind="acl") == ["a"], "where the operator sits is not told, and not found out by a filter"
    assert await found(source="192.0.2.1") == []
    assert (await refused(acme.ListHistory(pb.ListHistoryRequest(source="here")))).reason == "ADDRESS_INVALID"
    assert "b" not in await found(until=b.time) and "b" in await found(since=b.time)
    assert (await refused(acme.ListHistory(pb.ListHistoryRequest(kind="claim")))).reason == "KIND_UNKNOWN"


async def test_a_tenant_sees_its_own_history_an_operator_all_and_nobody_a_secret(service: Service) -> None:
    acme, beta, operator = await service.tenant("acme"), await service.tenant("beta"), await service.stub()
    await beta.CreateAcl(pb.CreateAclRequest(acl="theirs"))
    own = (await acme.ListHistory(pb.ListHistoryRequest())).entries
    assert {entry.tenant for entry in own} == {"acme"}
    # Where operators sit is none of a customer's business.
    assert {entry.source for entry in own if entry.actor == "operator"} == {""}
    assert (await refused(acme.ListHistory(pb.ListHistoryRequest(tenant="beta")))).reason == "OTHER_TENANT"
    everything = await operator.ListHistory(pb.ListHistoryRequest())
    assert {entry.tenant for entry in everything.entries} == {"acme", "beta"}
    assert {entry.source for entry in everything.entries} == {"127.0.0.1"}
    key_hash = hashlib.sha256(b"tk_key-of-acme").digest()
    assert key_hash not in everything.SerializeToString()
    assert [list(entry.changes) for entry in own if entry.kind == "apikey"] == [['api key created: name: "test"']]
