"""Listings page by page. A token is opaque to callers: it names the last item shown, so a page is right whatever came or went before it."""

from __future__ import annotations

import base64
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from trunkline.api.common.v1 import common_pb2
from trunkline.domain.errors import Refusal, invalid

DEFAULT_SIZE: Final = 100
MAX_SIZE: Final = 1000
_MAX_TOKEN: Final = 512


def page_of(names: Iterable[str], page: common_pb2.Page) -> tuple[list[str], str]:
    """The names on the page asked for, sorted, and the token of the next one: empty after the last. Raises Refusal for a bad token."""
    ordered = sorted(names)
    size = min(page.size or DEFAULT_SIZE, MAX_SIZE)
    start = bisect_right(ordered, last_shown(page.token)) if page.token else 0
    shown = ordered[start : start + size]
    is_last = start + size >= len(ordered)
    return shown, "" if is_last else token_after(shown[-1])


def token_after(shown: str) -> str:
    """Of the page that begins behind `shown`."""
    return base64.urlsafe_b64encode(f"1{shown}".encode()).decode().rstrip("=")


def last_shown(token: str) -> str:
    """What `token_after` was given. Raises Refusal."""
    if len(token) > _MAX_TOKEN:
        raise bad_token()
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise bad_token() from None
    if len(text) < 2 or not text.startswith("1"):
        raise bad_token()
    return text[1:]


def bad_token() -> Refusal:
    return invalid(
        "PAGE_TOKEN_INVALID", "page.token", "This is no page token of this listing.", "Pass the next_page_token of the answer before."
    )
