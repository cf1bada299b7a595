"""Limits of domains and of a tenant over two points of presence: calls at a time and a second, a killed edge, a cut link, and a suspension
that ends all calls.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.everywhere import LISTED
from helpers.platform import Platform, free_loopback, wait_for
from helpers.platform_grpc import blocking_channel, operator
from helpers.trunks import Trunk, create_customer, record_of

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

ANSWER_S = 20.0
RINGS_FOR_EVER = "+31206660180"
"""In progress until somebody ends it: nobody has to refresh anything."""
REFUSED = "+31206660777"


@pytest.fixture(scope="module")
def two_pops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("limits") / "state", free_loopback(), pops="eu1,us1", links=("us=0",))
    try:
        platform.start()
        create_customer(platform, "chain", [Trunk(label, "+31206660002", address=f"{LISTED}/32") for label in ("north", "south")])
        create_customer(platform, "shop", [Trunk(label, "+31206660001", address=f"{LISTED}/32") for label in ("shop", "fast", "cut")])
        yield platform
    finally:
        if platform.process is not None:
            platform.stop()


class Attempt:
    """One INVITE. `status` is that of the first response above 100: `180 Ringing`, or the refusal."""

    def __init__(self, platform: Platform, pop: str, label: str, number: str = RINGS_FOR_EVER) -> None:
        host = f"{label}.{platform.local['base_domain']}"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LISTED, 0))
        address, _, port = platform.edge(pop).rpartition(":")
        self._socket.connect((address, int(port)))
        self._socket.settimeout(ANSWER_S)
        local = f"{LISTED}:{self._socket.getsockname()[1]}"
        self._uri, self._call = f"sip:{number}@{host}", f"{secrets.token_hex(8)}@{LISTED}"
        self._lines = (
            f"Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:caller@{host}>;tag={secrets.token_hex(4)}\r\n"
            f"Call-ID: {self._call}\r\nContact: <sip:caller@{local}>\r\nContent-Length: 0\r\n"
        )
        try:
            self._send("INVITE", f"To: <{self._uri}>")
            self.status = self._status("INVITE", above=100)
        except BaseException:
            self._socket.close()
            raise
        if not self.status.startswith("1"):
            self._send("ACK", self._to)
            self._socket.close()

    def cancel(self) -> None:
        """Returns when the edge has ended it."""
        self._send("CANCEL", f"To: <{self._uri}>")
        assert self._status("INVITE", above=199) == "487 Request Terminated"
        self._send("ACK", self._to)
        self._socket.close()

    def _send(self, method: str, to: str) -> None:
        self._socket.send(f"{method} {self._uri} SIP/2.0\r\n{to}\r\nCSeq: 1 {method}\r\n{self._lines}\r\n".encode())

    def _status(self, method: str, *, above: int) -> str:
        while True:
            text = self._socket.recv(65_536).decode()
            found = re.match(r"SIP/2.0 ((\d{3}) [^\r]*)", text)
            assert found is not None
            # The port may have been another's, whose refusal comes again.
            if int(found[2]) > above and f"CSeq: 1 {method}\r" in text and self._call in text:
                self._to = next(line for line in text.split("\r\n") if line.startswith("To:"))
                return found[1]


def invite(platform: Platform, pop: str, label: str, number: str = RINGS_FOR_EVER) -> str:
    """One that is left to itself."""
    return Attempt(platform, pop, label, number).status


def owners(platform: Platform) -> int:
    """How many have stood up so far, one after the other."""
    return (platform.state / "logs/provisioning-eu.log").read_text().count("owner of the limits")


class Customer:
    """What its limits are, and what is in use of them."""

    def __init__(self, platform: Platform, tenant: str = "shop") -> None:
        self.platform = platform
        self.tenant = tenant

    def set(self, label: str, *, calls: int = 0, rate: int = 0) -> None:
        with blocking_channel(self.platform, "provisioning-eu") as channel:
            stub = ProvisioningServiceStub(channel)
            request = pb.SetLimitsRequest(tenant=self.tenant, label=label, max_calls=calls, max_calls_per_second=rate)
            receipt = stub.SetLimits(request, metadata=operator(self.platform), timeout=10).receipt
            waiting = pb.WaitAppliedRequest(position=receipt.position)
            answers = list(stub.WaitApplied(waiting, metadata=operator(self.platform), timeout=30))
            assert all(answer.is_applied for answer in answers), answers

    def uses(self) -> list[pb.LimitUse]:
        """The tenant's first, then those of its domains."""
        with blocking_channel(self.platform, "provisioning-eu") as channel:
            request = pb.GetLimitUseRequest(tenant=self.tenant)
            return list(ProvisioningServiceStub(channel).GetLimitUse(request, metadata=operator(self.platform), timeout=10).uses)

    def use(self, label: str) -> pb.LimitUse:
        return next(use for use in self.uses() if use.label == label)

    def edge(self, label: str, pop: str) -> pb.LimitUseAtEdge:
        return next(edge for edge in self.use(label).edges if edge.pop == pop)

    def heard(self, label: str, pop: str) -> pb.LimitUseAtEdge | None:
        edge = self.edge(label, pop)
        return edge if edge.is_heard else None

    def place(self, label: str, pop: str, *, limit_of: str | None = None) -> Attempt:
        """One call that must be let through, when the edge's share has come: what another edge has to spare comes when it is asked for,
        by a call that is refused. `limit_of` is whose limit is looked at, the domain's own where it is left out."""
        of = label if limit_of is None else limit_of
        before = wait_for(f"a report of {pop}", lambda: self.heard(of, pop)).calls
        placed: list[Attempt] = []

        def is_let_through() -> bool:
            placed.append(Attempt(self.platform, pop, label))
            return "T305" not in placed[-1].status

        wait_for("the call is let through", is_let_through)
        assert placed[-1].status == "180 Ringing"
        try:
            wait_for("it is counted", lambda: (edge := self.heard(of, pop)) is not None and edge.calls == before + 1)
        except AssertionError as error:
            raise AssertionError(f"{error}; {before} were counted before: {self.use(of)}") from error
        return placed[-1]


