"""Every question that a list or the usage page can ask is led by an index and sorts nothing, as SQLite itself says (EXPLAIN QUERY PLAN)."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from trunkline.records import queries as queries_module
from trunkline.records.filters import Filter
from trunkline.records.projection import Projection
from trunkline.records.queries import Queries
from trunkline.records.usage_queries import usage

VALUES: dict[str, str | int] = {
    "outcome": "failed", "domain": "d1", "reason": "T203", "number": "+3120", "number_prefix": "31", "pop": "eu1", "carrier": "alpha",
    "caller_id": "+31", "account": "a1", "since_ns": 1, "until_ns": 10**18,
}  # fmt: skip


class Told:
    """The questions that a connection was asked, and what SQLite plans for each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.statements: list[str] = []

    def plans(self) -> list[str]:
        with sqlite3.connect(self._path) as database:
            return [
                step[3]
                for statement in self.statements
                if statement.startswith("SELECT")
                for step in database.execute(f"EXPLAIN QUERY PLAN {statement}")
            ]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Queries, Told]]:
    path = tmp_path / "records.sqlite"
    await (await Projection.open(path)).close()
    queries = await Queries.open(path)
    told = Told(path)
    await queries.database.set_trace_callback(told.statements.append)
    yield queries, told
    await queries.close()


def is_led(step: str) -> bool:
    """By an index, or through a question within the question that is."""
    return step.startswith(("SEARCH records USING ", "SEARCH usage USING ", "CO-ROUTINE", "SCAN (subquery"))


@pytest.mark.parametrize("tenant", ["acme", ""])
async def test_every_filter_is_led_by_an_index(asked: tuple[Queries, Told], tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, told = asked
    # Nothing is few: a table without rows is looked through by time as a full one.
    monkeypatch.setattr(queries_module, "FEW", -1)
    combinations = [names for size in (1, 2, 3) for names in itertools.combinations(VALUES, size)]
    for names in combinations:
        await queries.page(Filter(tenant=tenant, **{name: VALUES[name] for name in names}))  # type: ignore[arg-type]
    plans = told.plans()
    assert len(plans) >= len(combinations)
    # All tenants' records are looked through in the order of their index by time; nothing else is walked without a beginning.
    led = [step for step in plans if not is_led(step) and not (not tenant and step == "SCAN records USING INDEX records_by_time")]
    assert not [step for step in led if step != "SCAN records USING COVERING INDEX records_by_time" or tenant]


@pytest.mark.parametrize("few", [True, False])
async def test_a_look_along_a_tenants_time_reads_the_index_only(
    asked: tuple[Queries, Told], monkeypatch: pytest.MonkeyPatch, few: bool
) -> None:
    queries, told = asked
    monkeypatch.setattr(queries_module, "FEW", 0 if few else -1)
    await queries.page(Filter(tenant="acme", domain="d1", reason="T203"))
    wanted = "records_by_reason (tenant=? AND reason=?)" if few else "records_by_tenant (tenant=?)"
    assert any(f"SEARCH records USING INDEX {wanted}" == step for step in told.plans())


@pytest.mark.parametrize("tenant", ["acme", ""])
@pytest.mark.parametrize("domain", ["d1", ""])
@pytest.mark.parametrize("pop", ["eu1", ""])
async def test_usage_reads_its_time_only(asked: tuple[Queries, Told], tenant: str, domain: str, pop: str) -> None:
    queries, told = asked
    await usage(queries.database, tenant=tenant, domain=domain, pop=pop, interval="hour", since_ns=1, until_ns=10**15, now_ns=0)
    key = "PRIMARY KEY (interval_s=? AND tenant=? AND (start_s,domain,pop)>(?,?,?) AND start_s<?)"
    if not tenant and (domain or pop):
        key = "INDEX usage_by_time (interval_s=? AND (start_s,tenant,domain,pop)>(?,?,?,?) AND start_s<?)"
    assert told.plans() == [f"SEARCH usage USING {key}"]


async def test_figures_of_an_older_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    await (await Projection.open(path)).close()
    with sqlite3.connect(path) as database:
        database.executescript(
            "DROP TABLE usage; PRAGMA user_version = 2;"
            " DROP INDEX counted_by_minute; DROP INDEX counted_by_tenant; ALTER TABLE counted DROP COLUMN tenant;"
            " CREATE INDEX counted_by_minute ON counted (minute_ns, source);"
            " CREATE TABLE usage (interval_s INTEGER NOT NULL, tenant TEXT NOT NULL, start_s INTEGER NOT NULL, domain TEXT NOT NULL,"
            " pop TEXT NOT NULL, what TEXT NOT NULL, amount INTEGER NOT NULL,"
            " PRIMARY KEY (interval_s, tenant, start_s, domain, pop, what)) WITHOUT ROWID;"
            " CREATE INDEX usage_by_time ON usage (interval_s, start_s);"
            " INSERT INTO usage VALUES (60, 'acme', 60, '', '', 'attempts', 3), (60, 'acme', 60, '', '', 'answered', 2),"
            " (60, 'acme', 60, 'd1', 'eu1', 'attempts', 3), (60, 'acme', 60, 'd1', 'eu1', 'failed', 0),"
            " (60, 'beta', 60, '', '', 'attempts', 4)"
        )
    await (await Projection.open(path)).close()
    async with aiosqlite.connect(path) as database:

        async def figures(tenant: str, domain: str = "") -> tuple[int, int, int]:
            span = {"since_ns": 1, "until_ns": 120 * 10**9, "now_ns": 0}
            told = (await usage(database, tenant=tenant, domain=domain, pop="", interval="minute", **span)).total
            return told.attempts, told.answered, told.failed

        assert [await figures("acme"), await figures("acme", "d1"), await figures("")] == [(3, 2, 0), (3, 0, 0), (7, 2, 0)]
