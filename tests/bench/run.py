"""`make bench`: CPU per call beside Kamailio in one interleaved run, acknowledged → enforced, replay.

Options: `--rates 500,2000`, `--seconds 10`, `--rounds 3`, `--jobs ip,digest`, `--only calls,propagation,replay`. Results go to
`.bench/results.json` too. Nothing here is a test: the machine is shared, so read medians and spreads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests")]

import cpu  # noqa: E402
import edge  # noqa: E402
import load  # noqa: E402
import propagation  # noqa: E402
from helpers.platform import Platform, free_loopback  # noqa: E402
from peer.kamailio import ADDRESS, HOST, Kamailio  # noqa: E402

LINKS_MS = (0, 40, 110)
"""One way between the regions; at 0 the links' processes are there all the same."""

JOBS = {
    "ip": ("uac_ip", ("AUTH_IP", "WITH_DIALOG", "WITH_CDR")),
    "digest": ("uac_digest", ("AUTH_DIGEST", "WITH_DIALOG", "WITH_CDR")),
}


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def calls(bench: edge.Bench, folder: Path, rates: list[int], jobs: list[str], *, seconds: int, rounds: int) -> list[dict[str, object]]:
    """Interleaved: every server once a round, at the same rate with the same generator. A run with a failed call is thrown away."""
    edge_pid = bench.platform.refresh()["pids"]["edge-eu1"]
    rows: list[dict[str, object]] = []
    for job in jobs:
        scenario, flags = JOBS[job]
        host = bench.ip_host if job == "ip" else bench.digest_host
        for rate in rates:
            micros: dict[str, list[float]] = defaultdict(list)
            thrown: dict[str, int] = defaultdict(int)
            retransmissions: dict[str, int] = defaultdict(int)
            for number in range(rounds):
                for server in ("trunkline", "kamailio fm", "kamailio qm"):
                    where = folder / f"{job}-{rate}-{number}-{server.replace(' ', '-')}"
                    with load.Gateways(folder):
                        if server == "trunkline":
                            before = cpu.cpu_ns(edge_pid)
                            done = load.run(where, scenario, host, bench.platform.edge("eu1"), bench.users, rate=rate, seconds=seconds)
                            used = cpu.cpu_ns(edge_pid) - before
                        else:
                            with Kamailio(where / "kamailio", allocator=server.split()[1], job=flags) as peer:
                                before = cpu.cpu_ns(peer.pid)
                                done = load.run(where, scenario, HOST, ADDRESS, peer.users, rate=rate, seconds=seconds)
                                used = cpu.cpu_ns(peer.pid) - before
                    retransmissions[server] += done.retransmissions
                    if done.failed or done.calls < rate * seconds:
                        thrown[server] += 1
                        print(f"  thrown away: {server} {job} {rate}/s: {done}", file=sys.stderr)
                        continue
                    micros[server].append(used / 1000 / done.calls)
            peer_micros = statistics.median(micros["kamailio fm"]) if micros["kamailio fm"] else float("nan")
            for server, values in micros.items():
                median = statistics.median(values)
                row = {
                    "job": job,
                    "rate": rate,
                    "server": server,
                    "us_per_call": round(median, 1),
                    "range": [round(min(values), 1), round(max(values), 1)],
                    "ratio_to_kamailio_fm": round(median / peer_micros, 2),
                    "runs": len(values),
                    "thrown_away": thrown[server],
                    "retransmissions": retransmissions[server],
                }
                rows.append(row)
                spread = f"{min(values):.0f}–{max(values):.0f}"
                print(f"  {job:7} {rate:5}/s {server:12} {median:7.1f} µs/call ({spread}) × {row['ratio_to_kamailio_fm']}")
    return rows


def spread(folder: Path, link_ms: int, writes: int) -> list[dict[str, object]]:
    """Acknowledged → enforced at the last of six POPs, with so many milliseconds one way to the other regions."""
    links = (f"us={link_ms}", f"apac={link_ms}")
    platform = Platform(folder / f"propagation-{link_ms}", free_loopback(), links=links)
    platform.start()
    rows: list[dict[str, object]] = []
    try:
        for rate, times in asyncio.run(propagation.curve(platform, [(10, writes), (500, 10 * writes)])):
            row: dict[str, object] = {"link_ms": link_ms, "writes_per_s": rate, "writes": len(times.write), "late_ms": round(times.late, 1)}
            for name, values in (("write_ms", times.write), ("enforced_ms", times.enforced)):
                row[name] = {"p50": round(percentile(values, 0.5), 2), "p99": round(percentile(values, 0.99), 2)}
            row["p50_by_pop"] = {pop: round(percentile(values, 0.5), 2) for pop, values in sorted(times.by_pop.items())}
            rows.append(row)
            print(f"acknowledged → enforced at the last POP, link {link_ms} ms, {rate} writes/s: {row}", flush=True)
    finally:
        platform.stop()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", default="500,2000")
    parser.add_argument("--jobs", default="ip,digest")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--writes", type=int, default=300, help="at 10 a second; ten times as many at 500")
    parser.add_argument("--only", default="calls,propagation,replay")
    options = parser.parse_args()
    folder = ROOT / ".bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    results: dict[str, object] = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    only = options.only.split(",")
    if "propagation" in only:
        results["propagation"] = [row for link_ms in LINKS_MS for row in spread(folder, link_ms, options.writes)]
    if "calls" in only:
        platform = Platform(folder / "state", free_loopback(), pops="eu1")
        platform.start()
        try:
            bench = asyncio.run(edge.provision(platform, folder))
            rates = [int(rate) for rate in options.rates.split(",")]
            results["calls"] = calls(bench, folder, rates, options.jobs.split(","), seconds=options.seconds, rounds=options.rounds)
        finally:
            platform.stop()
    if "replay" in only:
        import replay

        results["replay"] = asyncio.run(replay.measure(folder))
        print(f"replay: {results['replay']}")
    (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
