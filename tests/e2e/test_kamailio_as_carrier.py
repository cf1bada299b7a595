"""Kamailio as a carrier: our gateway is a proxy that stays in the route, and the called side is a switch behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import sipp, sipp_callee
from helpers.everywhere import LISTED, demo_caller
from helpers.kamailio import PORT, TLS_PORT, Kamailio
from helpers.platform import Platform
from helpers.trunks import create_carriers, record_of

from trunkline.api.routing.v1.routing_pb2 import Gateway
from trunkline.lab.supervisor.authority import Authority

TENANT = "acme"
PREFIXES = {"udp": "8503", "tcp": "8504", "udp-trusted": "8505", "tcp-trusted": "8506", "tls": "8507", "tls-trusted": "8508"}
"""Over TLS both show their certificates, and the switch behind the proxy speaks TCP."""
SWITCH_PORT = 5070


@dataclass(frozen=True, slots=True)
class Carrier:
    """`switch` is a loopback address; `is_trusted` has it see our topology."""

    proxy: Kamailio
    switch: str
    prefix: str
    transport: str
    behind: str
    """By what the switch is spoken to, and the caller calls."""
    is_trusted: bool
    name: str


@pytest.fixture(scope="module", params=list(PREFIXES))
def carrier(platform: Platform, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Carrier]:
    transport, _, trusted = str(request.param).partition("-")
    prefix = PREFIXES[request.param]
    host, switch = f"{platform.loopback}.21.{prefix[-1]}", f"{platform.loopback}.22.1"
    port = TLS_PORT if transport == "tls" else PORT
    gateway = Gateway(name="eu", host=host, port=port, transport=transport, region="eu", weight=1)
    create_carriers(platform, request.param, {prefix: gateway}, is_trusted=bool(trusted))
    folder = tmp_path_factory.mktemp("kamailio")
    authority = Authority.open(Path(platform.local["sip_ca_file"]).parent)
    tls = authority.issue_for("kamailio", [host], folder) if transport == "tls" else None
    behind = "udp" if transport == "udp" else "tcp"
    with Kamailio("carrier", folder, host, tls=tls, NEXT=f"{switch}:{SWITCH_PORT};transport={behind}") as proxy:
        yield Carrier(proxy, switch, prefix, transport, behind, bool(trusted), f"{request.param}-{prefix}")


def call(platform: Platform, carrier: Carrier, folder: Path, by_caller: list[str], by_switch: list[str]) -> tuple[str, str]:
    """Both scenarios to their ends; what the caller and what the switch saw."""
    with sipp_callee.running(folder / "switch", by_switch, host=carrier.switch, port=SWITCH_PORT, transport=carrier.behind):
        result = sipp.run(
            folder / "caller",
            by_caller,
            target=platform.edge("eu2"),
            local_address=LISTED,
            timeout_s=20,
            transport=carrier.behind,
        )
        result.must_succeed(1)
    return result.messages, (folder / "switch" / "messages.log").read_text(errors="replace")


@pytest.mark.parametrize("ender", ["caller", "callee"])
def test_a_call_to_a_switch_behind_kamailio(platform: Platform, carrier: Carrier, tmp_path: Path, ender: str) -> None:
    """Answered, renegotiated by either side, hung up by either side, with the topology of each side hidden from the other or shown."""
    caller = demo_caller(platform, f"+{carrier.prefix}{'0' if ender == 'caller' else '1'}123456")
    hangs_up = ender == "caller"
    by_caller, by_switch = sipp_callee.long_call(caller, hangs_up=hangs_up), sipp_callee.callee_of_a_long_call(hangs_up=not hangs_up)
    at_caller, at_switch = call(platform, carrier, tmp_path, by_caller, by_switch)
    edge = platform.local["pops"]["eu2"]
    # Between two transports the proxy stands in the route twice (RFC 5658 §3.1); we have one route for each side.
    proxy = {carrier.proxy.host, *([f"{carrier.proxy.host}:{TLS_PORT}"] if carrier.transport == "tls" else [])}
    assert sipp_callee.record_routes(at_switch) == {*proxy, edge[carrier.transport]}
    assert sipp_callee.record_routes(at_caller) == {edge[carrier.behind], *(proxy if carrier.is_trusted else [])}
    record = record_of(platform, TENANT, caller.number)
    assert (record.outcome, record.status, record.ended_by, record.caller_id) == ("answered", 200, ender, "+31000000")
    assert [(each.gateway.rpartition("/")[0], each.result) for each in record.attempts] == [(carrier.name, "answered")]


def test_a_caller_gives_up_while_the_switch_behind_kamailio_rings(platform: Platform, carrier: Carrier, tmp_path: Path) -> None:
    caller = demo_caller(platform, f"+{carrier.prefix}2123456")
    _, at_switch = call(platform, carrier, tmp_path, sipp.cancelled_call(caller), sipp_callee.callee_that_rings())
    assert f"CANCEL sip:{caller.number}@" in at_switch
    record = record_of(platform, TENANT, caller.number)
    assert (record.outcome, record.status) == ("cancelled", 487)
