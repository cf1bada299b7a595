"""Accounts and explain, with the auth service beside."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc.aio
import pytest
from helpers.nats import NatsServer
from helpers.service import ServiceProcess
from integration.provisioning.conftest import Service, write

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.runtime.errors import decode_status

PASSWORD = "a password of twenty"


@pytest.fixture
async def both(
    nats_server: NatsServer, tmp_path: Path, new_process: Callable[..., ServiceProcess], stack: AsyncExitStack
) -> AsyncIterator[Service]:
    auth = ServiceProcess("auth", tmp_path, nats_server, kek_file=tmp_path / "kek", pops=["eu1"])
    provisioning = new_process(auth_addresses=[auth.address])
    try:
        await asyncio.gather(auth.start(), provisioning.start())  # auth waits for the stream that provisioning makes
        yield Service(provisioning, stack)
    finally:
        await provisioning.kill()
        await auth.kill()


async def test_an_account_is_added_once_however_often_its_request_is_repeated(both: Service) -> None:
    acme = await both.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    request = pb.AddAccountRequest(write=write("r1"), acl="office", username="31000000", password=PASSWORD, caller_id="+31201234567")
    first = await acme.AddAccount(request)
    assert [(one.username, one.caller_id) for one in first.acl.accounts] == [("31000000", "+31201234567")]
    again = await acme.AddAccount(request)
    assert again.receipt.repeated and again.receipt.position == first.receipt.position
    assert again.acl == first.acl
    assert PASSWORD not in both.process.output()


@pytest.mark.parametrize("change", [{"username": "31000001"}, {"password": "another password"}])
async def test_a_request_id_is_not_taken_for_another_account_or_password(both: Service, change: dict[str, str]) -> None:
    acme = await both.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    request = pb.AddAccountRequest(write=write("r1"), acl="office", username="31000000", password=PASSWORD)
    first = await acme.AddAccount(request)
    for name, value in change.items():
        setattr(request, name, value)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await acme.AddAccount(request)
    problem = decode_status(caught.value)
    assert (problem.code, problem.reason, problem.field) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", "write.request_id")
    assert "'r1'" in problem.message
    assert [account.username for account in (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl.accounts] == ["31000000"]
    assert first.acl.version == 2


async def test_a_new_password_is_a_new_credential(both: Service) -> None:
    acme = await both.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    added = await acme.AddAccount(pb.AddAccountRequest(acl="office", username="alice", password=PASSWORD))
    changed = await acme.SetAccountPassword(pb.SetAccountPasswordRequest(acl="office", username="alice", password="the next one of it"))
    assert changed.receipt.position > added.receipt.position
    assert changed.acl.accounts[0].credential_id != added.acl.accounts[0].credential_id
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await acme.SetAccountPassword(pb.SetAccountPasswordRequest(acl="office", username="bob", password="the next one of it"))
    assert decode_status(caught.value).reason == "ACCOUNT_NOT_FOUND"
    removed = await acme.RemoveAccount(pb.RemoveAccountRequest(acl="office", username="alice"))
    assert not removed.acl.accounts


async def test_the_sealed_secret_is_not_shown_in_the_event_feed(both: Service) -> None:
    acme = await both.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    await acme.AddAccount(pb.AddAccountRequest(acl="office", username="alice", password=PASSWORD))
    events = [event async for one in acme.TailEvents(pb.TailEventsRequest(is_finite=True)) for event in one.commit.events]
    kinds = [event.WhichOneof("event") for event in events]
    assert kinds[-2:] == ["credential_set", "account_added"]
    assert events[-2].credential_set.username == "alice" and events[-2].credential_set.sealed == b""


async def test_explain_says_why_and_follows_every_change_at_once(both: Service) -> None:
    acme = await both.tenant("acme")
    await acme.CreateDomain(pb.CreateDomainRequest(label="acme"))

    async def outcome(**more: object) -> tuple[str, str, int]:
        answer = await acme.Explain(pb.ExplainRequest(**({"domain": "acme", "source": "192.0.2.1"} | more)))  # type: ignore[arg-type]
        assert answer.steps or answer.reason == "T201"
        return answer.outcome, answer.reason, answer.status

    assert await outcome() == ("refuse", "T201", 403)
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    await acme.AttachAcl(pb.AttachAclRequest(label="acme", acl="office"))
    await acme.AddAddress(pb.AddAddressRequest(acl="office", address="192.0.2.0/24"))
    assert await outcome() == ("admit", "", 200)
    assert await outcome(domain="ACME.eu1.sip.trunkline.test") == ("admit", "", 200)
    assert await outcome(source="198.51.100.1") == ("refuse", "T203", 403)
    await acme.AddAccount(pb.AddAccountRequest(acl="office", username="alice", password=PASSWORD))
    assert await outcome() == ("challenge", "", 407)
    assert await outcome(username="alice", is_password_right=True) == ("admit", "", 200)
    assert (await outcome(username="alice"))[:2] == ("refuse", "T204")
    assert (await outcome(username="nobody", is_password_right=True))[:2] == ("refuse", "T204")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await outcome(source="somewhere")
    assert decode_status(caught.value).field == "source"


async def test_explain_answers_for_any_past_and_for_changes_that_nobody_has_made(both: Service) -> None:
    acme = await both.tenant("acme")
    await acme.CreateAcl(pb.CreateAclRequest(acl="office"))
    await acme.CreateDomain(pb.CreateDomainRequest(label="acme"))
    attached = await acme.AttachAcl(pb.AttachAclRequest(label="acme", acl="office"))
    added = await acme.AddAddress(pb.AddAddressRequest(acl="office", address="192.0.2.0/24"))
    await acme.RemoveAddress(pb.RemoveAddressRequest(acl="office", address="192.0.2.0/24"))

    async def answered(**more: object) -> pb.ExplainResponse:
        return await acme.Explain(pb.ExplainRequest(**({"domain": "acme", "source": "192.0.2.1"} | more)))  # type: ignore[arg-type]

    now = await answered()
    assert (now.outcome, now.reason, now.is_changed_since, now.HasField("position_time")) == ("refuse", "T201", False, False)
    then = await answered(at_position=added.receipt.position)
    assert (then.outcome, then.address, then.position, then.is_changed_since) == ("admit", "192.0.2.0/24", added.receipt.position, True)
    assert (await answered(at_position=attached.receipt.position)).reason == "T201"
    # By the time of the commit, as the log's clock has it.
    by_time = await answered(at_time=then.position_time)
    assert (by_time.outcome, by_time.position) == ("admit", then.position)
    assumed = await answered(changes=[pb.ExplainChange(add_address=pb.ExplainedEntry(acl="office", entry="192.0.2.1"))])
    assert (assumed.outcome, list(assumed.assumed)) == ("admit", ["the address 192.0.2.1/32 in the ACL office"])
    assert (await answered()).reason == "T201", "nothing was written"
    for wrong, reason in (
        ({"at_position": 10_000}, "POSITION_AHEAD"),
        ({"at_position": 1}, "DOMAIN_NOT_FOUND"),
        ({"pop": "us9"}, "POP_NOT_FOUND"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await answered(**wrong)
        assert decode_status(caught.value).reason == reason
    bound = await answered(domain="acme.eu1.sip.trunkline.test", number="+31201230100", at_position=added.receipt.position)
    assert [step.stage for step in bound.checks] == ["name", "ban", "access", "number", "class_of_service", "tenant", "route"]
    assert (bound.reason, bound.checks[-1].outcome, bound.pop) == ("T401", "refused", "eu1")


async def test_a_record_of_another_tenant_is_not_explained(both: Service) -> None:
    acme = await both.tenant("acme")
    record = records_pb2.Record(tenant="globex", domain="globex", host="globex.sip.trunkline.test", source="192.0.2.1:5060", position=1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await acme.Explain(pb.ExplainRequest(record=record))
    assert decode_status(caught.value).reason == "OTHER_TENANT"
