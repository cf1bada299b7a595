"""The records service as its callers meet it: real NATS, real gRPC, tenants apart."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from helpers.authority import tls_of
from helpers.nats import NatsServer
from helpers.ports import free_port
from nats.aio.client import Client

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1 import records_pb2, records_pb2_grpc
from trunkline.domain.events import ApiKeyCreated, Commit, Kind, TenantCreated, TenantId
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import Expect, Position
from trunkline.eventlog.streams import ensure_streams
from trunkline.eventlog.ulid import new_ulid
from trunkline.records.__main__ import FILE, MESSAGES_FILE, start
from trunkline.records.messages import Messages
from trunkline.records.settings import RecordsSettings
from trunkline.runtime.errors import decode_status
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.service import Lifecycle

LIMIT_S = 30.0
OPERATOR, SERVICE = "operator key", "service key"


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


async def add_tenant(client: Client, tenant: str) -> None:
    """The tenant, with an API key that is called `key of <tenant>`."""
    log = JetStreamLog(client)
    for kind, aggregate, event in (
        (Kind.TENANT, tenant, TenantCreated(tenant)),
        (Kind.API_KEY, "k1", ApiKeyCreated(hashlib.sha256(f"key of {tenant}".encode()).digest(), "test")),
    ):
        commit = Commit(new_ulid(), kind, TenantId(tenant), aggregate, 1, datetime.now(UTC), "operator", (event,))
        await log.append([commit], [Expect(commit.subject, Position(0))])


async def add_call(client: Client, tenant: str, number: int) -> None:
    call = {"call": f"{number:032x}", "time_ns": 1_800_000_000_000_000_000 + number}
    attempted = {"tenant": tenant, "domain": tenant, "number": "+44123456789", "sip_call_id": f"sip-{number}", "source": "192.0.2.1:5060"}
    lines = [
        json.dumps({**call, "id": f"b-{2 * number}", "attempted": attempted}),
        json.dumps({**call, "id": f"b-{2 * number + 1}", "refused": {"status": 403, "reason": "T203", "q850": 21, "facts": "192.0.2.1"}}),
    ]
    data = call_pb2.CallFactBatch(edge="edge-eu1", segment="b-0", offset=number, lines="\n".join(lines).encode()).SerializeToString()
    await client.jetstream().publish("calls.eu.eu1", data)


@asynccontextmanager
async def service(nats: NatsServer, folder: Path, **more: Any) -> AsyncIterator[str]:
    """The service in this loop; its address."""
    folder.mkdir(exist_ok=True)
    settings = RecordsSettings(
        name="records",
        region="eu",
        realm="sip.trunkline.test",
        state_dir=folder,
        grpc_listen=f"127.0.0.1:{free_port()}",
        nats_url=nats.url,
        operator_key_hash=hash_of(OPERATOR),
        tls=tls_of("records"),
        home="eu",
        **more,
    )
    life = Lifecycle()
    try:
        await start(settings, life)
        yield settings.grpc_listen
        assert not life.is_stopping, "a background task failed"
    finally:
        assert await life.close()


@asynccontextmanager
async def asking(address: str, key: str) -> AsyncIterator[Any]:
    channel = open_channel(address, tls=tls_of("client"), peer="records", key=key, is_waiting=True)
    yield records_pb2_grpc.RecordsServiceStub(channel)
    await channel.close()


async def until(ask: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    """Asks until the answer is as wanted; UNAUTHENTICATED is a key that has not arrived yet."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                answer = await ask()
                if condition(answer):
                    return answer
            except grpc.aio.AioRpcError as error:
                assert error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND), error
            await asyncio.sleep(0.02)


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats_server.connect()
    await ensure_streams(client)
    for tenant in ("acme", "other"):
        await add_tenant(client, tenant)
    yield client
    await client.close()


