"""What one watcher of calls is told, answer by answer (`WatchCalls`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from trunkline.api.records.v1 import records_pb2 as pb
from trunkline.records.filters import Filter
from trunkline.records.queries import Queries
from trunkline.records.watching import MAX_WAITING, Watcher


async def follow(watcher: Watcher, queries: Queries, wanted: Filter, request: pb.WatchCallsRequest) -> AsyncIterator[pb.WatchCallsResponse]:
    """For ever: first the newest, then what changes. `wanted` is what the watcher was made for."""
    if request.gather_ms:
        async for answer in _gathered(watcher, queries, wanted, request):
            yield answer
    if request.recent:
        for record in await _newest(queries, wanted, request.recent):
            yield pb.WatchCallsResponse(record=record)
    while True:
        news = await watcher.news()
        if news.skipped:
            yield pb.WatchCallsResponse(skipped=news.skipped)
        for record in news.records:
            yield pb.WatchCallsResponse(record=record)


async def _gathered(
    watcher: Watcher, queries: Queries, wanted: Filter, request: pb.WatchCallsRequest
) -> AsyncIterator[pb.WatchCallsResponse]:
    """Who shows the newest attempts would show one for ever as it was before a change that was dropped: he is told all of them anew."""
    if request.recent:
        yield pb.WatchCallsResponse(records=await _newest(queries, wanted, request.recent), is_reset=True)
    most = min(request.most or MAX_WAITING, MAX_WAITING)
    while True:
        news = await watcher.news(most)
        if news.has_gap and request.recent:
            # Read after the news were taken: what was dropped stands in it, as all that is published was written before.
            newest = await _newest(queries, wanted, request.recent)
            shown = {record.call for record in newest}
            left_out = sum(record.call not in shown for record in news.records)
            yield pb.WatchCallsResponse(records=newest, skipped=news.skipped + left_out, is_reset=True)
        else:
            yield pb.WatchCallsResponse(records=news.records, skipped=news.skipped)
        await asyncio.sleep(request.gather_ms / 1000)


async def _newest(queries: Queries, wanted: Filter, number: int) -> list[pb.Record]:
    """The oldest of them first."""
    records, _ = await queries.page(wanted, number)
    return records[::-1]
