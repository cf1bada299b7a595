"""When a process that died is started again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 5.0
STABLE_S = 10.0
"""Having run so long, a process is started again at once."""


@dataclass(slots=True)
class Backoff:
    """At once after a stable run, for a call may be waiting; then 0.2 s, doubled each time up to 5 s."""

    failures: int = 0

    def delay_s(self, uptime_s: float) -> float:
        """After a process ended that had run for `uptime_s`."""
        if uptime_s >= STABLE_S:
            self.failures = 0
            return 0.0
        delay = min(FIRST_DELAY_S * 2.0 ** min(self.failures, 16), MAX_DELAY_S)
        self.failures += 1
        return delay
