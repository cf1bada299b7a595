"""Calls whose edge is killed: their next requests, addressed to its sibling or to another region's edge, are served, and the records are
complete. And calls that are ended by command, wherever they are."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers import sipp, softphone
from helpers.endpoints import End, Endpoint, acknowledge, exchange
from helpers.everywhere import LISTED, demo_caller, led_to
from helpers.platform import Platform, running_platform, wait_for
from helpers.platform_grpc import blocking_channel, operator
from helpers.trunks import Trunk, create_carriers, create_customer

from trunkline.api.common.v1.common_pb2 import Page
from trunkline.api.records.v1.records_pb2 import ListRecordsRequest, Record
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.api.routing.v1.routing_pb2 import Gateway

CALLS = 20
HOLD_MS = 9000
"""Long enough to see all calls answered, their facts shipped, and the edge gone."""


@pytest.fixture(scope="module")
def three_pops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A POP, its sibling, and one of another region, each with two workers; the first is killed."""
    with running_platform(tmp_path_factory.mktemp("outlive"), pops="eu1,eu2,us1", workers=2) as platform:
        yield platform


def moved_call(caller: sipp.Caller, to: str, *, has_reinvite: bool) -> list[str]:
    """An answered call that goes on through another edge: a re-INVITE, which is not challenged again, and the BYE."""
    host, _, port = to.rpartition(":")
    steps = [
        *sipp.authenticated_invite(caller),
        sipp.PROGRESS,
        sipp.recv(200, rrs=True),
        sipp.send(caller.request("ACK", 2, uri="[next_url]", to_tag=True, routes=True)),
        sipp.pause(HOLD_MS),
        f'<nop><action><setdest host="{host}" port="{port}" protocol="UDP"/></action></nop>',
    ]
    cseq = 3
    if has_reinvite:
        invite = {"uri": "[next_url]", "to_tag": True, "routes": True}
        steps += [
            sipp.send(caller.request("INVITE", 3, **invite), retrans=True),
            sipp.recv(100, optional=True),
            sipp.PROGRESS,
            sipp.recv(200),
            sipp.send(caller.request("ACK", 3, **invite)),
        ]
        cseq = 4
    return [*steps, sipp.send(caller.request("BYE", cseq, uri="[next_url]", to_tag=True, routes=True), retrans=True), sipp.recv(200)]


