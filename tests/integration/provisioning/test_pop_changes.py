"""What customers and operators are told of points of presence: the note of a drain is for operators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest
from google.protobuf.json_format import MessageToDict
from helpers.authority import tls_of
from helpers.nats import NatsServer
from helpers.ports import free_port
from helpers.service import OPERATOR_KEY, ServiceProcess
from helpers.waiting import until
from integration.provisioning.conftest import Service, key_of

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.pop_changes import PopChange, Standing, Word
from trunkline.eventlog.streams import ensure_pops
from trunkline.rest.app import Desk, make_app
from trunkline.rest.backend import Backend
from trunkline.rest.gate import Gate
from trunkline.rest.settings import Addresses, EdgeAddress
from trunkline.rest.uploads import Uploads
from trunkline.runtime.buckets import Buckets
from trunkline.runtime.pop_log import subject_of, to_message

LIMIT_S = 30.0
NOTE = "Jane Roe: fire in room 2"
READY, DRAINING, DOWN = (Standing(Word(word)) for word in ("ready", "draining", "down"))
CHANGES = [
    PopChange(1_000_000, "eu1", "eu", "dns-eu", None, READY, "first seen"),
    PopChange(2_000_000, "eu1", "eu", "dns-eu", READY, DOWN, "no self-report for 4 s"),
    PopChange(3_000_000, "eu1", "eu", "dns-eu", DOWN, DRAINING, NOTE),
    PopChange(4_000_000, "us1", "us", "dns-us", None, Standing(Word.DRAINING, ("tls",)), f"{NOTE}; no answer over TLS"),
]
STATES = [("us1", "draining without tls"), ("eu1", "draining"), ("eu1", "down"), ("eu1", "ready")]


@pytest.fixture
async def told(
    nats_server: NatsServer, new_process: Callable[..., ServiceProcess], stack: AsyncExitStack
) -> AsyncIterator[tuple[Service, str]]:
    """A provisioning that knows all CHANGES, and that nobody has written anything of apac1, which is drained; its address."""
    client = await nats_server.connect()
    stack.push_async_callback(client.close)
    await ensure_pops(client, "eu")
    for change in CHANGES:
        await client.jetstream().publish(subject_of("eu", change.pop), to_message(change))
    pops = [
        {"name": name, "region": name[:-1], "edge": f"edge-{name}", "grpc_address": f"127.0.0.1:{free_port()}"}
        for name in ("eu1", "us1", "apac1")
    ]
    process = new_process(pops=pops, pop_log_regions=["eu"])
    await process.start()
    try:
        service = Service(process, stack)
        operator = await service.stub()
        await operator.DrainPop(pb.DrainPopRequest(pop="apac1", note=NOTE))
        asking = partial(operator.ListPopChanges, pb.ListPopChangesRequest())
        await until("all changes", asking, lambda answer: len(answer.changes) == len(CHANGES), limit_s=LIMIT_S)
        listing = partial(operator.ListPops, pb.ListPopsRequest())
        await until("all are drained", listing, lambda answer: {pop.health for pop in answer.pops} == {"draining"}, limit_s=LIMIT_S)
        yield service, process.address
    finally:
        await process.kill()


def check(is_operator: bool, history: Mapping[str, Any], listed: Mapping[str, Any]) -> None:
    changes, pops = history["changes"], {pop["name"]: pop for pop in listed["pops"]}
    assert [(change["pop"], change["new_state"]) for change in changes] == STATES
    assert all(change["time"].startswith("1970-01-01T00:00:0") for change in changes)
    assert {name: pop["health"] for name, pop in pops.items()} == dict.fromkeys(("eu1", "us1", "apac1"), "draining")
    reasons = [*(change.get("reason", "") for change in changes), *(pop.get("health_reason", "") for pop in pops.values())]
    if is_operator:
        assert [NOTE in reason for reason in reasons] == [True, True, False, False, True, True, True]
        assert {change["decided_by"] for change in changes} == {"dns-eu", "dns-us"} and pops["us1"]["health_decided_by"] == "dns-us"
    else:
        assert not any(reasons) and NOTE not in f"{history}{listed}" and "Jane" not in f"{history}{listed}"
        assert not any(change.get("decided_by") for change in changes)
        assert not any(pop.get("health_decided_by") for pop in pops.values())


async def test_an_operators_note_is_shown_to_operators_and_to_no_customer_by_grpc(told: tuple[Service, str]) -> None:
    service, _ = told
    customer = await service.tenant("acme")
    for is_operator, stub in ((True, await service.stub()), (False, customer)):
        history, listed = await asyncio.gather(stub.ListPopChanges(pb.ListPopChangesRequest()), stub.ListPops(pb.ListPopsRequest()))
        check(is_operator, *(MessageToDict(answer, preserving_proto_field_name=True) for answer in (history, listed)))


async def test_an_operators_note_is_shown_to_operators_and_to_no_customer_by_rest(told: tuple[Service, str]) -> None:
    service, address = told
    await service.tenant("acme")
    nobody = f"127.0.0.1:{free_port()}"
    services = Addresses(provisioning=address, auth=nobody, routing=nobody, records=nobody, dns=nobody)
    backend = Backend(services, (EdgeAddress(pop="eu1", edge="edge-eu1", grpc_address=nobody),), tls_of("rest", "rest-eu"))
    app = make_app(Desk(backend, Gate(Buckets(100.0, 100), Buckets(100.0, 100)), Uploads(), False))
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rest") as client:
            for is_operator, key in ((True, OPERATOR_KEY), (False, key_of("acme"))):
                answers = [await client.get(path, headers={"Authorization": f"Bearer {key}"}) for path in ("/v1/pop-changes", "/v1/pops")]
                assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
                check(is_operator, *(answer.json() for answer in answers))
    finally:
        await backend.close()