async def test_a_customer_sees_its_own_records_only(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    for number in range(6):
        await add_call(client, "acme" if number % 3 else "other", number)
    async with service(nats_server, tmp_path / "records") as address:
        async with asking(address, OPERATOR) as operator:
            everything = await until(
                lambda: operator.ListRecords(records_pb2.ListRecordsRequest()), lambda answer: len(answer.records) == 6
            )
            assert [int(record.call, 16) for record in everything.records] == [5, 4, 3, 2, 1, 0]
            totals = await operator.GetTotals(records_pb2.GetTotalsRequest())
            assert (totals.records, totals.facts, totals.answered, totals.open) == (6, 12, 0, 0)
        async with asking(address, "key of other") as other:
            mine = await until(lambda: other.ListRecords(records_pb2.ListRecordsRequest()), lambda answer: True)
            assert [int(record.call, 16) for record in mine.records] == [3, 0]
            assert {record.facts for record in mine.records} == {"192.0.2.1"}
            last = await other.GetRecord(records_pb2.GetRecordRequest(call="last"))
            assert last.record.sip_call_id == "sip-3"
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await other.ListRecords(records_pb2.ListRecordsRequest(since=Timestamp(seconds=2**62)))
            assert decode_status(refused.value).field == "since"
            for request in (
                other.GetRecord(records_pb2.GetRecordRequest(call="sip-4")),
                other.GetRecord(records_pb2.GetRecordRequest(call="sip-999")),
                other.ListRecords(records_pb2.ListRecordsRequest(tenant="acme")),
                other.GetTotals(records_pb2.GetTotalsRequest()),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await request
                expected = {"NO_SUCH_CALL", "OTHER_TENANT", "ROLE_NOT_ALLOWED"}
                assert decode_status(refused.value).reason in expected
        async with asking(address, "no key at all") as stranger:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stranger.ListRecords(records_pb2.ListRecordsRequest())
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_pages_go_on_while_new_calls_come(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    for number in range(5):
        await add_call(client, "acme", number)
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        await until(lambda: acme.GetRecord(records_pb2.GetRecordRequest(call="sip-4")), lambda answer: True)
        page = common_pb2.Page(size=2)
        first = await acme.ListRecords(records_pb2.ListRecordsRequest(page=page))
        await add_call(client, "acme", 9)
        await until(lambda: acme.GetRecord(records_pb2.GetRecordRequest(call="sip-9")), lambda answer: True)
        page.token = first.next_page_token
        second = await acme.ListRecords(records_pb2.ListRecordsRequest(page=page))
        assert [record.sip_call_id for record in (*first.records, *second.records)] == ["sip-4", "sip-3", "sip-2", "sip-1"]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await acme.ListRecords(records_pb2.ListRecordsRequest(page=page, outcome="refused"))
        assert decode_status(refused.value).field == "page.token"


async def test_answers_are_the_same_after_the_file_was_deleted_or_damaged(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    for number in range(4):
        await add_call(client, "acme", number)
    answers = []
    for damage in (None, "delete", "damage"):
        if damage == "delete":
            for path in folder.glob(f"{FILE}*"):
                path.unlink()
        elif damage == "damage":
            (folder / FILE).write_bytes(b"this is no database, whatever its name says. " * 200)
        async with service(nats_server, folder) as address, asking(address, OPERATOR) as operator:
            answers.append(
                await until(
                    lambda asked=operator: asked.ListRecords(records_pb2.ListRecordsRequest()), lambda answer: len(answer.records) == 4
                )
            )
    assert answers[0] == answers[1] == answers[2]
    assert len(list(folder.glob(f"{FILE}.aside-*"))) == 1


async def test_what_is_on_disk_is_answered_with_nats_dead(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    await add_call(client, "acme", 1)
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        await until(lambda: acme.GetRecord(records_pb2.GetRecordRequest(call="last")), lambda answer: True)
    await nats_server.kill()
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        assert (await acme.GetRecord(records_pb2.GetRecordRequest(call="last"))).record.sip_call_id == "sip-1"
        await nats_server.start()
        await add_call(client, "acme", 2)
        await until(lambda: acme.GetRecord(records_pb2.GetRecordRequest(call="sip-2")), lambda answer: True)


async def test_a_customer_watches_exports_and_counts_its_own_calls_only(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    await add_call(client, "acme", 1)
    await add_call(client, "other", 2)
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        await until(lambda: acme.GetRecord(records_pb2.GetRecordRequest(call="sip-1")), lambda answer: True)
        watched = acme.WatchCalls(records_pb2.WatchCallsRequest(recent=5))
        assert (await watched.read()).record.sip_call_id == "sip-1"
        await add_call(client, "other", 3)
        await add_call(client, "acme", 4)
        news = await asyncio.wait_for(watched.read(), LIMIT_S)
        assert (news.record.sip_call_id, news.record.reason, news.record.facts, news.skipped) == ("sip-4", "T203", "192.0.2.1", 0)
        watched.cancel()
        pieces = [piece async for piece in acme.ExportRecords(records_pb2.ExportRecordsRequest())]
        lines = b"".join(piece.data for piece in pieces).decode().splitlines()
        assert (len(lines), sum(piece.records for piece in pieces)) == (3, 2)
        assert lines[0].startswith("call,setup_time,tenant,") and ",sip-4," in lines[1] and ",sip-1," in lines[2]
        pieces = [piece async for piece in acme.ExportRecords(records_pb2.ExportRecordsRequest(format="jsonl", number_prefix="44"))]
        assert [json.loads(line)["reason"] for piece in pieces for line in piece.data.splitlines()] == ["T203", "T203"]
        day = Timestamp(seconds=1_800_000_000), Timestamp(seconds=1_800_000_060)
        used = await acme.GetUsage(records_pb2.GetUsageRequest(interval="minute", since=day[0], until=day[1]))
        assert [(each.attempts, each.refused, each.answer_seizure_ratio) for each in used.intervals] == [(2, 2, 0.0)]
        assert not used.total.HasField("average_duration_ms")
        for refused in (
            acme.GetUsage(records_pb2.GetUsageRequest(tenant="other")),
            acme.ListMessages(records_pb2.ListMessagesRequest(call="sip-2")),
            acme.WatchCalls(records_pb2.WatchCallsRequest(tenant="other")).read(),
            acme.ExportRecords(records_pb2.ExportRecordsRequest(tenant="other")).read(),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await refused
            assert decode_status(error.value).reason in {"NO_SUCH_CALL", "OTHER_TENANT"}


async def test_changes_are_gathered_for_who_asks_for_it(nats_server: NatsServer, client: Client, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        await add_call(client, "acme", number)
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        await until(lambda: acme.ListRecords(records_pb2.ListRecordsRequest()), lambda answer: len(answer.records) == 3)
        watched = acme.WatchCalls(records_pb2.WatchCallsRequest(recent=2, gather_ms=1, most=1))
        first = await asyncio.wait_for(watched.read(), LIMIT_S)
        assert ([record.sip_call_id for record in first.records], first.HasField("record")) == (["sip-2", "sip-3"], False)
        for number in (4, 5):
            await add_call(client, "acme", number)
        told: list[str] = []
        while "sip-5" not in told:
            news = await asyncio.wait_for(watched.read(), LIMIT_S)
            # Of both at once the one that began first is skipped; one after the other each is told.
            assert len(news.records) == 1 and news.skipped <= 1
            told += [record.sip_call_id for record in news.records]
        watched.cancel()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await acme.WatchCalls(records_pb2.WatchCallsRequest(gather_ms=10_001)).read()
        assert decode_status(error.value).reason == "GATHER_TOO_LONG"


async def test_captured_messages_are_told_with_their_call_and_to_its_owner_only(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    await add_call(client, "acme", 1)
    attempted_ns = 1_800_000_000_000_000_001
    told = [
        call_pb2.CapturedText(call=f"{1:032x}", time_ns=attempted_ns + 9, ours="127.0.0.1:5060", peer="192.0.2.1:5060", text="SIP/2.0 403"),
        call_pb2.CapturedText(call=f"{1:032x}", time_ns=attempted_ns, is_received=True, peer="192.0.2.1:5060", text="INVITE <img src=x>"),
        call_pb2.CapturedText(call="x" * 99, text="of no call"),
    ]
    async with service(nats_server, tmp_path / "records") as address, asking(address, "key of acme") as acme:
        wanted = records_pb2.ListMessagesRequest(call="sip-1")
        await until(lambda: acme.ListMessages(wanted), lambda answer: True)

        async def told_again() -> Any:
            # Until the service has subscribed, nobody hears it.
            await client.publish("messages.captured.eu1", call_pb2.CapturedBatch(edge="edge-eu1", messages=told).SerializeToString())
            await client.publish("messages.captured.eu1", b"\xff\xff")
            return await acme.ListMessages(wanted)

        answer = await until(told_again, lambda answer: len(answer.messages) >= 2)
        assert answer.call == f"{1:032x}"
        first, last = answer.messages[0], answer.messages[-1]
        assert (first.direction, first.text, first.side, first.source) == ("received", "INVITE <img src=x>", "customer", "192.0.2.1:5060")
        assert (last.direction, last.text, last.destination, last.edge) == ("sent", "SIP/2.0 403", "192.0.2.1:5060", "edge-eu1")
        async with asking(address, "key of other") as other:
            await until(lambda: other.ListRecords(records_pb2.ListRecordsRequest()), lambda answer: True)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await other.ListMessages(wanted)
            assert decode_status(refused.value).reason == "NO_SUCH_CALL"


async def test_captured_messages_are_kept_for_as_many_days_as_the_settings_say(
    nats_server: NatsServer, client: Client, tmp_path: Path
) -> None:
    """An hour more than that is too old."""
    folder, hour_ns = tmp_path / "records", 3600 * 10**9
    folder.mkdir()
    await add_call(client, "acme", 1)
    messages = await Messages.open(folder / MESSAGES_FILE)
    for age_h in (97, 73, 71):
        kept = call_pb2.CapturedText(call=f"{1:032x}", time_ns=age_h, peer="192.0.2.1:5060", text=f"{age_h} hours")
        assert await messages.add(call_pb2.CapturedBatch(edge="edge-eu1", messages=[kept]), time.time_ns() - age_h * hour_ns) == 1
    await messages.close()
    wanted = records_pb2.ListMessagesRequest(call="sip-1")
    for days, left in ((4, ["71 hours", "73 hours"]), (3, ["71 hours"])):
        async with service(nats_server, folder, messages_days=days) as address, asking(address, "key of acme") as acme:
            answer = await until(lambda: acme.ListMessages(wanted), lambda answer, left=left: len(answer.messages) <= len(left))
            assert [message.text for message in answer.messages] == left
