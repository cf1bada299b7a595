"""The addresses of all pages."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from trunkline.dashboard.pages import (
    access,
    account,
    calls,
    capturing,
    carriers,
    domains,
    gateways,
    history,
    home,
    live,
    login,
    operator,
    platform,
    service,
    usage,
    webhooks,
    what_if,
)
from trunkline.dashboard.visits import Desk, Handler, guarded
from trunkline.dashboard.web import STATIC, Guards, page
from trunkline.runtime.errors import Problem

READ, WRITE = ("GET",), ("GET", "POST")

PAGES: list[tuple[str, Handler, tuple[str, ...]]] = [
    ("/", home.home, READ),
    ("/events/home", home.attempts, READ),
    ("/access", access.lists, READ),
    ("/access/new", access.add, WRITE),
    ("/access/{acl}", access.one, READ),
    ("/access/{acl}/delete", access.delete, WRITE),
    ("/access/{acl}/addresses/new", access.add_address, WRITE),
    ("/access/{acl}/addresses/remove", access.remove_address, WRITE),
    ("/access/{acl}/accounts/new", access.add_account, WRITE),
    ("/access/{acl}/accounts/password", access.set_password, WRITE),
    ("/access/{acl}/accounts/remove", access.remove_account, WRITE),
    ("/allow", access.allow, ("POST",)),
    ("/domains", domains.domains, READ),
    ("/domains/new", domains.add, WRITE),
    ("/domains/{label}", domains.one, READ),
    ("/domains/{label}/attach", domains.attach, WRITE),
    ("/domains/{label}/detach", domains.detach, WRITE),
    ("/domains/{label}/digest", domains.digest, WRITE),
    ("/domains/{label}/nearest", domains.nearest, WRITE),
    ("/domains/{label}/class-of-service", service.domain_class, WRITE),
    ("/domains/{label}/limits", service.domain_limits, WRITE),
    ("/domains/{label}/identity", service.identity, WRITE),
    ("/domains/{label}/capture", capturing.capture, WRITE),
    ("/domains/{label}/delete", domains.delete, WRITE),
    ("/domains/{label}/pbx", domains.pbx, READ),
    ("/calls", calls.calls, READ),
    ("/calls/live", live.live, READ),
    ("/calls/live/{call}/hang-up", live.end, WRITE),
    ("/events/calls", live.events, READ),
    ("/calls/export.{kind}", calls.export, READ),
    ("/calls/{call:path}", calls.call, READ),
    ("/usage", usage.usage, READ),
    ("/pops", platform.pops, READ),
    ("/receipts/{position:int}/{time_ns:int}", platform.receipt, READ),
    ("/routes", platform.routes, READ),
    ("/explain", platform.explain, READ),
    ("/what-if", what_if.what_if, READ),
    ("/audit", history.audit, READ),
    ("/webhook", webhooks.webhook, READ),
    ("/events/webhook", webhooks.events, READ),
    ("/webhook/set", webhooks.set_address, WRITE),
    ("/webhook/secret", webhooks.show_secret, WRITE),
    ("/webhook/secret/new", webhooks.new_secret, WRITE),
    ("/webhook/remove", webhooks.remove, WRITE),
    ("/keys", history.keys, READ),
    ("/keys/new", history.add_key, WRITE),
    ("/keys/{key}/revoke", history.revoke_key, WRITE),
    ("/account", account.account, WRITE),
    ("/account/delete", account.delete, WRITE),
    ("/account/sessions/end-others", account.end_others, ("POST",)),
    ("/account/sessions/{session}/end", account.end_one, ("POST",)),
    ("/logout", login.logout, ("POST",)),
]

OPERATOR_PAGES: list[tuple[str, Handler, tuple[str, ...]]] = [
    ("/pops/{pop}/drain", platform.drain, WRITE),
    ("/pops/{pop}/undrain", platform.undrain, WRITE),
    ("/operator/tenants", operator.tenants, READ),
    ("/operator/tenants/new", operator.add_tenant, WRITE),
    ("/operator/tenants/{tenant}", operator.one_tenant, READ),
    ("/operator/tenants/{tenant}/class-of-service", service.tenant_class, WRITE),
    ("/operator/tenants/{tenant}/limits", service.tenant_limits, WRITE),
    ("/operator/tenants/{tenant}/look", operator.look, ("POST",)),
    ("/operator/look-at-all", operator.look_at_all, ("POST",)),
    ("/operator/tenants/{tenant}/invite", operator.invite, WRITE),
    ("/operator/tenants/{tenant}/suspend", operator.suspend_tenant, WRITE),
    ("/operator/tenants/{tenant}/resume", operator.resume_tenant, WRITE),
    ("/operator/regions", platform.regions, READ),
    ("/operator/carriers", carriers.carriers, READ),
    ("/operator/carriers/new", carriers.add, WRITE),
    ("/operator/carriers/{carrier}/change", carriers.change, WRITE),
    ("/operator/carriers/{carrier}/suspend", carriers.suspend, WRITE),
    ("/operator/carriers/{carrier}/resume", carriers.resume, WRITE),
    ("/operator/carriers/{carrier}/gateways/new", gateways.add, WRITE),
    ("/operator/carriers/{carrier}/gateways/change", gateways.change, WRITE),
    ("/operator/carriers/{carrier}/gateways/remove", gateways.remove, WRITE),
    ("/operator/decks", operator.decks, READ),
    ("/operator/decks/import", operator.import_deck, WRITE),
    ("/operator/bans", operator.bans, READ),
    ("/operator/bans/new", operator.add_ban, WRITE),
    ("/operator/bans/lift", operator.lift_ban, WRITE),
]


def make_app(desk: Desk) -> Starlette:
    entrance = login.Login(desk)
    routes: list[Route | Mount] = [
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
        Route("/healthz", _healthy),
        Route("/links", entrance.make_link, methods=["POST"]),
        Route("/login", entrance.login, methods=["GET", "POST"]),
        Route("/login/{secret}", entrance.link, methods=["GET", "POST"]),
    ]
    routes += [Route(path, guarded(desk, handler), methods=list(methods)) for path, handler, methods in PAGES]
    routes += [
        Route(path, guarded(desk, handler, is_for_operators=True), methods=list(methods)) for path, handler, methods in OPERATOR_PAGES
    ]
    guards = Middleware(Guards, host=desk.settings.public_host, is_https=desk.settings.is_https, large=["/operator/decks/import"])
    return Starlette(routes=routes, middleware=[guards], exception_handlers={404: _nothing_here})


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _nothing_here(request: Request, error: Exception) -> Response:
    return page("outside.html", {"problem": Problem("NOT_FOUND", "", "there is no such page")}, status=404)