def live(platform: Platform, pop: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.json("call", "live", "--pop", pop, "--as-operator")
    return [row for row in rows if row["state"] == "answered"]


def records(platform: Platform, number: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.json("call", "list", "--number", number, "--limit", "100")
    return rows


def test_calls_of_a_killed_edge_go_on_at_its_sibling_and_in_another_region(three_pops: Platform, tmp_path: Path) -> None:
    platform = three_pops
    numbers = {"eu2": "+31206300001", "us1": "+31206300002"}
    running = [
        sipp.Running(
            tmp_path / pop,
            moved_call(demo_caller(platform, number), platform.edge(pop), has_reinvite=pop == "eu2"),
            platform.edge("eu1"),
            CALLS,
        )
        for pop, number in numbers.items()
    ]
    wait_for("all calls are answered", lambda: len(live(platform, "eu1")) == 2 * CALLS)
    # What eu1 has not shipped yet waits on its disk until it is back; here it is to stay away.
    wait_for("their records are there", lambda: all(len(records(platform, each)) == CALLS for each in numbers.values()))
    wait_for("DNS leads to all of them", lambda: led_to(platform, "acme") == ["eu1", "eu2", "us1"])
    with platform.held("edge-eu1"):
        wait_for("DNS leaves it out", lambda: led_to(platform, "acme") == ["eu2", "us1"])
        assert led_to(platform, "acme.eu1") == ["eu1"]
        for each in running:
            each.result().must_succeed(CALLS)

        def ended() -> list[tuple[str, str, str, bool]]:
            rows = [row for number in numbers.values() for row in records(platform, number)]
            return [(row["outcome"], row["ended_by"], row["edge"], row["duration_ms"] > 0) for row in rows]

        complete = [("answered", "caller", "edge-eu1", True)] * (2 * CALLS)
        wait_for("every record is complete while the edge is away", lambda: ended() == complete)
    caller = demo_caller(platform, "+31206300003")
    sipp.run(tmp_path / "after", sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    wait_for("what it ships after that", lambda: [row["outcome"] for row in records(platform, caller.number)] == ["answered"])
    assert ended() == complete
    wait_for("it has asked, and knows that they are over", lambda: live(platform, "eu1") == [])
    assert ended() == complete
    wait_for("DNS leads to it again", lambda: led_to(platform, "acme") == ["eu1", "eu2", "us1"])


@dataclass(frozen=True, slots=True)
class Orphan:
    """A call that eu1 has set up, whose 200 the customer has and has not acknowledged."""

    number: str
    customer: End
    carrier: End
    pop: str
    """Where it goes on."""
    ender: str


WAYS = {"4471": ("udp", True), "4472": ("udp", False), "4473": ("tcp", False)}
"""Transport of both sides by prefix, and whether the carrier is trusted: towards one that is not, topology is hidden."""


@pytest.fixture
def ends(three_pops: Platform) -> Iterator[dict[str, tuple[Endpoint, Endpoint]]]:
    """A customer and a gateway of scripted sockets for each of the ways."""
    customer_host, gateway_host = f"{three_pops.loopback}.0.9", f"{three_pops.loopback}.9.90"
    create_customer(three_pops, "orphans", [Trunk("orphans", "+31207000000", address=f"{customer_host}/32")])
    found = {prefix: (Endpoint(customer_host, way), Endpoint(gateway_host, way)) for prefix, (way, _) in WAYS.items()}
    for prefix, (way, is_trusted) in WAYS.items():
        gateway = Gateway(name="g", host=gateway_host, port=found[prefix][1].address[1], transport=way, region="eu", weight=1)
        create_carriers(three_pops, f"orphans-{prefix}", {prefix: gateway}, is_trusted=is_trusted)
    yield found
    for each in itertools.chain(*found.values()):
        each.close()


def sip_address(platform: Platform, pop: str) -> tuple[str, int]:
    host, _, port = platform.edge(pop).rpartition(":")
    return host, int(port)


def orphan(platform: Platform, number: str, customer: Endpoint, gateway: Endpoint, pop: str, ender: str) -> Orphan:
    host = f"orphans.{platform.local['base_domain']}"
    lines = [
        f"INVITE sip:{number}@{host} SIP/2.0",
        f"Via: SIP/2.0/{customer.transport.upper()} {customer.host_port};branch=z9hG4bK-{number};rport",
        "Max-Forwards: 70",
        f'From: "Desk" <sip:desk@{host}>;tag=from-{number}',
        f"To: <sip:{number}@{host}>",
        f"Call-ID: orphan-{number}",
        "CSeq: 1 INVITE",
        f"Contact: {customer.contact('desk')}",
        "Content-Length: 0",
    ]
    customer.send("\r\n".join([*lines, "", ""]), sip_address(platform, "eu1"))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK", "callee")
    ok = customer.final()
    assert ok.start_line == "SIP/2.0 200 OK", ok
    return Orphan(number, End.of_caller(customer, ok), End.of_callee(gateway, invite, "callee"), pop, ender)


def records_of_orphans(platform: Platform, field: str, count: int) -> list[Record]:
    """When so many have this time."""
    request = ListRecordsRequest(tenant="orphans", page=Page(size=100))
    with blocking_channel(platform, "records-eu") as channel:
        stub = RecordsServiceStub(channel)

        def ask() -> list[Record]:
            rows = list(stub.ListRecords(request, metadata=operator(platform), timeout=5).records)
            return rows if sum(row.HasField(field) for row in rows) == count else []

        return wait_for(f"{count} records with {field}", ask)


def test_every_request_of_either_side_is_served_wherever_it_is_addressed_after_the_edge_was_killed(
    three_pops: Platform, ends: dict[str, tuple[Endpoint, Endpoint]]
) -> None:
    platform = three_pops
    orphans = [
        orphan(platform, f"{prefix}000{index}", *ends[prefix], pop, ender)
        for prefix in WAYS
        for index, (pop, ender) in enumerate(itertools.product(("eu2", "us1"), ("caller", "callee")))
    ]
    # What eu1 has not shipped yet waits on its disk until it is back; here it is to stay away.
    records_of_orphans(platform, "answer_time", len(orphans))
    with platform.held("edge-eu1"):
        for each in orphans:
            edge = sip_address(platform, each.pop)
            acknowledge(each.customer, each.carrier, edge)
            for asks, answers in ((each.customer, each.carrier), (each.carrier, each.customer)):
                for method in ("UPDATE", "INVITE"):
                    exchange(asks, answers, method, edge)
            sides = (each.customer, each.carrier)
            exchange(*(sides if each.ender == "caller" else sides[::-1]), "BYE", edge)

        rows = records_of_orphans(platform, "end_time", len(orphans))
        found = {row.number: (row.outcome, row.ended_by, row.edge, row.duration_ms > 0, list(row.notes)) for row in rows}
        assert found == {f"+{each.number}": ("answered", each.ender, "edge-eu1", True, []) for each in orphans}
        for each in orphans:
            # Its token is used up where its end was seen, and leads nowhere but to its own gateway elsewhere.
            each.customer.at.send(each.customer.request("INVITE"), sip_address(platform, each.pop))
            assert each.customer.at.final().start_line == "SIP/2.0 481 Call Does Not Exist T108"


def test_a_call_is_hung_up_from_the_command_line_and_the_pop_that_did_it_is_named(three_pops: Platform, tmp_path: Path) -> None:
    platform = three_pops
    caller = demo_caller(platform, "+31206300004")
    steps = sipp.waiting_call(caller)
    for as_operator in (False, True):
        running = sipp.Running(tmp_path / str(as_operator), steps, platform.edge("us1"), 1)
        [row] = wait_for("the call", lambda: [each for each in live(platform, "us1") if each["number"].lstrip("+") == caller.number[1:]])
        words = ["call", "hang-up", row["call"], *(["--as-operator"] if as_operator else [])]
        assert f"hung up {row['call']} at us1 (edge-us1)" in platform.cli(*words).stdout
        running.result().must_succeed(1)
        [record] = wait_for(
            "its record",
            lambda call=row["call"]: [
                each for each in records(platform, caller.number) if each["call"] == call and each["outcome"] == "answered"
            ],
        )
        assert (record["ended_by"], record["reason"]) == ("edge", "T601")
        again = platform.cli(*words, check=False)
        assert again.returncode == 3 and "no call" in again.stderr
    shown = json.loads(platform.cli("call", "show", row["call"], "--as-operator", "-o", "json").stdout)
    assert shown["facts"] == "by the operator"


def test_a_softphone_that_we_did_not_write_takes_our_bye(three_pops: Platform) -> None:
    caller = demo_caller(three_pops, "+31206300007")
    order = {
        "proxy": three_pops.edge("us1"),
        "uri": f"sip:{caller.number}@{caller.host}",
        "id_uri": f"sip:{caller.username}@{caller.host}",
        "local_address": LISTED,
        "username": caller.username,
        "password": caller.password,
        "hangs_up": False,
        "timeout_s": 90,
    }
    answers: list[dict[str, Any]] = []
    phone = threading.Thread(target=lambda: answers.append(softphone.place(order)))
    phone.start()
    [row] = wait_for("the call", lambda: [each for each in live(three_pops, "us1") if each["number"].lstrip("+") == caller.number[1:]])
    three_pops.cli("call", "hang-up", row["call"])
    phone.join(120)
    assert [(answer["confirmed"], answer["over"]) for answer in answers] == [(True, True)]
    [record] = wait_for("its record", lambda: [each for each in records(three_pops, caller.number) if each["outcome"] == "answered"])
    assert (record["ended_by"], record["reason"], record["notes"]) == ("edge", "T601", [])


def test_a_call_is_ended_after_its_domains_longest_time(three_pops: Platform, tmp_path: Path) -> None:
    label = three_pops.local["demo"]["domain"]
    three_pops.cli("domain", "class-of-service", label, "--all", "--longest-s", "10", "--wait")
    caller = demo_caller(three_pops, "+31206300008")
    sipp.run(tmp_path, sipp.waiting_call(caller), target=three_pops.edge("eu2"), local_address=LISTED).must_succeed(1)
    three_pops.cli("domain", "class-of-service", label, "--all", "--longest-s", "0", "--wait")
    [record] = wait_for("its record", lambda: [each for each in records(three_pops, caller.number) if each["outcome"] == "answered"])
    assert (record["ended_by"], record["reason"]) == ("edge", "T602")
    assert 9_900 <= record["duration_ms"] <= 15_000


def test_suspending_a_carrier_ends_its_calls_at_every_pop(three_pops: Platform, tmp_path: Path) -> None:
    platform = three_pops
    caller = demo_caller(platform, "+31206300005")
    steps = sipp.waiting_call(caller)
    running = [sipp.Running(tmp_path / pop, steps, platform.edge(pop), 3) for pop in ("eu2", "us1")]
    wait_for("calls at both", lambda: all(len(live(platform, pop)) == 3 for pop in ("eu2", "us1")))
    told = platform.cli("carrier", "suspend", "alpha", "--ending-calls", "--wait").stdout
    assert "suspended carrier alpha" in told and "enforced at us1" in told
    for each in running:
        each.result().must_succeed(3)
    wait_for("records", lambda: [row["reason"] for row in records(platform, caller.number)] == ["T604"] * 6)
    other = demo_caller(platform, "+31206300006")
    sipp.run(tmp_path / "other", sipp.answered_call(other), target=platform.edge("eu2"), local_address=LISTED).must_succeed(1)
    [row] = wait_for("its record", lambda: [each for each in records(platform, other.number) if each["outcome"] == "answered"])
    assert {attempt["carrier"] for attempt in row["attempts"]} == {"beta"}
    platform.cli("carrier", "resume", "alpha", "--wait")
