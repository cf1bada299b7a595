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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
ENDING_S = 40
"""For BYEs that are sent again (Timer F is 32 s)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Calls of one client: to `number`, by the name bound to `pop` or the default name."""

    pop: str
    is_bound: bool
    number: str


@dataclass(frozen=True, slots=True)
class Counted:
    """As the client saw it: calls begun, answered, those whose BYE was answered with 200, and the Call-IDs of those where that was 481."""

    attempts: int
    answered: int
    ended: int
    refused: tuple[str, ...]

    def __add__(self, other: Counted) -> Counted:
        return Counted(
            self.attempts + other.attempts, self.answered + other.answered, self.ended + other.ended, self.refused + other.refused
        )


def steps(caller: sipp.Caller) -> list[str]:
    """A call of HOLD_MS that counts how far it came."""
    return [
        *sipp.authenticated_invite(caller),
        sipp.PROGRESS,
        '<recv response="200" rrs="true" counter="answered"></recv>',
        sipp.send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        sipp.pause(HOLD_MS),
        sipp.send(caller.request("BYE", 3, uri="[next_url]", to_tag=True, routes=True), retrans=True),
        '<recv response="481" optional="true" next="1"><action><log message="refused [call_id]"/></action></recv>',
        '<recv response="200" counter="ended"></recv>',
        '<label id="1"/>',
    ]


def run(platform: Platform, folder: Path, flows: Iterable[Flow], *, rate: float, seconds: int, transport: str) -> dict[Flow, Counted]:
    """Blocks until all calls are over. `rate` is of each flow, a second. SIPp 3.6 ends with its TCP connection: it is started again as
    soon as one can be made, for the time that is left."""

    def one(flow: Flow) -> Counted:
        caller = demo_caller(platform, flow.number, pop=flow.pop if flow.is_bound else "")
        total = Counted(0, 0, 0, ())
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
                extra=(
                    *("-l", str(40 * max(1, round(rate))), "-trace_logs", "-log_file", "refused.log"),
                    *(("-t", "t1") if transport == "tcp" else ()),
                ),
            )
            total += _read(place)
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


def _read(folder: Path) -> Counted:
    last: dict[str, str] = {}
    stat = folder / "stat.csv"
    for row in csv.DictReader(stat.read_text().splitlines() if stat.exists() else (), delimiter=";"):
        last = {key: value for key, value in row.items() if key}
    attempts, answered, ended = (int(last.get(f"{name}(C)", 0)) for name in ("OutgoingCall", "answered", "ended"))
    log = folder / "refused.log"
    refused = re.findall(r"refused (\S+)", log.read_text()) if log.exists() else []
    return Counted(attempts, answered, ended, tuple(refused))


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
