"""One case of failover: calls go on, something dies, and what became of them is a row. The cases are in `test_failover*.py`."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dns.exception
import grpc
from failover_clients import ATTEMPT_LIMIT_S, DNS_LIMIT_S, Clients
from failover_load import SENT_AGAIN_S, Flow, Seen, ended_before, records_of, run
from helpers.everywhere import answers_options, led_to
from helpers.platform import Platform, wait_for

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.lab.sip.flow import Transport
from trunkline.lab.supervisor.control import ask
from trunkline.lab.supervisor.layout import Layout
from trunkline.lab.supervisor.topology import POP_REGIONS, REGIONS, SPARE

CALLS = int(os.environ.get("TRUNKLINE_CHAOS_CALLS", "200"))
SECONDS = int(os.environ.get("TRUNKLINE_CHAOS_SECONDS", "40"))
"""Of load, for each case."""
BEFORE_S = 6.0
"""Of load before something dies."""
AWAY_S = float(os.environ.get("TRUNKLINE_CHAOS_AWAY_S", "15"))
"""How long it is gone: longer than it takes to be seen, shorter than BYEs are sent again. What it then takes to start comes on top."""
SLACK_S = float(os.environ.get("TRUNKLINE_CHAOS_SLACK_S", "1"))
"""What this machine adds to times that are promised."""
DETECTION_S = 5.0
"""From a death until names lead elsewhere (ADR 17)."""
ANSWER_LIMIT_S = DETECTION_S + DNS_LIMIT_S + ATTEMPT_LIMIT_S
"""From a death until a call that follows DNS is answered: a name server that is dead too is asked in vain once, and the last attempt at
who is dead began just before names led elsewhere."""
OVER_TCP_S = 1.0
"""From an edge's death until a call over TCP is answered, of a client that follows SRV: nobody listens there any more, and it is told so at
once (design §10)."""
FOLLOWERS = 8
"""Clients that follow SRV, where that is measured: of targets of one priority every second client begins with the dead one."""
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

    @property
    def is_of_edges(self) -> bool:
        """Nothing but edges dies."""
        return bool(self.names) and all(name.startswith("edge-") for name in self.names)

    def is_dead(self, pop: str) -> bool:
        """A spare that serves is dead with its address too, until the other takes it."""
        edges = (f"edge-{pop}", f"edge-{pop}{SPARE}")
        return any(fnmatch.fnmatchcase(edge, name) for edge in edges for name in self.names)

    def kills_carrier_of(self, record: Record) -> bool:
        """Whether the gateway that was tried last was a process that died."""
        carriers = [f"carrier-{attempt.gateway.replace('/', '-')}" for attempt in record.attempts[-1:]]
        return any(fnmatch.fnmatchcase(carrier, name) for carrier in carriers for name in self.names)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the death on: until names lead to nobody who is dead, to the next answered call of a client that follows SRV and of one
    that knows A only, and until all edges that died answer again. `since_s`: BYEs sent from then on have to be answered, but for those that
    were given up by `back_s`, when the last edge was back (both Unix time)."""

    elsewhere: float
    by_srv: float
    by_a: float
    back: float
    since_s: float
    back_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """`calls_lost`: nobody knew them, though their carrier lived; `forgotten`: their carrier was killed, and said 481 when it was back, or
    could not be reached (500). `byes_late`: of those in `byes_lost` that went to a dead edge, sent for the last time before it was back.
    `cut_off`: calls that were on a connection which died with its edge. `given_up`: calls that the client never knew to be answered, and
    whose carrier was killed. `open_ended`: their end is known to the client and not in their
    record. `strayed`: places that calls of bound names were at, outside of their region or at another point of presence. `surprises`: what
    the client gave calls up for."""

    attempts: int
    failed: int
    calls_lost: set[str]
    forgotten: set[str]
    ended_twice: set[str]
    byes_lost: set[str]
    byes_late: set[str]
    cut_off: set[str]
    given_up: set[str]
    records_lost: set[str]
    records_doubled: set[str]
    records_open: set[str]
    open_ended: set[str]
    strayed: list[str]
    surprises: Counter[str]


