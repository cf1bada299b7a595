"""baresip, pjsua2 and Kamailio find an edge by NAPTR and SRV, and by A only, in a network namespace with a resolv.conf of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).with_name("clients_in_namespace.py")
LIMIT_S = 110
ENTER = """mount --bind {resolv} /etc/resolv.conf
ip link set lo up
ip -6 addr flush dev lo
exec {python} -m pytest {options} {inside}
"""
"""Without IPv6, points of presence have one address each, and by SRV there is one way to each."""


def _why_not() -> str:
    made = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, timeout=10, check=False)
    return made.stderr.strip()


@pytest.mark.skipif(bool(_why_not()), reason=f"no network namespace may be made here, which wants root: {_why_not()}")
def test_clients_find_an_edge_by_name(tmp_path: Path) -> None:
    """All of `clients_in_namespace.py`; what it printed where one of them fails."""
    resolv = tmp_path / "resolv.conf"
    resolv.touch()
    options = f"-q --tb=short -p no:cacheprovider -p no:xdist --basetemp={tmp_path / 'inside'}"
    script = ENTER.format(resolv=resolv, python=sys.executable, options=options, inside=INSIDE)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-ec", script]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
