"""The log on NATS JetStream: stream CONFIG of the home region, one message a commit, positions are its sequences.

Everybody, in every region, asks `$JS.<home>.API` over his own region's server; the leaf link does the rest.

Appending is optimistic: the server compares the last sequence of the subject (or of a filter) with the expected one. The same retry answers
differently on one server and on a cluster, so after any doubt the last message of the subject decides: if it has our id, we have written.
The server also refuses a message id that it has seen in the last minutes; ours is made of the request's, so that of two writers with one
request only one gets through, also where they decided on different aggregates.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from trunkline.domain.events import Commit, Position
from trunkline.eventlog.codec import UnknownEvent
from trunkline.eventlog.envelope import bodies_of, message_id_of, micros_of, stored_commit
from trunkline.eventlog.log import Conflict, Expect, LogDamaged, LogUnavailable, StoredCommit, each
from trunkline.eventlog.request import request
from trunkline.eventlog.streams import CONFIG, EPOCH_KEY, HOME, api_prefix
from trunkline.eventlog.tail import RawTail
from trunkline.eventlog.ulid import new_ulid

APPEND_LIMIT_S: Final = 2.0
"""Of one append with all its tries: whoever waits for it is a person or a gRPC call."""

REQUEST_LIMIT_S: Final = 0.8
"""Of one request to the server; two fit into APPEND_LIMIT_S."""

UNREACHABLE_LIMIT_S: Final = 0.5
"""For a home of which it is certain that nobody answers there: a server that is restarted is back within it."""

RETRY_S: Final = 0.05
"""Between two tries while the server is away."""

CONFLICTS: Final = frozenset({10071, 10164, 10201})
"""Wrong last sequence; the same while the subject is in process; a batch that has a message id of an earlier one."""

_NOT_FOUND: Final = 10037
_NOT_NOW: Final = 503
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"

_log = logging.getLogger("trunkline.eventlog.jetstream")


class JetStreamLog:
    """An `EventLog`. `home` is the JetStream domain that must answer and acknowledge: it fences a former home that has come back."""

    def __init__(self, nc: Client, home: str = HOME, *, stream: str = CONFIG) -> None:
        self._nc = nc
        self._home = home
        self._stream = stream
        self._api_prefix = api_prefix(home)
        self._where = f"stream {stream} of home region {home}"

    async def append(self, commits: Sequence[Commit], expect: Sequence[Expect]) -> tuple[Position, ...]:
        messages = _messages(self._stream, commits, expect)
        patience = _Patience()
        while True:
            try:
                return await self._publish(messages, patience)
            except Conflict:
                mine = await self._find(commits, patience)
                if mine is None:
                    raise
                return mine
            except _InDoubt as doubt:
                # Msg-Id and the expected sequence make it safe to send the same again, whether or not the first has arrived.
                mine = await self._find(commits, patience)
                if mine is not None:
                    return mine
                _log.info("append of %s tried again: %s", commits[-1].id, doubt)
                await self._pause(patience, doubt)

    async def last(self, subject_filter: str) -> StoredCommit | None:
        return await self._last(subject_filter, _Patience())

    async def at(self, position: Position) -> StoredCommit:
        stored = await self._get({"seq": position}, f"position {position}", _Patience())
        if stored is None:
            raise LogDamaged(f"{self._where} has nothing at position {position}. Restore the stream.")
        return stored

    async def _last(self, subject_filter: str, patience: _Patience) -> StoredCommit | None:
        return await self._get({"last_by_subj": subject_filter}, f"last of {subject_filter}", patience)

    async def _get(self, question: dict[str, Any], what: str, patience: _Patience) -> StoredCommit | None:
        answer = await self._ask(f"STREAM.MSG.GET.{self._stream}", question, patience)
        if "error" in answer:
            if answer["error"].get("err_code") == _NOT_FOUND:
                return None
            raise LogUnavailable(f"{self._where}, {what}: {answer['error']}.")
        message = answer["message"]
        body = base64.b64decode(message.get("data", ""))
        return stored_commit(self._where, message["seq"], message["subject"], body, _parse_time(message["time"]))

    async def head(self) -> Position:
        return Position((await self._info())["state"]["last_seq"])

    async def epoch(self) -> str:
        epoch: str = (await self._info())["config"].get("metadata", {}).get(EPOCH_KEY, "")
        if not epoch:
            raise LogDamaged(f"{self._where} has no {EPOCH_KEY} in its metadata: it was not created by ensure_config.")
        return epoch

    async def groups(self, from_position: Position) -> AsyncIterator[Sequence[StoredCommit]]:
        expected = Position(max(from_position, 1))
        where = self._where
        tail = RawTail(self._nc, self._stream, expected, api_prefix=self._api_prefix)
        async for group in tail.groups():
            commits: list[StoredCommit] = []
            broken: Exception | None = None
            for message in group:
                if message.sequence != expected:
                    broken = LogDamaged(f"{where}: position {expected} was awaited and {message.sequence} came. Restore the stream.")
                    break
                try:
                    commits.append(stored_commit(where, message.sequence, message.subject, message.data, message.time_ns // 1000))
                except (LogDamaged, UnknownEvent) as error:
                    broken = error
                    break
                expected = Position(expected + 1)
            # What stands before it is whole and wanted.
            if commits:
                yield commits
            if broken is not None:
                raise broken

    def tail(self, from_position: Position) -> AsyncIterator[StoredCommit]:
        return each(self.groups(from_position))

    async def _publish(self, messages: Sequence[_Message], patience: _Patience) -> tuple[Position, ...]:
        """Raises Conflict (perhaps by our own first try) and _InDoubt."""
        if len(messages) == 1:
            subject, body, headers = messages[0]
            return self._accepted(await self._send(subject, body, headers, patience), 1)
        batch = new_ulid()
        answer: dict[str, Any] = {}
        for number, (subject, body, headers) in enumerate(messages, 1):
            marked = {**headers, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            if number == len(messages):
                answer = await self._send(subject, body, {**marked, "Nats-Batch-Commit": "1"}, patience)
            elif number == 1:
                # The first is answered, empty or with an error; those between are sent behind it.
                first = await self._send(subject, body, marked, patience)
                if first:
                    self._accepted(first, 0)
            else:
                await self._pass_on(subject, body, marked)
        return self._accepted(answer, len(messages))

    async def _send(self, subject: str, body: bytes, headers: dict[str, Any], patience: _Patience) -> dict[str, Any]:
        if not self._nc.is_connected:
            raise _Unreachable("not connected to NATS")
        if patience.left_s <= 0:
            raise _InDoubt("no time is left")
        try:
            message = await request(self._nc, subject, body, min(patience.left_s, REQUEST_LIMIT_S), headers)
        except nats.errors.NoRespondersError:
            raise _Unreachable("no JetStream answers there") from None
        except (nats.errors.Error, OSError) as error:
            raise _InDoubt(f"{type(error).__name__}: {error}") from error
        patience.is_answered()
        answer: dict[str, Any] = json.loads(message.data) if message.data else {}
        return answer

    async def _pass_on(self, subject: str, body: bytes, headers: dict[str, Any]) -> None:
        try:
            await self._nc.publish(subject, body, headers=headers)
        except (nats.errors.Error, OSError) as error:
            raise _InDoubt(f"{type(error).__name__}: {error}") from error

    def _accepted(self, answer: Mapping[str, Any], count: int) -> tuple[Position, ...]:
        error = answer.get("error")
        if error is not None:
            if error.get("err_code") in CONFLICTS:
                raise Conflict(f"{self._where}: {error.get('description')}. Read again and decide again.")
            if error.get("code") == _NOT_NOW:
                raise _InDoubt(str(error.get("description")))
            raise LogUnavailable(
                f"{self._where} refused a commit: {error}. Compare the stream's settings with those of trunkline.eventlog.streams."
            )
        if answer.get("domain") != self._home:
            raise LogUnavailable(f"{self._where}: domain {answer.get('domain')!r} acknowledged. A former home is connected; take it off.")
        if "seq" not in answer:
            raise _InDoubt(f"an acknowledgement without a sequence: {dict(answer)}")
        if answer.get("duplicate"):
            # Its message id was there already: our own first try, or another commit of the same request.
            raise Conflict(f"{self._where}: a commit of the same request stands at {answer['seq']}. Read again and decide again.")
        last = answer["seq"]
        return tuple(Position(position) for position in range(last - count + 1, last + 1))

    async def _find(self, commits: Sequence[Commit], patience: _Patience) -> tuple[Position, ...] | None:
        """Where our commits stand, if the last one is the last on its subject: a batch is stored whole and in a row."""
        stored = await self._last(commits[-1].subject, patience)
        if stored is None or stored.commit.id != commits[-1].id:
            return None
        return tuple(Position(stored.position - len(commits) + number) for number in range(1, len(commits) + 1))

    async def _info(self) -> dict[str, Any]:
        patience = _Patience()
        answer = await self._ask(f"STREAM.INFO.{self._stream}", None, patience)
        if "error" in answer:
            raise LogUnavailable(f"{self._where}: {answer['error'].get('description')}. Home's provisioning creates it when it starts.")
        return answer

    async def _ask(self, what: str, question: dict[str, Any] | None, patience: _Patience) -> dict[str, Any]:
        """One request to the API, which goes to the leader; tried again while the server is away, until the deadline."""
        body = json.dumps(question).encode() if question else b""
        while True:
            try:
                answer = await self._send(f"{self._api_prefix}.{what}", body, {}, patience)
                error = answer.get("error", {})
                if error.get("code") == _NOT_NOW:
                    raise _InDoubt(str(error.get("description")))
            except _InDoubt as doubt:
                await self._pause(patience, doubt)
            else:
                return answer

    async def _pause(self, patience: _Patience, why: _InDoubt) -> None:
        """Before another try. Raises LogUnavailable where there is none."""
        if patience.is_over(isinstance(why, _Unreachable)):
            by = self._nc.connected_url.netloc if self._nc.is_connected and self._nc.connected_url else "no server of NATS"
            raise LogUnavailable(
                f"Home region {self._home} is out of reach: {self._where} did not answer by {by} ({why}). Reads go on here."
                " The outcome of a write is unknown: try again, with the same request id, when the link is back."
            ) from why
        await asyncio.sleep(RETRY_S)


class _Patience:
    """How long one call waits for the log: APPEND_LIMIT_S for silence, UNREACHABLE_LIMIT_S where certainly nobody is there."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + APPEND_LIMIT_S
        self._unreachable_since: float | None = None

    @property
    def left_s(self) -> float:
        return self._deadline - self._loop.time()

    def is_answered(self) -> None:
        self._unreachable_since = None

    def is_over(self, is_unreachable: bool) -> bool:
        """Whether another try, after RETRY_S, would come too late."""
        now = self._loop.time() + RETRY_S
        if not is_unreachable:
            self._unreachable_since = None
        elif self._unreachable_since is None:
            self._unreachable_since = now - RETRY_S
        return now >= self._deadline or (self._unreachable_since is not None and now - self._unreachable_since >= UNREACHABLE_LIMIT_S)


_Message = tuple[str, bytes, dict[str, Any]]
"""Subject, body, headers."""


class _InDoubt(Exception):
    """No answer: it may have been stored or not."""


class _Unreachable(_InDoubt):
    """Nobody is there to answer: what was sent now was not stored, what was sent before it may have been."""


def _messages(stream: str, commits: Sequence[Commit], expect: Sequence[Expect]) -> list[_Message]:
    messages: list[_Message] = []
    for commit, expected, body in zip(commits, expect, bodies_of(commits, expect), strict=True):
        headers = {"Nats-Msg-Id": message_id_of(commit), "Nats-Expected-Stream": stream, _EXPECTED: str(expected.position)}
        if expected.subject_filter != commit.subject:
            headers[f"{_EXPECTED}-Subject"] = expected.subject_filter
        messages.append((commit.subject, body, headers))
    return messages


def _parse_time(text: str) -> int:
    """Microseconds since 1970 UTC from RFC 3339 with up to nine decimals, as the server writes it."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    if found is None:
        raise LogDamaged(f"the server gave {text!r} as a time")
    return micros_of(datetime.fromisoformat(found[1]).replace(tzinfo=UTC)) + int((found[2] or "0").ljust(6, "0")[:6])
