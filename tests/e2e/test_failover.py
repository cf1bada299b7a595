"""What happens when gateways misbehave, and when either side ends the call."""

from __future__ import annotations

import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from helpers import sipp
from helpers.platform import Platform, wait_for
from helpers.trunks import create_carriers

from trunkline.api.routing.v1.routing_pb2 import Gateway

LISTED = "127.0.0.1"


def demo(platform: Platform, number: str) -> sipp.Caller:
    local = platform.local["demo"]
    host = f"acme.{platform.local['base_domain']}"
    return sipp.Caller(host=host, number=number, username=local["account"], password=local["password"])


def record(platform: Platform, number: str, outcome: str) -> dict[str, Any]:
    return wait_for(
        f"a record of {number} that is {outcome}",
        lambda: [row for row in platform.json("call", "list", "--number", number) if row["outcome"] == outcome],
    )[0]


@pytest.mark.parametrize(("number", "cause", "status"), [("+31200001503", "status", 503)])
def test_a_refusing_first_gateway_is_followed_by_the_second(
    platform: Platform, tmp_path: Path, number: str, cause: str, status: int
) -> None:
    sipp.run(tmp_path, sipp.answered_call(demo(platform, number)), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    attempts = record(platform, number, "answered")["attempts"]
    assert [attempt["carrier"] for attempt in attempts] == ["alpha", "beta"]
    assert (attempts[0]["result"], attempts[0]["status"]) == (cause, status)
    assert attempts[1]["result"] == "answered"


def test_busy_is_passed_through_at_once(platform: Platform, tmp_path: Path) -> None:
    caller = demo(platform, "+31200001486")
    run = sipp.run(tmp_path, sipp.refused_call(caller, 486, "SIP/2.0 486"), target=platform.edge("eu1"), local_address=LISTED)
    run.must_succeed(1)
    row = record(platform, caller.number, "failed")
    assert row["status"] == 486
    assert [attempt["carrier"] for attempt in row["attempts"]] == ["alpha"]


def test_all_gateways_silent_ends_in_time_with_a_reason(platform: Platform, tmp_path: Path) -> None:
    caller = demo(platform, "+31200001000")
    sipp.run(tmp_path, sipp.refused_call(caller, 500, "T402"), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    row = record(platform, caller.number, "failed")
    # Two of its own region for 3 s each; the third, of another region, for what is left of the 8 s.
    assert [attempt["result"] for attempt in row["attempts"]] == ["silent"] * 3
    assert [attempt["gateway"] for attempt in row["attempts"]][:2] == ["alpha/eu", "beta/eu"]
    # That is how long it takes until the next one is tried with settings that say nothing of it, as the carriers themselves saw it.
    alpha, beta, third = (first_heard(platform, attempt["gateway"], caller.number) for attempt in row["attempts"])
    assert_between(3.0, beta - alpha)
    assert_between(3.0, third - beta)
    assert_between(2.0, int(row["attempts"][2]["elapsed_ms"]) / 1000)


def first_heard(platform: Platform, gateway: str, number: str) -> float:
    """When the first INVITE to that number came to a simulated carrier, Unix time."""
    log = Path(platform.local["carriers"][gateway.replace("/", "-")]["log"]).read_text(errors="replace")
    [at, *_] = re.findall(rf"^--- (\S+) .*\nINVITE sip:{re.escape(number)}@", log, re.MULTILINE)
    return datetime.fromisoformat(at).timestamp()


LATE_S = 5.0


def assert_between(wanted_s: float, found_s: float) -> None:
    """Not before its time, of which two clocks may disagree by a little, and after it as late as a busy machine is."""
    assert wanted_s - 0.05 <= found_s <= wanted_s + LATE_S


def test_cancel_while_ringing_ends_the_call_on_both_sides(platform: Platform, tmp_path: Path) -> None:
    caller = demo(platform, "+31200001180")
    steps = [
        *sipp.authenticated_invite(caller),
        sipp.recv(100, optional=True),
        sipp.recv(180),
        # CANCEL has the INVITE's branch and CSeq number: INVITE is message 4, CANCEL message 7.
        sipp.send(caller.request("CANCEL", 2).replace("branch=[branch]", "branch=[branch-3]"), retrans=True),
        sipp.recv(200),
        sipp.recv(487),
        sipp.send(caller.request("ACK", 2, to_tag=True).replace("branch=[branch]", "branch=[branch-6]")),
    ]
    sipp.run(tmp_path, steps, target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    row = record(platform, caller.number, "cancelled")
    assert (row["status"], row["ended_by"]) == (487, "caller")
    log = Path(platform.local["carriers"]["alpha-eu"]["log"]).read_text(errors="replace")
    assert "CANCEL sip:" in log


def test_a_gateway_that_is_gone_is_followed_by_the_second(platform: Platform, tmp_path: Path) -> None:
    host = f"{platform.loopback}.9.77"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind((host, 0))
        port = gone.getsockname()[1]
    # It is never asked by OPTIONS, which would have found it dead before the call.
    gateway = Gateway(name="g", host=host, port=port, transport="udp", region="eu", weight=1)
    create_carriers(platform, "gone", {"4477": gateway}, followed_by="beta")
    caller = demo(platform, "+44770000100")
    sipp.run(tmp_path, sipp.answered_call(caller), target=platform.edge("eu1"), local_address=LISTED).must_succeed(1)
    attempts = record(platform, caller.number, "answered")["attempts"]
    assert [(attempt["carrier"], attempt["result"]) for attempt in attempts] == [("gone-4477", "icmp"), ("beta", "answered")]
    # Long before the three seconds after which a silent one is given up.
    assert int(attempts[0]["elapsed_ms"]) < 2_500
