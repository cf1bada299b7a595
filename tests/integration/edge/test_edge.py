"""One edge with everything real around it: admitted by its replica, routed by Python, recorded; and alone when all else is dead."""

from __future__ import annotations

import asyncio
import hashlib
import socket

import grpc.aio
import pytest
from helpers import sipp
from helpers.edge import ACME, HOST, LIMIT_S, NOT_YET, USERNAME, EdgeBench, seconds_to_answer
from helpers.sipp import Result
from helpers.waiting import until

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.domain.events import AddressAdded, AddressRemoved, ApiKeyCreated, Kind, TenantCreated

RESTART_LIMIT_S = 20.0
"""Alone on its machine it takes 0.7 s."""
"""On a machine that does three other things; alone it takes about half a second, and the figure is printed."""


async def call(bench: EdgeBench, steps: list[str], name: str, *, calls: int = 1, rate: int = 10) -> Result:
    def run() -> Result:
        folder = bench.folder / name
        return sipp.run(folder, steps, target=bench.sip, local_address=bench.caller_host, calls=calls, rate=rate)

    return await asyncio.to_thread(run)


def seen(bench: EdgeBench, name: str, start_line: str) -> int:
    """How many messages that begin so SIPp has sent and got so far in the calls of this name."""
    path = bench.folder / name / "messages.log"
    return path.read_bytes().count(f"\n{start_line}".encode()) if path.exists() else 0


async def test_an_admitted_call_becomes_a_record(bench: EdgeBench) -> None:
    bench.start_gateway()
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)
    (await call(bench, sipp.answered_call(bench.caller(), hold_ms=1200), "call")).must_succeed(1)
    [record] = await bench.records_when(lambda records: [each.outcome for each in records] == ["answered"])
    assert (record.tenant, record.domain, record.host, record.number) == ("acme", "acme", HOST, "+3123456789")
    assert (record.acl, record.account, record.address, record.caller_id) == ("OUT", "", f"{bench.caller_host}/32", "+31200000000")
    assert (record.pop, record.edge, record.position, record.prefix, record.ended_by) == ("eu1", "edge", position, "3", "caller")
    assert [(each.gateway, each.result, each.status) for each in record.attempts] == [("alpha/g1", "answered", 200)]
    assert 1000 <= record.duration_ms < 10_000
    assert (record.price_micros, record.currency) == (100 * -(-record.duration_ms // 1000), "EUR")
    assert list(record.notes) == []
    assert (await bench.edge.stop(), await bench.records.stop()) == (0, 0)


async def test_a_receipt_is_the_moment_from_which_calls_are_decided_by_it(bench: EdgeBench) -> None:
    bench.start_gateway()
    await bench.provision()
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    for round_ in range(3):
        position = await bench.write(Kind.ACL, ACME, "OUT", AddressAdded(f"{bench.caller_host}/32"))
        assert (await bench.applied(position)).position >= position
        (await call(bench, sipp.answered_call(bench.caller()), f"admitted-{round_}")).must_succeed(1)
        position = await bench.write(Kind.ACL, ACME, "OUT", AddressRemoved(f"{bench.caller_host}/32"))
        await bench.applied(position)
        (await call(bench, sipp.refused_call(bench.caller(), 403, "T20[13]"), f"refused-{round_}")).must_succeed(1)
    records = await bench.records_when(lambda records: len(records) == 6 and all(each.end_time.seconds for each in records))
    assert [each.outcome for each in reversed(records)] == ["answered", "refused"] * 3


async def test_the_second_gateway_answers_where_the_first_is_dead_and_the_record_says_so(bench: EdgeBench) -> None:
    bench.start_gateway(5070)
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)
    (await call(bench, sipp.answered_call(bench.caller()), "call")).must_succeed(1)
    [record] = await bench.records_when(lambda records: [each.outcome for each in records] == ["answered"])
    assert [each.gateway for each in record.attempts] == ["alpha/g1", "alpha/g2"]
    assert record.attempts[0].result in ("icmp", "silent") and record.attempts[1].result == "answered"


async def test_live_calls_are_shown_to_operators_and_to_nobody_elses_tenant(bench: EdgeBench) -> None:
    bench.start_gateway()
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    key = hashlib.sha256(b"key of other").digest()
    await bench.write(Kind.TENANT, "other", "other", TenantCreated("Other"))
    position = await bench.write(Kind.API_KEY, "other", "k1", ApiKeyCreated(key, "test"))
    await bench.auth.start()
    await bench.edge.start()
    await bench.applied(position)
    running = asyncio.create_task(call(bench, sipp.answered_call(bench.caller(), hold_ms=3000), "call"))
    async with bench.edge.channel() as channel, bench.edge.channel("key of other") as others:
        operator, other = EdgeServiceStub(channel), EdgeServiceStub(others)
        request = edge_pb2.ListLiveCallsRequest()
        shown = await until(
            "a live call",
            lambda: operator.ListLiveCalls(request),
            lambda answer: [each.state for each in answer.calls] == ["answered"],
            despite=NOT_YET,
            limit_s=LIMIT_S,
        )
        [live] = shown.calls
        assert (live.tenant, live.domain, live.number, live.gateway) == ("acme", "acme", "+3123456789", "alpha/g1")
        assert (await bench.status()).live_calls == 1
        assert shown.total == 1
        assert not (await other.ListLiveCalls(request)).calls
        with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
            await other.ListLiveCalls(edge_pb2.ListLiveCallsRequest(tenant="acme"))
        (await running).must_succeed(1)
        await until(
            "no live call", lambda: operator.ListLiveCalls(request), lambda answer: not answer.calls, despite=NOT_YET, limit_s=LIMIT_S
        )


@pytest.mark.parametrize(("number", "status", "code"), [("12", 484, "T102"), ("+999123456789", 404, "T404")])
async def test_the_policys_refusals_are_on_the_wire_and_in_the_record(bench: EdgeBench, number: str, status: int, code: str) -> None:
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)
    (await call(bench, sipp.refused_call(bench.caller(number), status, code), "call")).must_succeed(1)
    [record] = await bench.records_when(lambda records: [each.outcome for each in records] == ["refused"])
    assert (record.status, record.reason, record.number) == (status, code, number)
    assert record.facts


