"""From the command to this edge: a span for each commit that it applied, as the command's child.

The log's feed may be there before the parts that make spans are loaded; until `emit` is set what is applied is not told.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping

from trunkline.eventlog.log import StoredCommit

KEPT = 4096
"""Commits whose trace is known: a receipt asks for what was written a moment ago."""

WAITING = 4096
"""Commits that were read and are not applied yet; a replay brings more, and nobody waits for their traces."""

Emit = Callable[..., str]
"""`trunkline.runtime.telemetry.past_span`."""

_PARENT_FIELDS = 4
_TRACE_ID_DIGITS = 32


class AppliedTraces:
    """Belongs to the event loop. `emit` may be set later."""

    def __init__(self, pop: str, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.emit: Emit | None = None
        self._pop = pop
        self._now_ns = now_ns
        self._waiting: deque[tuple[int, str, int]] = deque(maxlen=WAITING)
        self._known: OrderedDict[int, str] = OrderedDict()

    def on_commit(self, stored: StoredCommit) -> None:
        """Read from the log, not applied yet."""
        if stored.commit.trace_parent:
            self._waiting.append((stored.position, stored.commit.trace_parent, self._now_ns()))

    def on_applied(self, position: int) -> None:
        """The engine's tables cover everything up to here."""
        end_ns = self._now_ns() if self._waiting else 0
        while self._waiting and self._waiting[0][0] <= position:
            at, parent, start_ns = self._waiting.popleft()
            self._known[at] = trace_id_of(parent)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
            if self.emit is not None:
                attributes: Mapping[str, str | int] = {"pop": self._pop, "position": at}
                self.emit("edge.apply", parent=parent, start_ns=start_ns, end_ns=end_ns, attributes=attributes)

    def trace_id(self, position: int) -> str:
        """Of the command behind the commit at this position; empty where it had none, or where that is long ago."""
        return self._known.get(position, "")


def trace_id_of(parent: str) -> str:
    """From a W3C traceparent (version 00): `00-<trace id>-<span id>-<flags>`; empty for anything else."""
    fields = parent.split("-")
    return fields[1] if len(fields) == _PARENT_FIELDS and len(fields[1]) == _TRACE_ID_DIGITS else ""
