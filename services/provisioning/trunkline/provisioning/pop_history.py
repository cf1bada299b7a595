"""How points of presence stood in the names and stand now, as the dns services have written it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import not_found
from trunkline.domain.pop_changes import PopBook, PopChange, Word
from trunkline.provisioning.pages import DEFAULT_SIZE, MAX_SIZE, bad_token, last_shown, token_after
from trunkline.runtime.fields import unix_ns
from trunkline.runtime.pop_log import Taken

_NS_PER_US: Final = 1_000


class PopHistory:
    def __init__(self, pops: Sequence[str]) -> None:
        self._pops = tuple(pops)
        self._book = PopBook()

    def taken(self, region: str, taken: Sequence[Taken]) -> None:
        """What the stream of a region says."""
        self._book.take(change for _, change in taken)

    def mark(self, pops: Iterable[pb.Pop]) -> None:
        """Says of each since when it is what it is in the names, and why. What nobody has written, or cannot be
        read here, stays as it is."""
        for pop in pops:
            last = self._book.last(pop.name)
            if last is not None and not self._book.is_unread(pop.name):
                pop.health = last.after.word.value
                pop.without_transports[:] = last.after.without
                pop.health_reason = "" if last.after.word is Word.READY and not last.after.without else last.reason
                pop.health_since.CopyFrom(_time(last))
                pop.health_decided_by = last.by

    def list(self, request: pb.ListPopChangesRequest) -> pb.ListPopChangesResponse:
        """Raises Refusal."""
        if request.pop and request.pop not in self._pops:
            message = f"There is no point of presence {request.pop[:32]!r}."
            raise not_found("POP_NOT_FOUND", "pop", message, f"There are: {', '.join(self._pops)}.")
        since_us = unix_ns(request.since, "since") // _NS_PER_US
        until_us = unix_ns(request.until, "until") // _NS_PER_US if request.HasField("until") else None
        wanted = [
            change
            for change in self._book.newest_first(request.pop)
            if change.time_us >= since_us and (until_us is None or change.time_us < until_us)
        ]
        start = _start(wanted, request.page.token) if request.page.token else 0
        end = start + min(request.page.size or DEFAULT_SIZE, MAX_SIZE)
        token = _token_at(wanted, end) if end < len(wanted) else ""
        return pb.ListPopChangesResponse(changes=map(_message, wanted[start:end]), next_page_token=token)


def _token_at(changes: Sequence[PopChange], end: int) -> str:
    """Time and point of presence of the last one shown, and which of several with the same it is: a token tells whoever decodes it
    nothing that the page does not."""
    key = _key(changes[end - 1])
    return token_after(f"{key[0]}/{key[1]}/{sum(_key(change) == key for change in changes[:end])}")


def _start(changes: Sequence[PopChange], token: str) -> int:
    """Where the page of a token begins. One of an earlier version ends with the point of presence: all that have the same were shown."""
    time_us, pop, told = [*last_shown(token).split("/"), "", ""][:3]
    if not all(number.isascii() and number.isdecimal() and len(number) < 20 for number in (time_us, told or "0")):
        raise bad_token()
    key = int(time_us), pop
    newer = sum(_key(change) > key for change in changes)
    same = sum(_key(change) == key for change in changes)
    return newer + (min(int(told), same) if told else same)


def _key(change: PopChange) -> tuple[int, str]:
    return change.time_us, change.pop


def _message(change: PopChange) -> pb.PopChange:
    return pb.PopChange(
        pop=change.pop,
        time=_time(change),
        old_state="" if change.before is None else str(change.before),
        new_state=str(change.after),
        reason=change.reason,
        decided_by=change.by,
        region=change.region,
    )


def _time(change: PopChange) -> Timestamp:
    time = Timestamp()
    time.FromMicroseconds(change.time_us)
    return time
