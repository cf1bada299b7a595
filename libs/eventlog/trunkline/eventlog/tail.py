"""Following a JetStream stream: our own pull consumer, ephemeral and without acknowledgements, that never skips a message unseen.

nats-py's ordered consumer drops messages silently when its queue overflows and ends the connection on ack subjects of the second form; this
one counts the consumer's sequence itself and starts again behind the last message it has handed out: on a gap, on silence of 2.5
heartbeats, on every reconnection and on every status it does not know. What is asked for and not yet taken is bounded, and so is memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from trunkline.eventlog.log import LogDamaged, LogUnavailable
from trunkline.eventlog.request import request

BATCH: Final = 1000
"""Messages asked for and not yet taken. Enough for 150,000 a second on one machine and over 80 ms; bounds memory."""

BATCH_BYTES: Final = 16 << 20
"""Of one pull; several times what the largest message has, so that every pull makes progress."""

HEARTBEAT_S: Final = 0.5
SILENCE_LIMIT_S: Final = 2.5 * HEARTBEAT_S
"""Without a message or a heartbeat for so long, the consumer is taken for lost."""

PULL_EXPIRES_S: Final = 30.0
INACTIVE_S: Final = 30.0
"""After which the server forgets a consumer that nobody asks any more."""

REQUEST_LIMIT_S: Final = 1.0
BACKOFF_FIRST_S: Final = 0.05
BACKOFF_LIMIT_S: Final = 0.5
WATCH_S: Final = 0.25
"""How often a waiting tail looks whether the connection is another one."""

_NANO: Final = 1_000_000_000
_ACK_TOKENS_V1: Final = 9
_ACK_TOKENS_V2: Final = 11

_log = logging.getLogger("trunkline.eventlog.tail")


class RawMessage(NamedTuple):
    """A message as it stands in the stream. `headers` is None where it has none; `time_ns` is the server's, since 1970 UTC."""

    sequence: int
    subject: str
    data: bytes
    headers: Mapping[str, str] | None
    time_ns: int


class AckSubject(NamedTuple):
    """What the reply subject of a delivered message tells: places in the stream and in the consumer, and when it was stored."""

    stream_sequence: int
    consumer_sequence: int
    time_ns: int


def parse_ack_subject(subject: str) -> AckSubject:
    """Both forms: `$JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>`, and with `<domain>.<account>` after `ACK` and
    possibly more at the end. Raises ValueError for anything else."""
    tokens = subject.split(".")
    if len(tokens) == _ACK_TOKENS_V1:
        return AckSubject(int(tokens[5]), int(tokens[6]), int(tokens[7]))
    if len(tokens) >= _ACK_TOKENS_V2:
        return AckSubject(int(tokens[7]), int(tokens[8]), int(tokens[9]))
    raise ValueError(f"{subject!r} is no ack subject of JetStream")


class RawTail:
    """Every message of a stream from `from_sequence` on, in order, for ever. Iterate over it, or over `groups()`; one iteration at a time.

    Sequences may have gaps where the stream's own limits removed messages. Loss of the connection and of the server is survived silently
    (a line in the log). Raises LogDamaged where the stream ends before `from_sequence`: it is another one or has lost its end;
    LogUnavailable when the connection was closed by this process.
    """

    def __init__(self, nc: Client, stream: str, from_sequence: int = 1, *, api_prefix: str = "$JS.API", batch: int = BATCH) -> None:
        self._nc = nc
        self._stream = stream
        self._next = max(from_sequence, 1)
        self._api_prefix = api_prefix
        self._batch = batch

    async def __aiter__(self) -> AsyncIterator[RawMessage]:
        async for group in self.groups():
            for message in group:
                yield message

    async def groups(self) -> AsyncIterator[Sequence[RawMessage]]:
        """What has arrived at a time, never empty, at most one batch."""
        while True:
            consumer = await self._open()
            try:
                while True:
                    group = await consumer.take()
                    self._next = group[-1].sequence + 1
                    yield group
            except _Lost as lost:
                _log.info("stream %s: consumer opened again at %d: %s", self._stream, self._next, lost)
            finally:
                await consumer.close()

    async def _open(self) -> _Consumer:
        backoff_s = BACKOFF_FIRST_S
        while True:
            if self._nc.is_closed:
                raise LogUnavailable(f"stream {self._stream}: the connection to NATS was closed by this process.")
            consumer = _Consumer(self._nc, self._stream, self._api_prefix, self._batch)
            try:
                await consumer.open(self._next)
            except (_Lost, nats.errors.Error, OSError) as error:
                await consumer.close()
                _log.info("stream %s: no consumer yet: %s: %s", self._stream, type(error).__name__, error)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_LIMIT_S)
            except BaseException:
                await consumer.close()
                raise
            else:
                return consumer


class _Lost(Exception):
    """The consumer cannot be relied on any more; the text says why."""


