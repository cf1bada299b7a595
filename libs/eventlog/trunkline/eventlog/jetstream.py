"""The log on NATS JetStream: stream CONFIG, one message a commit, positions are its sequences.

Appending is optimistic: the server compares the last sequence of the subject (or of a filter) with the expected one. The same retry answers
differently on one server and on a cluster, so after any doubt the last message of the subject decides: if it has our id, we have written.
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
from trunkline.eventlog.envelope import bodies_of, micros_of, stored_commit
from trunkline.eventlog.log import Conflict, Expect, LogDamaged, LogUnavailable, StoredCommit, each
from trunkline.eventlog.request import request
from trunkline.eventlog.streams import CONFIG, EPOCH_KEY
from trunkline.eventlog.tail import RawTail
from trunkline.eventlog.ulid import new_ulid

APPEND_LIMIT_S: Final = 2.0
"""Of one append with all its tries: whoever waits for it is a person or a gRPC call."""

REQUEST_LIMIT_S: Final = 0.8
"""Of one request to the server; two fit into APPEND_LIMIT_S."""

RETRY_S: Final = 0.05
"""Between two tries while the server is away."""

_CONFLICTS: Final = frozenset({10071, 10164, 10201})
"""Wrong last sequence; the same while the subject is in process; a batch that has a message id of an earlier one."""

_NOT_FOUND: Final = 10037
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"

_log = logging.getLogger("trunkline.eventlog.jetstream")


class JetStreamLog:
    """An `EventLog`. `domain` is the JetStream domain that must acknowledge: it fences a former home that has come back; empty: any."""

    def __init__(self, nc: Client, *, stream: str = CONFIG, domain: str = "", api_prefix: str = "$JS.API") -> None:
        self._nc = nc
        self._stream = stream
        self._domain = domain
        self._api_prefix = api_prefix

    async def append(self, commits: Sequence[Commit], expect: Sequence[Expect]) -> tuple[Position, ...]:
        messages = _messages(self._stream, commits, expect)
        deadline = asyncio.get_running_loop().time() + APPEND_LIMIT_S
        while True:
            try:
                return await self._publish(messages, deadline)
            except Conflict:
                mine = await self._find(commits, deadline)
                if mine is None:
                    raise
                return mine
            except _InDoubt as doubt:
                # Msg-Id and the expected sequence make it safe to send the same again, whether or not the first has arrived.
                mine = await self._find(commits, deadline)
                if mine is not None:
                    return mine
                _log.info("append of %s tried again: %s", commits[-1].id, doubt)
                await self._pause(deadline, str(doubt))

    async def last(self, subject_filter: str) -> StoredCommit | None:
        deadline = asyncio.get_running_loop().time() + APPEND_LIMIT_S
        answer = await self._ask(f"STREAM.MSG.GET.{self._stream}", {"last_by_subj": subject_filter}, deadline)
        if "error" in answer:
            if answer["error"].get("err_code") == _NOT_FOUND:
                return None
            raise LogUnavailable(f"stream {self._stream}, last of {subject_filter}: {answer['error']}.")
        message = answer["message"]
        body = base64.b64decode(message.get("data", ""))
        return stored_commit(f"stream {self._stream}", message["seq"], message["subject"], body, _parse_time(message["time"]))

    async def head(self) -> Position:
        return Position((await self._info())["state"]["last_seq"])

    async def epoch(self) -> str:
        epoch: str = (await self._info())["config"].get("metadata", {}).get(EPOCH_KEY, "")
        if not epoch:
            raise LogDamaged(f"stream {self._stream} has no {EPOCH_KEY} in its metadata: it was not created by ensure_streams.")
        return epoch

    async def groups(self, from_position: Position) -> AsyncIterator[Sequence[StoredCommit]]:
        expected = Position(max(from_position, 1))
        where = f"stream {self._stream}"
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

    async def _publish(self, messages: Sequence[_Message], deadline: float) -> tuple[Position, ...]:
        """Raises Conflict (perhaps by our own first try) and _InDoubt."""
        if len(messages) == 1:
            subject, body, headers = messages[0]
            return self._accepted(await self._send(subject, body, headers, deadline), 1)
        batch = new_ulid()
        answer: dict[str, Any] = {}
        for number, (subject, body, headers) in enumerate(messages, 1):
            marked = {**headers, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            if number == len(messages):
                answer = await self._send(subject, body, {**marked, "Nats-Batch-Commit": "1"}, deadline)
            elif number == 1:
                # The first is answered, empty or with an error; those between are sent behind it.
                first = await self._send(subject, body, marked, deadline)
                if first:
                    self._accepted(first, 0)
            else:
                await self._pass_on(subject, body, marked)
        return self._accepted(answer, len(messages))

    async def _send(self, subject: str, body: bytes, headers: dict[str, Any], deadline: float) -> dict[str, Any]:
        left_s = deadline - asyncio.get_running_loop().time()
        if not self._nc.is_connected or left_s <= 0:
            raise _InDoubt("not connected")
        try:
            message = await request(self._nc, subject, body, min(left_s, REQUEST_LIMIT_S), headers)
        except nats.errors.NoRespondersError:
            raise _InDoubt("no JetStream answers on this connection") from None
        except (nats.errors.Error, OSError) as error:
            raise _InDoubt(f"{type(error).__name__}: {error}") from error
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
            if error.get("err_code") in _CONFLICTS:
                raise Conflict(f"stream {self._stream}: {error.get('description')}. Read again and decide again.")
            if error.get("code") == 503:
                raise _InDoubt(str(error.get("description")))
            raise LogUnavailable(f"stream {self._stream} refused a commit: {error}. Compare the stream's settings with ensure_streams.")
        if self._domain and answer.get("domain") != self._domain:
            raise LogUnavailable(
                f"stream {self._stream}: domain {answer.get('domain')!r} acknowledged, {self._domain!r} is home."
                " A former home is connected; take it off."
            )
        if "seq" not in answer:
            raise _InDoubt(f"an acknowledgement without a sequence: {dict(answer)}")
        last = answer["seq"]
        return tuple(Position(position) for position in range(last - count + 1, last + 1))

    async def _find(self, commits: Sequence[Commit], deadline: float) -> tuple[Position, ...] | None:
        """Where our commits stand, if the last one is the last on its subject: a batch is stored whole and in a row."""
        while True:
            try:
                stored = await self.last(commits[-1].subject)
            except LogUnavailable as error:
                await self._pause(deadline, str(error))
                continue
            if stored is None or stored.commit.id != commits[-1].id:
                return None
            return tuple(Position(stored.position - len(commits) + number) for number in range(1, len(commits) + 1))

    async def _info(self) -> dict[str, Any]:
        deadline = asyncio.get_running_loop().time() + APPEND_LIMIT_S
        answer = await self._ask(f"STREAM.INFO.{self._stream}", None, deadline)
        if "error" in answer:
            raise LogUnavailable(f"stream {self._stream}: {answer['error'].get('description')}. Create it with ensure_streams.")
        return answer

    async def _ask(self, what: str, question: dict[str, Any] | None, deadline: float) -> dict[str, Any]:
        """One request to the API, which goes to the leader; tried again while the server is away, until the deadline."""
        while True:
            try:
                return await self._send(f"{self._api_prefix}.{what}", json.dumps(question).encode() if question else b"", {}, deadline)
            except _InDoubt as doubt:
                await self._pause(deadline, str(doubt))

    async def _pause(self, deadline: float, why: str) -> None:
        if asyncio.get_running_loop().time() + RETRY_S >= deadline:
            where = self._nc.connected_url.netloc if self._nc.is_connected and self._nc.connected_url else "NATS"
            raise LogUnavailable(
                f"stream {self._stream} at {where} did not answer within {APPEND_LIMIT_S} s ({why})."
                " If this was a write its outcome is unknown: repeat it with the same request id when the server is back."
            )
        await asyncio.sleep(RETRY_S)


_Message = tuple[str, bytes, dict[str, Any]]
"""Subject, body, headers."""


class _InDoubt(Exception):
    """No answer: it may have been stored or not."""


def _messages(stream: str, commits: Sequence[Commit], expect: Sequence[Expect]) -> list[_Message]:
    messages: list[_Message] = []
    for commit, expected, body in zip(commits, expect, bodies_of(commits, expect), strict=True):
        headers = {"Nats-Msg-Id": commit.id, "Nats-Expected-Stream": stream, _EXPECTED: str(expected.position)}
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
