"""Who is looking at which page: session and CSRF token are checked here, once, before any handler of a page runs."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import grpc.aio
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trunkline.api.common.v1 import common_pb2
from trunkline.dashboard.sealing import csrf_of
from trunkline.dashboard.services import Asker, Services
from trunkline.dashboard.settings import DashboardSettings
from trunkline.dashboard.store import Session, Store
from trunkline.dashboard.web import header_of, page
from trunkline.runtime.buckets import Buckets, one_source
from trunkline.runtime.errors import Problem, told_to_customers

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
FEEDS: Final = "/events/"
"""Pages connect to these by themselves, again and again: that is no sign of whoever is logged in."""
MAX_FIELDS: Final = 100
ROWS: Final = 2000
"""Of a listing that a page shows whole; the commands show the rest."""
CHOICES: Final = 200
"""Of a drop-down list."""

_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "INVALID_ARGUMENT": HTTPStatus.UNPROCESSABLE_ENTITY,
    "FAILED_PRECONDITION": HTTPStatus.CONFLICT,
    "ALREADY_EXISTS": HTTPStatus.CONFLICT,
    "ABORTED": HTTPStatus.CONFLICT,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "DEADLINE_EXCEEDED": HTTPStatus.SERVICE_UNAVAILABLE,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
}


def status_of(problem: Problem) -> HTTPStatus:
    return _STATUS.get(problem.code, HTTPStatus.INTERNAL_SERVER_ERROR)


class Wrong(Exception):
    """What somebody wrote, or asked for, that is no good; told at `field` where it has a name."""

    def __init__(self, field: str, message: str, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.problem = Problem(code, "", message, field=field)


@dataclass(frozen=True, slots=True)
class Desk:
    """What all requests share."""

    settings: DashboardSettings
    store: Store
    services: Services
    by_source: Buckets
    by_name: Buckets

    @property
    def cookie(self) -> str:
        """A __Host- cookie comes from this host, over TLS, and from nobody else."""
        return "__Host-trunkline" if self.settings.is_https else "trunkline"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is logged in. `form` is empty for GET."""

    request: Request
    desk: Desk
    session: Session
    ask: Asker
    form: FormData

    @property
    def tenant(self) -> str:
        """Whose pages these are, for the requests that name it."""
        return self.session.tenant

    @property
    def is_operator(self) -> bool:
        return self.session.identity.is_operator

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return header_of(self.request, "hx-request") == "true" and header_of(self.request, "hx-boosted") != "true"

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def value(self, name: str) -> str:
        """Of a form's field."""
        found = self.form.get(name, "")
        return found.strip() if isinstance(found, str) else ""

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default).strip()

    def show(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """The template with what every page needs."""
        return page(template, self.common() | values, status=status)

    def common(self) -> dict[str, Any]:
        return {
            "visit": self,
            "path": self.request.url.path,
            "csrf": csrf_of(self.session.secret),
            "notice": {"text": "", "position": 0, "time_ns": 0} | self.session.notice,
            "cli": self.cli,
        }

    def cli(self, *words: str) -> str:
        """The command line that does or shows the same; words that are not ours must be quoted already."""
        rest = ["--as-operator", *(["--tenant", self.tenant] if self.tenant else [])] if self.is_operator else []
        return " ".join([self.desk.settings.cli, *words, *rest])

    async def go(self, where: str, said: str = "", receipt: common_pb2.Receipt | None = None) -> Response:
        """On to another page, which says what was done and follows its receipt."""
        notice: dict[str, Any] = {"text": said} if said else {}
        if receipt is not None and receipt.position:
            notice |= {"position": receipt.position, "time_ns": receipt.time.ToNanoseconds()}
        if notice:
            await self.desk.store.set_notice(self.session.secret, notice)
        if self.is_fragment:
            return Response(status_code=204, headers={"HX-Redirect": where})
        return RedirectResponse(where, 303)


Handler = Callable[[Visit], Awaitable[Response]]


def write_options() -> common_pb2.WriteOptions:
    return common_pb2.WriteOptions(request_id=secrets.token_hex(16))


def guarded(desk: Desk, handler: Handler, *, is_for_operators: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind the checks: a session, its CSRF token where something is changed, and the role."""

    async def endpoint(request: Request) -> Response:
        secret = request.cookies.get(desk.cookie, "")
        is_seen = not request.url.path.startswith(FEEDS)
        session = await desk.store.session(secret, time.time(), is_seen=is_seen) if secret else None
        if session is None:
            return _to_login(request)
        if is_for_operators and not session.identity.is_operator:
            # Before a form is read, which may be as large as a deck.
            return _refused("this page is for operators")
        form = FormData()
        if request.method == "POST":
            if not is_same_origin(request, desk):
                return _refused("this form was sent from another site")
            form = await request.form(max_files=1, max_fields=MAX_FIELDS)
            sent = header_of(request, CSRF_HEADER) or form.get(CSRF_FIELD)
            if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), csrf_of(session.secret).encode()):
                return _refused("the form's token is not this session's: open the page again")
        visit = Visit(request, desk, session, desk.services.asked_by(session.identity.key, source_of(request), session.person), form)
        try:
            answer = await handler(visit)
        except Wrong as error:
            return await _failed(visit, error.problem)
        except grpc.aio.AioRpcError as error:
            return await _failed(visit, told_to_customers(error))
        if session.notice and not visit.is_fragment and answer.status_code == HTTPStatus.OK and answer.media_type == "text/html":
            await desk.store.set_notice(session.secret, {})
        return answer

    return endpoint


def source_of(request: Request) -> str:
    """The browser's address; that of the ingress where none is trusted to tell."""
    return request.client.host if request.client is not None else ""


def throttled_as(request: Request) -> str:
    """Whose tries to log in are counted together."""
    return one_source(source_of(request))


async def _failed(visit: Visit, problem: Problem) -> Response:
    if problem.code == "UNAUTHENTICATED":
        await visit.desk.store.end_session(visit.session.secret)
        return _to_login(visit.request)
    status = status_of(problem)
    template = "problem.html" if visit.is_fragment else "failed.html"
    return visit.show(template, status=status, problem=problem)


def _refused(why: str) -> Response:
    problem = Problem("PERMISSION_DENIED", "", why)
    return page("outside.html", {"problem": problem}, status=HTTPStatus.FORBIDDEN)


def _to_login(request: Request) -> Response:
    if header_of(request, "accept") == "text/event-stream":
        # A feed that connects again: a redirect is nothing to it, and it would try for ever.
        return Response("event: ended\ndata: over\n\n", media_type="text/event-stream")
    if header_of(request, "hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": "/login"})
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    after = f"?next={quote(asked)}" if request.method == "GET" and asked != "/" else ""
    return RedirectResponse(f"/login{after}", 303)


_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def is_own_path(path: str) -> bool:
    """Whether a redirect to it stays here: browsers drop what is no printable character, and read `\\` as `/`."""
    return _OWN_PATH.fullmatch(path) is not None


def is_same_origin(request: Request, desk: Desk) -> bool:
    """By what the browser says of itself; older ones say nothing, and then the token alone decides."""
    origin = header_of(request, "origin")
    return (not origin or origin == desk.settings.public_url) and header_of(request, "sec-fetch-site") in ("", "same-origin")
