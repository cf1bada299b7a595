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


def sized(bytes_: int, call: str, tenant: str, **more: object) -> call_pb2.CapturedText:
    """A message of exactly so many bytes as it is stored, 150 or more."""
    message = call_pb2.CapturedText(call=call, tenant=tenant, time_ns=1, text="x" * (bytes_ - 20), **more)  # type: ignore[arg-type]
    message.text = "x" * (len(message.text) + bytes_ - message.ByteSize())
    assert message.ByteSize() == bytes_
    return message


def stored(path: Path) -> dict[str, int]:
    """How many messages are left of each tenant."""
    with closing(sqlite3.connect(path)) as other:
        return dict(other.execute("SELECT tenant, count(*) FROM messages GROUP BY tenant"))


async def evict(messages: Messages, most_bytes: int, *, is_sampled: bool = False) -> int:
    gone = 0
    while now_gone := await messages.evict(is_sampled=is_sampled, most_bytes=most_bytes):
        gone += now_gone
    return gone


async def test_beyond_the_bound_the_oldest_of_the_tenant_that_has_most_bytes_go(messages: Messages, tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite"
    await messages.add(batch(*(sized(200, f"many {number // 100}", "many") for number in range(300))), 1)
    await messages.add(batch(*(sized(10_000, f"long {number}", "long") for number in range(20))), 2)
    assert await evict(messages, 260_000) == 0
    assert await evict(messages, 259_999) == 1
    assert await messages.of(Record(call="long 0")) == [] and len(await messages.of(Record(call="long 1"))) == 1
    assert await evict(messages, 110_000) == 14, "one of 10,000 bytes is fifty of 200"
    assert stored(path) == {"many": 300, "long": 5}
    for most_bytes in range(109_000, 59_000, -1_000):
        await evict(messages, most_bytes)
    left = stored(path)
    assert abs(200 * left["many"] - 10_000 * left["long"]) <= 10_000, "half of the room each, whatever the size of a message"
    await messages.delete_older(3)
    await messages.add(batch(sized(300, "c1", "late"), sized(500, "c1", "late")), 3)
    assert await evict(messages, 500) == 1
    assert [len(each.text) > 400 for each in await messages.of(CALL)] == [True]


async def test_messages_of_sampled_calls_make_no_room_of_those_of_failed_ones(messages: Messages) -> None:
    sampled = [text(f"sampled {number:03}", number, tenant="acme", is_sampled=True) for number in range(201, 301)]
    [size] = {each.ByteSize() for each in sampled}
    failed = text("failed", 1_000, tenant="acme")
    await messages.add(batch(failed, *sampled), 1)
    assert (await evict(messages, failed.ByteSize()), await evict(messages, 10 * size, is_sampled=True)) == (0, 90)
    assert [each.text for each in await messages.of(CALL)] == [*(f"sampled {number}" for number in range(291, 301)), "failed"]


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


COLUMNS = ("tenant TEXT NOT NULL DEFAULT ''", "is_sampled INTEGER NOT NULL DEFAULT 0")
COUNTED = """
CREATE TABLE held (
    is_sampled INTEGER NOT NULL, tenant TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (is_sampled, tenant)
) WITHOUT ROWID;
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO held VALUES (new.is_sampled, new.tenant, 1) ON CONFLICT (is_sampled, tenant) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER message_deleted AFTER DELETE ON messages BEGIN
    UPDATE held SET count = count - 1 WHERE is_sampled = old.is_sampled AND tenant = old.tenant;
    DELETE FROM held WHERE is_sampled = old.is_sampled AND tenant = old.tenant AND count <= 0;
END;
"""


@pytest.mark.parametrize(("columns", "counted"), [(COLUMNS[:0], ""), (COLUMNS[:1], ""), (COLUMNS, ""), (COLUMNS, COUNTED)])
async def test_a_file_of_before_keeps_its_messages_and_they_are_bounded(tmp_path: Path, columns: tuple[str, ...], counted: str) -> None:
    """Of the first version; of one whose process died between two changes of it; of the one that counted messages."""
    path = tmp_path / "messages.sqlite"
    bodies = [text(str(number), number).SerializeToString() for number in (1, 2, 3)]
    with closing(sqlite3.connect(path)) as before:
        before.execute(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, call TEXT NOT NULL, edge TEXT NOT NULL, stored_ns INTEGER NOT NULL,"
            " body BLOB NOT NULL)"
        )
        for column in columns:
            before.execute(f"ALTER TABLE messages ADD COLUMN {column}")
        before.executescript(counted)
        rows = [("c1", "edge-eu1", 1, body) for body in bodies]
        before.executemany("INSERT INTO messages (call, edge, stored_ns, body) VALUES (?, ?, ?, ?)", rows)
        before.commit()
    for _ in range(2):
        # The second time it is a file of now.
        opened = await Messages.open(path)
        assert [each.text for each in await opened.of(CALL)] == ["1", "2", "3"]
        assert await opened.evict(is_sampled=False, most_bytes=sum(map(len, bodies))) == 0
        await opened.close()
    opened = await Messages.open(path)
    new = text("4", 4, tenant="acme")
    await opened.add(batch(new), 2)
    assert await evict(opened, len(bodies[2]) + new.ByteSize()) == 2
    assert [each.text for each in await opened.of(CALL)] == ["3", "4"]
    await opened.close()
    with closing(sqlite3.connect(path)) as other:
        kept = {name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')")}
    assert kept == {"messages", "held_bytes", "bytes_added", "bytes_deleted"}


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
