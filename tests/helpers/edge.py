"""A real edge for a test: nats-server, auth and records beside it, gateways of SIPp behind it, a tenant written straight into the log."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc.aio
from helpers.nats import NatsServer
from helpers.platform import free_loopback
from helpers.service import REALM, ServiceProcess
from helpers.sipp import SDP, Caller
from helpers.waiting import until
from nats.aio.client import Client

from trunkline.api.auth.v1 import auth_pb2, auth_pb2_grpc
from trunkline.api.common.v1 import common_pb2
from trunkline.api.edge.v1 import edge_pb2, edge_pb2_grpc
from trunkline.api.records.v1 import records_pb2, records_pb2_grpc
from trunkline.domain.events import (
    PLATFORM,
    AccountAdded,
    AclAttached,
    AclCreated,
    AddressAdded,
    CarrierCreated,
    CarrierSettings,
    Commit,
    DeckActivated,
    DeckRow,
    DeckRowsAdded,
    DeckStarted,
    DomainCreated,
    Event,
    GatewayAdded,
    Kind,
    Position,
    TenantCreated,
    TenantId,
)
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import Expect
from trunkline.eventlog.streams import ensure_streams
from trunkline.eventlog.ulid import new_ulid

LIMIT_S = 30.0
NOT_YET = (grpc.aio.AioRpcError,)
"""Services that are not up yet, or do not know it yet, are asked again."""
ACME = TenantId("acme")
HOST = f"acme.{REALM}"
USERNAME, PASSWORD = "31000000", "correct-horse-battery"

_HEADERS = "[last_Via:]\n[last_From:]\n{to}\n[last_Call-ID:]\n[last_CSeq:]\n"
_TAGGED = _HEADERS.format(to="[last_To:];tag=[pid]SIPpTag01[call_number]") + "[last_Record-Route:]\n"
_CONTACT = "Contact: <sip:gateway@[local_ip]:[local_port];transport=[transport]>\n"

GATEWAY_SCENARIO = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="gateway">
<recv request="INVITE" crlf="true"></recv>
<send><![CDATA[
SIP/2.0 180 Ringing
{_TAGGED}{_CONTACT}Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{_TAGGED}{_CONTACT}Content-Type: application/sdp
Content-Length: [len]

{SDP}]]></send>
<recv request="ACK" crlf="true"></recv>
<recv request="BYE"></recv>
<send><![CDATA[
SIP/2.0 200 OK
{_HEADERS.format(to="[last_To:]")}Content-Length: 0

]]></send>
<timewait milliseconds="1000"/>
</scenario>
"""
"""SIPp's own UAS scenario leaves Record-Route out of its 200."""


