"""A call's cost and its set-up delay, beside Kamailio: the same generator, the same rate, in turn.

CPU is that of the server's whole process tree over a run, divided by the calls of the run. The set-up delay is INVITE → 180, of the probe's
calls in microseconds and of SIPp's in whole milliseconds; `direct` is the same without a server, and what a server adds is the difference.
A run in which the generator failed a call or was late is thrown away, and said so. Each run follows a warm-up by the same load, after
which every call that begins takes the place of one that is forgotten.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cpu
import edge
import load
import servers
from figures import Row, percentile, ratio
from load import Load, Outcome
from options import Options
from probe import Probe
from servers import DIRECT, OURS, PEER


@dataclass
class Figures:
    """Of one server in all rounds that count."""

    us_per_call: list[float] = field(default_factory=list)
    setup_us: list[float] = field(default_factory=list)
    setup_ms: list[float] = field(default_factory=list)
    runs: int = 0
    thrown_away: int = 0
    retransmissions: int = 0
    probes_lost: int = 0


def measure(options: Options) -> list[Row]:
    """Rows of UDP: each job at each rate, ours, Kamailio tuned and as it comes, and nobody."""
    with servers.platform(options.folder) as bench:
        rows = []
        for job in options.jobs:
            for rate in options.rates:
                names = (OURS, PEER, "kamailio qm", *((DIRECT,) if job == "ip" else ()))
                rows += compare(bench, options, job=job, rate=rate, names=names)
        return rows


def measure_streams(options: Options) -> list[Row]:
    """The same with the customer's side over TCP and TLS, one connection; the gateway's side stays UDP."""
    with servers.platform(options.folder) as bench:
        return [
            row
            for transport in options.transports
            for job in options.jobs
            for rate in options.rates
            for row in compare(bench, options, job=job, rate=rate, names=(OURS, PEER), transport=transport)
        ]


def compare(
    bench: edge.Bench, options: Options, *, job: str, rate: int, names: tuple[str, ...], transport: str = "udp", workers: int = 1
) -> list[Row]:
    """Interleaved: every server once a round."""
    found: dict[str, Figures] = defaultdict(Figures)
    for number in range(options.rounds):
        for each in servers.contestants(bench, job, transport, workers, names):
            where = options.folder / f"{job}-{transport}-{workers}-{rate}-{number}-{each.name.replace(' ', '-')}"
            with load.gateways(options.folder), each.open(where) as server:
                _one(where, server, job, rate, options, transport, found[each.name])
    peer_us = _median(found[PEER].us_per_call) if PEER in found else None
    direct_us = found[DIRECT].setup_us if DIRECT in found else []
    rows = [_row(name, figures, peer_us, direct_us) for name, figures in found.items()]
    told = [{"job": job, "transport": transport, "workers": workers, "rate": rate, **row} for row in rows]
    for row in told:
        print("  " + ", ".join(f"{key} {value}" for key, value in row.items() if value not in (None, 0)), flush=True)
    return told


def _one(where: Path, server: servers.Server, job: str, rate: int, options: Options, transport: str, figures: Figures) -> None:
    wanted = Load(servers.JOBS[job][0], server.host, server.target, server.users, rate, rate * options.seconds, transport)
    if options.warm_up and server.pid:
        load.run(where / "warm-up", replace(wanted, calls=rate * options.warm_up))
    probe = Probe(server.host, server.target) if transport == "udp" else None
    before_ns = cpu.cpu_ns(server.pid) if server.pid else 0
    if probe:
        probe.start()
    try:
        done: Outcome = load.run(where, wanted)
    finally:
        if probe:
            probe.stop()
    used_ns = cpu.cpu_ns(server.pid) - before_ns if server.pid else 0
    figures.retransmissions += done.retransmissions
    if problem := done.problem(wanted):
        figures.thrown_away += 1
        print(f"  thrown away: {server.name} {job} {transport} {rate}/s: {problem}", file=sys.stderr, flush=True)
        return
    figures.runs += 1
    figures.setup_ms += done.setup_ms
    if server.pid:
        figures.us_per_call.append(used_ns / 1000 / (done.calls + (probe.calls if probe else 0)))
    if probe:
        figures.setup_us += probe.setup_us
        figures.probes_lost += probe.lost


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 1) if values else None


def _row(name: str, figures: Figures, peer_us: float | None, direct_us: list[float]) -> Row:
    us = figures.us_per_call
    row: Row = {"server": name, "us_per_call": _median(us), "range": [round(min(us), 1), round(max(us), 1)] if us else None}
    row["ratio_to_kamailio_fm"] = ratio(row["us_per_call"], peer_us)
    for share in (50, 99):
        row[f"setup_us_p{share}"] = percentile(figures.setup_us, share)
        row[f"added_us_p{share}"] = None
        if direct_us and figures.setup_us and name != DIRECT:
            row[f"added_us_p{share}"] = round(percentile(figures.setup_us, share) - percentile(direct_us, share), 1)
    for share in (50, 99):
        row[f"sipp_setup_ms_p{share}"] = percentile(figures.setup_ms, share)
    row |= {"runs": figures.runs, "thrown_away": figures.thrown_away, "retransmissions": figures.retransmissions}
    return row | {"probes": len(figures.setup_us), "probes_lost": figures.probes_lost}
