"""The reading half: records by tenant, filter and page, on a connection of its own that sees whole transactions only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import aiosqlite

from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import invalid
from trunkline.records.fold import OPEN_OUTCOMES, Outcome

DEFAULT_PAGE = 100
MAX_PAGE = 1000
MAX_TOKEN_CHARACTERS = 512
"""Ours have about 120."""

LAST = "last"
"""In place of a call's id: the newest attempt."""

_OPEN = json.dumps(sorted(OPEN_OUTCOMES))


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty or 0: any. `tenant` empty is every tenant: for operators only, which is the caller's to see to."""

    tenant: str = ""
    outcome: str = ""
    domain: str = ""
    reason: str = ""
    number: str = ""
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    records: int
    facts: int
    answered: int
    open: int


class Queries:
    """Open with `Queries.open` after the `Projection` has made the file."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> Queries:
        database = await aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        return cls(database)

    async def close(self) -> None:
        await self._database.close()

    async def page(self, wanted: Filter, size: int = 0, token: str = "") -> tuple[list[records_pb2.Record], str]:
        """Newest first, and the token of the next page (empty: there is none). Raises Refusal for a bad size, token or outcome."""
        if size > MAX_PAGE:
            raise invalid("PAGE_TOO_LARGE", "page.size", f"a page has at most {MAX_PAGE} records, {size} were asked for")
        if wanted.outcome and wanted.outcome not in set(Outcome):
            raise invalid("UNKNOWN_OUTCOME", "outcome", f"{wanted.outcome!r:.40} is none of {', '.join(Outcome)}")
        size = size or DEFAULT_PAGE
        conditions, values = _conditions(wanted)
        if token:
            conditions.append("(setup_ns, call) < (?, ?)")
            values.extend(_read_token(token, wanted))
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT setup_ns, call, body FROM records {where} ORDER BY setup_ns DESC, call DESC LIMIT ?"  # noqa: S608 — fixed texts
        async with self._database.execute(query, (*values, size + 1)) as cursor:
            rows = list(await cursor.fetchall())
        records = [records_pb2.Record.FromString(row[2]) for row in rows[:size]]
        return records, _make_token(rows[size - 1][0], rows[size - 1][1], wanted) if len(rows) > size else ""

    async def one(self, tenant: str, call: str) -> records_pb2.Record | None:
        """By the call's id, by SIP Call-ID (its newest attempt), or the newest of all for LAST. `tenant` empty: of any tenant."""
        if call == LAST:
            records, _ = await self.page(Filter(tenant=tenant), 1)
            return records[0] if records else None
        query = (
            "SELECT body FROM records WHERE (call = :call OR sip_call_id = :call) AND (:tenant = '' OR tenant = :tenant)"
            " ORDER BY call = :call DESC, setup_ns DESC, call DESC LIMIT 1"
        )
        async with self._database.execute(query, {"call": call, "tenant": tenant}) as cursor:
            row = await cursor.fetchone()
        return records_pb2.Record.FromString(row[0]) if row else None

    async def totals(self) -> Totals:
        query = (
            "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM facts) + (SELECT count(*) FROM counted),"
            " (SELECT count(*) FROM records WHERE outcome = ?),"
            " (SELECT count(*) FROM records WHERE outcome IN (SELECT value FROM json_each(?)))"
        )
        async with self._database.execute(query, (Outcome.ANSWERED.value, _OPEN)) as cursor:
            row = await cursor.fetchone()
        assert row is not None
        return Totals(*row)


def _conditions(wanted: Filter) -> tuple[list[str], list[str | int]]:
    exact: Sequence[tuple[str, str]] = (
        ("tenant", wanted.tenant),
        ("outcome", wanted.outcome),
        ("domain", wanted.domain),
        ("reason", wanted.reason),
        ("number", wanted.number.removeprefix("+")),
    )
    conditions = [f"{column} = ?" for column, value in exact if value]
    values: list[str | int] = [value for _, value in exact if value]
    if wanted.since_ns:
        conditions.append("setup_ns >= ?")
        values.append(wanted.since_ns)
    return conditions, values


def _fingerprint(wanted: Filter) -> str:
    return hashlib.sha256(json.dumps(astuple(wanted)).encode()).hexdigest()[:16]


def _make_token(setup_ns: int, call: str, wanted: Filter) -> str:
    return base64.urlsafe_b64encode(json.dumps([setup_ns, call, _fingerprint(wanted)]).encode()).decode()


def _read_token(token: str, wanted: Filter) -> tuple[int, str]:
    remedy = "begin again without a token"
    try:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise ValueError("too long")
        setup_ns, call, fingerprint = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if not isinstance(setup_ns, int) or not isinstance(call, str) or not 0 <= setup_ns < 1 << 63:
            raise ValueError("not a place")
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid("BAD_PAGE_TOKEN", "page.token", "the page token is none of ours", remedy) from error
    if fingerprint != _fingerprint(wanted):
        raise invalid("BAD_PAGE_TOKEN", "page.token", "the page token belongs to another tenant or filter", remedy)
    return setup_ns, call
