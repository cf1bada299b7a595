"""Pages from templates: the environment, its filters, and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script or style anywhere: what comes in by SIP cannot become either."""


def _when(time: Timestamp | None) -> str:
    """`2026-11-28 13:05:09 UTC`; a dash for what has not happened."""
    if time is None or (time.seconds == 0 and time.nanos == 0):
        return "–"
    return time.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _moment(time: Timestamp) -> str:
    """`2026-11-28 13:05:09`, under a head that says UTC."""
    return _when(time).removesuffix(" UTC")


def _clock(time: Timestamp) -> str:
    return time.ToDatetime(tzinfo=UTC).strftime("%H:%M:%S.%f")[:-3]


def _minute(time: Timestamp) -> str:
    """Of today: the clock alone."""
    moment, now = time.ToDatetime(tzinfo=UTC), datetime.now(UTC)
    return moment.strftime("%H:%M UTC" if moment.date() == now.date() else "%Y-%m-%d %H:%M UTC")


def _ago(time: Timestamp) -> str:
    seconds = max(datetime.now(UTC).timestamp() - time.seconds, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def money(micros: int, currency: str = "") -> str:
    """Millionths of a unit, without zeros that say nothing."""
    text = f"{micros / 1e6:.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{whole}.{part:0<2} {currency}".rstrip()


def _duration(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def user_agent(agent: str) -> str:
    """The browser and the system of a User-Agent, as its owner would know them again; else the beginning of what it says."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part) or agent[:40] or "unknown"


_BROWSERS: Final = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip
"""In the order in which they are looked for: most say that they are others too."""


def _number(number: str) -> str:
    """E.164 as people read it."""
    return f"+{number}" if number.isdigit() else number


def phrase(status: int) -> str:
    """As RFC 3261 section 21 says it; empty for others, whose carrier's own words stand in its message alone."""
    return _PHRASES.get(status, "")


_PHRASES: Final = {
    400: "Bad Request", 403: "Forbidden", 404: "Not Found", 408: "Request Timeout", 410: "Gone", 480: "Temporarily Unavailable",
    484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out", 600: "Busy Everywhere", 603: "Decline",
    604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters |= {
        "when": _when, "moment": _moment, "clock": _clock, "minute": _minute, "ago": _ago, "money": money, "duration": _duration,
        "number": _number, "phrase": phrase, "json": lambda value: json.dumps(value, ensure_ascii=False),
    }  # fmt: skip
    return found


_TEMPLATES: Final = _environment()


def fragment(template: str, values: Mapping[str, Any]) -> str:
    return _TEMPLATES.get_template(template).render(**values)


def page(template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    return HTMLResponse(fragment(template, values), status)


def header_of(request: Request, name: str) -> str:
    return request.headers.get(name, "")


class Guards:
    """Around everything: the right host, a bound on what is sent, and the headers of every answer."""

    def __init__(self, app: ASGIApp, *, host: str, is_https: bool, large: Sequence[str] = ()) -> None:
        """`large`: paths whose bodies may be larger."""
        self._app = app
        self._host = host.lower()
        self._is_https = is_https
        self._large = tuple(large)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if header_of(request, "host").lower() != self._host:
            await Response("this dashboard is not reached under that name\n", 421)(scope, receive, send)
            return
        limit = LARGE_BODY_BYTES if scope["path"].startswith(self._large or ("\0",)) else BODY_BYTES
        if not _is_short(header_of(request, "content-length"), header_of(request, "transfer-encoding"), limit):
            await Response(f"a form has at most {limit} bytes\n", 413)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
                if self._is_https:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, with_headers)


BODY_BYTES: Final = 64 << 10
LARGE_BODY_BYTES: Final = 64 << 20
"""Of a form; of an uploaded route deck."""


def _is_short(length: str, encoding: str, limit: int) -> bool:
    """A body without a length is one that we do not know the end of."""
    return not encoding and (not length or (length.isascii() and length.isdigit() and int(length) <= limit))
