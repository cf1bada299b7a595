"""Calls that go on while something dies: a SIPp for each point of presence and kind of name, and what became of them.

Each is a client that stays at the address of its point of presence; one that looks for another is in `failover_clients`.
"""

from __future__ import annotations

import csv
import itertools
import re
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from helpers import sipp
from helpers.everywhere import LISTED, demo_caller
from helpers.platform import Platform
from helpers.platform_grpc import blocking_channel, operator

from trunkline.api.common.v1.common_pb2 import Page
from trunkline.api.records.v1.records_pb2 import ListRecordsRequest, Record
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub

HOLD_MS = 2000
"""How long a call is up: at 200 a second 400 are when something dies."""
LOG = "calls.log"
ENDING_S = 40
"""For BYEs that are sent again (Timer F is 32 s)."""
SENT_AGAIN_S = 27.0
"""A BYE is sent again for 32 s, at the end each 4: whoever is back within this gets it."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Calls of one client: to `number`, by the name bound to `pop` or the default name."""

    pop: str
    is_bound: bool
    number: str


@dataclass(frozen=True, slots=True)
class Seen:
    """As the client saw it: how many calls were begun, and Call-IDs of those that were answered, whose BYE was sent (and when, Unix time),
    and whose BYE was answered with 200 or with 481 or 500. `surprises` are responses that SIPp gave calls up for."""

    attempts: int = 0
    answered: frozenset[str] = frozenset()
    hung_up_s: Mapping[str, float] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    surprises: tuple[str, ...] = ()

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            self.attempts + other.attempts,
            self.answered | other.answered,
            {**self.hung_up_s, **other.hung_up_s},
            self.ended | other.ended,
            self.refused | other.refused,
            self.surprises + other.surprises,
        )

    @property
    def unended(self) -> frozenset[str]:
        """Answered calls of which the client does not know that they are over."""
        return self.answered - self.ended - self.refused

    def byes_lost(self, since_s: float) -> set[str]:
        """Those among them whose BYE was sent from then on; all, with 0, also where it was never sent."""
        return {call for call in self.unended if self.hung_up_s.get(call, 0.0) >= since_s}

    def given_up(self, before_s: float) -> set[str]:
        """Those among them whose BYE was sent, and for the last time before then."""
        return {call for call in self.unended if call in self.hung_up_s and self.hung_up_s[call] + SENT_AGAIN_S < before_s}


def steps(caller: sipp.Caller) -> list[str]:
    """A call of HOLD_MS that tells how far it came. SIPp gives a call up at a response that it does not expect, so all have to be here that
    a BYE may get: 100 after 3.5 s without an answer (RFC 4320 §4.1), 481, and 500 where the far end cannot be reached any more."""

    def told(what: str) -> str:
        return f'<action><log message="{what} [call_id] [timestamp]"/></action>'

    return [
        *sipp.authenticated_invite(caller),
        sipp.PROGRESS,
        f'<recv response="200" rrs="true">{told("answered")}</recv>',
        sipp.send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        sipp.pause(HOLD_MS),
        f"<nop>{told('hung-up')}</nop>",
        sipp.send(caller.request("BYE", 3, uri="[next_url]", to_tag=True, routes=True), retrans=True),
        sipp.recv(100, optional=True),
        f'<recv response="481" optional="true" next="1">{told("refused")}</recv>',
        f'<recv response="500" optional="true" next="1">{told("refused")}</recv>',
        f'<recv response="200">{told("ended")}</recv>',
        '<label id="1"/>',
    ]


