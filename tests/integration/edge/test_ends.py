"""Calls that an edge ends itself: by command, and when tenant or carrier is suspended; with SIPp on both sides."""

from __future__ import annotations

import asyncio
import hashlib

import grpc
import grpc.aio
import pytest
from helpers import sipp
from helpers.edge import ACME, NOT_YET, EdgeBench
from helpers.sipp import Result
from helpers.waiting import until

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.domain.events import (
    PLATFORM,
    ApiKeyCreated,
    CarrierResumed,
    CarrierSuspended,
    Event,
    Kind,
    TenantCreated,
    TenantResumed,
    TenantSuspended,
)


async def place(bench: EdgeBench, steps: list[str], name: str, calls: int = 1) -> Result:
    def run() -> Result:
        return sipp.run(bench.folder / name, steps, target=bench.sip, local_address=bench.caller_host, calls=calls, rate=50)

    return await asyncio.to_thread(run)


async def started(bench: EdgeBench) -> None:
    bench.start_gateway()
    await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await bench.write(Kind.TENANT, "other", "other", TenantCreated("Other"))
    await bench.write(Kind.API_KEY, "acme", "k1", ApiKeyCreated(hashlib.sha256(b"key of acme").digest(), "test"))
    key = ApiKeyCreated(hashlib.sha256(b"key of other").digest(), "test")
    position = await bench.write(Kind.API_KEY, "other", "k1", key)
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)


async def test_a_call_is_hung_up_by_command_of_its_own_tenant_or_the_operator_and_of_nobody_else(bench: EdgeBench) -> None:
    await started(bench)
    for key, expected in (("key of acme", "by tenant:acme/key:k1"), ("", "by the operator")):
        running = asyncio.create_task(
            place(bench, sipp.hung_up_call(bench.caller(), "Q.850;cause=16;text=.T601 Ended By Command"), key or "operator")
        )
        [live] = await bench.answered()
        request = edge_pb2.HangUpRequest(call=live.call)
        async with bench.edge.channel("key of other") as others, bench.edge.channel(key) if key else bench.edge.channel() as own:
            stub = EdgeServiceStub(others)
            with pytest.raises(grpc.aio.AioRpcError) as foreign:
                await stub.HangUp(request)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await stub.HangUp(edge_pb2.HangUpRequest(call="0" * 32))
            assert foreign.value.code() is unknown.value.code() is grpc.StatusCode.NOT_FOUND
            with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
                await stub.HangUp(edge_pb2.HangUpRequest(call=live.call, tenant="acme"))
            assert (await bench.status()).live_calls == 1
            done = await EdgeServiceStub(own).HangUp(request)
        assert (done.edge, done.pop) == ("edge", "eu1")
        (await running).must_succeed(1)
        [record, *_] = await bench.records_when(
            lambda records, call=live.call: [(each.call, each.outcome) for each in records[:1]] == [(call, "answered")]
        )
        assert (record.ended_by, record.reason, record.reason_text, record.q850) == ("edge", "T601", "Ended By Command", 16)
        assert record.facts == expected
        assert record.duration_ms > 0 and not record.notes
    await until("no live call", bench.status, lambda status: status.live_calls == 0, despite=NOT_YET, limit_s=30)


@pytest.mark.parametrize(
    ("kind", "owner", "name", "suspend", "resume", "ended", "refused"),
    [
        (Kind.TENANT, ACME, "acme", TenantSuspended, TenantResumed(), "T603", "T603"),
        (Kind.CARRIER, PLATFORM, "alpha", CarrierSuspended, CarrierResumed(), "T604", "T403"),
    ],
)
async def test_a_suspension_refuses_new_calls_and_ends_those_in_progress_where_it_says_so(
    bench: EdgeBench,
    kind: Kind,
    owner: str,
    name: str,
    suspend: type[TenantSuspended | CarrierSuspended],
    resume: Event,
    ended: str,
    refused: str,
) -> None:
    await started(bench)
    calls = 30
    running = asyncio.create_task(place(bench, sipp.hung_up_call(bench.caller(), f"text=.{ended} "), "running", calls))
    await bench.answered(calls)
    await bench.applied(await bench.write(kind, owner, name, suspend(is_ending_calls=False)))
    status = 403 if refused == "T603" else 503
    (await place(bench, sipp.refused_call(bench.caller(), status, refused), "refused")).must_succeed(1)
    assert (await bench.status()).live_calls == calls, "they go on"
    await bench.write(kind, owner, name, suspend(is_ending_calls=True))
    (await running).must_succeed(calls)
    records = await bench.records_when(lambda records: len(records) == calls + 1 and not any(each.outcome == "live" for each in records))
    assert sorted((each.outcome, each.reason, each.ended_by) for each in records) == [
        *[("answered", ended, "edge")] * calls,
        ("refused", refused, "edge"),
    ]
    await bench.applied(await bench.write(kind, owner, name, resume))
    (await place(bench, sipp.answered_call(bench.caller()), "resumed")).must_succeed(1)
