"""CPU and set-up delay over the rate, up to the highest rate at which no call fails; one worker and two, beside Kamailio with as many
children.

On one machine the generator takes processors too: at each rate that fails, the generator alone is asked for the same, and where it cannot
either the row says that the bound is the generator's.
"""

from __future__ import annotations

from contextlib import ExitStack

import load
import servers
from calls import compare
from edge import Bench
from figures import Row
from load import Load
from options import Options
from servers import DIRECT, OURS, PEER

FIRST, LAST = 1000, 40_000
STEP = 1.5
CLOSE = 1.06
"""The search ends when the rate that holds and the one that fails are this close."""

TRIES = 2
"""A rate fails when it failed so often in a row: one hiccup of a shared machine is no bound."""


def measure(options: Options) -> list[Row]:
    rows: list[Row] = []
    for workers in options.workers:
        with servers.platform(options.folder, workers) as bench:
            for job in options.jobs:
                for rate in options.curve:
                    rows += compare(bench, options, job=job, rate=rate, names=(OURS, PEER), workers=workers)
                for name in (OURS, PEER):
                    rows.append(_highest(bench, options, job, name, workers))
                    print(f"  {rows[-1]}", flush=True)
    return rows


def _highest(bench: Bench, options: Options, job: str, name: str, workers: int) -> Row:
    """Up in steps until a rate fails, then between."""
    good, bad = 0, 0
    while (not bad and good < LAST) or (bad and bad > good * CLOSE and bad > FIRST // 4):
        rate = (good + bad) // 2 if bad else int(good * STEP) or FIRST
        problem = ""
        for _ in range(TRIES):
            problem = _try(bench, options, job, name, workers, rate)
            if not problem:
                break
        print(f"    {name}, {job}, {workers} worker(s), {rate}/s: {problem or 'no call failed'}", flush=True)
        if problem:
            bad = rate
        else:
            good = rate
    by = "generator" if bad and _try(bench, options, "ip", DIRECT, workers, bad) else name if bad else "the search"
    return {"job": job, "transport": "udp", "workers": workers, "server": name, "highest_rate": good, "bounded_by": by}


def _try(bench: Bench, options: Options, job: str, name: str, workers: int, rate: int) -> str:
    """What was wrong at this rate, empty for nothing."""
    [each] = servers.contestants(bench, job, "udp", workers, (name,))
    where = options.folder / f"highest-{job}-{workers}-{name.replace(' ', '-')}-{rate}"
    with ExitStack() as stack:
        stack.enter_context(load.gateways(options.folder))
        server = stack.enter_context(each.open(where))
        wanted = Load(servers.JOBS[job][0], server.host, server.target, server.users, rate, rate * options.seconds)
        return load.run(where, wanted).problem(wanted)