class _Consumer:
    """One ephemeral consumer, from its creation to the first doubt about it."""

    def __init__(self, nc: Client, stream: str, api_prefix: str, batch: int) -> None:
        self._nc = nc
        self._stream = stream
        self._api_prefix = api_prefix
        self._batch = batch
        self._name = ""
        self._inbox = ""
        self._outstanding = 0
        self._last_consumer_sequence = 0
        self._lost = ""
        self._arrived: deque[RawMessage] = deque()
        self._something = asyncio.Event()
        self._silent_ticks = 0
        self._ticking: asyncio.TimerHandle | None = None
        self._reconnects = nc.stats["reconnects"]

    async def open(self, start: int) -> None:
        """Raises _Lost, LogDamaged, and the errors of nats-py."""
        if not self._nc.is_connected:
            raise _Lost("not connected")
        last = (await self._ask(f"STREAM.INFO.{self._stream}", None))["state"]["last_seq"]
        if last < start - 1:
            # The server would wait for `start` and go on from there, over other messages than those that were read.
            raise LogDamaged(
                f"stream {self._stream} ends at {last}, and {start - 1} was read from it before."
                " It has lost its end or is another one; what was built from it has to be rebuilt."
            )
        wanted = {
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "replay_policy": "instant",
            "inactive_threshold": int(INACTIVE_S * _NANO),
            "mem_storage": True,
            "num_replicas": 1,
        }
        created = await self._ask(f"CONSUMER.CREATE.{self._stream}", {"stream_name": self._stream, "action": "create", "config": wanted})
        self._name = created["name"]
        self._inbox = self._nc.new_inbox()
        # No limits of nats-py's own: it would drop what is above them. The batch is the bound.
        self._subscription = await self._nc.subscribe(self._inbox, cb=self._on_message, pending_msgs_limit=0, pending_bytes_limit=0)
        self._tick()
        await self._pull()

    async def _ask(self, what: str, question: Mapping[str, object] | None) -> dict[str, Any]:
        body = json.dumps(question).encode() if question else b""
        message = await request(self._nc, f"{self._api_prefix}.{what}", body, REQUEST_LIMIT_S)
        answer: dict[str, Any] = json.loads(message.data)
        if "error" in answer:
            raise _Lost(f"{what}: {answer['error'].get('description', answer['error'])}")
        return answer

    async def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        if not self._name or self._nc.is_closed:
            return
        try:
            if self._inbox:
                await self._subscription.unsubscribe()
            if self._nc.is_connected:
                await self._nc.publish(f"{self._api_prefix}.CONSUMER.DELETE.{self._stream}.{self._name}")
        except (nats.errors.Error, OSError) as error:
            _log.debug("consumer %s left for the server to forget: %s", self._name, error)

    async def take(self) -> Sequence[RawMessage]:
        """All that has arrived, waiting for the first. Raises _Lost."""
        self._silent_ticks = 0
        while not self._arrived:
            self._check()
            await self._pull()
            # A timer of its own for every wait would cost as much as the message that it waits for.
            await self._something.wait()
            self._something.clear()
        group = tuple(self._arrived)
        self._arrived.clear()
        self._outstanding -= len(group)
        return group

    def _tick(self) -> None:
        """Has who waits look around. Ticks are counted, not seconds: a process that stood still for a while has heard nothing in it."""
        self._silent_ticks += 1
        self._something.set()
        self._ticking = asyncio.get_running_loop().call_later(WATCH_S, self._tick)

    def _check(self) -> None:
        if self._lost:
            raise _Lost(self._lost)
        if self._nc.is_closed:
            raise _Lost("the connection was closed")
        if self._nc.stats["reconnects"] != self._reconnects:
            raise _Lost("the connection is another one")
        if self._silent_ticks * WATCH_S > SILENCE_LIMIT_S:
            raise _Lost(f"nothing for {SILENCE_LIMIT_S} s")

    async def _pull(self) -> None:
        """Ask again when half a batch or less is on its way."""
        if self._outstanding > self._batch // 2:
            return
        wanted = self._batch - self._outstanding
        pull = {
            "batch": wanted,
            "max_bytes": BATCH_BYTES,
            "expires": int(PULL_EXPIRES_S * _NANO),
            "idle_heartbeat": int(HEARTBEAT_S * _NANO),
        }
        self._outstanding = self._batch
        try:
            await self._nc.publish(
                f"{self._api_prefix}.CONSUMER.MSG.NEXT.{self._stream}.{self._name}", json.dumps(pull).encode(), reply=self._inbox
            )
        except (nats.errors.Error, OSError) as error:
            raise _Lost(f"{type(error).__name__}: {error}") from error

    async def _on_message(self, message: Msg) -> None:
        self._silent_ticks = 0
        if message.reply.startswith("$JS.ACK."):
            self._on_data(message)
        else:
            self._on_status(message.headers or {})
        self._something.set()

    def _on_data(self, message: Msg) -> None:
        place = parse_ack_subject(message.reply)
        if self._lost:
            return
        if place.consumer_sequence != self._last_consumer_sequence + 1:
            self._lost = f"consumer sequence {place.consumer_sequence} after {self._last_consumer_sequence}"
            return
        self._last_consumer_sequence = place.consumer_sequence
        self._arrived.append(RawMessage(place.stream_sequence, message.subject, message.data, message.headers, place.time_ns))

    def _on_status(self, headers: Mapping[str, str]) -> None:
        match headers.get("Status"):
            case "100":
                seen = headers.get("Nats-Last-Consumer")
                if seen is not None and int(seen) > self._last_consumer_sequence:
                    self._lost = f"the server has sent {seen}, {self._last_consumer_sequence} came"
            case "404" | "408":
                self._expired(headers)
            case "409" if "MaxBytes" in headers.get("Description", ""):
                self._expired(headers)
            case status:
                self._lost = f"status {status} {headers.get('Description', '')}"

    def _expired(self, headers: Mapping[str, str]) -> None:
        """A pull has ended; what it had not been given is not on its way any more."""
        not_given = int(headers.get("Nats-Pending-Messages", self._outstanding))
        self._outstanding = max(self._outstanding - not_given, len(self._arrived))
