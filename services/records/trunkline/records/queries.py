"""The reading half: records by tenant, filter and page, on a connection of its own that sees whole transactions only.

No page costs more than a bounded look, whatever the filter and however many records there are (docs/records.md says how it is looked).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiosqlite

from trunkline.api.records.v1 import records_pb2
from trunkline.domain.errors import invalid
from trunkline.records.filters import INDEX_OF, Conditions, Filter, Place, add_filters, add_prefix, check, make_token, range_of, read_token
from trunkline.records.fold import OPEN_OUTCOMES, PRESUMED, Outcome

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000

FEW: Final = 2000
"""Of records that one condition leaves: they are fetched and looked at one by one, some 10 ms."""

LOOKS: Final = (4_000, 100_000)
"""Entries of the index by time that a page looks at: most pages are full after the first look, which takes a millisecond; the second one
takes some 30, and then a page is short, and its token goes on there."""

LOOKS_OF_ALL: Final = (1_000, 10_000)
"""Records that a page of every tenant's looks at: that index holds no columns to filter by, each record is fetched."""

CACHE_KIB: Final = 65_536

LAST: Final = "last"
"""In place of a call's id: the newest attempt."""

_OPEN: Final = json.dumps(sorted(OPEN_OUTCOMES))
_NEWEST_FIRST: Final = "ORDER BY setup_ns DESC, id DESC"


@dataclass(frozen=True, slots=True)
class Totals:
    records: int
    facts: int
    answered: int
    open: int


