"""What made no record, as edges counted it: by source and minute, the newest first. Customers are told of their own domains' challenges.

An edge counts by itself, and may tell a minute in parts; they are added up here. A page looks at a bounded number of rows.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import aiosqlite
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1 import records_pb2 as pb
from trunkline.domain.errors import invalid
from trunkline.domain.reasons import REGISTRY

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
MAX_TEXT: Final = 255
"""Characters of a filter."""
LOOK: Final = 5_000
"""Rows that a page looks at, some ten milliseconds; what a filter leaves of them is the page, which may be short."""

KINDS: Final = ("challenge", "unknown domain", "malformed", "refused", "out of dialog", "scan", "shed", "flood", "banned")
"""As `What` in the engine's `counts.rs` has them."""
REASONS: Final[Mapping[str, str]] = {"challenge": "T202", "unknown domain": "T201", "banned": "T207"}
_TEXTS: Final = {reason.code: reason.text for reason in REGISTRY}
_REMEDIES: Final = {reason.code: reason.what_to_do for reason in REGISTRY}

_LAST_NS: Final = 2**63 - 1
_COLUMNS: Final = "minute_ns, what, domain, source, tenant"
_NEWEST_FIRST: Final = ", ".join(f"{column} DESC" for column in _COLUMNS.split(", "))


class Place(NamedTuple):
    """What rows are added up by, in their order."""

    minute_ns: int
    what: str
    domain: str
    source: str
    tenant: str


class _Row(NamedTuple):
    place: Place
    number: int
    edge: str


class _Sum(NamedTuple):
    place: Place
    number: int
    edges: Sequence[str]

    @classmethod
    def of(cls, place: Place, rows: Sequence[_Row]) -> _Sum:
        return cls(place, sum(row.number for row in rows), sorted({row.edge for row in rows}))


@dataclass(frozen=True, slots=True)
class Wanted:
    """`tenant` empty: every tenant's, and what is nobody's. Times in nanoseconds, 0: unbounded."""

    tenant: str = ""
    what: str = ""
    domain: str = ""
    source: str = ""
    since_ns: int = 0
    until_ns: int = 0


async def page(database: aiosqlite.Connection, wanted: Wanted, size: int = 0, token: str = "") -> pb.ListUnrecordedResponse:
    """Raises Refusal for a bad size, token or filter."""
    if size > MAX_PAGE:
        raise invalid("PAGE_TOO_LARGE", "page.size", f"a page has at most {MAX_PAGE} entries, {size} were asked for")
    _check(wanted)
    size = size or DEFAULT_PAGE
    rows = await _look(database, wanted, _place_of(token) if token else None)
    added = [_Sum.of(place, list(group)) for place, group in groupby(rows, key=lambda row: row.place)]
    end: Place | None = None
    if len(rows) == LOOK and len(added) > 1:
        # The last may go on behind the look.
        del added[-1]
        end = added[-1].place
    found = [each for each in added if _fits(each.place, wanted)]
    if len(found) > size:
        found = found[:size]
        end = found[-1].place
    return pb.ListUnrecordedResponse(counts=[_message(each) for each in found], next_page_token=_token(end))


async def _look(database: aiosqlite.Connection, wanted: Wanted, before: Place | None) -> Sequence[_Row]:
    terms, values = ["minute_ns >= ?"], [wanted.since_ns]
    more: list[str | int] = []
    if wanted.until_ns:
        terms.append("minute_ns < ?")
        values.append(min(wanted.until_ns, _LAST_NS))
    if wanted.tenant:
        terms.append("tenant = ?")
        more.append(wanted.tenant)
    if before is not None:
        terms.append(f"({_COLUMNS}) < (?, ?, ?, ?, ?)")
        more += before
    index = "counted_by_tenant" if wanted.tenant else "counted_by_minute"
    query = (
        f"SELECT {_COLUMNS}, number, edge FROM counted INDEXED BY {index} WHERE {' AND '.join(terms)}"  # noqa: S608 — fixed texts
        f" ORDER BY {_NEWEST_FIRST} LIMIT ?"
    )
    async with database.execute(query, (*values, *more, LOOK)) as cursor:
        return [_Row(Place(*row[:5]), row[5], row[6]) for row in await cursor.fetchall()]


def _fits(place: Place, wanted: Wanted) -> bool:
    return all(
        not value or value == each
        for value, each in ((wanted.what, place.what), (wanted.domain, place.domain), (wanted.source, place.source))
    )


def _check(wanted: Wanted) -> None:
    if wanted.what and wanted.what not in KINDS:
        raise invalid("UNKNOWN_KIND", "what", f"{wanted.what!r:.40} is none of {', '.join(KINDS)}")
    for name in ("domain", "source"):
        if len(getattr(wanted, name)) > MAX_TEXT:
            raise invalid("FILTER_TOO_LONG", name, f"a filter has at most {MAX_TEXT} characters")
    if wanted.until_ns and wanted.until_ns <= wanted.since_ns:
        raise invalid("TIMES_REVERSED", "until", "it is not after since", "swap them")


def _message(found: _Sum) -> pb.Unrecorded:
    place = found.place
    reason = REASONS.get(place.what, "")
    minute = Timestamp()
    minute.FromNanoseconds(place.minute_ns)
    return pb.Unrecorded(
        minute_time=minute,
        what=place.what,
        source=place.source,
        tenant=place.tenant,
        domain=place.domain,
        number=found.number,
        edges=found.edges,
        reason=reason,
        reason_text=_TEXTS.get(reason, ""),
        what_to_do=_REMEDIES.get(reason, ""),
    )


def _token(end: Place | None) -> str:
    return "" if end is None else base64.urlsafe_b64encode(json.dumps(end).encode()).decode()


def _place_of(token: str) -> Place:
    """Raises Refusal."""
    try:
        minute_ns, *texts = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if type(minute_ns) is not int or not 0 <= minute_ns <= _LAST_NS or len(texts) != 4 or not all(type(each) is str for each in texts):
            raise ValueError("not a place")
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise invalid("BAD_PAGE_TOKEN", "page.token", "the page token is none of ours", "begin again without a token") from error
    return Place(minute_ns, *texts)
