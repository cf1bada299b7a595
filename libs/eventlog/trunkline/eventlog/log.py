"""The seam to the event log: what every engine of it gives, and how it fails.

Positions count commits from 1 without a gap. A commit, once its position is known, never changes and never goes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from trunkline.domain.events import Commit, Position

ALL_SUBJECTS = "config.>"

MAX_COMMIT_BYTES = 256 * 1024
"""Of one encoded commit. Keeps a batch of them below what a server buffers, and a tail's memory bounded."""

MAX_COMMITS_A_BATCH = 1000
"""What the server takes in one atomic batch (ADR-50 of NATS)."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The last commit on the subjects that match `subject_filter` stands at `position`; 0: there is none.

    The filter is a subject, or one with the wildcards `*` (one token) and `>` (the rest), and must match the subject of the commit that it
    guards: `config.*.acme.>` says that nothing of the tenant has changed.
    """

    subject_filter: str
    position: Position


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """`body` is the commit as it was stored, byte for byte: what the digest runs over. `stored_time` is the log's clock, UTC."""

    position: Position
    commit: Commit
    stored_time: datetime
    body: bytes = field(repr=False)


class LogError(Exception):
    """Something is wrong with the log; each kind says what to do."""


class Conflict(LogError):
    """Somebody else was faster: an expected position was not the last one. Nothing was stored by this append.

    One exception: where an acknowledgement was lost and another commit has followed on the same subject since, ours may stand. Read up
    to the head and look for the request id before deciding again.
    """


class LogUnavailable(LogError):
    """The log could not be reached in time. After an append the outcome is unknown: repeat it with the same request id."""


class LogDamaged(LogError):
    """What was read cannot be the log: a gap, a body that does not decode, a subject that is not its commit's. Do not go on; restore it."""


class EventLog(Protocol):
    """One feed of commits. Engines: `trunkline.eventlog.jetstream.JetStreamLog`, `trunkline.eventlog.sqlite.SqliteLog`."""

    async def append(self, commits: Sequence[Commit], expect: Sequence[Expect]) -> tuple[Position, ...]:
        """Store all of `commits` (1 to `MAX_COMMITS_A_BATCH`) or none; `expect[i]` guards `commits[i]`.

        Their positions are consecutive. Appending a commit whose id is the last on its subject already gives its position again. Two
        commits with one request id of one tenant are a `Conflict` (claims' commits apart), at least for some minutes, which is longer than
        a decision takes. Raises `Conflict`, `LogUnavailable` (within 2 s), ValueError for a commit above `MAX_COMMIT_BYTES`.
        """
        ...

    async def last(self, subject_filter: str) -> StoredCommit | None:
        """The last commit on matching subjects, read from the leader: it sees every acknowledged append. Raises `LogUnavailable`."""
        ...

    async def at(self, position: Position) -> StoredCommit:
        """The commit at a position, which must not be above the head. Raises `LogUnavailable`; `LogDamaged` where it is not there."""
        ...

    async def head(self) -> Position:
        """The position of the last commit, read from the leader; 0 where the log is empty. Raises `LogUnavailable`."""
        ...

    async def epoch(self) -> str:
        """Names this log: another one, even with commits at the same positions, has another epoch. Raises `LogUnavailable`."""
        ...

    def groups(self, from_position: Position) -> AsyncIterator[Sequence[StoredCommit]]:
        """Every commit from `from_position` on, for ever, in order, without a gap; each group is what had arrived, never empty.

        Survives the loss of the log and goes on when it is back. Raises `LogDamaged` and `trunkline.eventlog.codec.UnknownEvent` only.
        """
        ...

    def tail(self, from_position: Position) -> AsyncIterator[StoredCommit]:
        """`groups`, one commit at a time."""
        ...


async def each(groups: AsyncIterator[Sequence[StoredCommit]]) -> AsyncIterator[StoredCommit]:
    """Flatten `EventLog.groups`."""
    async for group in groups:
        for stored in group:
            yield stored


def matches(subject_filter: str, subject: str) -> bool:
    """Whether a subject matches a filter, by the rules of NATS: `*` is one token, a final `>` one or more."""
    wanted = subject_filter.split(".")
    tokens = subject.split(".")
    if wanted[-1] == ">":
        if len(tokens) < len(wanted):
            return False
        wanted.pop()
        tokens = tokens[: len(wanted)]
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))