class Queries:
    """Open with `Queries.open` after the `Projection` has made the file."""

    def __init__(self, database: aiosqlite.Connection) -> None:
        self.database = database

    @classmethod
    async def open(cls, path: Path) -> Queries:
        database = await aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        await database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return cls(database)

    async def close(self) -> None:
        await self.database.close()

    async def page(self, wanted: Filter, size: int = 0, token: str = "") -> tuple[list[records_pb2.Record], str]:
        """Newest first, and the token of the next page (empty: there is none). With a token a page may be short, even empty. Raises Refusal
        for a bad size, token or filter."""
        if size > MAX_PAGE:
            raise invalid("PAGE_TOO_LARGE", "page.size", f"a page has at most {MAX_PAGE} records, {size} were asked for")
        check(wanted)
        size = size or DEFAULT_PAGE
        before = read_token(token, wanted) if token else None
        span = range_of(wanted, before)
        rows, end = await self._look(wanted, span, size)
        records = [records_pb2.Record.FromString(row[2]) for row in rows[:size]]
        if len(rows) > size:
            end = Place(rows[size - 1][0], rows[size - 1][1])
        return records, make_token(end, wanted) if end is not None else ""

    async def all(self, wanted: Filter) -> AsyncIterator[list[records_pb2.Record]]:
        """Page by page. Records that begin meanwhile are not among them. Raises Refusal."""
        token = ""
        while True:
            records, token = await self.page(wanted, MAX_PAGE, token)
            yield records
            if not token:
                return

    async def one(self, tenant: str, call: str) -> records_pb2.Record | None:
        """By the call's id, by SIP Call-ID (its newest attempt), or the newest of all for LAST. `tenant` empty: of any tenant."""
        if call == LAST:
            records, _ = await self.page(Filter(tenant=tenant), 1)
            return records[0] if records else None
        for column in ("call", "sip_call_id"):
            query = f"SELECT body FROM records WHERE {column} = ? AND (? = '' OR tenant = ?) {_NEWEST_FIRST} LIMIT 1"  # noqa: S608
            async with self.database.execute(query, (call, tenant, tenant)) as cursor:
                row = await cursor.fetchone()
            if row:
                return records_pb2.Record.FromString(row[0])
        return None

    async def ended(self, calls: Sequence[str]) -> list[str]:
        """Those of them whose end was told. What is presumed to be over is not: whoever asks has a bound of his own."""
        query = (
            "SELECT call, body FROM records WHERE call IN (SELECT value FROM json_each(?))"
            " AND outcome NOT IN (SELECT value FROM json_each(?))"
        )
        async with self.database.execute(query, (json.dumps(calls), _OPEN)) as cursor:
            rows = await cursor.fetchall()
        return [row[0] for row in rows if records_pb2.Record.FromString(row[1]).ended_by != PRESUMED]

    async def totals(self) -> Totals:
        query = (
            "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM facts) + (SELECT count(*) FROM counted),"
            " (SELECT count(*) FROM records WHERE outcome = ?),"
            " (SELECT count(*) FROM records WHERE outcome IN (SELECT value FROM json_each(?)))"
        )
        async with self.database.execute(query, (Outcome.ANSWERED.value, _OPEN)) as cursor:
            row = await cursor.fetchone()
        assert row is not None
        return Totals(*row)

    async def _look(self, wanted: Filter, span: Conditions, size: int) -> tuple[list[tuple[int, int, bytes]], Place | None]:
        """Rows of the page and one more where there is one; and where the look ended before the oldest record, else None."""
        index = await self._way(wanted, span)
        if index is not None:
            return await self._rows(index, wanted, span, size, None), None
        rows: list[tuple[int, int, bytes]] = []
        end: Place | None = None
        for limit in LOOKS if wanted.tenant else LOOKS_OF_ALL:
            end = await self._end_of_look(wanted, span, limit)
            rows = await self._rows(_by_time(wanted), wanted, span, size, end)
            if len(rows) > size or end is None:
                break
        return rows, end

    async def _rows(self, index: str, wanted: Filter, span: Conditions, size: int, end: Place | None) -> list[tuple[int, int, bytes]]:
        conditions = span.copy()
        if end is not None:
            conditions.add("(setup_ns, id) >= (?, ?)", end.setup_ns, end.id)
        add_filters(conditions, wanted)
        query = f"SELECT setup_ns, id, body FROM records INDEXED BY {index} {conditions.where} {_NEWEST_FIRST} LIMIT ?"  # noqa: S608
        async with self.database.execute(query, (*conditions.values, size + 1)) as cursor:
            return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]

    async def _way(self, wanted: Filter, span: Conditions) -> str | None:
        """The index that leads to what is wanted, or to little more; None where records are looked through by time."""
        equals = wanted.equals
        if not equals and not wanted.prefix:
            return _by_time(wanted)
        if wanted.tenant:
            if len(equals) == 1 and not wanted.prefix and (only := next(iter(equals))) in INDEX_OF:
                return INDEX_OF[only]
            for column, index in INDEX_OF.items():
                conditions = span.copy()
                if column in equals:
                    conditions.add(f"{column} = ?", equals[column])
                elif column == "number" and wanted.prefix:
                    add_prefix(conditions, wanted.prefix)
                else:
                    continue
                if await self._is_few(index, conditions):
                    return index
        return None

    async def _is_few(self, index: str, conditions: Conditions) -> bool:
        query = f"SELECT count(*) FROM (SELECT 1 FROM records INDEXED BY {index} {conditions.where} LIMIT ?)"  # noqa: S608 — fixed texts
        async with self.database.execute(query, (*conditions.values, FEW + 1)) as cursor:
            row = await cursor.fetchone()
        return row is not None and row[0] <= FEW

    async def _end_of_look(self, wanted: Filter, span: Conditions, limit: int) -> Place | None:
        """None where the look reaches the oldest record."""
        query = f"SELECT setup_ns, id FROM records INDEXED BY {_by_time(wanted)} {span.where} {_NEWEST_FIRST} LIMIT 1 OFFSET ?"  # noqa: S608
        async with self.database.execute(query, (*span.values, limit - 1)) as cursor:
            row = await cursor.fetchone()
        return Place(*row) if row else None


def _by_time(wanted: Filter) -> str:
    return "records_by_tenant" if wanted.tenant else "records_by_time"
