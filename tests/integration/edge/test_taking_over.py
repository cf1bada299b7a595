"""Two edges of a point of presence with the same address: the one that waits takes it when the other is killed, and its calls."""

from __future__ import annotations

import asyncio
import secrets

from helpers import sipp
from helpers.edge import EdgeBench, seconds_to_answer
from helpers.service import ServiceProcess
from helpers.sipp import Result

from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc


async def call(bench: EdgeBench, steps: list[str]) -> Result:
    folder = bench.folder / secrets.token_hex(4)
    return await asyncio.to_thread(sipp.run, folder, steps, target=bench.sip, local_address=bench.caller_host)


async def state(edge: ServiceProcess) -> str:
    async with edge.channel() as channel:
        return (await edge_pb2_grpc.EdgeServiceStub(channel).GetStatus(edge_pb2.GetStatusRequest())).state


async def test_the_edge_that_waits_takes_the_address_and_the_calls(bench: EdgeBench) -> None:
    bench.start_gateway()
    await bench.provision(addresses=(f"{bench.caller_host}/32",))
    spare = ServiceProcess("edge", bench.folder / "spare", bench.nats, pop="eu1", listen=[bench.sip], auth_addresses=[bench.auth.address])
    spare.configure(shares_addresses=True)
    bench.edge.configure(shares_addresses=True)
    try:
        await asyncio.gather(bench.auth.start(), bench.records.start())
        await bench.edge.start()
        await spare.start()
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
    finally:
        await spare.kill()
