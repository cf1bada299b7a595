"""The ASGI application: one handler for every line of the table, and one form of error for all that goes wrong."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.rest.answers import json_response, plain
from trunkline.rest.arguments import UPLOADED, repeated, request_id, request_of, write_options
from trunkline.rest.backend import Backend
from trunkline.rest.downloads import file_response
from trunkline.rest.gate import Gate
from trunkline.rest.methods import METHODS, WAIT_APPLIED
from trunkline.rest.openapi import document
from trunkline.rest.problems import Refused, invalid, problem_response
from trunkline.rest.routes import ROUTES, Form, Route
from trunkline.rest.uploads import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, PIECE_BYTES, Uploads, body_of
from trunkline.runtime import telemetry
from trunkline.runtime.errors import Problem, told_to_customers
from trunkline.runtime.logs import logger

KEY_BYTES: Final = 32
WAIT: Final = "wait"
ALL: Final = "all"
"""`?wait=all` or `?wait=eu1,us`: the answer of a write comes when the change is in force there, and says so in `applied`."""
WAIT_S: Final = "wait_s"
HSTS: Final = "max-age=31536000"
DOCUMENT: Final = "/openapi.json"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(slots=True)
class Desk:
    """What every handler needs. `now` is of a clock that only goes on."""

    backend: Backend
    gate: Gate
    uploads: Uploads
    is_https: bool = False
    now: Callable[[], float] = time.monotonic


def make_app(desk: Desk) -> ASGIApp:
    """REST over a desk's services."""
    handlers: list[HttpRoute] = []
    by_path = sorted(ROUTES, key=lambda route: route.path)
    for path, group in groupby(by_path, key=lambda route: route.path):
        routes = {route.verb: route for route in group}
        # Every verb comes here, so that a wrong one gets our form of error.
        handlers.append(HttpRoute(path, _Endpoint(desk, routes)))
    # Of two paths that fit, the one with fewer names in braces is meant.
    handlers.sort(key=lambda each: (each.path.count("{"), each.path))
    described = json_response(document(), 200)

    async def openapi(request: Request) -> Response:
        return _finished(desk, Response(described.body, media_type="application/json"), _own_id())

    handlers.insert(0, HttpRoute(DOCUMENT, openapi, methods=["GET"]))
    return Starlette(routes=handlers, exception_handlers={404: _not_found(desk), 405: _not_allowed(desk)})


class _Endpoint:
    """A path with the verbs that it takes. An ASGI application, so that Starlette takes it for every verb."""

    def __init__(self, desk: Desk, routes: dict[str, Route]) -> None:
        self._desk = desk
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        route = self._routes.get(request.method)
        if route is None:
            allowed = ", ".join(sorted(self._routes))
            problem = Problem("UNIMPLEMENTED", "METHOD_NOT_ALLOWED", f"{request.method} is not for this path.", remedy=f"Use: {allowed}.")
            response = _refusal(self._desk, request, Refused(problem, allow=allowed), _own_id())
        else:
            response = await _answer(self._desk, route, request)
        await response(scope, receive, send)


async def _answer(desk: Desk, route: Route, request: Request) -> Response:
    own_id = _own_id()
    try:
        own_id = request_id(request.headers) or own_id
        parent = request.headers.get(telemetry.TRACE_PARENT, "")
        with telemetry.span(f"{route.verb} {route.path}", parent=parent, kind=SpanKind.SERVER):
            response = await _carried_out(desk, route, request, own_id)
        return _finished(desk, response, own_id)
    except Refused as refused:
        return _refusal(desk, request, refused, own_id)
    except grpc.aio.AioRpcError as error:
        return _refusal(desk, request, Refused(told_to_customers(error)), own_id)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception:  # noqa: BLE001
        # The top loop of a request: a bug of ours must have its answer in the one form, too.
        logger("rest").exception("request failed", route=f"{route.verb} {route.path}", request=own_id)
        problem = Problem("INTERNAL", "INTERNAL", "the service failed; its log has the details", remedy="tell the operator the request id")
        return _refusal(desk, request, Refused(problem), own_id)


