"""A gateway that is changed while a call is up by it: the call goes on to its end, the next one goes to where the gateway is now."""

from __future__ import annotations

import asyncio

from helpers import sipp
from helpers.edge import EdgeBench

from trunkline.domain.events import PLATFORM, GatewayChanged, Kind

HOLD_MS = 8_000
"""Of the call that is up; the change is enforced while it is."""
MOVED_PORT = 5090


async def call(bench: EdgeBench, number: str, name: str, hold_ms: int = 200) -> None:
    steps = sipp.answered_call(bench.caller(number), hold_ms=hold_ms)
    result = await asyncio.to_thread(sipp.run, bench.folder / name, steps, target=bench.sip, local_address=bench.caller_host)
    result.must_succeed(1)


async def test_calls_from_now_on_go_to_where_the_gateway_is_now_and_those_in_progress_go_on(bench: EdgeBench) -> None:
    bench.start_gateway(5060)
    bench.start_gateway(MOVED_PORT)
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)
    running = asyncio.create_task(call(bench, "+3123456100", "running", HOLD_MS))
    [live] = await bench.answered()
    moved = GatewayChanged("g1", bench.gateway_host, MOVED_PORT, "udp", "eu", 0, 1)
    position = await bench.write(Kind.CARRIER, PLATFORM, "alpha", moved)
    assert (await bench.applied(position)).position >= position
    assert [each.gateway for each in await bench.answered()] == [live.gateway] == ["alpha/g1"]
    await call(bench, "+3123457100", "next")
    await running
    records = await bench.records_when(lambda found: len(found) == 2 and all(each.end_time.seconds for each in found))
    by_number = {each.number: each for each in records}
    first, second = by_number["+3123456100"], by_number["+3123457100"]
    assert [each.address for each in first.attempts] == [f"{bench.gateway_host}:5060"]
    assert [each.address for each in second.attempts] == [f"{bench.gateway_host}:{MOVED_PORT}"]
    assert (first.outcome, first.ended_by, second.outcome) == ("answered", "caller", "answered")
    assert first.position < position <= second.position
