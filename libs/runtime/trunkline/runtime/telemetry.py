"""Traces across processes: W3C traceparent in gRPC metadata and in commits, on opentelemetry-sdk.

Spans are made with ids and parents; without an exporter they go nowhere, yet logs, commits and calls of one request share a trace id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE_PARENT = "traceparent"

_PROPAGATOR = TraceContextTextMapPropagator()
_PROVIDER = TracerProvider(resource=Resource.create({"service.namespace": "trunkline"}))
"""Our own, not the global one: a library does not decide for the program."""


def provider() -> TracerProvider:
    """For adding an exporter."""
    return _PROVIDER


@contextmanager
def span(name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, links: Sequence[Link] = ()) -> Iterator[None]:
    """A span around a block; `parent` is a traceparent from elsewhere, or empty for the span that the block stands in."""
    context = _PROPAGATOR.extract({TRACE_PARENT: parent}) if parent else None
    with _PROVIDER.get_tracer("trunkline").start_as_current_span(name, context=context, kind=kind, links=links):
        yield


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
