"""Tests that need ports, addresses and names of the whole machine: run again by a pytest of its own, in network, mount and process
namespaces that end with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENTER = """mount --bind {resolv} /etc/resolv.conf
ip link set lo up
ip -6 addr flush dev lo
exec {python} -m pytest {options} {inside}
"""
"""Without IPv6, points of presence have one address each, and by SRV there is one way to each."""


def why_not() -> str:
    made = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, timeout=10, check=False)
    return f"no network namespace may be made here, which wants root: {made.stderr.strip()}" if made.returncode else ""


def run_inside(inside: Path, folder: Path, *, limit_s: float) -> None:
    """All tests of that file, whose name pytest does not collect by itself; what it printed where one of them fails."""
    resolv = folder / "resolv.conf"
    resolv.touch()
    options = f"-q --tb=short -p no:cacheprovider -p no:xdist --basetemp={folder / 'inside'}"
    script = ENTER.format(resolv=resolv, python=sys.executable, options=options, inside=inside)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-ec", script]
    try:
        done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"not done within {limit_s} s: {(late.stdout or b'')[-20_000:].decode(errors='replace')}") from late
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
