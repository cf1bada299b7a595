"""Customers' programs over TCP and TLS, IPv4 and IPv6, and a carrier over TLS, on the whole platform."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from helpers import lab_carrier, sipp, softphone
from helpers.everywhere import demo_caller
from helpers.platform import Platform, wait_for

from trunkline.lab.supervisor.authority import Authority

NUMBER = "+31201234567"
SECURE = "+35318888901"
"""Of a prefix that only the test's own carrier has; answered, and hung up after a second."""


SIX = "+35319999901"
"""The same of a carrier that has IPv6 alone."""


def place(platform: Platform, number: str, *words: str, hold: str = "50ms") -> dict[str, Any]:
    """By the test caller; what it says in JSON."""
    found: dict[str, Any] = platform.json("call", "place", number, "--as", "acme/31000000", "--hold", hold, *words)
    return found


def record_of(platform: Platform, sip_call_id: str) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        done = platform.cli("call", "show", sip_call_id, "-o", "json", check=False)
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found if found.get("outcome") == "answered" else {}

    return wait_for(f"a whole record of {sip_call_id}", ask)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_pjsua2_calls_over_a_connection_and_answers_the_challenge(platform: Platform, transport: str) -> None:
    caller = demo_caller(platform, NUMBER)
    order = {
        "transport": transport,
        "ca_file": platform.local["sip_ca_file"],
        "proxy": f"{platform.local['pops']['eu2'][transport]};transport={transport}",
        "uri": f"sip:{caller.number}@{caller.host};transport={transport}",
        "id_uri": f"sip:{caller.username}@{caller.host}",
        "local_address": "127.0.0.1",
        "username": caller.username,
        "password": caller.password,
    }
    answer = softphone.place(order)
    assert answer["confirmed"] and answer["over"], answer


def test_sipp_calls_over_tcp_and_nothing_is_sent_twice(platform: Platform, tmp_path: Path) -> None:
    steps = sipp.answered_call(demo_caller(platform, NUMBER))
    target = platform.local["pops"]["us1"]["tcp"]
    result = sipp.run(tmp_path, steps, target=target, local_address="127.0.0.1", calls=20, rate=20, transport="tcp")
    result.must_succeed(20)
    assert result.retransmissions == 0


@pytest.mark.parametrize("words", [("--transport", "tls"), ("--transport", "tcp", "--ipv6"), ("--transport", "udp", "--ipv6")])
def test_the_record_says_by_what_a_call_came(platform: Platform, words: tuple[str, ...]) -> None:
    if "--ipv6" in words and not platform.local["has_ipv6"]:
        pytest.skip("this machine has no [::1]")
    placed = place(platform, NUMBER, "--pop", "apac1", *words)
    assert (placed["status"], placed["ending"]) == (200, "hung_up"), placed
    record = record_of(platform, placed["sip_call_id"])
    assert (record["transport"], record["pop"]) == (words[1], "apac1")
    assert record["source"].startswith("[::1]:" if "--ipv6" in words else "127.0.0.1:")


def test_a_call_goes_out_over_mutual_tls_and_the_carrier_hangs_up_over_a_connection_of_its_own(platform: Platform, tmp_path: Path) -> None:
    beta = platform.local["carriers"]["beta-eu"]
    deck = tmp_path / "secure.csv"
    deck.write_text("prefix,carrier,priority,weight,rate,destination\n35318888,secure,0,1,0.01,Ireland\n")
    platform.cli("carrier", "create", "secure")
    platform.cli("carrier", "gateway", "add", "secure", "eu", beta["tls"].partition(":")[0], "--transport", "tls")
    platform.cli("route", "import", "secure", str(deck), "--wait")
    placed = place(platform, SECURE, "--transport", "tcp", hold="callee")
    assert placed["ending"] == "hung_up_by_callee", placed
    record = record_of(platform, placed["sip_call_id"])
    assert [(each["gateway"], each["result"]) for each in record["attempts"]] == [("secure/eu", "answered")]
    assert (record["transport"], record["ended_by"]) == ("tcp", "callee")
    pop = platform.local["pops"]["eu1"]["tls"]
    assert f"SIP/2.0/TLS {pop};" in Path(beta["log"]).read_text(errors="replace")


