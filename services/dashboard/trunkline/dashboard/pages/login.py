"""Pages before and around a session: login, one-time links, logout."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import grpc.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trunkline.dashboard import people
from trunkline.dashboard.store import Identity
from trunkline.dashboard.visits import Desk, Visit, is_own_path, is_same_origin, source_of, throttled_as
from trunkline.dashboard.web import header_of, page

Endpoint = Callable[[Request], Awaitable[Response]]


class Login:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def login(self, request: Request) -> Response:
        """By name and password, or by an API key."""
        if request.method == "GET":
            return self._shown(request, "")
        if not is_same_origin(request, self._desk):
            return self._shown(request, "this form was sent from another site", HTTPStatus.FORBIDDEN)
        form = await request.form(max_files=0, max_fields=10)
        after = str(form.get("next", ""))
        name, password, key = (str(form.get(field, "")).strip() for field in ("name", "password", "key"))
        name = name.lower()

        def again(message: str, status: int) -> Response:
            return self._login_page(message, after, status, is_by_key=bool(key))

        waits_s = self._wait_s(request, name)
        if waits_s:
            message = f"too many tries: wait {waits_s:.0f} s and try again"
            answer = again(message, HTTPStatus.TOO_MANY_REQUESTS)
            answer.headers["Retry-After"] = f"{waits_s:.0f}"
            return answer
        found = key or await people.check_password(self._desk.store, name, password)
        try:
            identity = await self._desk.services.identify(found) if found else None
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                return again("the platform does not answer now: try again in a moment", HTTPStatus.SERVICE_UNAVAILABLE)
            identity = None
        if identity is None:
            what = (
                "this API key is unknown or revoked"
                if key
                else "this name and password do not belong together, or the account's key was revoked"
            )
            return again(what, HTTPStatus.UNAUTHORIZED)
        self._desk.by_name.forget(name)
        return await self._begin(request, identity, "" if key else name, after if is_own_path(after) else "/")

    async def link(self, request: Request) -> Response:
        """GET only shows a button: whoever looks at links before their owner does (previews, scanners) uses none up."""
        secret = str(request.path_params["secret"])
        if self._wait_s(request, ""):
            return self._shown(request, "too many tries: wait a minute and try again", HTTPStatus.TOO_MANY_REQUESTS)
        if request.method == "GET":
            if await self._desk.store.is_link(secret, time.time()):
                self._desk.by_source.forget(throttled_as(request))
                return page("link.html", {})
            return self._shown(request, _GONE, HTTPStatus.GONE)
        if not is_same_origin(request, self._desk):
            return self._shown(request, "this form was sent from another site", HTTPStatus.FORBIDDEN)
        identity = await self._desk.store.take_link(secret, time.time())
        if identity is None:
            return self._shown(request, _GONE, HTTPStatus.GONE)
        return await self._begin(request, identity, "", "/")

    async def make_link(self, request: Request) -> Response:
        """For programs: a one-time link for whoever has an API key (`authorization: Bearer KEY`)."""
        if self._desk.by_source.take(throttled_as(request), time.time()):
            return JSONResponse({"error": "too many tries"}, HTTPStatus.TOO_MANY_REQUESTS)
        scheme, _, key = header_of(request, "authorization").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return JSONResponse({"error": "send the header 'authorization: Bearer KEY'"}, HTTPStatus.UNAUTHORIZED)
        try:
            identity = await self._desk.services.identify(key)
        except grpc.aio.AioRpcError as error:
            is_wrong = error.code() is grpc.StatusCode.UNAUTHENTICATED
            return JSONResponse({"error": error.details()}, HTTPStatus.UNAUTHORIZED if is_wrong else HTTPStatus.SERVICE_UNAVAILABLE)
        self._desk.by_source.forget(throttled_as(request))
        secret = await self._desk.store.add_link(identity, time.time())
        return JSONResponse({"url": f"{self._desk.settings.public_url}/login/{secret}"})

    def _shown(self, request: Request, message: str, status: int = HTTPStatus.OK) -> Response:
        return self._login_page(message, request.query_params.get("next", ""), status)

    def _login_page(self, message: str, after: str, status: int, *, is_by_key: bool = False) -> Response:
        """`after` is the page that was asked for. With `is_by_key` the form for a key is open: it was the one that was sent."""
        shown = {"message": message, "next": after if is_own_path(after) else "", "is_by_key": is_by_key}
        return page("login.html", shown, status=status)

    async def _begin(self, request: Request, identity: Identity, person: str, where: str) -> Response:
        before = request.cookies.get(self._desk.cookie, "")
        if before:
            await self._desk.store.end_session(before)
        secret = await people.begin(self._desk.store, identity, person, source_of(request), header_of(request, "user-agent"))
        answer = RedirectResponse(where, 303)
        answer.set_cookie(
            self._desk.cookie,
            secret,
            max_age=self._desk.settings.session_limit_s,
            httponly=True,
            samesite="lax",
            secure=self._desk.settings.is_https,
            path="/",
        )
        return answer

    def _wait_s(self, request: Request, name: str) -> float:
        now_s = time.time()
        waits_s = self._desk.by_source.take(throttled_as(request), now_s)
        return waits_s or (self._desk.by_name.take(name, now_s) if name else 0.0)


_GONE = "this link was used already, or its time is over: have a new one made (trunkline dashboard)"


async def logout(visit: Visit) -> Response:
    await visit.desk.store.end_session(visit.session.secret)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(visit.desk.cookie, path="/", httponly=True, samesite="lax", secure=visit.desk.settings.is_https)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer
