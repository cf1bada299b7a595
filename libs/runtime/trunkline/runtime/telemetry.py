"""Traces across processes: W3C traceparent in gRPC metadata and in commits, on opentelemetry-sdk.

Spans are made with ids and parents; without `export_to` they go nowhere, yet logs, commits and calls of one request share a trace id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trunkline.runtime.trace_file import TraceFile

TRACE_PARENT = "traceparent"

_PROPAGATOR = TraceContextTextMapPropagator()
_PROVIDER = TracerProvider(resource=Resource.create({"service.namespace": "trunkline"}))
"""Our own, not the global one: a library does not decide for the program."""


Attributes = Mapping[str, str | int | float | bool]


def export_to(path: Path, process: str) -> TraceFile:
    """From now on spans that end are written to that file, under the process's name, until `shutdown` of what is returned. OSError."""
    file = TraceFile(path, process)
    _PROVIDER.add_span_processor(file)
    return file


@contextmanager
def span(
    name: str,
    *,
    parent: str = "",
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[Link] = (),
    attributes: Attributes | None = None,
) -> Iterator[None]:
    """A span around a block; `parent` is a traceparent from elsewhere, or empty for the span that the block stands in."""
    tracer = _PROVIDER.get_tracer("trunkline")
    with tracer.start_as_current_span(name, context=_context(parent), kind=kind, links=links, attributes=attributes):
        yield


def past_span(name: str, *, parent: str, start_ns: int, end_ns: int, attributes: Attributes | None = None) -> str:
    """A span of something that is over, as the child of a traceparent; times are nanoseconds since 1970. Its trace id."""
    made = _PROVIDER.get_tracer("trunkline").start_span(name, context=_context(parent), start_time=start_ns, attributes=attributes)
    made.end(end_ns)
    return trace.format_trace_id(made.get_span_context().trace_id)


def _context(parent: str) -> Context | None:
    return _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else None


def trace_parent() -> str:
    """The traceparent of the span that this runs in, or empty."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(TRACE_PARENT, "")


def trace_parent_of(metadata: Sequence[tuple[str, str | bytes]]) -> str:
    """What a caller sent, or empty."""
    return next((value for key, value in metadata if key == TRACE_PARENT and isinstance(value, str)), "")


def trace_id() -> str:
    """32 hexadecimal digits, or empty outside of a span."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""
