"""Limits at an edge: which calls in progress are counted against which, and whether one more may be placed.

A call is counted when its decision is made, on the engine's thread, and until its end stands in the journal: of this edge, or of another
that has ended it (`trunkline.edge.limit_link`); `trunkline.domain.counted_calls` has the rules. What is counted is kept in a file, which is
written before the journal's lines are acknowledged: so the next run knows what the last one left behind, from the file or from the lines.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from trunkline.domain.class_of_service import Limit, LimitKey
from trunkline.domain.counted_calls import LONGEST_S, OVERDUE_S, CountedCalls
from trunkline.domain.directory import Directory
from trunkline.domain.limit_holder import Holder, Reached
from trunkline.domain.limit_shares import Grant, Report
from trunkline.edge.journal_lines import BEGINS, calls_with, ended_for_others, ended_in
from trunkline.engine import JournalChunk
from trunkline.runtime.logs import logger

_CODES: Final = {Reached.CALLS: "T305", Reached.RATE: "T306"}


class Limits:
    """`directory` gives the one that holds now; `edges` is how many edges there are. `admit` may be called from any thread."""

    def __init__(
        self,
        edge: str,
        edges: int,
        path: Path,
        directory: Callable[[], Directory],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._boot = time.time_ns()
        self._holder = Holder(edge, self._boot, edges)
        self._directory = directory
        self._clock = clock
        self.on_wanted: Callable[[], object] = lambda: None
        """Called, on any thread, when the owner should hear at once."""
        self._lock = threading.Lock()
        self._calls = CountedCalls(self._holder)
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The kernel keeps what a killed process has written; a power cut leaves the journal's lines, which are read again.
        self._file.executescript(
            "pragma journal_mode=wal; pragma synchronous=off;"
            "create table if not exists calls (call text primary key, keys text not null, end_s real not null)"
        )
        self._load()

    def admit(self, call: str, limits: tuple[Limit, ...]) -> tuple[str, str] | None:
        """None: it counts from now on; else code and facts of the refusal."""
        with self._lock:
            was_wanted = self._holder.wants_report
            reached = self._calls.admit(call, limits, self._clock(), time.time())
            is_wanted = self._holder.wants_report and not was_wanted
        if is_wanted:
            self.on_wanted()
        if reached is None:
            return None
        limit, which = reached
        owner = f"the domain {limit.key.domain}" if limit.key.domain else f"the tenant {limit.key.tenant}"
        most = f"{limit.max_calls} calls at a time" if which is Reached.CALLS else f"{limit.max_calls_per_second} calls a second"
        return _CODES[which], f"{owner} may have {most} over all points of presence; this one's share is in use"

    def on_chunk(self, chunk: JournalChunk) -> list[str]:
        """Lines of the journal, before they are acknowledged, in their order; each may come twice. Calls that ended here and were counted
        elsewhere, if at all."""
        is_earlier = int(chunk.segment[:16], 16) < self._boot
        if not self._calls and not is_earlier:
            return ended_for_others(chunk.lines)
        if is_earlier:
            self._restore(chunk.lines)
        else:
            self._keep(chunk.lines)
        self.end(ended_in(chunk.lines))
        return ended_for_others(chunk.lines)

    def end(self, calls: Iterable[str]) -> None:
        """Those that are counted here are over."""
        with self._lock:
            over = self._calls.end(calls)
        if over:
            self._file.executemany("delete from calls where call = ?", [(call,) for call in over])

    def look(self, now_s: float) -> list[str]:
        """Calls whose end may have been told to nobody here: whether they have ended is to be asked. Those that must be over by this Unix
        time count no more."""
        with self._lock:
            overdue, doubtful = self._calls.look(now_s)
        if overdue:
            logger("limits").warning("calls whose end nobody told count no more", calls=len(overdue))
            self.end(overdue)
        return doubtful

    def report(self) -> Report:
        with self._lock:
            return self._holder.report(self._clock())

    def on_grant(self, grant: Grant) -> None:
        with self._lock:
            self._holder.on_grant(self._clock(), grant)
            is_wanted = self._holder.wants_report
        if is_wanted:
            self.on_wanted()

    def close(self) -> None:
        self._file.close()

    def _load(self) -> None:
        with closing(self._file.execute("select call, keys, end_s from calls")) as rows:
            for call, keys, end_s in rows.fetchall():
                self._calls.restore(call, tuple([LimitKey(*key) for key in json.loads(keys)]), end_s)
        if self._calls:
            logger("limits").info("calls of an earlier run are counted", calls=len(self._calls))

    def _keep(self, lines: bytes) -> None:
        """Begun in this run, and counted by `admit`."""
        told = [(call, _end_s(json.loads(line))) for call, line in calls_with(lines, BEGINS) if call in self._calls]
        begun = []
        with self._lock:
            for call, end_s in told:
                keys = self._calls.bound(call, end_s)
                if keys:
                    begun.append((call, keys, end_s))
        self._write(begun)

    def _restore(self, lines: bytes) -> None:
        """Begun in an earlier run, which had not come to write it into the file."""
        begun = []
        for call, line in calls_with(lines, BEGINS):
            fact = json.loads(line)["attempted"]
            domain = self._directory().find_domain(fact.get("tenant", ""), fact.get("domain", ""))
            if call not in self._calls and domain is not None and domain.rules.limits:
                keys = tuple([limit.key for limit in domain.rules.limits])
                begun.append((call, keys, _end_s(json.loads(line))))
        with self._lock:
            for counted in begun:
                self._calls.restore(*counted)
        self._write(begun)

    def _write(self, begun: list[tuple[str, tuple[LimitKey, ...], float]]) -> None:
        if begun:
            rows = [(call, json.dumps(keys), end_s) for call, keys, end_s in begun]
            self._file.executemany("insert or ignore into calls values (?, ?, ?)", rows)


def _end_s(fact: dict[str, Any]) -> float:
    longest_s = int(fact["attempted"].get("max_duration_s", 0)) or LONGEST_S
    return float(int(fact["time_ns"]) / 1e9 + longest_s + OVERDUE_S)
