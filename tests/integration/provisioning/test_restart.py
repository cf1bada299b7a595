import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from helpers.nats import NatsServer
from helpers.service import ServiceProcess
from integration.provisioning.conftest import Service, key_of, write

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.eventlog.beacon import Beacon, follow_beacons


async def _everything(service: Service) -> list[bytes]:
    """All that a customer and an operator are shown, in bytes."""
    acme, operator = await service.stub(key_of("acme")), await service.stub()
    keys = await operator.ListApiKeys(pb.ListApiKeysRequest(tenant="acme"))
    for key in keys.api_keys:
        # To the minute, and asking is a use: it may be another one by the next time.
        key.ClearField("last_use_time")
    answers = [
        await acme.ListAcls(pb.ListAclsRequest()),
        await acme.GetAcl(pb.GetAclRequest(acl="office")),
        await acme.ListDomains(pb.ListDomainsRequest()),
        await operator.ListTenants(pb.ListTenantsRequest()),
        keys,
        await operator.ListPops(pb.ListPopsRequest()),
    ]
    return [answer.SerializeToString(deterministic=True) for answer in answers]


async def _set_up(service: Service) -> pb.CreateAclResponse:
    acme = await service.tenant("acme")
    created = await acme.CreateAcl(pb.CreateAclRequest(write=write("first"), acl="office"))
    for number in range(5):
        await acme.AddAddress(pb.AddAddressRequest(acl="office", address=f"192.0.2.{number}"))
    await acme.RemoveAddress(pb.RemoveAddressRequest(acl="office", address="192.0.2.3"))
    await acme.CreateDomain(pb.CreateDomainRequest(label="acme"))
    await acme.AttachAcl(pb.AttachAclRequest(label="acme", acl="office"))
    await acme.SetDigestPolicy(pb.SetDigestPolicyRequest(label="acme", algorithms=["SHA-256", "MD5"]))
    await acme.SetClassOfService(pb.SetClassOfServiceRequest(label="acme", allowed_prefixes=["31", "+44"]))
    return created


async def test_a_killed_service_comes_back_with_the_same_answers_and_a_wiped_one_too(service: Service) -> None:
    created = await _set_up(service)
    before = await _everything(service)
    await service.process.kill()
    await service.process.start()
    assert await _everything(service) == before
    await service.process.kill()
    files = list(service.process.state_dir.glob("*.sqlite*"))
    assert files
    for file in files:
        file.unlink()
    await service.process.start()
    assert await _everything(service) == before
    acme = await service.stub(key_of("acme"))
    again = await acme.CreateAcl(pb.CreateAclRequest(write=write("first"), acl="office"))
    assert again.receipt.repeated and again.receipt.position == created.receipt.position


async def test_a_clean_stop_ends_with_0(service: Service) -> None:
    await _set_up(service)
    assert await service.process.stop() == 0


async def test_two_services_on_one_log_agree(service: Service, new_process: Callable[..., ServiceProcess], stack: AsyncExitStack) -> None:
    second = Service(new_process("second"), stack)
    await second.process.start()
    stack.push_async_callback(second.process.kill)
    first_stub = await service.tenant("acme")
    # The second service may know neither the key nor the tenant yet; both follow from the log.
    operator = await second.stub()
    made = await operator.CreateAcl(pb.CreateAclRequest(write=write("r1"), tenant="acme", acl="office"))
    again = await (await service.stub()).CreateAcl(pb.CreateAclRequest(write=write("r1"), tenant="acme", acl="office"))
    assert again.receipt.repeated and again.receipt.position == made.receipt.position
    calls = [
        stub.AddAddress(pb.AddAddressRequest(tenant="acme", acl="office", address=f"192.0.2.{number}"))
        for number, stub in enumerate([first_stub, operator] * 5)
    ]
    await asyncio.gather(*calls)
    assert len((await operator.GetAcl(pb.GetAclRequest(tenant="acme", acl="office"))).acl.addresses) == 10


async def test_the_beacon_tells_where_the_log_stands(service: Service, nats_server: NatsServer) -> None:
    created = await _set_up(service)
    client = await nats_server.connect()
    arrived: asyncio.Queue[Beacon] = asyncio.Queue(maxsize=100)
    await follow_beacons(client, arrived.put_nowait)
    beacon = await asyncio.wait_for(arrived.get(), 10)
    operator = await service.stub()
    head = (await operator.ListPops(pb.ListPopsRequest())).head
    assert beacon.position == head > created.receipt.position
    assert beacon.epoch and any(beacon.digest)
    await client.close()


async def test_writes_fail_fast_without_the_log_and_reads_go_on(service: Service, nats_server: NatsServer) -> None:
    import grpc.aio
    import pytest

    await _set_up(service)
    await nats_server.kill()
    acme = await service.stub(key_of("acme"))
    assert (await acme.GetAcl(pb.GetAclRequest(acl="office"))).acl.name == "office"
    async with asyncio.timeout(15):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await acme.CreateAcl(pb.CreateAclRequest(acl="other"))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await nats_server.start()
    await acme.CreateAcl(pb.CreateAclRequest(write=write("after"), acl="after"), timeout=20)
