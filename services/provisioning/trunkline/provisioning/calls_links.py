"""How far home is behind each region's call facts: what `CALLS_ALL` says of its sources."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client

from trunkline.eventlog.streams import CALLS_ALL, api_prefix

LIMIT_S: Final = 1.0
MAX_BYTES: Final = 1 << 20
_NS: Final = 1e9


class CallsLink(NamedTuple):
    """`lag` in messages; `age_s` since it was last heard of, None: never."""

    lag: int
    age_s: float | None


async def calls_links(client: Client, home: str) -> dict[str, CallsLink]:
    """By region; empty where home cannot be asked, or has no such stream yet."""
    try:
        answer = await client.request(f"{api_prefix(home)}.STREAM.INFO.{CALLS_ALL}", b"", timeout=LIMIT_S)
    except (nats.errors.Error, OSError):
        return {}
    return parse_links(answer.data, home)


def parse_links(body: bytes, home: str) -> dict[str, CallsLink]:
    """Of an answer that is none of a stream's: empty."""
    try:
        info = json.loads(body) if len(body) <= MAX_BYTES else {}
    except ValueError:
        return {}
    sources = info.get("sources") if isinstance(info, dict) else None
    found = {_region_of(each, home): each for each in sources or () if isinstance(each, dict)}
    return {region: _link(each) for region, each in found.items() if region and isinstance(each.get("lag", 0), int)}


def _link(source: dict[str, Any]) -> CallsLink:
    active_ns = source.get("active", -1)
    is_known = isinstance(active_ns, int) and active_ns >= 0
    return CallsLink(int(source.get("lag", 0)), active_ns / _NS if is_known else None)


def _region_of(source: dict[str, Any], home: str) -> str:
    """A source without a prefix of another domain is home's own."""
    external = source.get("external")
    if not isinstance(external, dict):
        return home
    _, _, rest = str(external.get("api", "")).partition("$JS.")
    return rest.removesuffix(".API")
