"""CPU time of a process tree, from the scheduler's own account."""

from __future__ import annotations

from pathlib import Path

import psutil


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a CPU of all threads of `pid` and of its descendants that live now (`/proc/PID/task/*/schedstat`, first field)."""
    root = psutil.Process(pid)
    total = 0
    for process in [root, *root.children(recursive=True)]:
        for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            try:
                total += int(path.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # a thread that ended between the listing and the reading
    return total