class EdgeBench:
    """`edge`, `auth` and `records` are processes, `log` is the log that the test writes. Gateways are on `gateway_host`:5060 and 5070."""

    def __init__(self, folder: Path, nats: NatsServer, client: Client) -> None:
        loopback = self._loopback = free_loopback()
        self.folder = folder
        self.nats = nats
        self.client = client
        self.log = JetStreamLog(client)
        self.sip_host = f"{loopback}.1.1"
        self.sip = f"{self.sip_host}:5060"
        self.caller_host = f"{loopback}.0.9"
        self.gateway_host = f"{loopback}.9.1"
        self.auth = ServiceProcess("auth", folder, nats, kek_file=folder / "kek", pops=["eu1"])
        self.records = ServiceProcess("records", folder, nats)
        self.edge = ServiceProcess(
            "edge",
            folder,
            nats,
            pop="eu1",
            listen=[self.sip],
            auth_addresses=[self.auth.address],
            silent_gateway_ms=500,
            all_silent_ms=3000,
            # SIPp's scenarios know no OPTIONS.
            gateway_options_s=3600,
        )
        self._gateways: list[subprocess.Popen[bytes]] = []

    async def write(self, kind: Kind, tenant: str, aggregate: str, *events: Event) -> Position:
        """One commit of one aggregate."""
        owner = TenantId(tenant)
        last = await self.log.last(Commit("", kind, owner, aggregate, 1, datetime.now(UTC), "", events).subject)
        version, at = (last.commit.version, last.position) if last else (0, Position(0))
        commit = Commit(new_ulid(), kind, owner, aggregate, version + 1, datetime.now(UTC), "operator", events)
        (position,) = await self.log.append([commit], [Expect(commit.subject, at)])
        return position

    async def provision(self, *, addresses: tuple[str, ...] = (), has_account: bool = False, takes_no_options: bool = False) -> Position:
        """The tenant acme with one ACL and domain, a trusted carrier with two gateways and a deck for all numbers."""
        await self.write(Kind.TENANT, "acme", "acme", TenantCreated("Acme"))
        await self.write(Kind.ACL, "acme", "OUT", AclCreated(), *(AddressAdded(each, "+31200000000") for each in addresses))
        if has_account:
            await self.add_account()
        await self.write(Kind.DOMAIN, "acme", "acme", DomainCreated("acme"))
        await self.write(Kind.DOMAIN, "acme", "acme", AclAttached("OUT"))
        await self.write(Kind.CARRIER, PLATFORM, "alpha", CarrierCreated(CarrierSettings(is_trusted=True)))
        for priority, port in enumerate((5060, 5070)):
            gateway = GatewayAdded(f"g{priority + 1}", self.gateway_host, port, "udp", "eu", priority, 1, takes_no_options=takes_no_options)
            await self.write(Kind.CARRIER, PLATFORM, "alpha", gateway)
        rows = tuple(DeckRow(str(digit), "alpha", 0, 1, 6000, f"zone {digit}") for digit in range(1, 10))
        await self.write(Kind.DECK, PLATFORM, "main", DeckStarted(1, len(rows), "EUR"))
        await self.write(Kind.DECK, PLATFORM, "main", DeckRowsAdded(1, rows))
        return await self.write(Kind.DECK, PLATFORM, "main", DeckActivated(1))

    async def add_account(self) -> None:
        """Through auth, which seals the secrets; then the account in the log."""
        await self.auth.serving()
        async with self.auth.channel_of("provisioning") as channel:
            request = auth_pb2.SetCredentialRequest(tenant="acme", credential_id="c1", username=USERNAME, password=PASSWORD)
            await auth_pb2_grpc.AuthServiceStub(channel).SetCredential(request)
        await self.write(Kind.ACL, "acme", "OUT", AccountAdded(USERNAME, "c1"))

    def caller(self, number: str = "+3123456789", *, has_account: bool = False) -> Caller:
        return Caller(HOST, number, USERNAME, PASSWORD) if has_account else Caller(HOST, number)

    def start_gateway(self, port: int = 5060) -> None:
        """Rings, answers, and waits for the BYE."""
        scenario = self.folder / "gateway.xml"
        scenario.write_text(GATEWAY_SCENARIO)
        command = ["sipp", "-sf", str(scenario), "-i", self.gateway_host, "-p", str(port), "-nostdin", "-skip_rlimit"]
        self._gateways.append(
            subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    async def status(self) -> edge_pb2.GetStatusResponse:
        async with self.edge.channel() as channel:
            return await edge_pb2_grpc.EdgeServiceStub(channel).GetStatus(edge_pb2.GetStatusRequest())

    async def answered(self, number: int = 1) -> list[edge_pb2.LiveCall]:
        """When so many calls are answered, and there are no others."""
        async with self.edge.channel() as channel:
            stub = edge_pb2_grpc.EdgeServiceStub(channel)
            shown = await until(
                f"{number} answered calls",
                lambda: stub.ListLiveCalls(edge_pb2.ListLiveCallsRequest()),
                lambda answer: [each.state for each in answer.calls] == ["answered"] * number,
                despite=NOT_YET,
                limit_s=LIMIT_S,
            )
            return list(shown.calls)

    async def applied(self, position: Position) -> edge_pb2.WaitAppliedResponse:
        """When the edge covers the position."""
        async with self.edge.channel() as channel:
            stub = edge_pb2_grpc.EdgeServiceStub(channel)
            return await stub.WaitApplied(edge_pb2.WaitAppliedRequest(position=position), timeout=LIMIT_S)

    async def records_when(self, condition: Callable[[list[records_pb2.Record]], bool]) -> list[records_pb2.Record]:
        async with self.records.channel() as channel:
            stub = records_pb2_grpc.RecordsServiceStub(channel)

            async def ask() -> list[records_pb2.Record]:
                answer = await stub.ListRecords(records_pb2.ListRecordsRequest(page=common_pb2.Page(size=1000)), timeout=LIMIT_S)
                return list(answer.records)

            return await until("records", ask, condition, despite=NOT_YET, limit_s=LIMIT_S)

    async def stop(self) -> None:
        for gateway in self._gateways:
            gateway.kill()
            gateway.wait(10)
        for process in (self.edge, self.records, self.auth):
            await process.kill()


def seconds_to_answer(address: str, limit_s: float = LIMIT_S) -> float:
    """OPTIONS every few milliseconds until the edge answers one; how long that took."""
    host, _, port = address.rpartition(":")
    request = (
        f"OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {{local}};branch=z9hG4bK{{n}};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:probe@{host}>;tag=probe\r\nTo: <sip:{address}>\r\nCall-ID: probe-{{n}}@{host}\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    began_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.connect((host, int(port)))
        probe.settimeout(0.005)
        local = ":".join(map(str, probe.getsockname()))
        for n in range(int(limit_s / 0.005)):
            try:
                probe.send(request.format(local=local, n=n).encode())
                if probe.recv(65_536).startswith(b"SIP/2.0 200"):
                    return time.monotonic() - began_s
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                # Nobody listens there yet; recv has not waited.
                time.sleep(0.005)
    raise AssertionError(f"no answer from {address} within {limit_s} s")


@asynccontextmanager
async def edge_bench(folder: Path, nats: NatsServer) -> AsyncIterator[EdgeBench]:
    """Nothing is started yet but NATS; everything that was is ended."""
    client = await nats.connect()
    await ensure_streams(client)
    bench = EdgeBench(folder, nats, client)
    try:
        yield bench
    except AssertionError as error:
        for process in (bench.edge, bench.auth, bench.records):
            if process.log.exists():
                error.add_note(f"--- {process.name}\n{process.output()[-3000:]}")
        raise
    finally:
        await bench.stop()
        await client.close()
