"""Logs: one JSON object a line on stderr, and never a secret in it.

Events are lower-case sentences without values (`replica opened`); values are fields (`position=12`). A field whose name says that it holds
a secret is replaced, wherever it stands.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from opentelemetry import trace

# structlog loads rich, where it is installed, for coloured tracebacks on a terminal: a tenth of a second of every start, for nothing.
_IS_RICH_HIDDEN = "rich" not in sys.modules
if _IS_RICH_HIDDEN:
    sys.modules["rich"] = None  # type: ignore[assignment]  # "not there", for an import statement
import structlog  # noqa: E402

if _IS_RICH_HIDDEN:
    del sys.modules["rich"]

SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key", "service_key", "ha1", "nonce_key", "kek")
"""A field whose name contains one of these is not written."""

NESTING_LIMIT = 4
"""Depth to which fields are searched for secrets; deeper values are written by `repr` of their type only."""

HIDDEN = "(hidden)"


def configure_logs(process: str, level: str = "info", stream: Any = None) -> None:
    """Sets up structlog and the standard library's logging (of nats, grpc, asyncio) alike. Call once, before anything logs."""
    output = stream if stream is not None else sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _add_process(process),
        # without local variables: one may be a request with a password in it
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def logger(name: str) -> Any:
    """A logger whose lines carry `logger=name`. One that is made before `configure_logs`, as a module's is, writes as that says all the
    same."""
    return _Logger(name)


class _Logger:
    """Bound at each line: structlog's own keeps to what held when it was bound, which at a module's import is a form for terminals without
    process and with secrets, and its own lazy one cannot have a field of the name `logger`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(structlog.get_logger().bind(logger=self._name), method)


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that replaces what a field's name calls a secret."""
    for key in list(event):
        event[key] = _without_secrets(key, event[key], NESTING_LIMIT)
    return event


def _without_secrets(key: str, value: Any, depth: int) -> Any:
    lowered = key.lower()
    if any(word in lowered for word in SECRET_WORDS):
        return HIDDEN
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, dict):
        if depth == 0:
            return f"({type(value).__name__})"
        return {inner: _without_secrets(str(inner), content, depth - 1) for inner, content in value.items()}
    if isinstance(value, list | tuple):
        if depth == 0:
            return f"({type(value).__name__})"
        return [_without_secrets("", content, depth - 1) for content in value]
    return value


def _add_process(process: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace"] = trace.format_trace_id(context.trace_id)
    return event
