"""`trunkline trace`: a command's way to every edge, from the spans that the processes of one machine wrote."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trunkline.cli.connection import surroundings
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, Reading
from trunkline.cli.output import console, print_data

APPLY = "edge.apply"
WAIT_S = 2.0
"""Spans are written a quarter of a second after they have ended."""

LOOK_S = 0.1
Span = Mapping[str, Any]


async def trace(what: str, *, options: Reading = READING) -> None:
    """Shows a command's way from the command line to each edge that applied it, with milliseconds.

    Parameters
    ----------
    what: A position of the log, as a receipt names it, or a trace id of 32 hexadecimal digits.
    """
    around = surroundings()
    folder = around.local.get("traces")
    if not folder:
        raise CommandError(
            "there are no traces to read",
            why="local.json names no folder of traces: they are kept by `make up` on one machine",
            remedy="elsewhere look for the trace id in your tracing system",
        )
    if not re.fullmatch(r"[0-9]{1,20}|[0-9a-f]{32}", what):
        raise CommandError(f"{what!r} is neither a position nor a trace id of 32 hexadecimal digits", code=Exit.USAGE)
    found = _awaited(Path(folder), what, len(around.local.get("pops", {})))
    if not found:
        raise CommandError(
            f"no trace of {what} is on disk",
            why="its spans were rotated away, or the command that wrote it carried no trace",
            code=Exit.NOT_FOUND,
        )
    if options.is_data:
        print_data(options.output, found)
        return
    start_ns = min(span["start_ns"] for span in found)
    console.print(f"trace {found[0]['trace_id']}", style="bold", markup=False)
    for depth, span in tree(found):
        place = f"at {span['attributes']['pop']}" if span["name"] == APPLY else ""
        name = f"{'  ' * depth}{short(span['name'])} {place}".rstrip()
        begins, lasts = (span["start_ns"] - start_ns) / 1e6, (span["end_ns"] - span["start_ns"]) / 1e6
        console.print(f"{begins:9.2f} ms  {lasts:8.2f} ms  {name:60} {span['process']}", markup=False, soft_wrap=True)


def _awaited(folder: Path, what: str, pops: int) -> list[Span]:
    """The spans of one trace; a moment is given to those that are not on disk yet."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = of_trace(read_spans(folder), what)
        is_whole = sum(span["name"] == APPLY for span in found) >= pops
        if is_whole or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_S)


def read_spans(folder: Path) -> list[Span]:
    """Every whole line of every file; a line that is being written is left for the next time."""
    spans: list[Span] = []
    for path in sorted(folder.glob("*.jsonl*")):
        for line in path.read_text(errors="replace").splitlines():
            try:
                span = json.loads(line)
            except ValueError:
                continue
            if isinstance(span, dict):
                spans.append(span)
    return spans


def of_trace(spans: Sequence[Span], what: str) -> list[Span]:
    """By trace id, or by the position that an edge applied."""
    trace_ids = (
        {what}
        if len(what) == 32
        else {span["trace_id"] for span in spans if span["name"] == APPLY and str(span["attributes"].get("position")) == what}
    )
    return [span for span in spans if span["trace_id"] in trace_ids]


def tree(spans: Sequence[Span]) -> Iterable[tuple[int, Span]]:
    """(depth, span), parents before their children, each level by time. A span whose parent is not there is a root."""
    ids = {span["span_id"] for span in spans}
    children: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda each: each["start_ns"]):
        children.setdefault(span["parent_id"] if span["parent_id"] in ids else "", []).append(span)
    left = [(0, span) for span in reversed(children.get("", []))]
    while left:
        depth, span = left.pop()
        yield depth, span
        left += [(depth + 1, child) for child in reversed(children.get(span["span_id"], []))]


def short(name: str) -> str:
    """`/trunkline.api.provisioning.v1.ProvisioningService/AddAddress` without what every method has."""
    return name.rsplit(".", 1)[-1] if name.startswith("/") else name
