"""Who guesses passwords at one point of presence is heard at none, and no customer is shut out by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from helpers import probes, scans, sipp
from helpers.platform import Platform, wait_for
from helpers.platform_grpc import blocking_channel

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

GUESSES = 21
"""One more than it takes, for a little is forgiven meanwhile."""

SILENCE_S = 0.5
"""Edges answer within a millisecond or two."""

COUNTED_S = 90.0
"""What scanners send is told when its minute is over."""


@dataclass(frozen=True, slots=True)
class Trunks:
    """Domain `guarded` takes one account from anywhere; `office` is another, which lists an address."""

    platform: Platform

    def caller(self, label: str, number: str, password: str = "not-the-password") -> sipp.Caller:
        return sipp.Caller(host=f"{label}.{self.platform.local['base_domain']}", number=number, username="31300000", password=password)

    @property
    def stranger(self) -> str:
        return f"{self.platform.loopback}.8.8"

    @property
    def listed(self) -> str:
        return f"{self.platform.loopback}.8.9"

    @property
    def scanners(self) -> dict[str, str]:
        """By what is held against each."""
        return {what: f"{self.platform.loopback}.8.{30 + place}" for place, what in enumerate(("scan", "unknown domain", "malformed"))}

    def scan(self) -> None:
        """At eu1 over TCP: a connection is nobody else's."""
        host = f"guarded.{self.platform.local['base_domain']}"
        for what, source in self.scanners.items():
            scans.flood(self.platform.local["pops"]["eu1"]["tcp"], source, scans.messages(what, source, host))

    def guess(self, folder: Path, source: str) -> None:
        """Wrong passwords at eu1 until it does not answer any more."""
        caller = self.caller("guarded", "+31205550801")
        scenario = sipp.refused_call(caller, 403, "T204")
        run = sipp.run(folder, scenario, target=self.platform.edge("eu1"), local_address=source, calls=GUESSES, rate=100)
        run.must_succeed(GUESSES)
        wait_for("silence", lambda: not self.is_answered("eu1", source, "guarded"))

    def bans(self, source: str) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = self.platform.json("ban", "list", "--address", source)
        return rows

    def is_answered(self, pop: str, source: str, label: str) -> bool:
        """An INVITE without credentials, one datagram."""
        host = f"{label}.{self.platform.local['base_domain']}"
        return bool(probes.invite(self.platform.edge(pop), source, host, "+31205550802", timeout_s=SILENCE_S))


@pytest.fixture(scope="module")
def trunks(platform: Platform) -> Iterator[Trunks]:
    made = Trunks(platform)
    platform.cli("acl", "create", "GUARDED")
    platform.cli("account", "add", "GUARDED", "31300000", "--password", "the-right-password")
    platform.cli("domain", "create", "guarded")
    platform.cli("domain", "attach", "guarded", "GUARDED")
    platform.cli("acl", "create", "BRANCH")
    platform.cli("acl", "address", "add", "BRANCH", made.listed)
    platform.cli("domain", "create", "branch")
    platform.cli("domain", "attach", "branch", "BRANCH", "--wait")
    # First, for the others need the minute that it takes.
    made.scan()
    yield made
    for source in (made.stranger, made.listed, *made.scanners.values()):
        if made.bans(source):
            platform.cli("ban", "lift", source)


def test_who_guesses_passwords_at_one_edge_is_heard_at_none_until_the_ban_is_lifted(trunks: Trunks, tmp_path: Path) -> None:
    platform, source = trunks.platform, trunks.stranger
    assert all(trunks.is_answered(pop, source, "guarded") for pop in platform.local["pops"])
    trunks.guess(tmp_path, source)
    [ban] = trunks.bans(source)
    assert (ban["cidr"], ban["reason"], ban["issuer"]) == (f"{source}/32", "wrong credentials", "auth-eu")
    for pop in platform.local["pops"]:
        wait_for(f"silence at {pop}", lambda pop=pop: not trunks.is_answered(pop, source, "guarded"))
    assert trunks.is_answered("us1", f"{platform.loopback}.8.10", "guarded"), "its neighbour is heard"
    platform.lab("kill", "edge-us1")
    wait_for("us1 is back", lambda: trunks.is_answered("us1", f"{platform.loopback}.8.10", "guarded"))
    wait_for("us1 knows the ban again", lambda: not trunks.is_answered("us1", source, "guarded"))
    told = platform.json("explain", "guarded", "--from", source)
    assert (told["outcome"], told["reason"], told["status"]) == ("refuse", "T207", 0)
    assert any("banned until" in step for step in told["steps"])
    platform.cli("ban", "lift", source)
    assert trunks.bans(source) == []
    for pop in platform.local["pops"]:
        wait_for(f"an answer of {pop}", lambda pop=pop: trunks.is_answered(pop, source, "guarded"))
    again = platform.cli("ban", "lift", source, check=False)
    assert again.returncode != 0 and "no ban covers" in again.stderr and "trunkline ban list" in again.stderr