async def test_an_edge_alone_restarts_within_a_second_and_every_record_arrives_once_afterwards(bench: EdgeBench) -> None:
    bench.start_gateway()
    await bench.auth.start()
    position = await bench.provision(has_account=True)
    await bench.edge.start()
    await bench.applied(position)
    caller = bench.caller(has_account=True)
    (await call(bench, sipp.answered_call(caller), "before")).must_succeed(1)

    await asyncio.gather(bench.auth.kill(), bench.nats.kill(), bench.edge.kill())
    await bench.edge.start(is_awaited=False)
    took_s = await asyncio.to_thread(seconds_to_answer, bench.sip)
    print(f"edge alone: serving {took_s:.3f} s after its process was started")
    assert took_s < RESTART_LIMIT_S
    (await call(bench, sipp.answered_call(caller), "alone", calls=20, rate=20)).must_succeed(20)
    status = await bench.status()
    assert (status.state, status.position, status.is_log_connected) == ("READY", position, False)
    assert status.journal_backlog_bytes > 0

    await bench.nats.start()
    await bench.records.start()
    records = await bench.records_when(lambda records: len(records) >= 21 and all(each.end_time.seconds for each in records))
    assert len(records) == 21 and {each.outcome for each in records} == {"answered"}
    assert {each.account for each in records} == {USERNAME}
    assert sum("log was out of reach" in note for each in records for note in each.notes) == 20


async def test_a_cold_edge_without_a_log_does_not_listen(bench: EdgeBench) -> None:
    await bench.auth.start()
    await bench.nats.kill()
    await bench.edge.start(is_awaited=False)
    status = await bench.status()
    assert (status.state, status.position) == ("COLD", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((bench.sip_host, 5060))
        probe.settimeout(5)
        with pytest.raises(ConnectionRefusedError):
            probe.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
            probe.recv(100)
    await bench.nats.start()
    await bench.edge.serving()
    # Auth may be back before the log is, and be asked for a moment.
    await until("it is ready", bench.status, lambda status: status.state == "READY", despite=NOT_YET, limit_s=LIMIT_S)


async def test_kills_of_nats_records_and_edge_under_calls_lose_and_double_no_record(bench: EdgeBench) -> None:
    """Refused calls, which are journalled before they are answered: each that was answered has its record."""
    await bench.provision()
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    answered = 0
    for round_, victim in enumerate((bench.nats, bench.records, bench.edge, None)):
        name = f"round-{round_}"
        running = asyncio.create_task(call(bench, sipp.refused_call(bench.caller(), 403, "T201"), name, calls=60, rate=60))

        async def of(name: str, start_line: str, at_least: int) -> None:
            await until(
                f"{start_line} {at_least} times", lambda: seen(bench, name, start_line), lambda count: count >= at_least, limit_s=LIMIT_S
            )

        if victim is not None:
            await of(name, "SIP/2.0 403", 10)
            await victim.kill()
            await of(name, "INVITE sip:", seen(bench, name, "INVITE sip:") + 15)
            await victim.start()
        result = await running
        result.must_succeed(60)
        answered += result.successful
    records = await bench.records_when(lambda records: len(records) >= answered)
    assert len({each.sip_call_id for each in records}) == len(records) == answered == 240
    assert {each.reason for each in records} == {"T201"}
