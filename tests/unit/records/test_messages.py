"""Captured messages: bounded for each call and in all, tenants alike, in the order in which they passed, gone after their days."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.events.v1 import call_pb2
from trunkline.api.records.v1.records_pb2 import GatewayAttempt, Record
from trunkline.records.messages import MAX_PER_CALL, Messages

CALL = Record(
    call="c1",
    setup_time=Timestamp(seconds=1),
    attempts=[GatewayAttempt(number=2, address="127.0.9.1:5060", time=Timestamp(seconds=2))],
)


def batch(*messages: call_pb2.CapturedText) -> call_pb2.CapturedBatch:
    return call_pb2.CapturedBatch(edge="edge-eu1", messages=messages)


def text(what: str, at_ns: int, **more: object) -> call_pb2.CapturedText:
    return call_pb2.CapturedText(call="c1", time_ns=at_ns, text=what, peer="192.0.2.1:5060", **more)  # type: ignore[arg-type]


@pytest.fixture
async def messages(tmp_path: Path) -> AsyncIterator[Messages]:
    opened = await Messages.open(tmp_path / "messages.sqlite")
    yield opened
    await opened.close()


async def test_messages_come_by_time_and_one_to_a_gateway_has_its_attempts(messages: Messages) -> None:
    to_gateway = call_pb2.CapturedText(call="c1", number=2, text="INVITE to the gateway", peer="127.0.9.1:5060")
    await messages.add(batch(text("486", 3 * 10**9), to_gateway, text("INVITE", 1 * 10**9, is_received=True)), 1)
    found = await messages.of(CALL)
    assert [(each.text, each.time.seconds, each.side, each.direction) for each in found] == [
        ("INVITE", 1, "customer", "received"),
        ("INVITE to the gateway", 2, "carrier", "sent"),
        ("486", 3, "customer", "sent"),
    ]


async def test_a_call_keeps_its_first_messages_only(messages: Messages) -> None:
    stored = await messages.add(batch(*(text(str(number), number + 1) for number in range(MAX_PER_CALL + 50))), 1)
    assert stored == MAX_PER_CALL
    assert await messages.add(batch(text("sampled", MAX_PER_CALL * 2, is_sampled=True)), 1) == 1
    assert await messages.add(batch(text("beyond", MAX_PER_CALL * 2)), 1) == 0
    assert [each.text for each in await messages.of(CALL)][-2:] == [str(MAX_PER_CALL - 1), "sampled"]


async def test_old_ones_are_deleted(messages: Messages) -> None:
    for stored_ns in range(1, 6):
        await messages.add(batch(text(str(stored_ns), stored_ns)), stored_ns)
    assert (await messages.delete_older(3), await messages.delete_older(3)) == (2, 0)
    assert [each.text for each in await messages.of(CALL)] == ["3", "4", "5"]


async def evict(messages: Messages, most: int, *, is_sampled: bool = False) -> int:
    gone = 0
    while now_gone := await messages.evict(is_sampled=is_sampled, most=most):
        gone += now_gone
    return gone


async def test_beyond_the_bound_the_oldest_of_the_tenant_that_has_most_go(messages: Messages) -> None:
    for number in range(1, 4):
        await messages.add(batch(text(f"quiet {number}", number, tenant="quiet")), 1)
    flood = [call_pb2.CapturedText(call=f"flood {number // 100}", tenant="flood", time_ns=1) for number in range(450)]
    assert await messages.add(batch(*flood), 2) == 450
    assert await evict(messages, 500) == 0
    assert await evict(messages, 203) == 250
    assert [each.text for each in await messages.of(CALL)] == ["quiet 1", "quiet 2", "quiet 3"]
    left = [len(await messages.of(Record(call=f"flood {number}"))) for number in range(5)]
    assert left == [0, 0, 1, 1, 1], "told at one time with one text, they are shown once"
    await messages.delete_older(2)
    await messages.add(batch(*(text(str(number), number, tenant="late") for number in range(1, 151))), 3)
    assert await evict(messages, 200) == 150
    assert [each.text for each in await messages.of(CALL)] == [str(number) for number in range(51, 151)], "half of the room each"


async def test_messages_of_sampled_calls_make_no_room_of_those_of_failed_ones(messages: Messages) -> None:
    sampled = [text(f"sampled {number}", number, tenant="acme", is_sampled=True) for number in range(1, 101)]
    await messages.add(batch(text("failed", 1_000, tenant="acme"), *sampled), 1)
    assert (await evict(messages, 10), await evict(messages, 10, is_sampled=True)) == (0, 90)
    assert [each.text for each in await messages.of(CALL)] == [*(f"sampled {number}" for number in range(91, 101)), "failed"]


async def test_what_a_sampled_call_that_failed_has_twice_is_shown_once(messages: Messages) -> None:
    to_gateway = {"text": "INVITE to the gateway", "peer": "127.0.9.1:5060", "call": "c1"}
    busy = {"text": "486", "peer": "127.0.9.1:5060", "call": "c1", "time_ns": 3 * 10**9, "is_received": True}
    await messages.add(
        batch(
            text("INVITE", 10**9, is_received=True, is_sampled=True),
            call_pb2.CapturedText(time_ns=2 * 10**9 + 5, is_sampled=True, **to_gateway),  # type: ignore[arg-type]
            call_pb2.CapturedText(is_sampled=True, **busy),  # type: ignore[arg-type]
            text("INVITE", 10**9, is_received=True),
            call_pb2.CapturedText(number=2, **to_gateway),  # type: ignore[arg-type]
            call_pb2.CapturedText(**busy),  # type: ignore[arg-type]
            text("INVITE", 4 * 10**9, is_received=True, is_sampled=True),
        ),
        1,
    )
    found = [(each.text, each.time.seconds, each.side) for each in await messages.of(CALL)]
    assert found == [("INVITE", 1, "customer"), ("INVITE to the gateway", 2, "carrier"), ("486", 3, "carrier"), ("INVITE", 4, "customer")]


@pytest.mark.parametrize("done", [0, 1, 2])
async def test_a_file_of_before_keeps_its_messages_and_they_are_bounded(tmp_path: Path, done: int) -> None:
    """Also one that got only so many of its two new columns before its process died."""
    path = tmp_path / "messages.sqlite"
    with closing(sqlite3.connect(path)) as before:
        before.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, call TEXT NOT NULL, edge TEXT NOT NULL, stored_ns INTEGER NOT NULL,"
            " body BLOB NOT NULL)"
        )
        rows = [("c1", "edge-eu1", 1, text(str(number), number).SerializeToString()) for number in (1, 2, 3)]
        before.executemany("INSERT INTO messages (call, edge, stored_ns, body) VALUES (?, ?, ?, ?)", rows)
        for column in ("tenant TEXT NOT NULL DEFAULT ''", "is_sampled INTEGER NOT NULL DEFAULT 0")[:done]:
            before.execute(f"ALTER TABLE messages ADD COLUMN {column}")
        before.commit()
    for _ in range(2):
        # The second time it is a file of now.
        opened = await Messages.open(path)
        assert [each.text for each in await opened.of(CALL)] == ["1", "2", "3"]
        assert await opened.evict(is_sampled=False, most=3) == 0
        await opened.close()
    opened = await Messages.open(path)
    await opened.add(batch(text("4", 4, tenant="acme")), 2)
    assert await evict(opened, 2) == 2
    assert [each.text for each in await opened.of(CALL)] == ["3", "4"]
    await opened.close()


async def test_what_the_disk_does_not_take_is_lost_and_what_comes_later_is_kept(messages: Messages, tmp_path: Path) -> None:
    await messages.keep(batch(text("old", 1)), 1)
    with closing(sqlite3.connect(tmp_path / "messages.sqlite")) as other:
        other.execute("ALTER TABLE messages RENAME TO elsewhere")
    for failures in (1, 2):
        await messages.keep(batch(text("lost", 2)), time.time_ns())
        assert messages.failures == failures
    assert await messages.clean_some(days=1) == 0
    with closing(sqlite3.connect(tmp_path / "messages.sqlite")) as other:
        other.execute("ALTER TABLE elsewhere RENAME TO messages")
    await messages.keep(batch(text("late", 3)), time.time_ns())
    assert messages.failures == 0
    assert [each.text for each in await messages.of(CALL)] == ["old", "late"]
    assert await messages.clean_some(days=1) == 1
    assert [each.text for each in await messages.of(CALL)] == ["late"]


async def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite"
    path.write_bytes(b"this is no database, whatever its name says. " * 200)
    opened = await Messages.open(path)
    assert await opened.of(CALL) == []
    await opened.close()
    assert len(list(tmp_path.glob("messages.sqlite.aside-*"))) == 1
