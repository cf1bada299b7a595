"""What the engine is trained by before it is built for what it is used for (`make pgo`): calls by address and with digest, by UDP and TCP.

`python tests/bench/training.py`; fails where a call does. Which functions are hot is to be learned, not how fast they are: the machine
may be busy.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

import load  # noqa: E402
import servers  # noqa: E402
from load import Load  # noqa: E402

RATE, SECONDS = 300, 10


def main() -> int:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with servers.platform(folder) as bench, load.gateways(folder):
            for transport in ("udp", "tcp"):
                for job, (scenario, _) in servers.JOBS.items():
                    (ours,) = servers.contestants(bench, job, transport, 1, (servers.OURS,))
                    where = folder / f"{job}-{transport}"
                    with ours.open(where) as server:
                        wanted = Load(scenario, server.host, server.target, server.users, RATE, RATE * SECONDS, transport)
                        done = load.run(where, wanted)
                    print(f"{job} over {transport}: {done.calls} calls, {done.failed} failed", flush=True)
                    if done.failed:
                        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
