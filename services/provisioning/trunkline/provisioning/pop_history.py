"""How points of presence stood in the names and stand now, as the dns services have written it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import not_found
from trunkline.domain.pop_changes import Place, PopBook, PopChange, Word
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
        behind = _place(request.page.token) if request.page.token else None
        wanted = [
            change
            for change in self._book.newest_first(request.pop)
            if change.time_us >= since_us and (until_us is None or change.time_us < until_us) and (behind is None or change.place < behind)
        ]
        shown = wanted[: min(request.page.size or DEFAULT_SIZE, MAX_SIZE)]
        token = token_after("/".join(map(str, shown[-1].place))) if len(shown) < len(wanted) else ""
        return pb.ListPopChangesResponse(changes=map(_message, shown), next_page_token=token)


def _place(token: str) -> Place:
    """A token of an earlier version ends with the point of presence, or with nothing."""
    time_us, pop, region, by, after = (last_shown(token).split("/", 4) + [""] * 4)[:5]
    if not (time_us.isascii() and time_us.isdecimal() and len(time_us) < 20):
        raise bad_token()
    return int(time_us), pop, region, by, after


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
