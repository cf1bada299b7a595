"""Calls at all points of presence at once, and what the platform says of them afterwards."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import grpc
from helpers import sipp
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel, operator

from trunkline.api.common.v1.common_pb2 import Page
from trunkline.api.records.v1.records_pb2 import GetTotalsRequest, ListRecordsRequest
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub

LISTED = "127.0.0.1"
POPS = ("eu1", "eu2", "us1", "us2", "apac1", "apac2")


@dataclass(frozen=True, slots=True)
class Totals:
    answered: int
    records: int


def totals(platform: Platform) -> Totals:
    with blocking_channel(platform, "records-eu") as channel:
        answer = RecordsServiceStub(channel).GetTotals(GetTotalsRequest(), metadata=operator(platform), timeout=5)
    return Totals(answer.answered, answer.records)


def outcomes_of(platform: Platform, number: str) -> list[str]:
    """Of every record of calls to that number, whoever else calls meanwhile."""
    found: list[str] = []
    token = ""
    with blocking_channel(platform, "records-eu") as channel:
        stub = RecordsServiceStub(channel)
        while True:
            request = ListRecordsRequest(tenant="acme", number=number, page=Page(size=1000, token=token))
            answer = stub.ListRecords(request, metadata=operator(platform), timeout=10)
            found += [record.outcome for record in answer.records]
            token = answer.next_page_token
            if not token:
                return found


def answered_so_far(platform: Platform) -> int:
    """Answered records; -1 while records does not answer."""
    try:
        return totals(platform).answered
    except grpc.RpcError:
        return -1


def answers_options(platform: Platform, pop: str) -> bool:
    """Whether the point of presence answers an OPTIONS within a tenth of a second."""
    host, port = platform.edge(pop).split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LISTED, 0))
        probe.settimeout(0.1)
        mine = f"{LISTED}:{probe.getsockname()[1]}"
        unique = secrets.token_hex(6)
        request = (
            f"OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/UDP {mine};branch=z9hG4bK{unique}\r\nFrom: <sip:probe@{mine}>;tag={unique}\r\n"
            f"To: <sip:{host}>\r\nCall-ID: {unique}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        probe.connect((host, int(port)))
        try:
            probe.send(request.encode())
            return probe.recv(65535).startswith(b"SIP/2.0 200")
        except (TimeoutError, ConnectionRefusedError):
            return False


def led_to(platform: Platform, label: str) -> list[str]:
    """The points of presence that DNS leads a client to that calls the domain by UDP, in the order of priority; those of one by name. Their
    doors, which stand behind them, are left out."""
    host, port = platform.local["dns"].rsplit(":", 1)
    query = dns.message.make_query(f"_sip._udp.{label}.{platform.local['base_domain']}", "SRV")
    records = [record for rrset in dns.query.udp(query, host, port=int(port), timeout=5).answer for record in rrset]
    found = sorted((record.priority, record.target.to_text().partition(".")[0]) for record in records)
    return [name for _, name in found if not name.endswith("-door")]


def demo_caller(platform: Platform, number: str, *, pop: str = "", **changes: str) -> sipp.Caller:
    """The demonstration's account; with `pop` it dials the name bound to it."""
    demo = platform.local["demo"]
    label = f"acme.{pop}" if pop else "acme"
    fields = {"host": f"{label}.{platform.local['base_domain']}", "username": demo["account"], "password": demo["password"]}
    return sipp.Caller(number=number, **{**fields, **changes})


def load(
    platform: Platform, folder: Path, steps: list[str], pops: Sequence[str], *, rate: int, seconds: int, is_default: bool = True
) -> dict[str, sipp.Result]:
    """`rate` calls per second spread evenly over the points of presence, for so many seconds, a SIPp for each."""
    rates = {pop: rate // len(pops) + (1 if index < rate % len(pops) else 0) for index, pop in enumerate(pops)}

    def one(pop: str) -> sipp.Result:
        calls = rates[pop] * seconds
        return sipp.run(
            folder / pop,
            steps,
            target=platform.edge(pop),
            local_address=LISTED,
            calls=calls,
            rate=rates[pop],
            timeout_s=seconds + 60,
            is_logged=False,
            extra=("-l", str(rates[pop] * 40)),
        )

    with ThreadPoolExecutor(len(pops)) as pool:
        return dict(zip(pops, pool.map(one, pops), strict=True))


def must_all_succeed(results: Mapping[str, sipp.Result]) -> int:
    """How many calls there were, all of them answered."""
    problems = {pop: result for pop, result in results.items() if result.exit_code or result.failed}
    assert not problems, "\n".join(f"{pop}: {result}" for pop, result in problems.items())
    return sum(result.successful for result in results.values())


def pops(platform: Platform) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.json("pop", "list")
    return rows


def equal_digests(platform: Platform, *, timeout_s: float = 60) -> dict[str, Any]:
    """Waits until every point of presence stands at one position; they must then have one digest."""

    def settled() -> list[dict[str, Any]]:
        rows = pops(platform)
        same = len({row["position"] for row in rows}) == 1 and all(row["is_reachable"] and int(row["lag"]) == 0 for row in rows)
        return rows if same else []

    rows = wait_for("all points of presence at one position", settled, timeout_s=timeout_s, every_s=0.2)
    digests = {row["digest"] for row in rows}
    assert len(digests) == 1, rows
    return {"position": rows[0]["position"], "digest": rows[0]["digest"]}
