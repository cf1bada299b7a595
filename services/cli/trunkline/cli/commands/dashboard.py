"""`trunkline dashboard`: into the browser with an API key."""

from __future__ import annotations

from trunkline.cli.connection import surroundings
from trunkline.cli.exits import CommandError, Exit
from trunkline.cli.options import READING, Reading
from trunkline.cli.output import show_one
from trunkline.lab.supervisor.links import LinkProblem, login_link


async def dashboard(*, options: Reading = READING) -> None:
    """Prints a link that logs in to the dashboard, once, as the owner of the API key."""
    around = surroundings()
    url = around.environment.get("TRUNKLINE_DASHBOARD") or around.local.get("dashboard")
    if not url:
        raise CommandError(
            "the dashboard's address is not known",
            why="local.json does not name it, and TRUNKLINE_DASHBOARD is not set",
            remedy="start the platform with `make up`, or set TRUNKLINE_DASHBOARD=https://HOST",
            code=Exit.UNAVAILABLE,
        )
    try:
        link = await login_link(str(url), around.key(is_operator=options.as_operator))
    except LinkProblem as problem:
        raise CommandError(str(problem), code=Exit.UNAVAILABLE) from problem
    show_one(options.output, {"url": link})
