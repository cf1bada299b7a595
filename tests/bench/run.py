"""`make bench`: what the platform costs and how fast it is, beside Kamailio where there is something to compare.

Without `--only` the benches of DEFAULT run, half an hour in all; the others when they are named. `run.py --help` tells all options. Results
are shown as tables and go to `.bench/results.json`, each bench's as soon as it is done. Nothing here is a test: the machine is shared, so
read medians, ranges and ratios.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests")]

import calls  # noqa: E402
import cost  # noqa: E402
import curve  # noqa: E402
import dashboard  # noqa: E402
import options  # noqa: E402
import propagation  # noqa: E402
import records  # noqa: E402
import replay  # noqa: E402
import rest  # noqa: E402
import soak  # noqa: E402
import tables  # noqa: E402
from figures import Row, table  # noqa: E402

BENCHES: dict[str, tuple[Callable[[options.Options], list[Row]], str]] = {
    "cost": (cost.rows, "instructions and allocations of a call in the engine's core, counted"),
    "calls": (calls.measure, "CPU per call and set-up delay over UDP, beside Kamailio and direct"),
    "streams": (calls.measure_streams, "the same with the customer's side over TCP and TLS"),
    "curve": (curve.measure, "the same over the rate, and the highest rate without a failed call; one worker and two"),
    "soak": (soak.measure, "20,000 calls in progress at 500 a second: memory, and whether anything is lost"),
    "propagation": (propagation.rows, "acknowledged → enforced at the last of six POPs, with links of 0, 40 and 110 ms"),
    "tables": (tables.rows, "1,000,000 addresses, 100,000 domains, 200,000 prefixes: memory, filling, look-ups"),
    "rest": (rest.rows, "writes a second over REST, one after another and 32 at once, and the same over gRPC"),
    "records": (records.rows, "1,000,000 call detail records: first pages by filter, usage figures, writing more"),
    "dashboard": (dashboard.measure, "1,000,000 records: first byte of the dashboard's pages, its live page under 200 calls a second"),
    "replay": (replay.rows, "how fast a replica comes up, cold and warm"),
}
DEFAULT = "cost,calls,streams,propagation,replay"


def main() -> int:
    folder = ROOT / ".bench"
    chosen = options.parse(folder, {name: what for name, (_, what) in BENCHES.items()}, DEFAULT)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    results: dict[str, object] = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    for name in chosen.only:
        measure, what = BENCHES[name]
        print(f"{name}: {what}", flush=True)
        began_s = time.monotonic()
        rows = measure(chosen)
        results[name] = rows
        (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        print(f"\n{table(rows)}\n\n({name} took {time.monotonic() - began_s:.0f} s)\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
