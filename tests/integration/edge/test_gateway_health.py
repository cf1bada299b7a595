"""Gateways that die, come back and ask to be left alone, on the wire: who is tried, by the edge that saw it and by another of its region,
and what the record says."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

from helpers import sipp
from helpers.edge import HOST, LIMIT_S, EdgeBench
from helpers.gateway import Mood, MoodyGateway
from helpers.service import REALM, ServiceProcess
from nats.aio.msg import Msg

from trunkline.api.records.v1 import records_pb2
from trunkline.domain.gateway_health import State
from trunkline.domain.routing import ALL_PASSED
from trunkline.runtime.gateway_reports import SUBJECT, parse_report

G1, G2 = "alpha/g1", "alpha/g2"
RETRY_AFTER_S = 6
SIBLING = "edge-eu1"
"""By this name it may have an inbox, as the user that both are at NATS."""
BOUND_HOST = f"acme.eu1.{REALM}"


class Trial:
    """Two edges of a region with two gateways, g1 before g2. `sibling` is where the second one is called; what is not said to be of it is
    of the first."""

    def __init__(self, bench: EdgeBench, g1: MoodyGateway, g2: MoodyGateway, sibling: str) -> None:
        self.bench = bench
        self.g1, self.g2 = g1, g2
        self.sibling = sibling
        self.states: dict[str, State] = {}
        self._heard = asyncio.Event()
        self._numbers = count(1)

    async def hear(self, message: Msg) -> None:
        report = parse_report(message.data, time.time())
        if report.edge == self.bench.edge.name:
            self.states = {key: health.state for key, health in report.gateways.items()}
            self._heard.set()

    async def until(self, **wanted: State) -> None:
        """Until the edge has told so of both gateways; those not named are closed."""
        expected = {f"alpha/{name}": state for name, state in wanted.items()}
        try:
            async with asyncio.timeout(LIMIT_S):
                while self.states != expected:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"not within {LIMIT_S} s: {expected}; last: {self.states}") from None

    async def call(
        self, *, at: str = "", refusal: tuple[int, str] | None = None, is_bound: bool = False
    ) -> tuple[list[tuple[str, str]], str]:
        """Who was tried with what result, and the record's notes. `refusal` is its status and what the response must match."""
        # The last three digits say what a simulated carrier does: these mean nothing.
        number = f"+3120{next(self._numbers):04}100"
        caller = replace(self.bench.caller(number), host=BOUND_HOST if is_bound else HOST)
        steps = sipp.answered_call(caller) if refusal is None else sipp.refused_call(caller, *refusal)
        folder = self.bench.folder / secrets.token_hex(4)
        result = await asyncio.to_thread(sipp.run, folder, steps, target=at or self.bench.sip, local_address=self.bench.caller_host)
        result.must_succeed(1)

        def mine(records: list[records_pb2.Record]) -> list[records_pb2.Record]:
            return [each for each in records if each.number == number and each.end_time.seconds]

        [record] = mine(await self.bench.records_when(lambda records: bool(mine(records))))
        return [(each.gateway, each.result) for each in record.attempts], "\n".join(record.notes)


@asynccontextmanager
async def trial(bench: EdgeBench, *, takes_no_options: bool = False, **settings: object) -> AsyncIterator[Trial]:
    g1, g2 = [await MoodyGateway.start(bench.gateway_host, port, retry_after_s=RETRY_AFTER_S) for port in (5060, 5070)]
    made = Trial(bench, g1, g2, f"{bench.sip_host.rpartition('.')[0]}.2:5060")
    sibling = ServiceProcess("edge", bench.folder / "sibling", bench.nats)
    try:
        await bench.client.subscribe(f"{SUBJECT}.>", cb=made.hear)
        position = await bench.provision(addresses=(f"{bench.caller_host}/32",), takes_no_options=takes_no_options)
        bench.edge.configure(**settings)
        own = ("name", "state_dir", "grpc_listen", "tls")
        like_the_first = {key: value for key, value in bench.edge.settings.items() if key not in own}
        sibling.configure(**like_the_first | {"name": SIBLING, "listen": [made.sibling]})
        await asyncio.gather(bench.auth.start(), bench.records.start())
        await bench.edge.start()
        await sibling.start()
        await bench.applied(position)
        yield made
    finally:
        await sibling.kill()
        g1.close()
        g2.close()


async def test_calls_alone_find_a_dead_gateway_and_find_it_alive_again(bench: EdgeBench) -> None:
    async with trial(bench, takes_no_options=True) as made:
        assert await made.call() == ([(G1, "answered")], "")
        made.g1.mood = Mood.SILENT
        for _ in range(2):
            assert (await made.call())[0] == [(G1, "silent"), (G2, "answered")]
        await made.until(g1=State.OPEN)
        tried, notes = await made.call()
        assert tried == [(G2, "answered")], "nobody waits for it any more"
        # The other edge is told so, and believes it with its first own failure; by itself it would want two.
        assert (await made.call(at=made.sibling))[0] == [(G1, "silent"), (G2, "answered")]
        assert (await made.call(at=made.sibling))[0] == [(G2, "answered")]
        assert notes.startswith(f"gateway {G1} passed over since 20") and notes.endswith("Z: calls failed in a row, the last: silent")

        made.g1.mood = Mood.UP
        await made.until(g1=State.HALF_OPEN)
        tried = [(await made.call())[0] for _ in range(3)]
        assert tried[0] == [(G1, "answered")]
        while made.states:
            tried.append((await made.call())[0])
            assert len(tried) < 20, f"{made.states} after {tried}"
        assert await made.call() == ([(G1, "answered")], "")
        assert made.g1.options == 0


async def test_options_find_it_before_any_call_does_and_who_asks_for_rest_gets_it(bench: EdgeBench) -> None:
    async with trial(bench, gateway_options_s=0.2, gateway_options_timeout_s=0.3) as made:
        made.g1.mood = Mood.BUSY
        assert (await made.call())[0] == [(G1, "status"), (G2, "answered")]
        await made.until(g1=State.OPEN)
        tried, notes = await made.call()
        assert tried == [(G2, "answered")] and notes.endswith(f"Z: 503, Retry-After {RETRY_AFTER_S} s")
        # It has spoken for all edges of the region: the other one, to which it has said nothing, sends no call there either.
        tried, notes = await made.call(at=made.sibling)
        assert tried == [(G2, "answered")] and re.search(r"Z: 503, Retry-After [1-6] s$", notes), (tried, notes)
        await made.until(g1=State.HALF_OPEN)
        assert (await made.call())[0] == [(G1, "status"), (G2, "answered")], "its time is over, and it asks again"

        made.g1.mood = made.g2.mood = Mood.SILENT
        await made.until(g1=State.OPEN, g2=State.OPEN)
        (tried, notes), (tried_by_bound, _) = await asyncio.gather(
            made.call(refusal=(500, "T402")), made.call(refusal=(503, "T403.*Retry-After: 5"), is_bound=True)
        )
        assert sorted(tried) == sorted(tried_by_bound) == [(G1, "silent"), (G2, "silent")], "rather than refuse the call"
        assert f"gateway {G2} passed over since 20" in notes and notes.endswith(ALL_PASSED) and "Z: OPTIONS: silent" in notes

        made.g1.mood = made.g2.mood = Mood.UP
        while made.states:
            await made.call()
        assert await made.call() == ([(G1, "answered")], "")
        assert made.g1.options > 5
