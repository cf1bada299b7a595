"""Usage: calls, ratios and delays over time, after RFC 6076."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.forms import quoted
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
        figures=figures(answer.total),
        metrics=metrics(answer.total),
        columns=COLUMNS,
        rows=[(each.start_time, cells(each)) for each in answer.intervals if each.attempts],
        interval=interval,
        plots=plots(answer.intervals),
        span=span,
        spans=[(key, text) for key, (text, _, _) in SPANS.items()],
        domain=request.domain,
        pop=request.pop,
        domains=domains,
        pops=sorted({each.name for each in pops.pops}),
        command=visit.cli("usage", f"--since {span}", f"--interval {interval}", *_options(visit), "-o wide"),
    )


def _options(visit: Visit) -> list[str]:
    return [f"--{name} {quoted(visit.query(name))}" for name in ("domain", "pop") if visit.query(name)]


@dataclass(frozen=True, slots=True)
class Metric:
    """One of RFC 6076's, for people."""

    name: str
    value: str
    how: str
    section: str


def metrics(usage: records_pb2.Usage) -> list[Metric]:
    """As records computes them; docs/records.md says it too."""
    delays = f"{_milliseconds(usage, 'post_dial_delay_p50_ms')}, {_milliseconds(usage, 'post_dial_delay_p95_ms')}"
    over = "attempts that are over"
    return [
        Metric(
            "SRD, post-dial delay",
            delays,
            "from the INVITE to the first provisional answer but 100, or to the 200: median, 95 of 100",
            "4.3.1",
        ),
        Metric("SDT, average duration", _seconds(usage), "from the 200 to the BYE, of calls whose end was told", "4.5.1"),
        Metric("SER", _percent(usage, "session_establishment_ratio"), f"answered ÷ ({over} − those answered 3xx)", "4.6"),
        Metric(
            "SEER",
            _percent(usage, "session_establishment_effectiveness_ratio"),
            f"answered, or 480, 486, 600, 603 ÷ ({over} − those answered 3xx)",
            "4.7",
        ),
        Metric("ISA", _percent(usage, "ineffective_session_attempts"), f"408, 500, 503, 504 ÷ {over}", "4.8"),
        Metric("SCR", _percent(usage, "session_completion_ratio"), f"answered and ended by a BYE ÷ {over}", "4.9"),
    ]


def figures(usage: records_pb2.Usage) -> list[tuple[str, str]]:
    return [
        (str(usage.attempts), "attempts"),
        (str(usage.answered), "answered"),
        (str(usage.refused), "refused by rule"),
        (str(usage.failed), "failed at carriers"),
        (str(usage.cancelled), "cancelled by the caller"),
        (_percent(usage, "answer_seizure_ratio"), "answer-seizure ratio"),
        (_seconds(usage), "average duration"),
        (_milliseconds(usage, "post_dial_delay_p50_ms"), "post-dial delay, median"),
    ]


COLUMNS: Final = ("Attempts", "Answered", "Refused", "Failed", "Cancelled", "ASR", "SER", "SEER", "ISA", "SCR", "Duration", "PDD")


def cells(usage: records_pb2.Usage) -> list[str]:
    return [
        *(str(count) for count in (usage.attempts, usage.answered, usage.refused, usage.failed, usage.cancelled)),
        *(_percent(usage, name) for name in ("answer_seizure_ratio", *_RATIOS)),
        _seconds(usage),
        _milliseconds(usage, "post_dial_delay_p50_ms"),
    ]


_RATIOS: Final = (
    "session_establishment_ratio",
    "session_establishment_effectiveness_ratio",
    "ineffective_session_attempts",
    "session_completion_ratio",
)


def _percent(usage: records_pb2.Usage, name: str) -> str:
    return f"{100 * getattr(usage, name):.1f} %" if usage.HasField(name) else "–"


def _seconds(usage: records_pb2.Usage) -> str:
    return f"{usage.average_duration_ms / 1000:.1f} s" if usage.HasField("average_duration_ms") else "–"


def _milliseconds(usage: records_pb2.Usage, name: str) -> str:
    return f"{getattr(usage, name)} ms" if usage.HasField(name) else "–"


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
        plot(
            "Session ratios",
            " %",
            [
                line("established (SER)", "good", known("session_establishment_ratio", 100)),
                line("completed (SCR)", "live", known("session_completion_ratio", 100)),
                line("ineffective (ISA)", "bad", known("ineffective_session_attempts", 100)),
            ],
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
