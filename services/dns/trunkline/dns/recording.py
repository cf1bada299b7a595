"""Writing down each change of a point of presence that the names follow: the dns services' side of the streams POPS ([ADR 24]).

Of all dns services, of any region, the first to see a change writes it: at home, where the stream takes it only behind the last change that
the writer knows, so that of several who try one succeeds and the others find it there. Where home does not answer it is written into the
stream of the own region by the same rule; what several regions write then is one change when it is read (`PopBook`).

[ADR 24]: docs/adr/0024-pop-events.md
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import nats.errors
from nats.aio.client import Client

from trunkline.domain.pop_changes import PopBook, PopChange, Unread
from trunkline.domain.pop_health import Health
from trunkline.domain.pop_recorder import Recorder
from trunkline.eventlog.jetstream import CONFLICTS
from trunkline.eventlog.log import Conflict, LogUnavailable
from trunkline.eventlog.request import request
from trunkline.eventlog.streams import POPS, ensure_pops
from trunkline.runtime.logs import logger
from trunkline.runtime.pop_log import Taken, follow_all_changes, subject_of, to_message

LOOK_S: Final = 0.25
PUBLISH_LIMIT_S: Final = 2.0
_US_PER_S: Final = 1_000_000

_log = logger("pop log")


class Recording:
    """One a process: `judged` is told every judgement, `run` writes. `regions` are those whose dns services keep a stream, this one's among
    them."""

    def __init__(
        self,
        client: Client,
        *,
        name: str,
        region: str,
        home: str,
        regions: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.book = PopBook()
        self._client = client
        self._region = region
        self._regions = tuple(regions)
        self._order = tuple(dict.fromkeys((home, region))) if home in regions else (region,)
        """Where a change is written: the first that takes it."""
        self._clock = clock
        self._recorder = Recorder(name, region)
        self.unread_total = 0
        """Changes that were passed over because this version cannot read them."""
        self._ends: dict[tuple[str, str], int] = {}
        """By region and point of presence: the sequence of its last change in that region's stream."""
        self._counted: dict[str, int] = {}
        """By region: up to which sequence `unread_total` has counted; what is read again is not counted again."""

    def judged(self, healths: Mapping[str, Health]) -> None:
        self._recorder.judged(healths, self._now_us())

    def taken(self, region: str, taken: Sequence[Taken]) -> None:
        """What a region's stream says; nothing: it is read again from its beginning."""
        if not taken:
            self._ends = {key: sequence for key, sequence in self._ends.items() if key[0] != region}
        for sequence, change in taken:
            self.unread_total += isinstance(change, Unread) and sequence > self._counted.get(region, 0)
            self._counted[region] = max(sequence, self._counted.get(region, 0))
            self._ends[region, change.pop] = max(sequence, self._ends.get((region, change.pop), 0))
        self.book.take(change for _, change in taken)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(ensure_pops(self._client, self._region))
            group.create_task(follow_all_changes(self._client, self._regions, self.taken))
            while True:
                # What is heard while one is written must not make the next one look as if it had been known when that was decided.
                ends = dict(self._ends)
                for change in self._recorder.due(self.book, time.monotonic(), self._now_us()):
                    await self._write(change, ends)
                await asyncio.sleep(LOOK_S)

    def _now_us(self) -> int:
        return round(self._clock() * _US_PER_S)

    async def _write(self, change: PopChange, ends: Mapping[tuple[str, str], int]) -> None:
        """`ends` as they were when it was decided. What is not written by this is due again."""
        why = ""
        for region in self._order:
            try:
                sequence = await self._publish(region, change, ends.get((region, change.pop), 0))
            except Conflict:
                return  # somebody was faster, and what he wrote is on its way here
            except LogUnavailable as error:
                why = str(error)
                continue
            self.taken(region, [(sequence, change)])
            _log.info("change written", pop=change.pop, now=str(change.after), why=change.reason, stream_of=region)
            return
        _log.info("a change of a point of presence waits", pop=change.pop, now=str(change.after), why=why)

    async def _publish(self, region: str, change: PopChange, end: int) -> int:
        """Its sequence. Raises Conflict where the stream has more about the point of presence than what stands at `end`, LogUnavailable
        where the stream does not answer, and may have taken it."""
        if not self._client.is_connected:
            raise LogUnavailable("not connected to NATS")
        headers = {
            "Nats-Expected-Stream": POPS,
            "Nats-Expected-Last-Subject-Sequence": str(end),
        }
        try:
            message = await request(self._client, subject_of(region, change.pop), to_message(change), PUBLISH_LIMIT_S, headers)
        except (nats.errors.Error, OSError) as error:
            raise LogUnavailable(f"stream {POPS} of region {region} does not answer ({type(error).__name__}: {error})") from error
        answer = json.loads(message.data)
        problem = answer.get("error")
        if problem is not None and problem.get("err_code") in CONFLICTS:
            raise Conflict(f"stream {POPS} of region {region}: {problem.get('description')}")
        if problem is not None or not isinstance(answer.get("seq"), int):
            raise LogUnavailable(f"stream {POPS} of region {region} did not take it: {problem or answer}")
        sequence: int = answer["seq"]
        return sequence
