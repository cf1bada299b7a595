"""A start from the replica's file and the log event by event come to the same tables."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.replica_file import write_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.domain.histories import TENANTS, commands, contents, history_of

from trunkline.domain import commands as c
from trunkline.domain.events import AclCreated, AddressAdded, BanExemptionApproved, Kind, Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.edge import tables as tables_module
from trunkline.edge.tables import TableFeed
from trunkline.engine import AccessTables
from trunkline.engine.tables import SetDomain
from trunkline.eventlog.replica_store import StoreDamaged

REALM = "sip.trunkline.test"
CIDRS = ("192.0.2.0/24", "192.0.2.7/32", "192.0.2.7", "198.51.100.0/24", "2001:db8::/32", "2001:db8::7/128")
SOURCES = ("192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::7", "2001:db8::8", "203.0.113.1", "10.1.2.3")
WIDE = "10.0.0.0/8"
_tenant, _acl, _cidr = st.sampled_from([TenantId(each) for each in TENANTS]), st.just("office"), st.sampled_from((*CIDRS, WIDE))
addresses = (
    st.builds(c.AddAddress, _tenant, _acl, _cidr, st.sampled_from(["", "+311"]))
    | st.builds(c.ApproveBanExemption, _tenant, _acl, st.just(WIDE))
    | st.builds(c.RemoveAddress, _tenant, _acl, _cidr)
)


async def filled(facts: Sequence[Fact], folder: str) -> tuple[TableFeed, int]:
    """A feed that was given the file, and how many rows it was told as facts."""
    feed, told = TableFeed(REALM, "eu1", lambda: 0), 0
    store = await write_file(facts, Path(folder) / "replica.sqlite")
    # An edge reads both at the same time.
    async for rows in store.rows(without=feed.packed.events):
        for fact in store.facts(rows):
            feed.on_fact(fact)
            told += 1
    await store.read_packed(feed.packed)
    await store.close()
    feed.on_covered(facts[-1].position)
    return feed, told


def told(facts: Sequence[Fact]) -> TableFeed:
    """A feed that was given every event there ever was."""
    feed = TableFeed(REALM, "eu1", lambda: 0)
    for fact in facts:
        feed.on_fact(fact)
        feed.on_covered(fact.position)
    return feed


def answers(tables: AccessTables) -> list[object]:
    """Of the rule for every domain, and for every ACL by a domain that has it alone."""
    hosts = [f"{label}.{REALM}" for label in TENANTS] + [f"{label}.eu1.{REALM}" for label in TENANTS]
    for tenant in TENANTS:
        for acl in ("office", "pbx"):
            hosts.append(f"{tenant}-{acl}.probe")
            tables.apply([SetDomain(hosts[-1], tenant, acl, (f"{tenant}/{acl}",))], 0)
    return [
        (
            host,
            source,
            username,
            trace.outcome,
            trace.reason,
            trace.address,
            trace.address_caller_id,
            trace.account,
            trace.algorithms,
            trace.steps,
            tables.lists(host=host, source=source),
        )
        for host in hosts
        for source in SOURCES
        for username in ("", "alice")
        for trace in [tables.explain(host=host, source=source, username=username, is_password_right=True)]
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(addresses | commands, min_size=20, max_size=200))
def test_the_file_fills_what_the_log_fills(more: list[c.Command]) -> None:
    facts = history_of(more).facts
    with tempfile.TemporaryDirectory() as folder:
        quick, _ = asyncio.run(filled(facts, folder))
    slow = told(facts)
    assert answers(quick.tables) == answers(slow.tables)
    assert contents(quick.directory) == contents(slow.directory)


def acl(*cidrs: str) -> list[Fact]:
    events = [AclCreated(), *(AddressAdded(cidr, "+311", "of no use to calls") for cidr in cidrs)]
    return [Fact(Position(at), Kind.ACL, TenantId("acme"), "office", event, at) for at, event in enumerate(events, start=1)]


def test_addresses_come_without_an_event_each(tmp_path: Path) -> None:
    feed, facts_told = asyncio.run(filled(acl("192.0.2.7/32", "2001:db8::/32"), str(tmp_path)))
    assert facts_told == 0
    feed.tables.apply([SetDomain("probe", "acme", "office", ("acme/office",))], 0)
    trace = feed.tables.explain(host="probe", source="2001:db8::9")
    assert (trace.outcome, trace.address, trace.address_caller_id) == ("admit", "2001:db8::/32", "+311")


def test_an_exemption_waits_for_the_range_that_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "SLICE", 1)
    facts = [*acl(WIDE), Fact(Position(3), Kind.ACL, TenantId("acme"), "office", BanExemptionApproved(WIDE), 3)]
    for feed in (asyncio.run(filled(facts, str(tmp_path)))[0], told(facts)):
        feed.tables.apply([SetDomain("probe", "acme", "office", ("acme/office",))], 0)
        assert feed.tables.lists(host="probe", source="10.1.2.3")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE retained SET event = CAST(replace(CAST(event AS TEXT), '192.0.2.7', '192.9.9.7') AS BLOB)",
        "UPDATE retained SET key = replace(key, 'acme', 'beta')",
        "UPDATE retained SET version = version + 1",
        "UPDATE retained SET place = place + 100",
        "UPDATE retained SET event = substr(event, 1, 4)",
        "UPDATE retained SET crc = crc + 1",
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_not_believed(tmp_path: Path, damage: str) -> None:
    async def read() -> None:
        store = await write_file(acl("192.0.2.7/32"), tmp_path / "replica.sqlite")
        with sqlite3.connect(store.path) as db:
            assert db.execute(damage).rowcount == 2
        feed = TableFeed(REALM, "eu1", lambda: 0)
        try:
            await store.read_packed(feed.packed)
        finally:
            await store.close()

    with pytest.raises(StoreDamaged, match=r"as it was written|protobuf"):
        asyncio.run(read())
