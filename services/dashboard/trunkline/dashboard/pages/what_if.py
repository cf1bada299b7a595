"""What if: which calls that happened would be decided otherwise now, or after changes that nobody has made. All of a question stands in the
page's address, so that it can be asked again and passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import grpc.aio
from starlette.responses import RedirectResponse, Response

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.dashboard.forms import quoted
from trunkline.dashboard.visits import CHOICES, Visit, Wrong, status_of
from trunkline.runtime.errors import told_to_customers
from trunkline.runtime.listings import each_of
from trunkline.runtime.reconsidering import MAX_CHANGES, change_of, headline, outcome_text

PAGE: Final = "/what-if"
MOST: Final = 10_000
"""Calls of one question: as many as provisioning looks at."""
EXAMPLES: Final = 20
"""Of each difference: as many as provisioning names."""
LIMIT_S: Final = 60.0
CHANGES: Final = {
    "": "Nothing: by the rules as they are now",
    "add-address": "An IP address is added to a list",
    "remove-address": "An IP address is removed from a list",
    "add-account": "An account is added to a list",
    "remove-account": "An account is removed from a list",
    "attach": "A list is attached",
    "detach": "A list is detached",
    "allow-country": "A country may be called too",
    "allow-prefix": "A prefix may be called too",
    "allow-premium": "Premium services may be called too",
}
_OF_LISTS: Final = ("add-address", "remove-address", "add-account", "remove-account", "attach", "detach")
_WITH_VALUE: Final = ("add-address", "remove-address", "add-account", "remove-account", "allow-country", "allow-prefix")


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    since: str
    until: str = ""
    """Both as the command takes them."""

    def moments(self, now: datetime) -> tuple[datetime, datetime | None]:
        if self.until:
            return datetime.fromisoformat(self.since), datetime.fromisoformat(self.until)
        return now - timedelta(hours=int(self.since.removesuffix("h"))), None


def spans(now: datetime) -> Mapping[str, Span]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    return {
        "1h": Span("the last hour", "1h"),
        "24h": Span("the last 24 hours", "24h"),
        "yesterday": Span("yesterday (UTC)", f"{yesterday:%Y-%m-%dT%H:%M}Z", f"{today:%Y-%m-%dT%H:%M}Z"),
        "7d": Span("the last 7 days", "168h"),
        "30d": Span("the last 30 days", "720h"),
    }


async def what_if(visit: Visit) -> Response:
    now = datetime.now(UTC)
    known = spans(now)
    span = visit.query("span") if visit.query("span") in known else "24h"
    domain, assumed = visit.query("domain"), visit.request.query_params.getlist("with")
    domains, acls = await asyncio.gather(_domains(visit), _acls(visit))
    answer = problem = None
    try:
        if len(assumed) > MAX_CHANGES:
            raise Wrong("change", f"one question assumes at most {MAX_CHANGES} changes")
        added = _added(visit)
        if added:
            # Under the address of the whole question: what is added must not be added again when the page is loaded again.
            if len(assumed) == MAX_CHANGES:
                raise Wrong("change", f"one question assumes at most {MAX_CHANGES} changes")
            return RedirectResponse(f"{PAGE}?{urlencode({'span': span, 'domain': domain, 'with': [*assumed, added]}, doseq=True)}", 303)
        if "span" in visit.request.query_params:
            answer = await _asked(visit, known[span], domain, assumed, now)
    except Wrong as error:
        problem = error.problem
    except grpc.aio.AioRpcError as error:
        problem = told_to_customers(error)
        if problem.code == "UNAUTHENTICATED":
            raise
    return visit.show(
        "what_if.html",
        status=status_of(problem) if problem else 200,
        problem=problem,
        answer=answer,
        told=headline(answer) if answer else "",
        outcome_text=outcome_text,
        span=span,
        spans=[(key, each.text) for key, each in known.items()],
        domain=domain,
        domains=domains,
        acls=acls,
        assumed=assumed,
        changes=CHANGES,
        chosen={name: visit.query(name) for name in ("change", "acl", "value")},
        command=_command(visit, known[span], domain, assumed),
    )


def _added(visit: Visit) -> str:
    """The change that the form adds, as the command says it; empty for none. Raises Wrong."""
    change, acl, values = visit.query("change"), visit.query("acl"), visit.query("value").split()
    if not change:
        return ""
    if change in _OF_LISTS and not acl:
        raise Wrong("acl", "Say which list.")
    if change in _WITH_VALUE and not values:
        raise Wrong("value", "Say which address, account, country or prefix.")
    text = " ".join([change, *([acl] if change in _OF_LISTS else []), *(values if change in _WITH_VALUE else [])])
    _change(text)
    return text


def _change(text: str) -> pb.ExplainChange:
    """Raises Wrong."""
    try:
        return change_of(text)
    except ValueError as error:
        raise Wrong("value", f"“{text}” is no change: {error}") from error


async def _asked(visit: Visit, span: Span, domain: str, assumed: Sequence[str], now: datetime) -> pb.ExplainCallsResponse:
    """Raises Wrong, AioRpcError."""
    if assumed and not domain:
        raise Wrong("domain", "Say which domain is changed.")
    request = pb.ExplainCallsRequest(
        tenant=visit.tenant, domain=domain, most=MOST, examples=EXAMPLES, domain_changes=[_change(text) for text in assumed]
    )
    since, until = span.moments(now)
    request.since.FromDatetime(since)
    if until is not None:
        request.until.FromDatetime(until)
    return await visit.ask.provisioning.ExplainCalls(request, timeout=LIMIT_S)


def _command(visit: Visit, span: Span, domain: str, assumed: Sequence[str]) -> str:
    words = [*([quoted(domain)] if domain else []), f"--since {span.since}", *([f"--until {span.until}"] if span.until else [])]
    return visit.cli("explain", *words, *(f"--with {quoted(text)}" for text in assumed), f"--most {MOST}")


async def _domains(visit: Visit) -> list[str]:
    found = each_of(visit.ask.provisioning.ListDomains, pb.ListDomainsRequest(tenant=visit.tenant), "domains", limit=CHOICES)
    return [each.label async for each in found]


async def _acls(visit: Visit) -> list[Any]:
    found = each_of(visit.ask.provisioning.ListAcls, pb.ListAclsRequest(tenant=visit.tenant), "acls", limit=CHOICES)
    return [each.name async for each in found]
