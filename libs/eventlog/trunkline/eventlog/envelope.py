"""What both engines do with commits on their way in and out: bounds, encoding, and the checks that what is read is what belongs there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from trunkline.domain.events import Commit, Kind, Position
from trunkline.eventlog.codec import UnknownEvent, decode_commit, encode_commit
from trunkline.eventlog.log import MAX_COMMIT_BYTES, MAX_COMMITS_A_BATCH, Expect, LogDamaged, StoredCommit, matches

_MICRO = 1_000_000


def bodies_of(commits: Sequence[Commit], expect: Sequence[Expect]) -> list[bytes]:
    """Each commit encoded. Raises ValueError where the batch is not one that every engine can take."""
    if not 1 <= len(commits) <= MAX_COMMITS_A_BATCH or len(commits) != len(expect):
        raise ValueError(f"{len(commits)} commits, {len(expect)} expectations: 1 to {MAX_COMMITS_A_BATCH} commits with one each are needed")
    if len({commit.subject for commit in commits}) != len(commits):
        raise ValueError("a batch has two commits on one subject: make them one commit")
    bodies = []
    for commit, expected in zip(commits, expect, strict=True):
        # One nats-server takes a filter that does not cover the subject, a cluster does not.
        if not matches(expected.subject_filter, commit.subject):
            raise ValueError(f"the expectation on {expected.subject_filter} does not cover the commit's subject {commit.subject}")
        body = encode_commit(commit)
        if len(body) > MAX_COMMIT_BYTES:
            raise ValueError(f"commit {commit.id} on {commit.subject} has {len(body)} bytes, {MAX_COMMIT_BYTES} are the most: split it")
        bodies.append(body)
    return bodies


def message_id_of(commit: Commit) -> str:
    """What no two commits have in common: of a request the commit of the aggregate itself, not those of its claims, has the request's."""
    if not commit.request_id or commit.kind is Kind.CLAIM:
        return commit.id
    digest = hashlib.sha256(b"%b\0%b" % (commit.tenant.encode(), commit.request_id.encode())).hexdigest()
    return f"request-{digest}"


def stored_commit(where: str, position: int, subject: str, body: bytes, stored_us: int) -> StoredCommit:
    """`where` names the log in messages, `stored_us` is microseconds since 1970 UTC. Raises UnknownEvent and LogDamaged with the place."""
    try:
        commit = decode_commit(body)
    except UnknownEvent as error:
        raise UnknownEvent(f"{where}, position {position}: {error}") from error
    except LogDamaged as error:
        raise LogDamaged(f"{where}, position {position}: {error}") from error
    if commit.subject != subject:
        raise LogDamaged(f"{where}, position {position}: the commit belongs on {commit.subject} and stands on {subject}")
    return StoredCommit(Position(position), commit, time_of(stored_us), body)


def time_of(time_us: int) -> datetime:
    """Microseconds since 1970 UTC, exactly; floating point would be off by one now and then."""
    return datetime.fromtimestamp(time_us // _MICRO, UTC).replace(microsecond=time_us % _MICRO)


def micros_of(time: datetime) -> int:
    """The inverse of `time_of`."""
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _MICRO + since.microseconds
