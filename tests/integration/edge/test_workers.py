"""An edge with two workers, killed and started again under calls of both."""

from __future__ import annotations

import asyncio

from helpers import sipp
from helpers.edge import EdgeBench
from helpers.sipp import Result

CALLS = 30
HOLD_MS = 6000
"""Long enough to see all of them answered, and the edge back."""


async def test_calls_of_both_workers_outlive_a_kill_and_a_restart_and_each_has_one_record(bench: EdgeBench) -> None:
    bench.edge.configure(workers=2)
    bench.start_gateway()
    position = await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()
    await bench.applied(position)

    def place() -> Result:
        # A socket for each call: the kernel gives the messages of one to one worker.
        steps = sipp.answered_call(bench.caller(), hold_ms=HOLD_MS)
        folder, extra = bench.folder / "calls", ("-t", "un", "-max_socket", str(2 * CALLS))
        return sipp.run(folder, steps, target=bench.sip, local_address=bench.caller_host, calls=CALLS, rate=30, extra=extra)

    running = asyncio.create_task(asyncio.to_thread(place))
    live = await bench.answered(CALLS)
    assert {int(each.call[-2:], 16) for each in live} == {0, 1}, "whose a call is stands in its id"
    await bench.edge.kill()
    await bench.edge.start()
    (await running).must_succeed(CALLS)
    records = await bench.records_when(lambda records: len(records) == CALLS and all(each.end_time.seconds for each in records))
    assert [(each.outcome, each.ended_by) for each in records] == [("answered", "caller")] * CALLS
    assert {each.call for each in records} == {each.call for each in live}
    assert min(each.duration_ms for each in records) > 0
    assert (await bench.status()).live_calls == 0
