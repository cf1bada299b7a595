"""Facts of calls → bans: what edges tell about refused and admitted attempts, weighed by `trunkline.domain.bans`.

Home's auth reads the facts of all regions, another region's those of its own: then a region that is cut off defends itself. Two that see
the same issue the same ban, of which one counts. What was told while this service was away is not looked at.

Anybody can write a source into a datagram. So nothing is held against an address, and nothing for it, but what the edge has proved to be
its: what came over a connection, credentials on a nonce that was sent to it, and unknown names whose refusal it has acknowledged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
from google.protobuf.message import DecodeError
from nats.aio.client import Client

from trunkline.api.events.v1 import call_pb2
from trunkline.domain.bans import Ban, Offence, Suspicion
from trunkline.eventlog.log import LogDamaged
from trunkline.eventlog.streams import CALLS, CALLS_ALL, api_prefix
from trunkline.eventlog.tail import RawTail
from trunkline.runtime.logs import logger

V = TypeVar("V")

RETRY_S = 1.0
"""Between two looks for a stream that is not there."""

WRONG_CREDENTIALS = "T204"
COUNTED = {"unknown domain": Offence.UNKNOWN_DOMAIN, "malformed": Offence.MALFORMED, "scan": Offence.SCAN}

ATTEMPTS_LIMIT = 10_000
"""Attempts whose refusal has not been read yet. An edge tells both in one turn."""

_log = logger("watching")


class Watcher:
    """`lists(host, source)` is the access rule's; `issue` is given each ban once, `vouched` whom the others are to spare too, and when he
    sent right credentials."""

    def __init__(
        self,
        suspicion: Suspicion,
        lists: Callable[[str, str], bool],
        issue: Callable[[Ban], None],
        vouched: Callable[[str, float], None] = lambda cidr, time_s: None,
    ) -> None:
        self._suspicion = suspicion
        self._lists = lists
        self._issue = issue
        self._vouched = vouched
        self._attempts: dict[str, tuple[str, str]] = {}
        """Host and source by call."""
        self._judged: dict[str, None] = {}
        """Calls whose refusal was read: a retransmission is refused again, under the same call, and is no other guess."""

    def read(self, data: bytes) -> None:
        """One message of CALLS. What is no fact is left out: records says so."""
        try:
            lines = call_pb2.CallFactBatch.FromString(data).lines
        except DecodeError:
            return
        for fact in _facts(lines):
            match fact:
                case {"time_ns": int(time_ns), "call": str(call), "attempted": {"source": str()} as attempted}:
                    self._attempted(call, attempted, time_ns / 1_000_000_000)
                case {"time_ns": int(time_ns), "call": str(call), "refused": dict(refused)}:
                    self._refused(call, refused, time_ns / 1_000_000_000)
                case {"time_ns": int(time_ns), "counted": {"source": str(), "number": int()} as counted}:
                    self._counted(counted, time_ns / 1_000_000_000)

    def _attempted(self, call: str, attempted: dict[str, Any], time_s: float) -> None:
        address = _address(attempted.get("source", ""))
        if not address:
            return
        # Edges of before say of wrong credentials only whether their source is proved; of right ones a connection tells it too.
        if not attempted.get("is_source_proved") and attempted.get("transport", "udp") == "udp":
            return
        if attempted.get("digest_algorithm"):
            cidr = self._suspicion.vouch(address, time_s)
            if cidr is not None:
                self._vouched(cidr, time_s)
        elif not attempted.get("acl") and call not in self._judged:
            _keep(self._attempts, call, (attempted.get("host", ""), address))

    def _refused(self, call: str, refused: dict[str, Any], time_s: float) -> None:
        attempt = self._attempts.pop(call, None)
        if attempt is None or refused.get("reason") != WRONG_CREDENTIALS:
            return
        _keep(self._judged, call, None)
        host, address = attempt
        if not self._lists(host, address):
            self._accuse(address, Offence.WRONG_CREDENTIALS, time_s, 1, time_s)

    def _counted(self, counted: dict[str, Any], time_s: float) -> None:
        offence = COUNTED.get(counted.get("what", ""))
        address = _canonical(counted.get("source", ""))
        # "others", those beyond the edge's bound, are nobody in particular.
        if offence is not None and address and counted.get("proved"):
            began_ns = counted.get("minute_ns")
            began_s = began_ns / 1_000_000_000 if isinstance(began_ns, int) else time_s
            self._accuse(address, offence, time_s, counted.get("proved", 0), began_s)

    def _accuse(self, address: str, offence: Offence, time_s: float, number: int, began_s: float) -> None:
        ban = self._suspicion.accuse(address, offence, time_s, number=number, began_s=began_s)
        if ban is not None:
            self._issue(ban)


async def watch(client: Client, watcher: Watcher, *, region: str, home: str) -> None:
    """For ever, from what is told next on."""
    stream, at = (CALLS_ALL, home) if region == home else (CALLS, region)
    while True:
        try:
            info = await client.jetstream(domain=at).stream_info(stream)
            async for group in RawTail(client, stream, info.state.last_seq + 1, api_prefix=api_prefix(at)).groups():
                for message in group:
                    watcher.read(message.data)
        except LogDamaged as error:
            _log.info("watching from the new end of a stream", stream=stream, why=str(error))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            _log.info("no stream to watch yet", stream=stream, why=f"{type(error).__name__}: {error}", retry_s=RETRY_S)
            await asyncio.sleep(RETRY_S)


def _keep(kept: dict[str, V], call: str, value: V) -> None:
    if len(kept) >= ATTEMPTS_LIMIT:
        kept.pop(next(iter(kept)))
    kept[call] = value


def _facts(lines: bytes) -> Iterator[dict[str, Any]]:
    """Those of the kinds that are looked at; parsing all would take ten times as long."""
    for line in lines.splitlines():
        if b'"attempted":' in line or b'"refused":' in line or b'"counted":' in line:
            try:
                fact = json.loads(line)
            except ValueError:
                continue
            if isinstance(fact, dict):
                yield fact


def _address(source: str) -> str:
    """`192.0.2.1:5060` → `192.0.2.1`, `[2001:db8::1]:5060` → `2001:db8::1`; empty for what is none."""
    return _canonical(source.rpartition(":")[0].removeprefix("[").removesuffix("]"))


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return ""
