"""Server-sent events: a part of a page, sent again when what it shows has changed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import grpc.aio
from starlette.responses import StreamingResponse

from trunkline.api.records.v1 import records_pb2
from trunkline.dashboard.visits import Visit
from trunkline.dashboard.web import fragment

GATHER_S: Final = 0.5
"""Between two answers of the feed; a page that changes more often than that cannot be read, however many calls there are."""
PAUSE_S: Final = GATHER_S / 2
"""At least, between two sendings: less than between two answers, so that a page waits for news, and none of them for the page."""
LOOK_S: Final = 3.0
"""After which the rest of the page is looked at too, where no call changed."""
AGAIN_S: Final = 2.0
"""Before a feed that broke is opened again."""
LONGEST_S: Final = 600.0
"""Then the browser connects again, and its session is looked at again."""
MAX_STREAMS: Final = 500
"""Of all persons together."""
MAX_OF_ONE: Final = 12
"""Of one session: pages that somebody has open beside each other. Each asks all edges."""

STILL: Final = "still"
"""The event that says why a page does not change, or with nothing that it does."""
FULL_AGAIN_S: Final = 10
"""After which a page that was one too many tries again."""
USUAL_AGAIN_S: Final = 3
"""After which any other connects again, as browsers do of themselves: one keeps what it was told last."""

_streams: Counter[str] = Counter()
"""By session."""


@dataclass(slots=True)
class Watched:
    """The attempts that began last, as they stand now: at most `size`, the newest first."""

    size: int
    records: list[records_pb2.Record] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, answer: records_pb2.WatchCallsResponse) -> None:
        """An older records service gathers nothing, and tells each by itself."""
        if answer.is_reset:
            self.records = []
        self.put([*answer.records, *([answer.record] if answer.HasField("record") else [])])

    def put(self, changed: Iterable[records_pb2.Record]) -> None:
        known = {record.call: record for record in self.records}
        known.update((record.call, record) for record in changed)
        self.records = sorted(known.values(), key=lambda record: record.setup_time.ToNanoseconds(), reverse=True)[: self.size]
        self.changed.set()


Render = Callable[[Watched], Awaitable[str]]


def follow(visit: Visit, event: str, size: int, render: Render) -> StreamingResponse:
    """`render` gives the part as it is now; it is sent as often as it differs from what was sent last."""
    return StreamingResponse(_events(visit, event, size, render), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(visit: Visit, event: str, size: int, render: Render) -> AsyncIterator[bytes]:
    whose = visit.session.secret
    if why := _why_not(whose):
        yield _still(fragment("still.html", {"why": why, "again_s": FULL_AGAIN_S}), FULL_AGAIN_S)
        return
    _streams[whose] += 1
    watched = Watched(size)
    feed = asyncio.create_task(_feed(visit, watched))
    loop = asyncio.get_running_loop()
    ends, last = loop.time() + LONGEST_S, ""
    try:
        # Takes back what an earlier try was told.
        yield _still("", USUAL_AGAIN_S)
        while loop.time() < ends and not feed.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await watched.changed.wait()
            watched.changed.clear()
            if not await visit.desk.store.is_session(visit.session.secret, time.time()):
                yield ENDED
                return
            try:
                now = await render(watched)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    yield ENDED
                if _is_refusal(error):
                    return
                now = last
            yield message(event, now) if now != last else b": still here\n\n"
            last = now
            await asyncio.sleep(PAUSE_S)
    finally:
        _streams[whose] -= 1
        if not _streams[whose]:
            del _streams[whose]
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)


def _why_not(whose: str) -> str:
    """Why one more page of this session is not followed; empty where it is."""
    if _streams[whose] >= MAX_OF_ONE:
        return f"{MAX_OF_ONE} pages of this login follow calls already: close one of them"
    if _streams.total() >= MAX_STREAMS:
        return f"{MAX_STREAMS} pages follow calls already, as many as the dashboard bears"
    return ""


async def _feed(visit: Visit, watched: Watched) -> None:
    """Until the page goes, or its session may not look any more. Changes come as often as the page is sent, and as many as it shows: all of
    them, for each page that is open, would take the processor that calls need."""
    request = records_pb2.WatchCallsRequest(tenant=visit.tenant, recent=watched.size, gather_ms=int(1000 * GATHER_S), most=watched.size)
    while True:
        try:
            async for answer in visit.ask.records.WatchCalls(request):
                watched.take(answer)
        except grpc.aio.AioRpcError as error:
            if _is_refusal(error):
                return
        await asyncio.sleep(AGAIN_S)


def _is_refusal(error: grpc.aio.AioRpcError) -> bool:
    return error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def message(event: str, text: str) -> bytes:
    """One event; a line break in the text would end it."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines()) or "data:\n"
    return f"event: {event}\n{lines}\n".encode()


def _still(text: str, again_s: int) -> bytes:
    """With how long the browser waits from now on before it connects again."""
    return f"retry: {1000 * again_s}\n".encode() + message(STILL, text)


ENDED: Final = message("ended", "over")
"""The page leaves for the login: its session, or the key behind it, is gone."""
