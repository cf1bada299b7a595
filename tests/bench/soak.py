"""Many calls in progress for a long time: the memory of the edge's process minute by minute, and whether anything is lost.

Calls come at a steady rate and are held so long that `held` are in progress at any time. Flat means: once the first calls have ended,
memory grows no more (the slope of the rest, in MB a minute). Nothing lost means: SIPp failed no call, and there is an answered record for
each.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression

import cpu
import load
import servers
from edge import Bench
from figures import Row
from helpers.everywhere import answered_so_far
from load import Load
from options import Options

SAMPLE_S = 1.0
RECORDS_LIMIT_S = 120
"""How long the last records may take to arrive and be folded on a busy machine."""


@dataclass
class Memory:
    """Resident size of a process, in MB, each second since `start`."""

    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self) -> None:
        began_s = time.monotonic()
        while not self._over.wait(SAMPLE_S):
            self.samples.append((time.monotonic() - began_s, resident_mb(self.pid)))

    def by_minute(self) -> list[float]:
        """The highest of each minute."""
        minutes: dict[int, float] = {}
        for at_s, mb in self.samples:
            minutes[int(at_s // 60)] = max(mb, minutes.get(int(at_s // 60), 0.0))
        return [round(minutes[minute], 1) for minute in sorted(minutes)]

    def slope_mb_per_min(self, from_s: float, to_s: float) -> float | None:
        rest = [(at_s / 60, mb) for at_s, mb in self.samples if from_s <= at_s <= to_s]
        return round(linear_regression(*zip(*rest, strict=True)).slope, 3) if len(rest) > 2 else None


def resident_mb(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def measure(options: Options) -> list[Row]:
    with servers.platform(options.folder, is_alone=False) as bench:
        return [_soak(bench, options)]


def _soak(bench: Bench, options: Options) -> Row:
    [each] = servers.contestants(bench, "ip", "udp", 1, (servers.OURS,))
    where = options.folder / "soak"
    hold_ms = 1000 * options.held // options.soak_rate
    with load.gateways(options.folder), each.open(where) as server:
        assert server.pid is not None
        answered_before = answered_so_far(bench.platform)
        calls = int(options.soak_rate * 60 * options.minutes)
        wanted = Load("uac_ip", server.host, server.target, server.users, options.soak_rate, calls, hold_ms=hold_ms)
        memory = Memory(server.pid)
        before_mb = resident_mb(server.pid)
        before_ns = cpu.cpu_ns(server.pid)
        memory.start()
        try:
            done = load.run(where, wanted)
        finally:
            memory.stop()
        used_ns = cpu.cpu_ns(server.pid) - before_ns
    expected = answered_before + done.calls
    deadline_s = time.monotonic() + RECORDS_LIMIT_S
    while answered_so_far(bench.platform) < expected and time.monotonic() < deadline_s:
        time.sleep(0.5)
    # The first calls end after hold_ms, their transactions' last timers (64 × T1) 32 s later: from then on as much goes as comes.
    steady_s = hold_ms / 1000 + 35
    return {
        "rate": options.soak_rate,
        "in_progress": options.held,
        "minutes": options.minutes,
        "calls": done.calls,
        "failed": done.failed,
        "problem": done.problem(wanted),
        "records_missing": expected - answered_so_far(bench.platform),
        "retransmissions": done.retransmissions,
        "us_per_call": round(used_ns / 1000 / max(1, done.calls), 1),
        "mb_before": round(before_mb, 1),
        "mb_by_minute": memory.by_minute(),
        "mb_per_minute_when_steady": memory.slope_mb_per_min(steady_s, wanted.calls / wanted.rate),
    }
