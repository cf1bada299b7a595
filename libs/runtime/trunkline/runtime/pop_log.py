"""The streams POPS of all regions ↔ values: the changes of points of presence, which dns writes and provisioning shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from google.protobuf.message import DecodeError
from nats.aio.client import Client

from trunkline.api.events.v1 import pop_pb2
from trunkline.domain.pop_changes import PopChange, Standing, Unread, Word
from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.streams import POPS, api_prefix
from trunkline.eventlog.tail import RawMessage, RawTail
from trunkline.runtime.logs import logger

SUBJECT: Final = "pops.changed"
NAME_LIMIT: Final = 64
REASON_LIMIT: Final = 512
TIME_LIMIT_US: Final = 253_402_300_800_000_000
"""The year 10000: beyond it there is no Timestamp."""

_TO_PROTO: Final = {
    Word.READY: pop_pb2.POP_WORD_READY,
    Word.DRAINING: pop_pb2.POP_WORD_DRAINING,
    Word.DOWN: pop_pb2.POP_WORD_DOWN,
    Word.FROZEN: pop_pb2.POP_WORD_FROZEN,
}
_FROM_PROTO: Final = {number: word for word, number in _TO_PROTO.items()}
_log = logger("pop log")

Taken = tuple[int, PopChange | Unread]
"""A change and its sequence in its region's stream; Unread where this version cannot read it."""


def subject_of(region: str, pop: str) -> str:
    return f"{SUBJECT}.{region}.{pop}"


def to_message(change: PopChange) -> bytes:
    message = pop_pb2.PopChanged(
        pop=change.pop,
        time_us=change.time_us,
        before=None if change.before is None else _standing_message(change.before),
        after=_standing_message(change.after),
        reason=change.reason[:REASON_LIMIT],
        decided_by=change.by,
        region=change.region,
    )
    return message.SerializeToString()


def change_in(data: bytes) -> PopChange:
    """ValueError for what is no PopChanged, or one that changes nothing or speaks of states that are not known here."""
    try:
        message = pop_pb2.PopChanged.FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a PopChanged: {error}") from error
    if not 0 < len(message.pop) <= NAME_LIMIT or len(message.reason) > REASON_LIMIT:
        raise ValueError(f"a point of presence has 1 to {NAME_LIMIT} characters, a reason at most {REASON_LIMIT}")
    if message.time_us >= TIME_LIMIT_US:
        raise ValueError(f"{message.time_us} µs are no time before the year 10000")
    before = _standing(message.before) if message.HasField("before") else None
    after = _standing(message.after)
    if before == after:
        raise ValueError(f"{message.pop} was {after} before")
    return PopChange(message.time_us, message.pop, message.region, message.decided_by, before, after, message.reason)


def _standing_message(standing: Standing) -> pop_pb2.PopStanding:
    return pop_pb2.PopStanding(word=_TO_PROTO[standing.word], without=standing.without)


def _standing(message: pop_pb2.PopStanding) -> Standing:
    word = _FROM_PROTO.get(message.word)
    if word is None:
        raise ValueError(f"the state {message.word} is not known here")
    return Standing(word, tuple(sorted(set(message.without))))


async def follow_changes(client: Client, region: str, take: Callable[[str, Sequence[Taken]], None]) -> None:
    """For ever: every change in one region's POPS, those that stand there first; `take` is told the region, and an empty sequence where all
    is read again. What cannot be read is logged."""
    while True:
        try:
            async for group in RawTail(client, POPS, api_prefix=api_prefix(region)).groups():
                take(region, [(message.sequence, _taken(region, message)) for message in group])
        except LogDamaged as error:
            _log.info("reading all changes of a region again", region=region, why=str(error))
            take(region, ())


def _taken(region: str, message: RawMessage) -> PopChange | Unread:
    pop = message.subject.rpartition(".")[2]
    try:
        change = change_in(message.data)
        if change.pop != pop:
            raise ValueError(f"it speaks of {change.pop}")
    except ValueError as error:
        _log.warning(
            "a change of a point of presence cannot be read and is passed over; where a later version wrote it, update this service",
            region=region,
            pop=pop,
            sequence=message.sequence,
            why=str(error),
        )
        return Unread(pop, message.time_ns // 1000)
    return change


async def follow_all_changes(client: Client, regions: Iterable[str], take: Callable[[str, Sequence[Taken]], None]) -> None:
    """`follow_changes` of each."""
    async with asyncio.TaskGroup() as group:
        for region in regions:
            group.create_task(follow_changes(client, region, take), name=f"points of presence, as {region} has them")
