"""API keys that customers manage themselves: what a key may, for how long, and what it cannot give."""

from __future__ import annotations

import asyncio
import hashlib
import time

from google.protobuf.timestamp_pb2 import Timestamp
from helpers.nats import NatsServer
from integration.provisioning.conftest import Service, key_of
from integration.provisioning.test_writes import refused

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.events import TenantId
from trunkline.runtime.key_use import MINUTE_S, SUBJECT, encode_uses, parse_uses


def new_key(name: str, *scopes: str, expires_s: int = 0, tenant: str = "") -> pb.CreateApiKeyRequest:
    key_hash = hashlib.sha256(key_of(name).encode()).digest()
    request = pb.CreateApiKeyRequest(tenant=tenant, name=name, key_hash=key_hash, scopes=scopes)
    if expires_s:
        request.expire_time.FromSeconds(expires_s)
    return request


async def test_a_customer_makes_and_revokes_keys_that_may_less(service: Service) -> None:
    acme = await service.tenant("acme")
    made = await acme.CreateApiKey(new_key("monitor", "read"))
    assert list(made.api_key.scopes) == ["read"] and not made.api_key.HasField("expire_time")
    monitor = await service.stub(key_of("monitor"))
    await monitor.ListAcls(pb.ListAclsRequest())
    for refusal in (
        await refused(monitor.CreateAcl(pb.CreateAclRequest(acl="office"))),
        await refused(monitor.CreateApiKey(new_key("other", "read"))),
    ):
        assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "SCOPE_MISSING")
    await acme.RevokeApiKey(pb.RevokeApiKeyRequest(api_key=made.api_key.id))
    assert (await refused(monitor.ListAcls(pb.ListAclsRequest()))).reason == "NO_VALID_API_KEY"


async def test_a_key_cannot_make_one_that_may_more_or_longer_than_itself(service: Service) -> None:
    acme = await service.tenant("acme")
    end_s = int(time.time()) + 3_600
    await acme.CreateApiKey(new_key("admin", "keys:write", "read", expires_s=end_s))
    admin = await service.stub(key_of("admin"))
    for request, reason in (
        (new_key("more", "read", "trunks:write", expires_s=end_s), "SCOPE_BEYOND_MAKER"),
        (new_key("all", expires_s=end_s), "SCOPE_BEYOND_MAKER"),
        (new_key("endless", "read"), "EXPIRY_BEYOND_MAKER"),
        (new_key("longer", "read", expires_s=end_s + 1), "EXPIRY_BEYOND_MAKER"),
        (new_key("what", "root"), "SCOPE_UNKNOWN"),
        (new_key("foreign", "read", expires_s=end_s, tenant="beta"), "OTHER_TENANT"),
    ):
        assert (await refused(admin.CreateApiKey(request))).reason == reason
    made = (await admin.CreateApiKey(new_key("less", "read", expires_s=end_s))).api_key
    assert made.expire_time.seconds == end_s and not made.is_expired
    assert [key.name for key in (await admin.ListApiKeys(pb.ListApiKeysRequest())).api_keys if key.id == made.id] == ["less"]


async def test_a_key_ends_when_it_says_and_the_refusal_tells_when_that_was(service: Service) -> None:
    acme = await service.tenant("acme")
    assert (await refused(acme.CreateApiKey(new_key("past", expires_s=int(time.time()) - 1)))).reason == "EXPIRY_INVALID"
    # A fraction of a second counts as the second above.
    request = new_key("brief")
    request.expire_time.CopyFrom(Timestamp(seconds=int(time.time()) + 1, nanos=1))
    end_s = (await acme.CreateApiKey(request)).api_key.expire_time.seconds
    brief = await service.stub(key_of("brief"))
    while time.time() < end_s - 0.1:
        await brief.ListAcls(pb.ListAclsRequest())
    while time.time() <= end_s:
        await acme.ListAcls(pb.ListAclsRequest())
    problem = await refused(brief.ListAcls(pb.ListAclsRequest()))
    assert (problem.code, problem.reason) == ("UNAUTHENTICATED", "API_KEY_EXPIRED") and "make a new one" in problem.message


async def test_a_keys_last_use_is_shown_whoever_saw_it_and_outlives_a_restart(service: Service, nats_server: NatsServer) -> None:
    acme = await service.tenant("acme")
    operator = await service.stub()

    async def uses() -> dict[str, int]:
        listed = (await operator.ListApiKeys(pb.ListApiKeysRequest(tenant="acme"))).api_keys
        return {key.name: key.last_use_time.seconds for key in listed}

    made = await operator.CreateApiKey(new_key("elsewhere", tenant="acme"))
    assert await uses() == {"test": 0, "elsewhere": 0}
    began_s = time.time()
    await acme.WhoAmI(pb.WhoAmIRequest())
    used = await uses()
    assert began_s - MINUTE_S < used["test"] <= time.time() and used["elsewhere"] == 0
    client = await nats_server.connect()
    minute = int(began_s) // MINUTE_S - 7
    async with asyncio.timeout(20):
        while (await uses())["elsewhere"] != minute * MINUTE_S:
            for body in encode_uses({(TenantId("acme"), made.api_key.id): minute}):
                await client.publish(f"{SUBJECT}.edge-us1", body)
            await client.publish(f"{SUBJECT}.edge-us1", b"no list")
            await asyncio.sleep(0.1)
    await client.close()
    assert await service.process.stop() == 0
    await service.process.start()
    operator = await service.stub()
    assert await uses() == used | {"elsewhere": minute * MINUTE_S}


async def test_a_service_that_stops_tells_the_uses_that_it_has_not_told(service: Service, nats_server: NatsServer) -> None:
    acme = await service.tenant("acme")
    client = await nats_server.connect()
    told = await client.subscribe(f"{SUBJECT}.>")
    await client.flush()
    await acme.WhoAmI(pb.WhoAmIRequest())
    # Within the ten seconds in which it would be told anyway a machine that is not stuck has stopped it.
    assert await service.process.stop() == 0
    uses = parse_uses((await told.next_msg(timeout=20)).data)
    assert [tenant for tenant, _ in uses] == ["acme"]
    await client.close()
