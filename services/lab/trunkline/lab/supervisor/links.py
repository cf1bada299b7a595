"""One-time links to the dashboard, for whoever has an API key."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

TIMEOUT_S = 15


class LinkProblem(Exception):
    """The dashboard gave none; says why."""


async def login_link(dashboard_url: str, key: str) -> str:
    """A link that logs in once, as the key's owner. Raises LinkProblem."""
    return await asyncio.to_thread(_ask, dashboard_url, key)


def _ask(dashboard_url: str, key: str) -> str:
    request = urllib.request.Request(  # noqa: S310 - the address is of our own settings
        f"{dashboard_url}/links", method="POST", data=b"", headers={"Authorization": f"Bearer {key}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return str(json.load(answer)["url"])
    except urllib.error.HTTPError as error:
        raise LinkProblem(
            f"the dashboard at {dashboard_url} gave no login link: {error.code} {error.read(400).decode(errors='replace')}"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise LinkProblem(f"the dashboard at {dashboard_url} gave no login link: {error}") from error