def test_a_banned_address_is_heard_by_the_domain_that_lists_it(trunks: Trunks, tmp_path: Path) -> None:
    platform, source = trunks.platform, trunks.listed
    trunks.guess(tmp_path / "guess", source)
    wait_for("silence at us1", lambda: not trunks.is_answered("us1", source, "guarded"))
    assert platform.json("explain", "branch", "--from", source)["outcome"] == "admit"
    call = sipp.Caller(host=f"branch.{platform.local['base_domain']}", number="+31205550803")
    sipp.run(tmp_path / "call", sipp.answered_call(call), target=platform.edge("us1"), local_address=source).must_succeed(1)


def test_right_credentials_spare_an_address(trunks: Trunks, tmp_path: Path) -> None:
    platform, source = trunks.platform, f"{trunks.platform.loopback}.8.11"
    right = trunks.caller("guarded", "+31205550804", "the-right-password")
    sipp.run(tmp_path / "right", sipp.answered_call(right), target=platform.edge("eu1"), local_address=source).must_succeed(1)
    wait_for("its record", lambda: platform.json("call", "list", "--number", right.number))
    wrong = trunks.caller("guarded", "+31205550805")
    run = sipp.run(
        tmp_path / "wrong", sipp.refused_call(wrong, 403, "T204"), target=platform.edge("eu1"), local_address=source, calls=GUESSES
    )
    run.must_succeed(GUESSES)
    refused = wait_for("its records", lambda: _at_least(platform.json("call", "list", "--number", wrong.number, "--limit", "100"), GUESSES))
    assert {row["reason"] for row in refused} == {"T204"}
    assert trunks.bans(source) == []


def test_an_operator_bans_a_range_for_a_time(trunks: Trunks) -> None:
    platform = trunks.platform
    source, cidr = f"{platform.loopback}.77.7", f"{platform.loopback}.77.0/24"
    platform.cli("ban", "add", cidr, "--duration", "10m", "--reason", "test range")
    wait_for("silence at apac2", lambda: not trunks.is_answered("apac2", source, "guarded"))
    [ban] = trunks.bans(source)
    assert (ban["cidr"], ban["reason"], ban["issuer"]) == (cidr, "test range", "operator")
    platform.cli("ban", "lift", cidr)
    wait_for("an answer of apac2", lambda: trunks.is_answered("apac2", source, "guarded"))
    for words, why in (
        (("127.0.0.0/7",), "host bits"),
        (("126.0.0.0/7",), "wider than /8"),
        (("192.0.2.1", "--duration", "8000h"), "7 days"),
    ):
        refused = platform.cli("ban", "add", *words, check=False)
        assert refused.returncode != 0 and why in refused.stderr, refused.stderr


def test_a_range_wider_than_a_company_is_heard_where_an_operator_has_exempted_it(trunks: Trunks) -> None:
    platform, source = trunks.platform, f"{trunks.platform.loopback}.88.8"
    wide = f"127.{int(platform.loopback.split('.')[1]) // 2 * 2}.0.0/15"
    platform.cli("acl", "create", "WIDE")
    platform.cli("acl", "address", "add", "WIDE", wide)
    platform.cli("domain", "create", "wide")
    platform.cli("domain", "attach", "wide", "WIDE", "--wait")
    platform.cli("ban", "add", source)
    wait_for("silence at eu1", lambda: not trunks.is_answered("eu1", source, "wide"))
    denied = platform.cli("acl", "address", "exempt", "WIDE", wide, "--tenant", "nobody", check=False)
    assert denied.returncode != 0 and "nobody" in denied.stderr
    with blocking_channel(platform, "provisioning-eu") as channel, pytest.raises(grpc.RpcError) as refused:
        own = (("authorization", f"Bearer {platform.local['demo']['api_key']}"),)
        request = pb.ApproveBanExemptionRequest(tenant="acme", acl="WIDE", address=wide)
        ProvisioningServiceStub(channel).ApproveBanExemption(request, metadata=own, timeout=10)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED, "who lists a range does not approve it"
    assert not trunks.is_answered("eu1", source, "wide")
    platform.cli("acl", "address", "exempt", "WIDE", wide, "--tenant", "acme", "--wait")
    assert trunks.is_answered("eu1", source, "wide") and not trunks.is_answered("eu1", source, "guarded")
    [address] = platform.json("acl", "show", "WIDE")["addresses"]
    assert address["is_ban_exempt"]
    platform.cli("acl", "address", "remove", "WIDE", wide, "--wait")
    assert not trunks.is_answered("eu1", source, "wide")
    platform.cli("ban", "lift", source)


def test_scanners_at_one_edge_are_heard_at_none(trunks: Trunks) -> None:
    platform = trunks.platform
    for what, source in trunks.scanners.items():
        [ban] = wait_for(f"a ban for {what}", lambda source=source: trunks.bans(source), timeout_s=COUNTED_S, every_s=0.5)
        assert (ban["cidr"], ban["reason"], ban["issuer"]) == (f"{source}/32", what, "auth-eu")
        for pop in ("us1", "apac2"):
            wait_for(f"silence at {pop}", lambda pop=pop, source=source: not trunks.is_answered(pop, source, "guarded"))
        assert scans.flood(platform.local["pops"]["us1"]["tcp"], source, scans.messages(what, source, "guarded")[:1]) == b""
    neighbour = f"{platform.loopback}.8.39"
    assert trunks.is_answered("us1", neighbour, "guarded")


def _at_least(rows: list[dict[str, str]], number: int) -> list[dict[str, str]]:
    return rows if len(rows) >= number else []
