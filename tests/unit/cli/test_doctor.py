"""What the doctor makes of what it sees."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.dns.v1 import dns_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.cli.doctor import judging
from trunkline.cli.doctor.finding import Finding, Grade
from trunkline.cli.doctor.sip import ask_options

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def grades(findings: list[Finding]) -> list[str]:
    return [finding.grade.value for finding in findings]


def pop(**changed: object) -> pb.Pop:
    seen: dict[str, object] = {"name": "eu1", "edge": "edge-eu1", "is_reachable": True, "state": "READY", "health": "ready"}
    return pb.Pop(**(seen | {"position": 100, "digest": "ab", "is_log_connected": True, "age_s": 0.3} | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "grade"), [(-1, Grade.FAIL), (3, Grade.WARN), (300, Grade.OK)])
def test_a_certificate_is_judged_by_the_days_that_are_left(days: int, grade: Grade) -> None:
    assert judging.certificate("x", NOW + timedelta(days=days), NOW).grade is grade


@pytest.mark.parametrize(
    ("off", "exact", "grade"), [(0.3, 0.5, Grade.OK), (-2.3, 0.5, Grade.OK), (3, 0.5, Grade.WARN), (-60, 1, Grade.FAIL)]
)
def test_a_clock_is_wrong_only_as_far_as_is_known(off: float, exact: float, grade: Grade) -> None:
    assert judging.clock("x", off, exact).grade is grade


@pytest.mark.parametrize(
    ("changed", "grade", "told"),
    [
        ({}, Grade.OK, "READY"),
        ({"is_reachable": False, "problem": "refused"}, Grade.FAIL, "refused"),
        ({"state": "DEGRADED"}, Grade.FAIL, "DEGRADED"),
        ({"state": "DRAINING", "live_calls": 3}, Grade.WARN, "3 calls"),
        ({"health": "down", "health_reason": "silent"}, Grade.FAIL, "silent"),
        ({"health": "ready", "without_transports": ["tls"], "health_reason": "no answer"}, Grade.WARN, "leaves out TLS there: no answer"),
        ({"is_log_connected": False}, Grade.WARN, "log"),
        ({"age_s": 9}, Grade.WARN, "9 s"),
        ({"position": 100, "lag": 500}, Grade.WARN, "500 commits"),
        ({"journal_backlog_bytes": 64 << 20}, Grade.WARN, "64 MiB"),
    ],
)
def test_a_point_of_presence_is_judged_by_the_worst_of_it(changed: dict[str, object], grade: Grade, told: str) -> None:
    (finding,) = judging.pops([pop(**changed)], 100)
    assert finding.grade is grade and told in finding.text and (finding.remedy or grade is Grade.OK)


def test_a_replica_that_holds_something_else_at_the_same_position_is_named() -> None:
    seen = [pop(name="eu1"), pop(name="eu2"), pop(name="us1", digest="cd"), pop(name="us2", position=99, digest="ef")]
    found = [each for each in judging.pops(seen, 100) if each.check == "replica"]
    assert grades(found) == ["FAIL"] and "us1" in found[0].text and "us2" not in found[0].text


def test_lists_without_effect_and_domains_that_refuse_everybody_are_told() -> None:
    acls = [pb.Acl(name="USED", addresses=[pb.Address(cidr="192.0.2.1/32")], attached_domains=["good"]), pb.Acl(name="IDLE")]
    acls += [pb.Acl(name="EMPTY", attached_domains=["bad"], warnings=["The ACL is empty"])]
    acls[0].warnings.append("a warning")
    domains = [pb.Domain(label="good", acls=["USED"]), pb.Domain(label="bare"), pb.Domain(label="bad", acls=["EMPTY"])]
    told = {(each.name, each.text.split(":")[0]) for each in judging.access(acls, domains) if each.grade is Grade.WARN}
    assert told == {
        ("bare", "has no ACL"),
        ("bad", "has empty ACLs alone"),
        ("IDLE", "is attached to no domain"),
        ("EMPTY", "is empty"),
        ("USED", "a warning"),
    }


def test_a_ban_that_meets_a_listed_address_is_told_with_whose_it_is() -> None:
    acl = pb.Acl(name="A", addresses=[pb.Address(cidr="192.0.2.0/24"), pb.Address(cidr="2001:db8::/32")])
    banned = [
        auth_pb2.Ban(cidr="192.0.2.7/32", reason="guesses"),
        auth_pb2.Ban(cidr="198.51.100.1/32"),
        auth_pb2.Ban(cidr="2001:db8:1::/64"),
    ]
    found = list(judging.bans(banned, [("acme", acl)]))
    assert grades(found) == ["WARN", "WARN"] and "192.0.2.0/24 of A (acme)" in found[0].text
    assert grades(list(judging.bans(banned[1:2], [("acme", acl)]))) == ["OK"]


def test_name_servers_are_judged_by_their_last_comparison() -> None:
    holders = [dns_pb2.Holder(name="a"), dns_pb2.Holder(name="b", drift_total=2), dns_pb2.Holder(name="c", problem="refused")]
    assert grades(list(judging.names(dns_pb2.GetDriftResponse(holders=holders)))) == ["OK", "WARN", "FAIL"]
    assert grades(list(judging.names(dns_pb2.GetDriftResponse()))) == ["WARN"]


@pytest.mark.parametrize(("status", "grade"), [(200, Grade.OK), (503, Grade.WARN), (404, Grade.WARN), (0, Grade.FAIL)])
def test_an_answer_to_options_is_judged(status: int, grade: Grade) -> None:
    assert judging.options("eu1", "udp", status, 1.0, "silent").grade is grade


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_port_that_nobody_listens_on_gives_no_status(transport: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        # Bound and silent: for TCP nobody listens, for UDP nobody answers.
        status, _, problem = await ask_options(f"127.0.0.1:{port}", transport, 0.2)
    assert status == 0 and str(port) in problem


@pytest.mark.parametrize(("answer", "status"), [(b"SIP/2.0 503 Draining", 503), (b"SIP/2.0 200 OK", 200)])
async def test_the_answer_to_options_is_read(answer: bytes, status: int) -> None:
    class Edge(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            assert data.startswith(b"OPTIONS sip:127.0.0.1:") and b"Max-Forwards: 70\r\n" in data
            head = [line for line in data.split(b"\r\n")[1:] if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
            self.transport.sendto(b"\r\n".join([answer, *head, b"Content-Length: 0", b"", b""]), addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Edge, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        assert (await ask_options(f"127.0.0.1:{port}", "udp", 2.0))[0] == status
    finally:
        transport.close()
