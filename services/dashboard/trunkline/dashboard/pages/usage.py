"""Usage: calls, ratios and delays over time, after RFC 6076."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.visits import CHOICES, Visit
from trunkline.runtime.listings import each_of

SPANS: Final = {
    "1h": ("last hour", 3600, "minute"),
    "24h": ("last 24 hours", 86_400, "hour"),
    "7d": ("last 7 days", 7 * 86_400, "hour"),
    "30d": ("last 30 days", 30 * 86_400, "day"),
}
DEFAULT_SPAN: Final = "24h"


async def usage(visit: Visit) -> Response:
    span = visit.query("span") if visit.query("span") in SPANS else DEFAULT_SPAN
    _, length_s, interval = SPANS[span]
    request = records_pb2.GetUsageRequest(
        tenant=visit.tenant,
        domain=visit.query("domain"),
        pop=visit.query("pop"),
        interval=interval,
        since=Timestamp(seconds=int(time.time()) - length_s),
    )
    answer, domains, pops = await asyncio.gather(
        visit.ask.records.GetUsage(request), _labels(visit), visit.ask.provisioning.ListPops(pb.ListPopsRequest())
    )
    return visit.show(
        "usage.html",
        total=answer.total,
        intervals=answer.intervals,
        plots=plots(answer.intervals),
        span=span,
        spans=[(key, text) for key, (text, _, _) in SPANS.items()],
        domain=request.domain,
        pop=request.pop,
        domains=domains,
        pops=sorted({each.name for each in pops.pops}),
    )


async def _labels(visit: Visit) -> list[str]:
    domains = each_of(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains", limit=CHOICES)
    return [each.label async for each in domains]


def plots(intervals: Sequence[records_pb2.Usage]) -> list[dict[str, Any]]:
    """For the page's script: what is not known in an interval is a gap, not a nought."""
    times = [each.start_time.seconds for each in intervals]

    def plot(title: str, unit: str, series: list[dict[str, Any]], top: float = 0) -> dict[str, Any]:
        return {"title": title, "data": {"times": times, "unit": unit, "series": series, "top": top}}

    def line(label: str, tone: str, value: Callable[[records_pb2.Usage], float | None], *, is_filled: bool = False) -> dict[str, Any]:
        return {"label": label, "tone": tone, "values": [value(each) for each in intervals], "is_filled": is_filled}

    def known(name: str, scale: float) -> Callable[[records_pb2.Usage], float | None]:
        return lambda each: round(getattr(each, name) * scale, 3) if each.HasField(name) else None

    return [
        plot(
            "Attempts",
            "",
            [
                line("attempts", "live", lambda each: each.attempts, is_filled=True),
                line("answered", "good", lambda each: each.answered),
                line("refused", "bad", lambda each: each.refused),
                line("failed", "busy", lambda each: each.failed),
            ],
        ),
        plot(
            "Answer-seizure ratio",
            " %",
            [line("answered of those that are over", "good", known("answer_seizure_ratio", 100), is_filled=True)],
            100,
        ),
        plot("Average duration", " s", [line("average duration", "live", known("average_duration_ms", 0.001), is_filled=True)]),
        plot(
            "Post-dial delay",
            " ms",
            [
                line("median", "live", known("post_dial_delay_p50_ms", 1)),
                line("95 of 100 below", "busy", known("post_dial_delay_p95_ms", 1)),
            ],
        ),
    ]
