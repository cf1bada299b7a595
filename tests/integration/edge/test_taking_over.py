"""Two edges of a point of presence with the same address: the one that waits takes it when the other is killed, and its calls."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from helpers import sipp
from helpers.edge import EdgeBench, seconds_to_answer
from helpers.service import ServiceProcess
from helpers.sipp import Result
from helpers.waiting import until
from nats.aio.msg import Msg

from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc
from trunkline.domain.events import Kind, LimitsSet
from trunkline.runtime.limit_messages import USE, report_of


async def call(bench: EdgeBench, steps: list[str]) -> Result:
    folder = bench.folder / secrets.token_hex(4)
    return await asyncio.to_thread(sipp.run, folder, steps, target=bench.sip, local_address=bench.caller_host)


async def state(edge: ServiceProcess) -> str:
    async with edge.channel() as channel:
        return (await edge_pb2_grpc.EdgeServiceStub(channel).GetStatus(edge_pb2.GetStatusRequest())).state


@asynccontextmanager
async def two_edges(bench: EdgeBench) -> AsyncIterator[ServiceProcess]:
    """Of one point of presence: the one of the bench serves, the one that is given waits."""
    bench.start_gateway()
    await bench.provision(addresses=(f"{bench.caller_host}/32",))
    spare = ServiceProcess("edge", bench.folder / "spare", bench.nats, pop="eu1", listen=[bench.sip], auth_addresses=[bench.auth.address])
    spare.configure(shares_addresses=True)
    bench.edge.configure(shares_addresses=True)
    try:
        await asyncio.gather(bench.auth.start(), bench.records.start())
        await bench.edge.start()
        await spare.start()
        yield spare
    finally:
        await spare.kill()


async def test_the_edge_that_waits_takes_the_address_and_the_calls(bench: EdgeBench) -> None:
    async with two_edges(bench) as spare:
        assert (await state(bench.edge), await state(spare)) == ("READY", "STANDBY")
        running = asyncio.create_task(call(bench, sipp.answered_call(bench.caller(), hold_ms=2000)))
        # One that still rings ends with its edge.
        await bench.answered()

        await bench.edge.kill()
        took_s = await asyncio.to_thread(seconds_to_answer, bench.sip)
        print(f"the address answers again {took_s:.3f} s after its edge was killed")
        (await running).must_succeed(1)
        (await call(bench, sipp.answered_call(bench.caller()))).must_succeed(1)
        assert await state(spare) == "READY"

        # Who is back waits: the calls of the other are not taken from it.
        await bench.edge.start()
        assert (await state(bench.edge), await state(spare)) == ("STANDBY", "READY")
        (await call(bench, sipp.answered_call(bench.caller()))).must_succeed(1)
        records = await bench.records_when(lambda records: len(records) == 3 and all(each.outcome == "answered" for each in records))
        assert [each.ended_by for each in records] == ["caller"] * 3


@asynccontextmanager
async def two_edges_with_a_limit(bench: EdgeBench) -> AsyncIterator[Callable[[], int | None]]:
    """Gives how many calls the edge counts that was started last, by its own reports; None before the first of them."""
    reports: dict[int, int] = {}

    async def on_report(message: Msg) -> None:
        report = report_of(message.data)
        reports[report.boot] = sum(use.calls for use in report.uses)

    await bench.client.subscribe(f"{USE}.eu1", cb=on_report)
    async with two_edges(bench):
        await bench.applied(await bench.write(Kind.DOMAIN, "acme", "acme", LimitsSet(5, 0)))
        yield lambda: reports[max(reports)] if len(reports) == 3 else None


async def killed_in_a_call(bench: EdgeBench, hold_ms: int) -> Awaitable[Result]:
    """The call goes on at the other edge."""
    running = asyncio.create_task(call(bench, sipp.answered_call(bench.caller(), hold_ms=hold_ms)))
    await bench.answered()
    # What it has not shipped waits on its disk until it is back.
    await bench.records_when(lambda records: [each.outcome for each in records] == ["live"])
    await bench.edge.kill()
    await asyncio.to_thread(seconds_to_answer, bench.sip)
    return running


async def test_a_call_counts_at_the_edge_that_is_back_until_it_ends_at_the_other_of_the_same_pop(bench: EdgeBench) -> None:
    async with two_edges_with_a_limit(bench) as counted:
        running = await killed_in_a_call(bench, hold_ms=15_000)
        await bench.edge.start()
        assert await state(bench.edge) == "STANDBY"
        await until("it counts what it had", counted, lambda calls: calls == 1)
        (await running).must_succeed(1)
        # The other edge tells it: nobody was asked for a minute.
        await until("it counts it no more", counted, lambda calls: calls == 0)


async def test_a_call_that_ended_while_its_edge_was_dead_counts_no_more_when_it_is_back(bench: EdgeBench) -> None:
    async with two_edges_with_a_limit(bench) as counted:
        running = await killed_in_a_call(bench, hold_ms=8000)
        (await running).must_succeed(1)
        await bench.records_when(lambda records: [each.outcome for each in records] == ["answered"] and records[0].ended_by == "caller")
        await bench.edge.start()
        await until("it has asked and heard that the call is over", counted, lambda calls: calls == 0, limit_s=30)
