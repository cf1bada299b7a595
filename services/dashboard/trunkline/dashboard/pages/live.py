"""Live: calls in progress at all points of presence, attempts as they change, and hanging up."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from trunkline.dashboard.attempts import Offer, attempt_of
from trunkline.dashboard.forms import Done, Field, Form, answer_form, quoted
from trunkline.dashboard.live import Watched, follow
from trunkline.dashboard.pages.home import LATELY_S, domains_of, newest, offers_at, refusing
from trunkline.dashboard.running import Everywhere, everywhere, hang_up
from trunkline.dashboard.unanswered import Found, unanswered
from trunkline.dashboard.visits import Visit, is_own_path
from trunkline.dashboard.web import fragment

ATTEMPTS_SHOWN: Final = 50
ASK_S: Final = 1.0
"""Between two questions to all edges for one page: the list of attempts beside it changes more often."""
COUNT_S: Final = 10.0
"""Between two looks at what changes seldom: challenges that nobody answered, which edges tell by the minute, and lists that are offered."""
NUMBER: Final = re.compile(r"\+?[0-9]{1,32}")


async def live(visit: Visit) -> Response:
    domains = await domains_of(visit)
    attempts, challenged, running = await asyncio.gather(
        newest(visit, domains, ATTEMPTS_SHOWN), unanswered(visit, domains, LATELY_S), everywhere(visit, _pop(visit))
    )
    return visit.show("live.html", attempts=attempts, unanswered=challenged, **_shown(visit, running))


async def events(visit: Visit) -> Response:
    loop = asyncio.get_running_loop()
    asked_s, running = 0.0, Everywhere()
    counted_s, challenged = float("-inf"), Found()
    offers: dict[str, list[Offer]] = {}

    async def render(watched: Watched) -> str:
        nonlocal asked_s, running, counted_s, challenged, offers
        domains = await domains_of(visit)
        if loop.time() - counted_s >= COUNT_S:
            challenged = await unanswered(visit, domains, LATELY_S)
            counted_s, offers = loop.time(), {}
        offers |= await offers_at(visit, [label for label in refusing(watched.records) if label not in offers], domains)
        attempts = [attempt_of(record, offers) for record in watched.records]
        if loop.time() - asked_s >= ASK_S:
            running = await everywhere(visit, _pop(visit))
            asked_s = loop.time()
        return fragment("live_parts.html", visit.common() | {"attempts": attempts, "unanswered": challenged} | _shown(visit, running))

    return follow(visit, "calls", ATTEMPTS_SHOWN, render)


def _pops(visit: Visit) -> list[str]:
    return list(dict.fromkeys(edge.pop for edge, _ in visit.ask.edges))


def _pop(visit: Visit) -> str:
    """The one that is asked for, where there is such a one."""
    asked = visit.query("pop")
    return asked if asked in _pops(visit) else ""


def _shown(visit: Visit, running: Everywhere) -> dict[str, Any]:
    pops, pop = _pops(visit), _pop(visit)
    asked = urlencode({"pop": pop}) if pop else ""
    command = ["call", "live", *(["--pop", quoted(pop)] if pop else [])]
    return {
        "running": running,
        "most_attempts": ATTEMPTS_SHOWN,
        "pops": pops,
        "pop": pop,
        "asked": asked,
        "back": f"/calls/live?{asked}" if asked else "/calls/live",
        "live_command": visit.cli(*command),
    }


async def end(visit: Visit) -> Response:
    """Asks, then hangs up."""
    call, number, back = visit.path("call"), visit.query("number"), visit.query("back") or visit.value("back")
    back = back if is_own_path(back) else "/calls/live"
    form = Form(
        title=f"Hang up the call to {number}?" if NUMBER.fullmatch(number) else "Hang up this call?",
        action=f"/calls/live/{call}/hang-up",
        fields=[Field("back", "Back", kind="hidden", value=back)],
        submit="Hang up",
        command=["call", "hang-up", quoted(call)],
        text="Both sides get a BYE; before the answer the carrier gets CANCEL and the caller 480.",
        is_dangerous=True,
        back=back,
    )

    async def send() -> Done:
        pops = await hang_up(visit, call)
        return Done(f"Hung up at {', '.join(pops)}.", None, back)

    return await answer_form(visit, form, send)
