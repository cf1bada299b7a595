"""Limits over two points of presence: calls at a time and a second, a killed edge, a cut link, and a suspension that ends all calls."""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterator

import pytest
from helpers.everywhere import LISTED
from helpers.platform import Platform, free_loopback, wait_for
from helpers.platform_grpc import blocking_channel, operator
from helpers.trunks import Trunk, create_customer

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub

ANSWER_S = 20.0
RINGS_FOR_EVER = "+31206660180"
"""In progress until somebody ends it: nobody has to refresh anything."""


@pytest.fixture(scope="module")
def two_pops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("limits") / "state", free_loopback(), pops="eu1,us1", links=("us=0",))
    try:
        platform.start()
        create_customer(platform, "shop", [Trunk(label, "+31206660001", address=f"{LISTED}/32") for label in ("shop", "fast", "cut")])
        yield platform
    finally:
        if platform.process is not None:
            platform.stop()


def invite(platform: Platform, pop: str, label: str, number: str = RINGS_FOR_EVER) -> str:
    """Status line of the first response above 100: `180 Ringing`, or the refusal."""
    host = f"{label}.{platform.local['base_domain']}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((LISTED, 0))
        address, _, port = platform.edge(pop).rpartition(":")
        client.connect((address, int(port)))
        client.settimeout(ANSWER_S)
        local = f"{LISTED}:{client.getsockname()[1]}"
        client.send(
            f"INVITE sip:{number}@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:caller@{host}>;tag={secrets.token_hex(4)}\r\nTo: <sip:{number}@{host}>\r\n"
            f"Call-ID: {secrets.token_hex(8)}@{LISTED}\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@{local}>\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        while True:
            found = re.match(rb"SIP/2.0 (\d{3} [^\r]*)", client.recv(65_536))
            assert found is not None
            if found[1] != b"100 Trying":
                return found[1].decode()


class Customer:
    """What its limits are, and what is in use of them."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def set(self, label: str, *, calls: int = 0, rate: int = 0) -> None:
        with blocking_channel(self.platform, "provisioning-eu") as channel:
            stub = ProvisioningServiceStub(channel)
            request = pb.SetLimitsRequest(tenant="shop", label=label, max_calls=calls, max_calls_per_second=rate)
            receipt = stub.SetLimits(request, metadata=operator(self.platform), timeout=10).receipt
            waiting = pb.WaitAppliedRequest(position=receipt.position)
            answers = list(stub.WaitApplied(waiting, metadata=operator(self.platform), timeout=30))
            assert all(answer.is_applied for answer in answers), answers

    def use(self, label: str) -> pb.LimitUse:
        with blocking_channel(self.platform, "provisioning-eu") as channel:
            request = pb.GetLimitUseRequest(tenant="shop")
            uses = ProvisioningServiceStub(channel).GetLimitUse(request, metadata=operator(self.platform), timeout=10).uses
        return next(use for use in uses if use.label == label)

    def edge(self, label: str, pop: str) -> pb.LimitUseAtEdge:
        return next(edge for edge in self.use(label).edges if edge.pop == pop)

    def place(self, label: str, pop: str) -> None:
        """One call that must be let through, when the edge's share has come: what another edge has to spare comes when it is asked for,
        by a call that is refused."""
        wait_for(f"a report of {pop}", lambda: self.edge(label, pop).is_heard)
        before = self.use(label).calls
        placed = wait_for("the call is let through", lambda: "" if "T305" in (told := invite(self.platform, pop, label)) else told)
        assert placed == "180 Ringing"
        wait_for("it is counted", lambda: self.use(label).calls == before + 1)


def test_the_sixth_call_is_refused_everywhere_and_a_killed_edges_calls_return(two_pops: Platform) -> None:
    customer = Customer(two_pops)
    wait_for("somebody owns the shares", lambda: "owner of the limits" in (two_pops.state / "logs/provisioning-eu.log").read_text())
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