def test_a_call_goes_over_ipv6_on_both_sides(platform: Platform, tmp_path: Path) -> None:
    if not platform.local["has_ipv6"]:
        pytest.skip("this machine has no [::1]")
    deck = tmp_path / "six.csv"
    deck.write_text("prefix,carrier,priority,weight,rate,destination\n35319999,six,0,1,0.01,Ireland\n")
    with lab_carrier.running(tmp_path, "::1") as carrier:
        platform.cli("carrier", "create", "six")
        platform.cli("carrier", "gateway", "add", "six", "eu", "::1", "--port", str(carrier.port))
        platform.cli("route", "import", "six", str(deck), "--wait")
        placed = place(platform, SIX, "--pop", "eu1", "--transport", "udp", "--ipv6", hold="callee")
        assert placed["ending"] == "hung_up_by_callee", placed
        record = record_of(platform, placed["sip_call_id"])
        log = carrier.log.read_text(errors="replace")
    assert record["source"].startswith("[::1]:") and (record["transport"], record["ended_by"]) == ("udp", "callee")
    assert [(each["gateway"], each["address"], each["result"]) for each in record["attempts"]] == [("six/eu", carrier.target, "answered")]
    # Its requests and ours went over IPv6: we stand in its log by that address, and it in the Request-URI.
    assert "SIP/2.0/UDP [::1]:" in log and f"@{carrier.target}" in log and "127.0.0.1" not in log.partition("\r\n\r\n")[0]


def test_dns_leads_to_what_the_points_of_presence_serve(platform: Platform) -> None:
    host, _, port = platform.local["dns"].partition(":")

    def dig(name: str, kind: str) -> list[str]:
        command = ["dig", f"@{host}", "-p", port, name, kind, "+short", "+time=2", "+tries=1"]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.split("\n")

    name = "acme.eu2.sip.trunkline.test"
    services = wait_for("the name", lambda: [line.split()[3] for line in sorted(dig(name, "NAPTR")) if line])
    assert services == ['"SIPS+D2T"', '"SIP+D2T"', '"SIP+D2U"']
    pop = platform.local["pops"]["eu2"]
    for service, wanted, transport in (("_sips._tcp", 5061, "tls6"), ("_sip._tcp", 5060, "tcp6"), ("_sip._udp", 5060, "udp6")):
        found = sorted(line.split() for line in dig(f"{service}.{name}", "SRV") if line)
        expected = [["10", "50", str(wanted), "eu2.sip.trunkline.test."]]
        if platform.local["has_ipv6"]:
            expected.append(["15", "50", pop[transport].rpartition(":")[2], "eu2-door.sip.trunkline.test."])
        assert found == expected, service
    if platform.local["has_ipv6"]:
        assert dig("eu2-door.sip.trunkline.test", "AAAA")[0] == "::1"


def test_a_client_that_follows_the_names_to_an_ipv6_address_calls_there(platform: Platform, tmp_path: Path) -> None:
    if not platform.local["has_ipv6"]:
        pytest.skip("this machine has no [::1]")
    host, _, port = platform.local["dns"].partition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = [host], int(port), 10
    caller = demo_caller(platform, "+31206640106", pop="us1")
    found = []
    for service in resolver.resolve(f"_sip._udp.{caller.host}", "SRV"):
        try:
            found += [(address.to_text(), service.port) for address in resolver.resolve(service.target, "AAAA")]
        except dns.resolver.NoAnswer:
            # A target with an address of IPv4 alone.
            continue
    [(address, there)] = found
    run = sipp.run(tmp_path, sipp.answered_call(caller), target=f"[{address}]:{there}", local_address="::1")
    run.must_succeed(1)
    [record] = wait_for("its record", lambda: platform.json("call", "list", "--number", caller.number))
    assert record["source"].startswith("[::1]:") and record["pop"] == "us1", record


def test_a_renewed_certificate_is_shown_by_a_running_edge(platform: Platform) -> None:
    pop = platform.local["pops"]["apac2"]
    host, _, port = pop["tls"].partition(":")
    authority = Authority.open(Path(platform.local["sip_ca_file"]).parent)
    context = ssl.create_default_context(cafile=authority.ca_file)

    def is_shown(name: str) -> bool:
        try:
            with context.wrap_socket(socket.create_connection((host, int(port)), timeout=5), server_hostname=name):
                return True
        except ssl.SSLCertVerificationError:
            return False

    assert is_shown("acme.apac2.sip.trunkline.test") and not is_shown("acme.apac1.sip.trunkline.test")
    authority.issue_for(
        pop["edge"], ["acme.sip.trunkline.test", "acme.apac2.sip.trunkline.test", "new.example", host], authority.ca_file.parent
    )
    wait_for("the new name is shown", lambda: is_shown("new.example"))