async def _carried_out(desk: Desk, route: Route, request: Request, own_id: str) -> Response:
    source = request.client.host if request.client is not None else ""
    key = desk.gate.enter(request.headers.get("authorization", ""), source, desk.now())
    query = [(name, text) for name, text in request.query_params.multi_items() if name not in (WAIT, WAIT_S) or not route.method.is_writing]
    waited = _wanted_wait(route, request)
    try:
        if route.form is Form.UPLOAD:
            answer = await _uploaded(desk, route, request, query, own_id, key, source)
        else:
            body = await body_of(request, MAX_BODY_BYTES) if route.has_body else b""
            options = write_options(request.headers, own_id)
            asked = request_of(route, request.path_params, query, body, options)
            if route.form is Form.DOWNLOAD:
                file = await file_response(desk.backend, route.method, asked, key, source)
                desk.gate.succeeded(key)
                return file
            answer = await _asked(desk, route, asked, key, source)
        if waited is not None and answer["receipt"]["position"] != "0":
            waited.position = int(answer["receipt"]["position"])
            answer["applied"] = [plain(each) for each in await desk.backend.gather(WAIT_APPLIED, waited, key, source)]
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            desk.gate.failed(key, source, desk.now())
        raise
    desk.gate.succeeded(key)
    return json_response(answer, route.success)


async def _asked(desk: Desk, route: Route, asked: Message, key: str, source: str) -> dict[str, Any]:
    backend, method = desk.backend, route.method
    match route.form:
        case Form.STREAM:
            return {"items": [plain(each) for each in await backend.gather(method, asked, key, source)]}
        case Form.ALL_EDGES:
            return await backend.ask_all_edges(method, asked, key, source)
        case Form.ANY_EDGE:
            return plain(await backend.ask_any_edge(method, asked, key, source))
        case _:
            made = _make_key(asked) if route.makes_key else {}
            return plain(await backend.ask(method, asked, key, source)) | made


def _make_key(asked: Any) -> dict[str, str]:
    if asked.key_hash:
        return {}
    key = f"tk_{secrets.token_urlsafe(KEY_BYTES)}"
    asked.key_hash = hashlib.sha256(key.encode()).digest()
    return {"key": key}


async def _uploaded(
    desk: Desk, route: Route, request: Request, query: list[tuple[str, str]], own_id: str, key: str, source: str
) -> dict[str, Any]:
    first = request_of(route, request.path_params, query, b"", write_options(request.headers, own_id))
    # There are few turns, and a body takes its time: a stranger is told to go before he has either.
    asked_first = METHODS[route.asks_first]
    await desk.backend.ask(asked_first, asked_first.request_class(), key, source)
    async with desk.uploads.turn():
        body = await body_of(request, MAX_UPLOAD_BYTES, "text/csv")

        async def pieces() -> AsyncIterator[Message]:
            yield first
            for start in range(0, len(body), PIECE_BYTES):
                piece = base64.b64encode(body[start : start + PIECE_BYTES]).decode()
                yield json_format.ParseDict({UPLOADED: piece}, route.method.request_class())

        return plain(await desk.backend.upload(route.method, pieces(), key, source))


def _wanted_wait(route: Route, request: Request) -> Any:
    """A WaitAppliedRequest without its position, or None. Raises Refused."""
    if not route.method.is_writing:
        return None
    for name in (WAIT, WAIT_S):
        if len(request.query_params.getlist(name)) > 1:
            raise repeated(name)
    limit = request.query_params.get(WAIT_S, "5")
    # Nor is one let pass where nobody waits: whoever gave it meant something.
    if not limit.isascii() or not limit.isdecimal() or len(limit) > 2 or not 0 < int(limit) <= 30:
        raise invalid("TIMEOUT_INVALID", WAIT_S, f"{limit[:20]!r} is not 1 to 30 seconds.")
    where = request.query_params.get(WAIT)
    if where is None:
        return None
    asked: Any = WAIT_APPLIED.request_class()
    if where != ALL:
        asked.pops.extend(name for name in where.split(",") if name)
    asked.timeout.FromSeconds(int(limit))
    return asked


def _own_id() -> str:
    return f"rest-{secrets.token_hex(12)}"


def _refusal(desk: Desk, request: Request, refused: Refused, own_id: str) -> Response:
    return _finished(desk, problem_response(refused, instance=request.url.path, request_id=own_id), own_id)


def _finished(desk: Desk, response: Response, own_id: str) -> Response:
    response.headers.update(_HEADERS)
    response.headers["Request-Id"] = own_id
    if desk.is_https:
        response.headers["Strict-Transport-Security"] = HSTS
    return response


def _not_found(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        problem = Problem("NOT_FOUND", "PATH_UNKNOWN", f"There is no {request.url.path[:200]} here.", remedy=f"{DOCUMENT} lists all paths.")
        return _refusal(desk, request, Refused(problem), _own_id())

    return answer


def _not_allowed(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        problem = Problem("UNIMPLEMENTED", "METHOD_NOT_ALLOWED", f"{request.method} is not for this path.", remedy="Use: GET.")
        return _refusal(desk, request, Refused(problem, allow="GET"), _own_id())

    return answer