def test_the_sixth_call_is_refused_everywhere_and_a_killed_edges_calls_return(two_pops: Platform) -> None:
    customer = Customer(two_pops)
    wait_for("somebody owns the shares", lambda: owners(two_pops))
    customer.set("shop", calls=5)
    for pop in ("eu1", "us1", "eu1", "us1", "eu1"):
        customer.place("shop", pop)
    assert [invite(two_pops, pop, "shop") for pop in ("eu1", "us1")] == ["503 Concurrent Call Limit Reached T305"] * 2
    shown = two_pops.cli("limit", "show", "shop", "--as-operator").stdout
    assert re.search(r"^shop +all +5 +5 ", shown, re.MULTILINE), shown

    with two_pops.held("edge-us1"):
        wait_for("its calls have returned", lambda: customer.use("shop").calls == 3)
        for _ in range(2):
            customer.place("shop", "eu1")
        assert "T305" in invite(two_pops, "eu1", "shop")

    # The callers of its two are there still, and it knows of them from its file or its journal.
    wait_for("it counts the calls of its last run", lambda: customer.edge("shop", "us1").calls == 2)
    wait_for("and has no share beside", lambda: customer.edge("shop", "us1").call_share == 0)
    assert "T305" in invite(two_pops, "us1", "shop")


def test_calls_a_second_are_as_many_as_the_limit(two_pops: Platform) -> None:
    customer = Customer(two_pops)
    customer.set("fast", rate=2)
    began = time.monotonic()
    told = [invite(two_pops, "eu1", "fast", "+31206660486") for _ in range(20)]
    took_s = time.monotonic() - began
    refused = [line for line in told if line == "503 Call Rate Limit Reached T306"]
    admitted = [line for line in told if line.startswith("486")]
    assert len(refused) + len(admitted) == 20, told
    assert 1 <= len(admitted) <= 2 + 2 * took_s + 1


def test_a_tenants_limit_is_shared_by_its_domains_at_all_points_of_presence(two_pops: Platform) -> None:
    chain, everywhere = Customer(two_pops, "chain"), [(label, pop) for label in ("north", "south") for pop in ("eu1", "us1")]
    wait_for("somebody owns the shares", lambda: owners(two_pops))
    chain.set("", calls=4)
    chain.set("north", calls=3)
    calls = [chain.place(label, pop, limit_of="") for label, pop in everywhere]
    refused = [invite(two_pops, pop, label) for label, pop in everywhere]
    assert refused == ["503 Concurrent Call Limit Reached T305"] * 4
    assert "T305" in invite(two_pops, "us1", "south", REFUSED)
    record = record_of(two_pops, "chain", REFUSED)
    assert (record.status, record.reason, record.pop, record.domain) == (503, "T305", "us1", "south")
    assert "the tenant chain may have 4 calls at a time over all points of presence" in record.facts, record.facts
    assert [(use.label, use.calls, use.max_calls) for use in chain.uses()] == [("", 4, 4), ("north", 2, 3)]

    # A call of the one domain at the one point of presence leaves room for one of the other at the other.
    calls.pop(0).cancel()
    wait_for("its share is back", lambda: chain.use("").calls == 3)
    calls.append(chain.place("south", "us1", limit_of=""))
    assert {invite(two_pops, pop, label) for label, pop in everywhere} == {"503 Concurrent Call Limit Reached T305"}

    for call in calls:
        call.cancel()
    wait_for("all shares are back", lambda: chain.use("").calls == 0)
    with ThreadPoolExecutor(24) as pool:
        told = list(pool.map(lambda where: Attempt(two_pops, where[1], where[0]), 6 * everywhere))
    ringing = [call for call in told if call.status == "180 Ringing"]
    assert 1 <= len(ringing) <= 4, [call.status for call in told]
    assert {call.status for call in told if call not in ringing} == {"503 Concurrent Call Limit Reached T305"}
    for call in ringing:
        call.cancel()
    wait_for("nothing is counted any more", lambda: [use.calls for use in chain.uses()] == [0, 0])


