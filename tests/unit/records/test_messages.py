"""Captured messages: bounded for each call and in all, in the order in which they passed, gone after their days."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
    assert (await messages.of(CALL))[-1].text == str(MAX_PER_CALL - 1)


async def test_old_ones_and_the_oldest_beyond_the_bound_are_deleted(messages: Messages) -> None:
    for stored_ns in range(1, 6):
        await messages.add(batch(text(str(stored_ns), stored_ns)), stored_ns)
    assert await messages.delete_older(3) == 2
    assert [each.text for each in await messages.of(CALL)] == ["3", "4", "5"]
    assert (await messages.delete_older(3), await messages.delete_older(3, most=2)) == (0, 1)
    assert [each.text for each in await messages.of(CALL)] == ["4", "5"]


async def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite"
    path.write_bytes(b"this is no database, whatever its name says. " * 200)
    opened = await Messages.open(path)
    assert await opened.of(CALL) == []
    await opened.close()
    assert len(list(tmp_path.glob("messages.sqlite.aside-*"))) == 1
