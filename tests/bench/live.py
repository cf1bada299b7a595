"""The dashboard's live page at 200 calls a second: whether it keeps up, with one page open and with ten.

SIPp's calls go through a real edge; pages hold their event stream open. A page shows the newest attempts, twice a second at most: a call
is counted where it got a row at all, from its INVITE at the edge to the row's arrival. `newest` is the age of the newest row of each event:
where a page falls behind, it grows. Beside them one client follows the same records over gRPC (WatchCalls), which tells every call.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import cpu
import load
import pages
import servers
from edge import TENANT, Bench
from figures import Row, percentile
from helpers.platform import wait_for
from helpers.platform_grpc import channel
from load import Load
from options import Options

from trunkline.api.records.v1.records_pb2 import WatchCallsRequest
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub

RATE: Final = 200
SECONDS: Final = 30
OPEN: Final = (1, 10)
HOLD_MS: Final = 1000
END_LIMIT_S: Final = 60.0
"""For the last call to be shown as what became of it."""

_ROW: Final = re.compile(r'href="/calls/([0-9a-f]{32})">.*?<time [^>]*datetime="([^"]+)"', re.DOTALL)


@dataclass
class Page:
    """What one client saw. `seen` has for each call that got a row the milliseconds from its INVITE to there, `newest` for each event its
    seconds since the start and the age of its newest row."""

    seen: dict[str, float] = field(default_factory=dict)
    newest: list[tuple[float, float]] = field(default_factory=list)
    latest: str = ""

    def take(self, began_ns: int, now_ns: int, event: str) -> None:
        rows = [(call, _unix_ns(at)) for call, at in _ROW.findall(event)]
        fresh = [(call, at_ns) for call, at_ns in rows if at_ns >= began_ns]
        if not fresh:
            return
        for call, at_ns in fresh:
            self.seen.setdefault(call, (now_ns - at_ns) / 1e6)
        self.latest = max(fresh, key=lambda row: row[1])[0]
        self.newest.append(((now_ns - began_ns) / 1e9, (now_ns - max(at_ns for _, at_ns in fresh)) / 1e6))


@dataclass
class Watch:
    """What WatchCalls told: of each call the milliseconds from its INVITE to the first word of it."""

    seen: dict[str, float] = field(default_factory=dict)
    skipped: int = 0
    latest: tuple[int, str] = (0, "")


def rows(bench: Bench, options: Options, cookie: str) -> list[Row]:
    return [_measure(bench, options, cookie, number) for number in OPEN]


def _measure(bench: Bench, options: Options, cookie: str, number: int) -> Row:
    where = options.folder / f"live-{number}"
    base = str(bench.platform.local["dashboard"])
    seen = [Page() for _ in range(number)]
    watch = Watch()
    over = threading.Event()
    began_ns = time.time_ns()
    threads = [threading.Thread(target=_look, args=(page, base, cookie, began_ns, over), daemon=True) for page in seen]
    threads.append(threading.Thread(target=lambda: asyncio.run(_watch(bench, watch, began_ns, over)), daemon=True))
    for thread in threads:
        thread.start()
    pids = bench.platform.refresh()["pids"]
    before = {name: cpu.cpu_ns(pids[name]) for name in ("dashboard-eu", "records-eu")}
    [ours] = servers.contestants(bench, "ip", "udp", 1, (servers.OURS,))
    with load.gateways(options.folder), ours.open(where) as server:
        wanted = Load("uac_ip", server.host, server.target, server.users, RATE, RATE * SECONDS, hold_ms=HOLD_MS)
        done = load.run(where, wanted)
    ended_s = time.monotonic()
    used = {name: (cpu.cpu_ns(pids[name]) - ns) / 1e9 for name, ns in before.items()}
    wait_for("each call is told", lambda: len(watch.seen) + watch.skipped >= done.calls, timeout_s=END_LIMIT_S)
    wait_for("pages show the last call", lambda: all(page.latest == watch.latest[1] for page in seen), timeout_s=END_LIMIT_S)
    lag_s = time.monotonic() - ended_s
    over.set()
    for thread in threads:
        thread.join()
    delays = [ms for page in seen for ms in page.seen.values()]
    third_s = (SECONDS + HOLD_MS / 1000) / 3
    row: Row = {"pages": number, "calls": done.calls, "problem": done.problem(wanted), "rows_a_page": len(delays) // number}
    row |= {f"row_ms_p{share}": percentile(delays, share) for share in (50, 99)}
    row |= {f"newest_ms_p{share}": percentile([ms for page in seen for _, ms in page.newest], share) for share in (50, 99)}
    thirds = [[ms for page in seen for at_s, ms in page.newest if int(at_s / third_s) == part] for part in range(3)]
    row["newest_ms_by_third"] = [percentile(ages, 50) for ages in thirds]
    row |= {"watch_calls": len(watch.seen), "watch_skipped": watch.skipped}
    row |= {f"watch_ms_p{share}": percentile(list(watch.seen.values()), share) for share in (50, 99)}
    row |= {"lag_at_end_s": round(lag_s, 2)} | {f"cpu_s_{name.partition('-')[0]}": round(s, 1) for name, s in used.items()}
    print(f"  {row}", flush=True)
    return row


def _look(page: Page, base: str, cookie: str, began_ns: int, over: threading.Event) -> None:
    with pages.events(base, "/events/calls", cookie) as events:
        for now_ns, event in events:
            if over.is_set():
                return
            page.take(began_ns, now_ns, event)


async def _watch(bench: Bench, watch: Watch, began_ns: int, over: threading.Event) -> None:
    async def follow() -> None:
        async with channel(bench.platform, "records-eu") as opened:
            async for answer in RecordsServiceStub(opened).WatchCalls(WatchCallsRequest(tenant=TENANT)):
                now_ns = time.time_ns()
                watch.skipped += answer.skipped
                at_ns = answer.record.setup_time.ToNanoseconds()
                if answer.HasField("record") and at_ns >= began_ns and answer.record.call not in watch.seen:
                    watch.seen[answer.record.call] = (now_ns - at_ns) / 1e6
                    watch.latest = max(watch.latest, (at_ns, answer.record.call))

    following = asyncio.create_task(follow())
    await asyncio.to_thread(over.wait)
    following.cancel()
    await asyncio.wait({following})


def _unix_ns(text: str) -> int:
    """Of RFC 3339, in microseconds at best."""
    return int(datetime.fromisoformat(text).timestamp() * 1e6) * 1000
