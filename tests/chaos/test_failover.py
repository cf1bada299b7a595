"""What a customer loses when something dies: edges, points of presence, a region, its carriers, its link, home, and all drained in turn.

Under `TRUNKLINE_CHAOS_CALLS` calls a second (200), on default and bound names, over UDP and TCP, each case a row: docs/failover.md says
what its columns are and how it was got. `TRUNKLINE_CHAOS_CASES` and `TRUNKLINE_CHAOS_TRANSPORTS` choose, with commas between.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import grpc
import pytest
from failover_clients import Clients
from failover_load import Counted, Flow, ended_before, records_of, run
from helpers.everywhere import POPS, answers_options, led_to
from helpers.platform import Platform, free_loopback, wait_for

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.lab.sip.flow import Transport
from trunkline.lab.supervisor.control import ask
from trunkline.lab.supervisor.layout import Layout
from trunkline.lab.supervisor.topology import POP_REGIONS, REGIONS

CALLS = int(os.environ.get("TRUNKLINE_CHAOS_CALLS", "200"))
SECONDS = int(os.environ.get("TRUNKLINE_CHAOS_SECONDS", "40"))
"""Of load, for each case."""
BEFORE_S = 6.0
"""Of load before something dies."""
AWAY_S = float(os.environ.get("TRUNKLINE_CHAOS_AWAY_S", "15"))
"""How long it is gone: longer than it takes to be seen, shorter than BYEs are sent again. What it then takes to start comes on top."""
BACK_LIMIT_S = 120.0
CLIENT_LIMIT_S = 30.0
SETTLED_LIMIT_S = 240.0
DNS_PORT = 5353
OPEN = "live"
"""The outcome of an answered call that nobody was told the end of; records presumes it to be over when the longest call has passed."""
ANSWERED = ("answered", OPEN)


@dataclass(frozen=True, slots=True)
class Case:
    """`names` are patterns of processes; `is_killed`: they are killed and started again at once, else they are gone for AWAY_S."""

    name: str
    names: tuple[str, ...] = ()
    is_killed: bool = False
    drains: bool = False

    def kills_carrier_of(self, record: Record) -> bool:
        """Whether the gateway that was tried last was a process that died."""
        carriers = [f"carrier-{attempt.gateway.replace('/', '-')}" for attempt in record.attempts[-1:]]
        return any(fnmatch.fnmatchcase(carrier, name) for carrier in carriers for name in self.names)


CASES = (
    Case("edge killed", ("edge-eu1",), is_killed=True),
    Case("POP gone", ("edge-eu1",)),
    Case("region us gone", ("edge-us?", "nats-us", "*-us")),
    Case("carriers of us gone", ("carrier-*-us",)),
    Case("link of us cut", ("link-us",)),
    Case("home eu gone", ("edge-eu?", "nats-eu", "auth-eu", "provisioning-eu", "routing-eu", "records-eu", "dns-eu")),
    Case("all POPs drained in turn", drains=True),
)
_CHOSEN = [name for name in os.environ.get("TRUNKLINE_CHAOS_CASES", "").split(",") if name]
_TRANSPORTS: Sequence[str] = os.environ.get("TRUNKLINE_CHAOS_TRANSPORTS", "udp,tcp").split(",")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("failover")
    platform = Platform(folder / "state", free_loopback(), services="all", links=("us=0", "apac=0"))
    try:
        platform.start()
        yield platform
    finally:
        if platform.process is not None:
            platform.stop()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", _TRANSPORTS)
@pytest.mark.parametrize("case", [case for case in CASES if not _CHOSEN or case.name in _CHOSEN], ids=lambda case: case.name)
def test_what_is_lost(platform: Platform, tmp_path: Path, case: Case, transport: Transport) -> None:
    asyncio.run(_scenario(platform, tmp_path, case, transport))


async def _scenario(platform: Platform, folder: Path, case: Case, transport: Transport) -> None:
    await asyncio.to_thread(wait_for, "all points of presence are in DNS", lambda: _is_led_to_four(platform), timeout_s=60)
    block = 100 * (1 + CASES.index(case)) + 50 * (transport == "tcp")
    flows = [Flow(pop, is_bound, f"+3120640{block + 2 * at + is_bound:04}") for at, pop in enumerate(POPS) for is_bound in (False, True)]
    loading = asyncio.create_task(
        asyncio.to_thread(run, platform, folder, flows, rate=CALLS / len(flows), seconds=SECONDS, transport=transport)
    )
    await asyncio.sleep(BEFORE_S)
    servers = [(f"{platform.loopback}.0.{number}", DNS_PORT) for number in range(1, len(REGIONS) + 1)]
    clients = Clients(platform, servers, f"+3120640{block + 40:04}", transport)
    by_srv, by_a, back = await (_drain_all(platform, clients) if case.drains else _suffer(platform, case, clients))
    counted = await loading
    row = await asyncio.to_thread(_row, platform, case, counted)
    print(
        f"\n{case.name:26} {transport}  calls lost {row.calls_lost}  by their carrier {row.forgotten}  ended twice {row.ended_twice}"
        f"  BYEs lost {row.byes_lost}"
        f"  records lost {row.records_lost}  doubled {row.records_doubled}  open {row.records_open}"
        f"  attempts failed {row.failed} of {row.attempts}  next answer SRV {1000 * by_srv:.0f} ms  A {1000 * by_a:.0f} ms"
        f"  edges back after {back:.1f} s",
        flush=True,
    )
    assert not row.strayed, f"calls of bound names left their region: {row.strayed[:5]}"
    assert row.records_lost == row.records_doubled == 0
    assert row.calls_lost == 0
    assert row.records_open <= row.byes_lost, "calls that were ended have a record that is open"
    assert max(by_srv, by_a) < CLIENT_LIMIT_S, "default names do not answer again"


async def _suffer(platform: Platform, case: Case, clients: Clients) -> tuple[float, float, float]:
    """Seconds from the death on to the next answered call of either client, and until all edges that died answer again."""
    socket = Layout(platform.state).control_socket
    await ask(socket, "kill" if case.is_killed else "hold", list(case.names))
    died_s = time.monotonic()
    found = await asyncio.gather(*(clients.seconds_to_answer(look, CLIENT_LIMIT_S) for look in (clients.by_srv, clients.by_a)))
    if not case.is_killed:
        await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - died_s)))
        await ask(socket, "release", list(case.names))
    dead = [pop for pop in POPS if any(fnmatch.fnmatchcase(f"edge-{pop}", name) for name in case.names)]
    for pop in dead:
        await asyncio.to_thread(
            wait_for, f"{pop} answers", lambda pop=pop: answers_options(platform, pop), timeout_s=BACK_LIMIT_S, every_s=0.1
        )
    return found[0], found[1], time.monotonic() - died_s if dead else 0.0


async def _drain_all(platform: Platform, clients: Clients) -> tuple[float, float, float]:
    """The worst of either client while one after another is drained and taken back; no edge is away."""
    worst = [0.0, 0.0]
    for pop in POPS:
        await asyncio.to_thread(platform.cli, "pop", "drain", pop, "--wait")
        found = await asyncio.gather(*(clients.seconds_to_answer(look, CLIENT_LIMIT_S) for look in (clients.by_srv, clients.by_a)))
        worst = [max(pair) for pair in zip(worst, found, strict=True)]
        await asyncio.to_thread(platform.cli, "pop", "undrain", pop, "--wait")
    return worst[0], worst[1], 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """`calls_lost`: nobody knew them, though their carrier lived; `forgotten`: their carrier was killed. `strayed`: places
    that calls of bound names were at, outside of their region or at another point of presence."""

    attempts: int
    failed: int
    calls_lost: int
    forgotten: int
    ended_twice: int
    byes_lost: int
    records_lost: int
    records_doubled: int
    records_open: int
    strayed: list[str]


def _row(platform: Platform, case: Case, counted: dict[Flow, Counted]) -> Row:
    total = sum(counted.values(), Counted(0, 0, 0, ()))
    twice = ended_before(platform, total.refused)
    forgotten: set[str] = set()
    lost, doubled, still_open = 0, 0, 0
    strayed: list[str] = []
    for flow, calls in counted.items():
        wait_for(
            f"records of {flow}", lambda flow=flow, calls=calls: _is_settled(platform, flow, calls), timeout_s=SETTLED_LIMIT_S, every_s=0.5
        )
        records = records_of(platform, flow.number)
        answered = [record.sip_call_id for record in records if record.outcome in ANSWERED]
        still_open += sum(record.outcome == OPEN for record in records)
        forgotten |= {record.sip_call_id for record in records if case.kills_carrier_of(record)}
        lost += max(0, calls.answered - len(set(answered)))
        doubled += sum(number - 1 for number in Counter(answered).values())
        if flow.is_bound:
            places = {record.pop for record in records} - {flow.pop}
            gateways = {attempt.gateway for record in records for attempt in record.attempts}
            strayed += [*places, *(each for each in gateways if each.partition("/")[2] != POP_REGIONS[flow.pop])]
    return Row(
        total.attempts,
        total.attempts - total.answered,
        len(set(total.refused) - twice - forgotten),
        len(forgotten.intersection(total.refused) - twice),
        len(twice),
        total.answered - total.ended - len(total.refused),
        lost,
        doubled,
        still_open,
        strayed,
    )


def _is_settled(platform: Platform, flow: Flow, calls: Counted) -> bool:
    """Every answered call has a record, and only those whose BYE nobody heard have one that is open."""
    try:
        outcomes = Counter(record.outcome for record in records_of(platform, flow.number))
    except grpc.RpcError:
        return False  # records is not back yet
    byes_lost = calls.answered - calls.ended - len(calls.refused)
    return sum(outcomes[each] for each in ANSWERED) >= calls.answered and outcomes[OPEN] <= byes_lost


def _is_led_to_four(platform: Platform) -> bool:
    try:
        return len(led_to(platform, "acme")) == 4
    except (dns.exception.DNSException, OSError):
        return False  # the case before has just given DNS back
