"""ICMP errors that nobody's network sent (RFC 5927): what proves nothing changes nothing, and calls go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.engine import EngineBench, by_address
from helpers.icmp import say_unreachable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="an ICMP error is made up by a raw socket, which is root's")

SILENCE_MS = 60_000
"""So that no gateway is left for its silence."""


@pytest.fixture(params=["127.0.0.1", "::1"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(tmp_path, address=request.param, silent_gateway_ms=SILENCE_MS, all_silent_ms=SILENCE_MS)
    bench.apply(*by_address("::1/128" if request.param == "::1" else "127.0.0.1/32"))
    yield bench
    bench.close()


def test_a_forged_icmp_error_is_counted_and_the_gateway_goes_on(bench: EngineBench) -> None:
    gateway, other = bench.gateway(), bench.gateway()
    customer = bench.peer()
    customer.send(customer.request())
    invite = gateway.receive()
    branch = invite.all("Via")[0].partition("branch=")[2]
    ours = bench.engine.addresses[0]
    known = f"INVITE {invite.start_line.split()[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {customer.host_port};branch="
    nothings = (b"", known.encode(), f"{known}{branch[:-1]}".encode(), f"{known}z9hG4bKt0.0.0123456789abcdef.0123456789abcdef".encode())
    for number, nothing in enumerate(nothings, start=1):
        say_unreachable(gateway.address, ours, nothing)
        bench.status_when("unreachable_ignored", number)
    # The branch of another gateway's request says nothing of this one.
    say_unreachable(other.address, ours, f"{known}{branch};rport".encode())
    bench.status_when("unreachable_ignored", len(nothings) + 1)
    assert bench.engine.status()["unreachable"] == 0 and other.hears_nothing()
    gateway.answer(invite, "486 Busy Here")
    assert customer.final().status == 486
    causes = [fact["gateway_failed"]["cause"] for fact in bench.facts(4) if "gateway_failed" in fact]
    assert causes == ["status"]


def test_an_icmp_error_that_quotes_the_request_is_believed(bench: EngineBench) -> None:
    """So that the one above ignores what it says that it ignores, and not a broken packet."""
    gateway, other = bench.gateway(), bench.gateway()
    customer = bench.peer()
    customer.send(customer.request())
    invite = gateway.receive()
    quoted = f"{invite.start_line}\r\nVia: {invite.all('Via')[0]}\r\n"
    say_unreachable(gateway.address, bench.engine.addresses[0], quoted.encode())
    tried = other.receive()
    assert bench.engine.status()["unreachable"] == 1 and bench.engine.status()["unreachable_ignored"] == 0
    other.answer(tried, "486 Busy Here")
    assert customer.final().status == 486
    causes = [fact["gateway_failed"]["cause"] for fact in bench.facts(5) if "gateway_failed" in fact]
    assert causes == ["icmp", "status"]
