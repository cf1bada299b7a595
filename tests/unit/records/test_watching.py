"""A slow watcher is told the last state of each attempt, and how many it missed."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.records.v1.records_pb2 import Record
from trunkline.domain.errors import Refusal
from trunkline.records.watching import MAX_WAITING, MAX_WATCHERS, Watchers


async def test_changes_of_one_attempt_are_told_as_the_last_of_them() -> None:
    watchers = Watchers()
    with watchers.watching("acme", "") as watcher:
        watchers.publish([Record(call="1", tenant="acme", outcome="trying"), Record(call="2", tenant="acme", outcome="trying")])
        watchers.publish([Record(call="1", tenant="acme", outcome="ringing"), Record(call="3", tenant="other")])
        news = await watcher.news()
    assert ([(each.call, each.outcome) for each in news.records], news.skipped) == ([("1", "ringing"), ("2", "trying")], 0)


async def test_what_does_not_fit_is_counted() -> None:
    watchers = Watchers()
    with watchers.watching("", "d1") as watcher:
        watchers.publish([Record(call=str(number), domain="d1") for number in range(MAX_WAITING + 7)])
        news = await watcher.news()
    assert (len(news.records), news.skipped, news.has_gap, news.records[0].call) == (MAX_WAITING, 7, True, "7")


async def test_of_more_attempts_than_are_asked_for_those_that_began_last_are_told() -> None:
    watchers = Watchers()
    with watchers.watching("", "") as watcher:
        watchers.publish([Record(call=str(at), setup_time=Timestamp(seconds=at)) for at in (5, 3, 9, 1, 7)])
        news = await watcher.news(2)
    assert ([record.call for record in news.records], news.skipped, news.has_gap) == (["9", "7"], 3, False)


def test_watchers_are_bounded_and_leave_when_they_are_done() -> None:
    watchers = Watchers()
    entered = [watchers.watching("", "") for _ in range(MAX_WATCHERS)]
    for each in entered:
        each.__enter__()
    with pytest.raises(Refusal, match="watch calls already"), watchers.watching("", ""):
        pass
    entered[0].__exit__(None, None, None)
    with watchers.watching("", ""):
        pass
