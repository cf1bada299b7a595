"""Spans on disk: one line of JSON each, for `trunkline trace`.

    {"trace_id": "4bf9…", "span_id": "00f0…", "parent_id": "", "name": "edge.apply", "process": "edge-eu1",
     "start_ns": 1795401600000000000, "end_ns": 1795401600001000000, "attributes": {"pop": "eu1"}}

Times are nanoseconds since 1970; `parent_id` is empty for a root. Whoever ends a span only puts it into a queue; a thread writes. What
does not fit, or cannot be written, is lost and counted: a trace is a help, a call is not to wait for it.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from pathlib import Path

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import format_span_id, format_trace_id

QUEUE_LIMIT = 4096
"""Spans that wait for the writer: some MiB, and a second of far more requests than a service answers."""

WRITE_EVERY_S = 0.25
"""How late a span may be on disk, so that writing is one system call for many."""

FILE_LIMIT_BYTES = 16 << 20
"""Then the file becomes `NAME.1`, whose predecessor goes: two of these are the most that traces take."""


class TraceFile(SpanProcessor):
    """Add it to a TracerProvider; end it by `shutdown`, which writes what waits; what ends later goes nowhere. `lost` counts spans that
    should be in the file and are not."""

    def __init__(self, path: Path, process: str, *, queue_limit: int = QUEUE_LIMIT, file_limit_bytes: int = FILE_LIMIT_BYTES) -> None:
        """Makes the folder. Raises OSError where it cannot."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lost = 0
        self._path = path
        self._process = process
        self._queue_limit = queue_limit
        self._file_limit_bytes = file_limit_bytes
        self._queue: deque[ReadableSpan] = deque()
        self._lock = threading.Lock()
        self._is_ended = threading.Event()
        self._told_lost = 0
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: a span is written when it has ended."""

    def on_end(self, span: ReadableSpan) -> None:
        if self._is_ended.is_set():
            return
        if len(self._queue) >= self._queue_limit:
            self.lost += 1
        else:
            self._queue.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Writes what waits, now and on the caller's thread; whether all spans so far are in the file."""
        lost = self.lost
        self._write()
        return self.lost == lost

    def shutdown(self) -> None:
        self._is_ended.set()
        self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._is_ended.wait(WRITE_EVERY_S):
            self._write()

    def _write(self) -> None:
        with self._lock:
            lines: list[bytes] = []
            for _ in range(len(self._queue)):
                lines.append(_line(self._queue.popleft(), self._process))
            if lines:
                try:
                    self._append(b"".join(lines))
                except OSError as error:
                    self.lost += len(lines)
                    self._warn("spans not written", why=str(error))
            if self.lost > self._told_lost:
                self._warn("spans lost", count=self.lost - self._told_lost)
                self._told_lost = self.lost

    def _warn(self, event: str, **fields: str | int) -> None:
        # Loaded when there is something to log: a command that is traced never has, and would wait for it at each start.
        from trunkline.runtime.logs import logger

        logger("traces").warning(event, file=str(self._path), **fields)

    def _append(self, content: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab", buffering=0) as file:
            written = 0
            while written < len(content):
                written += file.write(content[written:])
            is_full = file.tell() >= self._file_limit_bytes
        if is_full:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))


def _line(span: ReadableSpan, process: str) -> bytes:
    context = span.get_span_context()
    assert context is not None, "a span that has ended has a context"
    record = {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
        "parent_id": format_span_id(span.parent.span_id) if span.parent is not None else "",
        "name": span.name,
        "process": process,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "attributes": dict(span.attributes or {}),
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
