"""An edge whose point of presence is drained by the log's word: OPTIONS, new calls and calls in progress, on the wire."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time

from helpers import sipp
from helpers.edge import EdgeBench
from helpers.sipp import Result

from trunkline.domain.events import PLATFORM, Kind, PopDrained, PopUndrained


async def call(bench: EdgeBench, steps: list[str]) -> Result:
    folder = bench.folder / secrets.token_hex(4)
    return await asyncio.to_thread(sipp.run, folder, steps, target=bench.sip, local_address=bench.caller_host)


def options_status(bench: EdgeBench) -> bytes:
    """The status line that an OPTIONS is answered with."""
    unique = secrets.token_hex(6)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(5)
        probe.bind((bench.caller_host, 0))
        probe.connect((bench.sip_host, 5060))
        mine = ":".join(map(str, probe.getsockname()))
        request = (
            f"OPTIONS sip:{bench.sip} SIP/2.0\r\nVia: SIP/2.0/UDP {mine};branch=z9hG4bK{unique}\r\nFrom: <sip:p@{mine}>;tag={unique}\r\n"
            f"To: <sip:{bench.sip}>\r\nCall-ID: {unique}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        probe.send(request.encode())
        return probe.recv(65_535).partition(b"\r\n")[0]


async def test_new_calls_are_taken_for_a_while_and_calls_in_progress_to_their_end(bench: EdgeBench) -> None:
    bench.start_gateway()
    await bench.provision(addresses=(f"{bench.caller_host}/32",))
    await asyncio.gather(bench.auth.start(), bench.records.start())
    await bench.edge.start()

    now_s = int(time.time())
    await bench.applied(await bench.write(Kind.POP, PLATFORM, "us1", PopDrained(now_s)))
    assert b"200 OK" in options_status(bench)

    await bench.applied(await bench.write(Kind.POP, PLATFORM, "eu1", PopDrained(now_s, "new kernel")))
    assert b"503" in options_status(bench)
    assert (await bench.status()).state == "DRAINING"
    running = asyncio.create_task(call(bench, sipp.answered_call(bench.caller(), hold_ms=3000)))
    await bench.answered()

    await bench.applied(await bench.write(Kind.POP, PLATFORM, "eu1", PopDrained(1)))
    (await call(bench, sipp.refused_call(bench.caller(), 503, "T903"))).must_succeed(1)
    (await running).must_succeed(1)
    [refused, answered] = await bench.records_when(lambda records: len(records) == 2 and all(each.end_time.seconds for each in records))
    assert (refused.outcome, refused.reason, answered.outcome, answered.ended_by) == ("refused", "T903", "answered", "caller")

    await bench.edge.kill()
    await bench.edge.start()
    assert b"503" in options_status(bench)
    (await call(bench, sipp.refused_call(bench.caller(), 503, "T903"))).must_succeed(1)

    await bench.applied(await bench.write(Kind.POP, PLATFORM, "eu1", PopUndrained()))
    assert b"200 OK" in options_status(bench)
    assert (await bench.status()).state == "READY"
    (await call(bench, sipp.answered_call(bench.caller()))).must_succeed(1)