def run(platform: Platform, folder: Path, flows: Iterable[Flow], *, rate: float, seconds: int, transport: str) -> dict[Flow, Seen]:
    """Blocks until all calls are over. `rate` is of each flow, a second. SIPp 3.6 ends with its TCP connection: it is started again as
    soon as one can be made, for the time that is left."""

    def one(flow: Flow) -> Seen:
        caller = demo_caller(platform, flow.number, pop=flow.pop if flow.is_bound else "")
        total = Seen()
        began_s = time.monotonic()
        for life in itertools.count():
            left_s = seconds - (time.monotonic() - began_s)
            calls = round(rate * left_s)
            if life and (calls < 1 or not _is_there(platform.edge(flow.pop), began_s + seconds)):
                return total
            place = folder / f"{flow.pop}-{'bound' if flow.is_bound else 'default'}-{life}"
            sipp.run(
                place,
                steps(caller),
                target=platform.edge(flow.pop),
                local_address=LISTED,
                calls=max(1, calls),
                rate=max(1, round(rate)),
                timeout_s=seconds + ENDING_S,
                is_logged=False,
                transport=transport,
                extra=("-l", str(40 * max(1, round(rate))), "-trace_logs", "-log_file", LOG),
            )
            total += read(place)
            if transport == "udp":
                return total
        raise AssertionError

    chosen = list(flows)
    with ThreadPoolExecutor(len(chosen)) as pool:
        return dict(zip(chosen, pool.map(one, chosen), strict=True))


def _is_there(edge: str, until_s: float) -> bool:
    """Whether it takes a TCP connection, as soon as it does."""
    host, _, port = edge.partition(":")
    while time.monotonic() < until_s:
        try:
            socket.create_connection((host, int(port)), timeout=1, source_address=(LISTED, 0)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def read(folder: Path) -> Seen:
    """What SIPp has left there."""
    last: dict[str, str] = {}
    stat = folder / "stat.csv"
    for row in csv.DictReader(stat.read_text().splitlines() if stat.exists() else (), delimiter=";"):
        last = {key: value for key, value in row.items() if key}
    told: dict[str, dict[str, float]] = defaultdict(dict)
    log = folder / LOG
    # A time in SIPp's form ends in the Unix time.
    for what, call, at_s in re.findall(r"^(\S+) (\S+) .*?(\d+\.\d+)$", log.read_text() if log.exists() else "", re.MULTILINE):
        told[what][call] = float(at_s)
    answered, ended, refused = (frozenset(told[what]) for what in ("answered", "ended", "refused"))
    errors = folder / "errors.log"
    odd = re.findall(r"(expecting '\d+').*?received '(SIP/2.0 \d+ [^\r\n]*)", errors.read_text(errors="replace") if errors.exists() else "")
    surprises = tuple(" ".join(each) for each in odd)
    return Seen(int(last.get("OutgoingCall(C)", 0)), answered, told["hung-up"], ended, refused, surprises)


def ended_before(platform: Platform, calls: Iterable[str]) -> set[str]:
    """Of these Call-IDs those whose carrier got more than one BYE: the first one ended the call, and its 200 died with the edge that had
    it. What the carrier refused is the same BYE, sent again by the client and passed on by an edge that knew nothing of the first."""
    wanted = set(calls)
    branches: dict[str, set[str]] = defaultdict(set)
    for carrier in platform.local["carriers"].values() if wanted else ():
        for message in Path(carrier["log"]).read_text(errors="replace").split("\n--- "):
            fields = re.search(r"\nBYE .*?branch=([^;\s]+).*?\nCall-ID: (\S+)", message, re.DOTALL)
            if fields is not None and fields[2] in wanted:
                branches[fields[2]].add(fields[1])
    return {call for call, seen in branches.items() if len(seen) > 1}


def records_of(platform: Platform, number: str) -> list[Record]:
    """All records of calls to that number."""
    found: list[Record] = []
    token = ""
    with blocking_channel(platform, "records-eu") as channel:
        stub = RecordsServiceStub(channel)
        while True:
            request = ListRecordsRequest(tenant="acme", number=number, page=Page(size=1000, token=token))
            answer = stub.ListRecords(request, metadata=operator(platform), timeout=20)
            found += answer.records
            token = answer.next_page_token
            if not token:
                return found