async def scenario(
    platform: Platform, folder: Path, case: Case, transport: Transport, *, pops: tuple[str, ...], block: int, leads_to: int
) -> tuple[Row, Times]:
    """Prints the row, and asserts what holds for every case. Numbers are made of `block`; DNS has to lead to so many points of presence."""
    await asyncio.to_thread(wait_for, "all points of presence are in DNS", lambda: _leads_to(platform, leads_to), timeout_s=60)
    flows = [Flow(pop, is_bound, number(block + 2 * at + is_bound)) for at, pop in enumerate(pops) for is_bound in (False, True)]
    loading = asyncio.create_task(
        asyncio.to_thread(run, platform, folder, flows, rate=CALLS / len(flows), seconds=SECONDS, transport=transport)
    )
    await asyncio.sleep(BEFORE_S)
    regions = {POP_REGIONS[pop] for pop in pops}
    servers = [(f"{platform.loopback}.0.{number}", DNS_PORT) for number, region in enumerate(REGIONS, 1) if region in regions]
    clients = Clients(platform, servers, number(block + 40), transport)
    times = await (_drain_all(platform, clients, pops) if case.drains else _suffer(platform, case, clients, pops, transport))
    seen = await loading
    row = await asyncio.to_thread(_row, platform, case, seen, times)
    print(
        f"\n{case.name:26} {transport}  calls lost {len(row.calls_lost)}  by their carrier {len(row.forgotten)}"
        f"  ended twice {len(row.ended_twice)}  BYEs lost {len(row.byes_lost)}, late {len(row.byes_late)}  cut off {len(row.cut_off)}"
        f"  records lost {len(row.records_lost)}  doubled {len(row.records_doubled)}  open {len(row.records_open)}"
        f"  attempts failed {row.failed} of {row.attempts}  names elsewhere {times.elsewhere:.1f} s"
        f"  next answer SRV {1000 * times.by_srv:.0f} ms  A {1000 * times.by_a:.0f} ms  edges back after {times.back:.1f} s"
        + "".join(f"\n  given up {count} times for {why}" for why, count in row.surprises.most_common(5)),
        flush=True,
    )
    assert not row.strayed, f"calls of bound names left their region: {row.strayed[:5]}"
    assert not row.records_lost and not row.records_doubled, row
    assert not row.calls_lost, row.calls_lost
    assert not row.open_ended, f"calls that were ended have a record that is open: {row.open_ended}"
    lost = row.byes_lost - row.byes_late
    assert not lost, f"BYEs were never answered, though their edge was there: {sorted(lost)[:5]}; given up for {row.surprises}"
    assert not row.byes_late or AWAY_S >= SENT_AGAIN_S, (
        f"{len(row.byes_late)} BYEs were given up before their edge was back, after {times.back:.1f} s: {AWAY_S:.0f} s were asked for"
    )
    still_open = row.records_open - row.byes_late - row.cut_off - row.given_up
    assert not still_open, f"records are open of calls that nobody was kept from ending: {sorted(still_open)[:5]}"
    assert times.elsewhere <= DETECTION_S + SLACK_S, "names lead to who is dead for longer than it takes to see it"
    assert not case.is_of_edges or transport != "tcp" or times.by_srv <= OVER_TCP_S + SLACK_S, "who is refused did not go on at once"
    assert max(times.by_srv, times.by_a) <= ANSWER_LIMIT_S + SLACK_S, "default names do not answer again within the time of detection"
    return row, times


def number(place: int) -> str:
    """By its end the simulated carriers answer it and leave hanging up to the caller."""
    return f"+3120640{place:04}100"


async def _suffer(platform: Platform, case: Case, clients: Clients, pops: tuple[str, ...], transport: Transport) -> Times:
    socket = Layout(platform.state).control_socket
    await ask(socket, "kill" if case.is_killed else "hold", list(case.names))
    died_s, died_unix_s = time.monotonic(), time.time()
    dead = {pop: platform.edge(pop) for pop in pops if case.is_dead(pop)}
    followers = FOLLOWERS if case.is_of_edges and transport == "tcp" else 1
    elsewhere, by_a, *by_srv = await asyncio.gather(
        clients.seconds_to_lead_elsewhere(set(dead), lambda pop: answers_options(platform, pop), CLIENT_LIMIT_S),
        *(clients.seconds_to_answer(look, CLIENT_LIMIT_S) for look in (clients.by_a, *[clients.by_srv] * followers)),
    )
    if not case.is_killed:
        await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - died_s)))
        await ask(socket, "release", list(case.names))
    for pop in dead:
        await asyncio.to_thread(
            wait_for, f"{pop} answers", lambda pop=pop: answers_options(platform, pop), timeout_s=BACK_LIMIT_S, every_s=0.1
        )
    back = time.monotonic() - died_s if dead else 0.0
    # Over TCP the load ends with its connection, and BYEs that were on it are never sent again.
    return Times(elsewhere, max(by_srv), by_a, back, died_unix_s if dead and transport == "tcp" else 0.0, died_unix_s + back)