def test_without_an_owner_an_edge_has_its_fair_part_and_who_comes_back_takes_the_edges_word(two_pops: Platform) -> None:
    chain, places = Customer(two_pops, "chain"), (("north", "eu1"), ("south", "us1"))
    chain.set("north")
    chain.set("", calls=4)
    calls = [chain.place(label, pop, limit_of="") for label, pop in (places[0], places[0], places[0], places[1])]
    stood, beside = owners(two_pops), []

    def is_one_beside() -> bool:
        for label, pop in places:
            attempt = Attempt(two_pops, pop, label)
            if attempt.status == "180 Ringing":
                beside.append((pop, attempt))
            else:
                assert attempt.status == "503 Concurrent Call Limit Reached T305"
        return bool(beside)

    with two_pops.held("provisioning-eu"):
        # Leases are over in a moment. Of four calls two are the part of each, and us1 has one in progress.
        wait_for("a call beside", is_one_beside, every_s=0.1)
        for _ in range(3):
            is_one_beside()
        assert [pop for pop, _ in beside] == ["us1"]
    wait_for("another owner stands", lambda: owners(two_pops) > stood)
    calls += [attempt for _, attempt in beside]
    wait_for("it has heard both edges", lambda: chain.use("").calls == len(calls))
    assert {invite(two_pops, pop, label) for label, pop in places} == {"503 Concurrent Call Limit Reached T305"}
    for _ in range(len(calls) - 3):
        calls.pop(0).cancel()
    wait_for("there is room for one", lambda: chain.use("").calls == 3)
    calls.append(chain.place("south", "us1", limit_of=""))
    assert {invite(two_pops, pop, label) for label, pop in places} == {"503 Concurrent Call Limit Reached T305"}
    for call in calls:
        call.cancel()
    wait_for("nothing is counted any more", lambda: chain.use("").calls == 0)


def test_a_tenants_calls_a_second_are_as_many_as_its_limit_whichever_domain_has_them(two_pops: Platform) -> None:
    chain, rate = Customer(two_pops, "chain"), 3
    chain.set("north")
    chain.set("", rate=rate)
    began = time.monotonic()
    places = [(label, pop) for label in ("north", "south") for pop in ("eu1", "us1")]
    told = [invite(two_pops, pop, label, "+31206660486") for label, pop in 10 * places]
    took_s = time.monotonic() - began
    admitted = [line for line in told if line.startswith("486")]
    assert len(admitted) + told.count("503 Call Rate Limit Reached T306") == len(told), told
    # A bucket is full at first, and lets one call in at each edge however small the share is.
    assert 1 <= len(admitted) <= rate * (1 + took_s) + 2


def test_a_cut_off_edge_keeps_its_fair_part_and_a_suspension_ends_all_calls(two_pops: Platform) -> None:
    customer = Customer(two_pops)
    customer.set("cut", calls=6)
    customer.place("cut", "eu1")
    wait_for("us1 is heard", lambda: customer.edge("cut", "us1").is_heard)
    with two_pops.held("link-us"):
        wait_for("it is cut off", lambda: not customer.edge("cut", "us1").is_heard)
        for _ in range(5):
            customer.place("cut", "eu1")
        assert "T305" in invite(two_pops, "eu1", "cut")
        # Its lease is over too: half of six, and no more.
        told = [invite(two_pops, "us1", "cut") for _ in range(4)]
        assert told == ["180 Ringing"] * 3 + ["503 Concurrent Call Limit Reached T305"]
    wait_for("its calls count again", lambda: customer.use("cut").calls == 9)

    with blocking_channel(two_pops, "provisioning-eu") as channel:
        request = pb.SuspendTenantRequest(tenant="shop", is_ending_calls=True, write=WriteOptions(request_id=secrets.token_hex(8)))
        ProvisioningServiceStub(channel).SuspendTenant(request, metadata=operator(two_pops), timeout=10)
    for pop in ("eu1", "us1"):
        wait_for(f"refused at {pop}", lambda pop=pop: "T603" in invite(two_pops, pop, "cut"))
    wait_for("no call is left", lambda: customer.use("cut").calls == 0)