async def _drain_all(platform: Platform, clients: Clients, pops: tuple[str, ...]) -> Times:
    """The worst of either client while one after another is drained and taken back; no edge is away."""
    worst = [0.0, 0.0]
    for pop in pops:
        await asyncio.to_thread(platform.cli, "pop", "drain", pop, "--wait")
        found = await asyncio.gather(*(clients.seconds_to_answer(look, CLIENT_LIMIT_S) for look in (clients.by_srv, clients.by_a)))
        worst = [max(pair) for pair in zip(worst, found, strict=True)]
        await asyncio.to_thread(platform.cli, "pop", "undrain", pop, "--wait")
    return Times(0.0, worst[0], worst[1], 0.0, 0.0, 0.0)


def _row(platform: Platform, case: Case, seen: dict[Flow, Seen], times: Times) -> Row:
    total = sum(seen.values(), Seen())
    twice = ended_before(platform, total.refused)
    forgotten: set[str] = set()
    lost: set[str] = set()
    doubled: set[str] = set()
    still_open: set[str] = set()
    strayed: list[str] = []
    for flow, calls in seen.items():
        is_settled = partial(_is_settled, platform, case, flow, calls)
        wait_for(f"records of {flow}", is_settled, timeout_s=SETTLED_LIMIT_S, every_s=0.5)
        records = records_of(platform, flow.number)
        count = Counter(record.sip_call_id for record in records if record.outcome in ANSWERED)
        lost |= calls.answered - set(count)
        doubled |= {call for call, number in count.items() if number > 1}
        still_open |= {record.sip_call_id for record in records if record.outcome == OPEN}
        forgotten |= {record.sip_call_id for record in records if case.kills_carrier_of(record)}
        if flow.is_bound:
            places = {record.pop for record in records} - {flow.pop}
            gateways = {attempt.gateway for record in records for attempt in record.attempts}
            strayed += [*places, *(each for each in gateways if each.partition("/")[2] != POP_REGIONS[flow.pop])]
    byes_lost = total.byes_lost(times.since_s)
    byes_late = {call for flow, calls in seen.items() if case.is_dead(flow.pop) for call in byes_lost & calls.given_up(times.back_s)}
    return Row(
        total.attempts,
        total.attempts - len(total.answered),
        set(total.refused - twice - forgotten),
        set(forgotten & total.refused - twice),
        twice,
        byes_lost,
        byes_late,
        set(total.unended - byes_lost),
        forgotten - total.answered,
        lost,
        doubled,
        still_open,
        still_open & (total.ended | total.refused),
        strayed,
        Counter(total.surprises),
    )


def _is_settled(platform: Platform, case: Case, flow: Flow, calls: Seen) -> bool:
    """Every answered call has a record, and none is open of those that the client knows to be over, or never knew to be answered: who has
    given a call up before does not acknowledge its 200, and the carrier hangs up after 32 s (RFC 3261 §13.3.1.4), if it was not killed."""
    try:
        records = records_of(platform, flow.number)
    except grpc.RpcError:
        return False  # records is not back yet
    known = {record.sip_call_id for record in records if record.outcome in ANSWERED}
    still_open = {record.sip_call_id for record in records if record.outcome == OPEN}
    forgotten = {record.sip_call_id for record in records if case.kills_carrier_of(record)}
    return calls.answered <= known and not still_open & (calls.ended | calls.refused) and still_open <= calls.unended | forgotten


def _leads_to(platform: Platform, number: int) -> bool:
    try:
        return len(led_to(platform, "acme")) == number
    except (dns.exception.DNSException, OSError):
        return False  # the case before has just given DNS back
