"""Customers and carriers over UDP, TCP and TLS, IPv4 and IPv6, in every pairing; connections that are lost, refused and bounded."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.engine import HOST, NUMBER, EngineBench, Peer, Sip, by_address
from helpers.streams import StreamGateway, StreamPeer, connected

from trunkline.engine import Invite, Reject, Route, Target
from trunkline.engine.tables import RemoveAddress, SetAddress, SetBan, SetGateway
from trunkline.lab.supervisor.authority import Authority, TlsFiles

TRANSPORTS = ("udp", "tcp", "tls")
HOSTS = ("127.0.0.1", "::1")
WAYS = [(host, transport) for host in HOSTS for transport in TRANSPORTS]


class TransportBench(EngineBench):
    """Listens by every transport on both addresses; `tls` is for clients, `gateway_tls` for gateways that listen."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.authority = Authority.open(folder / "authority")
        self.edge_files = self.authority.issue_for("edge", [HOST, "127.0.0.1", "::1"], folder)
        super().__init__(folder, listen=[(host, 0, transport) for host, transport in WAYS], **settings)
        self.engine.set_certificates([([HOST], self.edge_files.cert_file.read_bytes(), self.edge_files.key_file.read_bytes())])
        self.engine.set_carrier_tls(self.authority.ca_file.read_bytes())
        self.tls = ssl.create_default_context(cafile=self.authority.ca_file)
        self.apply(*by_address(), SetAddress("acme/IN", "::1/128", "+31200000000"))

    def listener(self, host: str, transport: str) -> tuple[str, int]:
        return self.engine.addresses[WAYS.index((host, transport))]

    def customer(self, host: str, transport: str) -> Peer:
        at = self.listener(host, transport)
        peer: Peer = (
            Peer(host, at) if transport == "udp" else connected(at, transport, tls=self.tls if transport == "tls" else None, name=HOST)
        )
        self.peers.append(peer)
        return peer

    def carrier(self, host: str, transport: str, *names: str, asks_for_certificates: bool = False) -> Peer:
        """The only gateway from now on. Over TLS its certificate has `names`, without any its address."""
        if transport == "udp":
            gateway: Peer = Peer(host)
        else:
            files = self.authority.issue_for("gateway", names or [host], self.folder / "gateway")
            gateway = StreamGateway(host, tls=server_context(files, asks_for_certificates) if transport == "tls" else None)
        self.gateways.append(gateway)
        self.decide = lambda _: Route((Target("g1", "alpha", *gateway.address, transport),), request_users=(NUMBER,))
        return gateway


def server_context(files: TlsFiles, asks_for_certificates: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_file, files.key_file)
    context.load_verify_locations(files.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED if asks_for_certificates else ssl.CERT_NONE
    return context


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[TransportBench]:
    bench = TransportBench(tmp_path)
    yield bench
    bench.close()


_calls = itertools.count(1)


def answered(customer: Peer, gateway: Peer) -> tuple[str, Sip, Sip]:
    """Call-ID, the INVITE at the gateway and its 200 at the customer; the ACK has come through."""
    call = f"call-{next(_calls)}"
    customer.send(customer.request(call=call))
    invite = gateway.receive()
    gateway.answer(invite, "200 OK")
    ok = customer.final()
    assert ok.status == 200
    customer.send(in_dialog(customer, "ACK", call, 1, ok))
    assert gateway.receive().start_line.startswith("ACK ")
    return call, invite, ok


def in_dialog(customer: Peer, method: str, call: str, cseq: int, ok: Sip) -> str:
    routes = tuple(f"Route: {route}" for route in ok.all("Record-Route"))
    text = customer.request(method, call=call, cseq=cseq, to_tag=ok.to_tag, extra=routes)
    target = ok.one("Contact").strip("<>")
    return text.replace(f"{method} sip:{NUMBER}@{HOST} ", f"{method} {target} ", 1).replace(f"-{cseq};", f"-{method}{cseq};", 1)


def bye_of_carrier(gateway: Peer, invite: Sip) -> str:
    lines = [
        f"BYE {invite.one('Contact').strip('<>')} SIP/2.0",
        f"Via: SIP/2.0/{gateway.transport.upper()} {gateway.host_port};branch=z9hG4bK-{invite.one('Call-ID')};rport",
        f"From: {invite.one('To')};tag=gateway",
        f"To: {invite.one('From')}",
        f"Call-ID: {invite.one('Call-ID')}",
        "CSeq: 1 BYE",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in invite.all("Record-Route")),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""])


def shown(bench: TransportBench, host: str, transport: str) -> str:
    """How our listener stands in a Via or a route."""
    address, port = bench.listener(host, transport)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@pytest.mark.parametrize(("customer_host", "customer_transport"), WAYS)
def test_a_call_goes_from_any_transport_to_any_other_and_both_sides_hang_up(
    bench: TransportBench, customer_host: str, customer_transport: str
) -> None:
    for carrier_host, carrier_transport in WAYS:
        way = f"to {carrier_host} by {carrier_transport}"
        customer = bench.customer(customer_host, customer_transport)
        gateway = bench.carrier(carrier_host, carrier_transport)
        call, invite, ok = answered(customer, gateway)
        via, own = invite.all("Via")[0], shown(bench, carrier_host, carrier_transport)
        assert via.startswith(f"SIP/2.0/{carrier_transport.upper()} {own};"), way
        assert invite.all("Record-Route")[0].startswith(f"<sip:{own};"), way
        assert ok.all("Record-Route")[0].startswith(f"<sip:{shown(bench, customer_host, customer_transport)};"), way
        customer.send(in_dialog(customer, "BYE", call, 2, ok))
        bye = gateway.receive()
        assert bye.start_line.startswith("BYE "), way
        gateway.answer(bye, "200 OK")
        assert customer.final().status == 200, way

        _, invite, _ = answered(customer, gateway)
        if isinstance(gateway, StreamGateway):
            assert gateway.peer is not None
            gateway.peer.send(bye_of_carrier(gateway, invite))
        else:
            gateway.socket.sendto(bye_of_carrier(gateway, invite).encode(), invite.source)
        bye = customer.receive()
        assert bye.start_line.startswith("BYE "), way
        customer.answer(Sip(bye.start_line, bye.headers, bye.body, bye.source), "200 OK")
        assert gateway.receive().status == 200, way
    bench.status_when("live_calls", 0)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_call_whose_connection_was_lost_is_hung_up_over_a_new_one(bench: TransportBench, transport: str) -> None:
    customer, gateway = bench.customer("127.0.0.1", transport), bench.carrier("127.0.0.1", transport)
    assert isinstance(gateway, StreamGateway)
    call, _, ok = answered(customer, gateway)
    customer.close()
    assert gateway.peer is not None
    gateway.peer.close()
    bench.status_when("connections", 0)
    again = bench.customer("127.0.0.1", transport)
    again.send(in_dialog(again, "BYE", call, 2, ok))
    gateway.accept()
    bye = gateway.receive()
    assert bye.start_line.startswith("BYE ")
    gateway.answer(bye, "200 OK")
    assert again.final().status == 200


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_call_that_crosses_the_closing_of_a_kept_connection_goes_by_a_new_one(bench: TransportBench, transport: str) -> None:
    customer, gateway = bench.customer("127.0.0.1", "udp"), bench.carrier("127.0.0.1", transport)
    assert isinstance(gateway, StreamGateway)
    answered(customer, gateway)
    customer.send(customer.request(call="crossing"))
    lost = gateway.receive()
    assert gateway.peer is not None
    gateway.peer.close()
    gateway.accept()
    again = gateway.receive()
    assert again.all("Via") == lost.all("Via")
    gateway.answer(again, "486 Busy Here")
    assert customer.final().status == 486


def test_a_connection_that_has_become_a_black_hole_is_left_for_a_new_one(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, stream_unacknowledged_ms=600, silent_gateway_ms=300, all_silent_ms=300)
    try:
        customer, gateway = bench.customer("127.0.0.1", "tcp"), bench.carrier("127.0.0.1", "tcp")
        assert isinstance(gateway, StreamGateway) and isinstance(customer, StreamPeer)
        call, _, ok = answered(customer, gateway)
        assert gateway.peer is not None
        gateway.peer.fall_silent()
        customer.send(customer.request(call="into-the-hole"))
        assert customer.final().status == 500
        bench.status_when("connections", 1)
        # Over a new one, what is in progress too.
        customer.send(in_dialog(customer, "BYE", call, 2, ok))
        gateway.accept()
        bye = gateway.receive()
        assert bye.start_line.startswith("BYE ")
        customer.fall_silent()
        gateway.answer(bye, "200 OK")
        bench.status_when("connections", 1)
    finally:
        bench.close()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_gateway_that_heard_of_a_call_before_its_connection_broke_is_hung_up_on_when_it_answers(
    bench: TransportBench, transport: str
) -> None:
    customer, broken, right = bench.customer("127.0.0.1", "udp"), bench.carrier("127.0.0.1", transport), Peer()
    bench.gateways.append(right)
    assert isinstance(broken, StreamGateway)
    targets = (Target("broken", "alpha", *broken.address, transport), Target("right", "beta", *right.address))
    bench.decide = lambda _: Route(targets, request_users=(NUMBER, NUMBER))
    customer.send(customer.request(call="in-doubt"))
    heard = broken.receive()
    assert broken.peer is not None
    broken.peer.close()
    invite = right.receive()
    assert invite.start_line.startswith("INVITE ")

    # RFC 3261 §18.2.2: its answer comes over a connection of its own.
    answering = connected(bench.listener("127.0.0.1", transport), transport, tls=bench.tls if transport == "tls" else None, name=HOST)
    bench.peers.append(answering)
    broken.peer = answering
    broken.answer(heard, "200 OK")
    broken.accept()
    assert broken.receive().start_line.startswith("ACK ")
    bye = broken.receive()
    assert bye.start_line.startswith("BYE ")
    assert bye.one("To").endswith(";tag=gateway")
    broken.answer(bye, "200 OK")

    right.answer(invite, "486 Busy Here")
    assert customer.final().status == 486
    kinds = ("gateway_tried", "gateway_failed", "answered")
    told = [(kind, fact[kind]["number"]) for fact in bench.facts(7) for kind in kinds if kind in fact]
    assert told == [("gateway_tried", 1), ("gateway_failed", 1), ("gateway_tried", 2), ("answered", 1), ("gateway_failed", 2)]


def test_what_is_too_large_for_a_datagram_goes_by_tcp_where_the_gateway_takes_it(bench: TransportBench) -> None:
    customer = bench.customer("127.0.0.1", "udp")
    stream, datagrams = StreamGateway(), Peer()
    bench.gateways += [stream, datagrams]
    for transport, extra, gateway in [
        ("udp+tcp", (f"Subject: {'x' * 1200}",), stream),
        ("udp", (f"Subject: {'x' * 1200}",), datagrams),
    ]:
        bench.decide = lambda _, at=gateway.address, by=transport: Route((Target("g1", "alpha", *at, by),), request_users=(NUMBER,))  # type: ignore[misc]
        customer.send(customer.request(call=f"large-{transport}", extra=extra))
        invite = gateway.receive()
        assert invite.all("Via")[0].startswith("SIP/2.0/TCP " if gateway is stream else "SIP/2.0/UDP ")
        gateway.answer(invite, "486 Busy Here")
        assert customer.final().status == 486


def test_what_is_too_large_in_a_call_goes_by_tcp_where_the_gateway_takes_it_and_by_udp_where_it_refuses(bench: TransportBench) -> None:
    customer, datagrams = bench.customer("127.0.0.1", "udp"), Peer()
    bench.gateways.append(datagrams)
    at = datagrams.address
    bench.decide = lambda _: Route((Target("g1", "alpha", *at, "udp+tcp"),), request_users=(NUMBER,))
    call, _, ok = answered(customer, datagrams)

    def reinvites(cseq: int, gateway: Peer) -> str:
        """How it came."""
        text = in_dialog(customer, "INVITE", call, cseq, ok)
        customer.send(text.replace("Max-Forwards", f"Subject: {'x' * 1200}\r\nMax-Forwards", 1))
        invite = gateway.receive()
        assert len(invite.one("Subject")) == 1200
        gateway.answer(invite, "200 OK")
        assert customer.final().status == 200
        customer.send(in_dialog(customer, "ACK", call, cseq, ok))
        assert datagrams.receive().start_line.startswith("ACK ")
        return invite.all("Via")[0][:12]

    assert reinvites(2, datagrams) == "SIP/2.0/UDP "
    stream = StreamGateway(*at)
    bench.gateways.append(stream)
    assert reinvites(3, stream) == "SIP/2.0/TCP "
    customer.send(in_dialog(customer, "BYE", call, 4, ok))
    bye = datagrams.receive()
    datagrams.answer(bye, "200 OK")
    assert customer.final().status == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_address_of_ipv6_admits_and_one_that_is_not_in_the_list_does_not(bench: TransportBench, transport: str) -> None:
    customer, gateway = bench.customer("::1", transport), bench.carrier("127.0.0.1", "udp")
    _, invite, _ = answered(customer, gateway)
    assert invite.all("Via")[0].startswith("SIP/2.0/UDP 127.0.0.1:")
    bench.apply(RemoveAddress("acme/IN", "::1/128"), SetAddress("acme/IN", "::2/128"), position=3)
    customer.send(customer.request(call="not-in-the-list"))
    assert "T203" in customer.final().start_line


def test_a_gateway_that_asks_for_our_certificate_gets_it(bench: TransportBench) -> None:
    files = bench.edge_files
    bench.engine.set_carrier_tls(bench.authority.ca_file.read_bytes(), files.cert_file.read_bytes(), files.key_file.read_bytes())
    gateway = bench.carrier("127.0.0.1", "tls", asks_for_certificates=True)
    answered(bench.customer("127.0.0.1", "udp"), gateway)
    assert isinstance(gateway, StreamGateway)
    assert gateway.peer is not None
    assert isinstance(gateway.peer.socket, ssl.SSLSocket)
    shown = gateway.peer.socket.getpeercert()
    assert shown is not None
    assert ("DNS", HOST) in shown["subjectAltName"]


@pytest.mark.parametrize("case", ["wrong name", "stranger's authority", "none of ours"])
def test_a_gateway_that_is_not_who_it_should_be_is_left_for_the_next(bench: TransportBench, case: str, tmp_path: Path) -> None:
    wrong = bench.carrier(
        "127.0.0.1", "tls", *(["sip.other.example"] if case == "wrong name" else []), asks_for_certificates=case == "none of ours"
    )
    if case == "stranger's authority":
        bench.engine.set_carrier_tls(Authority.open(tmp_path / "stranger").ca_file.read_bytes())
    right = bench.carrier("127.0.0.1", "udp")
    targets = (Target("wrong", "alpha", *wrong.address, "tls"), Target("right", "beta", *right.address))
    bench.decide = lambda _: Route(targets, request_users=(NUMBER, NUMBER))
    customer = bench.customer("127.0.0.1", "tcp")
    customer.send(customer.request(call=case.replace(" ", "-").replace("'", "")))
    assert isinstance(wrong, StreamGateway)
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        wrong.receive()
    invite = right.receive()
    assert invite.start_line.startswith("INVITE ")
    right.answer(invite, "486 Busy Here")
    assert customer.final().status == 486


def test_a_gateway_may_have_a_certificate_for_a_name_of_its_own(bench: TransportBench) -> None:
    gateway = bench.carrier("127.0.0.1", "tls", "sip.carrier.example")
    bench.apply(SetGateway("g1", "alpha", *gateway.address, "tls", True, "sip.carrier.example"))
    answered(bench.customer("127.0.0.1", "udp"), gateway)


def test_connections_are_bounded_as_the_engine_was_told(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, connections=3, connections_from_one_source=2, stream_message_ms=500, stream_idle_ms=400)
    try:
        at = bench.listener("127.0.0.1", "tcp")
        bench.apply(SetAddress("acme/IN", "127.0.0.2/31", ""), position=3)
        held = [connected(at) for _ in range(2)]
        for each in held:
            each.socket.sendall(b"\r\n\r\n")
            assert each.socket.recv(16) == b"\r\n"
        assert connected(at).is_closed()
        other = connected(at, address="127.0.0.2")
        other.send(other.request("OPTIONS"))
        assert other.receive().status == 200
        assert connected(at, address="127.0.0.3").is_closed()
        assert bench.engine.status()["connections_refused"] == 2
        assert all(each.is_closed() for each in (*held, other))
        assert bench.engine.status()["connections_overdue"] == 3
    finally:
        bench.close()


def test_a_source_has_no_more_connections_where_several_workers_share_them_out(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, workers=2, connections_from_one_source=4)
    try:
        at = bench.listener("127.0.0.1", "tcp")
        # The kernel shares them out by their ports: all of twenty are one worker's once in half a million times.
        knocking = [connected(at) for _ in range(20)]
        bench.peers += knocking
        bench.status_when("connections_refused", 16)
        assert bench.engine.status()["connections"] == 4
        for each in knocking:
            each.close()
        bench.status_when("connections", 0)
        again = connected(at)
        bench.peers.append(again)
        again.send(again.request("OPTIONS"))
        assert again.receive().status == 200
    finally:
        bench.close()


def test_strangers_leave_room_for_those_who_are_listed(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, connections=4)
    try:
        at = bench.listener("127.0.0.1", "tcp")
        strangers = [connected(at, address=f"127.0.1.{host}") for host in range(1, 5)]
        bench.peers += strangers
        assert [stranger.is_closed() for stranger in strangers[2:]] == [True, True]
        customer = connected(at)
        bench.peers.append(customer)
        customer.send(customer.request("OPTIONS"))
        assert customer.receive().status == 200
        strangers[0].close()
        bench.status_when("connections", 2)
        again = connected(at, address="127.0.1.5")
        bench.peers.append(again)
        again.send(again.request("OPTIONS"))
        assert again.receive().status == 200
    finally:
        bench.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01"])
def test_who_makes_no_handshake_is_closed_in_time(tmp_path: Path, said: bytes) -> None:
    bench = TransportBench(tmp_path, stream_message_ms=300)
    try:
        peer = connected(bench.listener("127.0.0.1", "tls"))
        bench.peers.append(peer)
        peer.socket.sendall(said)
        assert peer.is_closed()
        bench.status_when("connections", 0)
    finally:
        bench.close()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_worker_that_is_behind_with_its_connections_turns_new_calls_away_and_serves_the_ones_it_has(
    bench: TransportBench, transport: str
) -> None:
    customer, gateway = bench.customer("127.0.0.1", transport), bench.carrier("127.0.0.1", "udp")
    call, _, ok = answered(customer, gateway)

    def decide(invite: Invite) -> Reject:
        # A policy that is too slow for what comes: 64 decisions, the most of one turn, take a third of a second.
        time.sleep(0.005)
        return Reject("T401")

    bench.decide = decide
    crowd = [bench.customer("127.0.0.1", transport) for _ in range(40)]
    for at, peer in enumerate(crowd):
        peer.send("".join(peer.request(call=f"crowd-{at}-{number}") for number in range(12)))
    customer.send(in_dialog(customer, "BYE", call, 2, ok))
    bye = gateway.receive()
    assert bye.start_line.startswith("BYE ")
    gateway.answer(bye, "200 OK")
    assert customer.final().status == 200
    finals = [peer.final().start_line for peer in crowd for _ in range(12)]
    assert set(finals) == {"SIP/2.0 404 No Route T401", "SIP/2.0 503 Overloaded T902"}
    status = bench.engine.status()
    assert (status["shed"], status["admitted"]) == (
        finals.count("SIP/2.0 503 Overloaded T902"),
        1 + finals.count("SIP/2.0 404 No Route T401"),
    )
    bench.status_when("is_shedding", 0)


def test_pings_are_counted_too(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, stranger_rate=(1, 5))
    try:
        stranger = connected(bench.listener("127.0.0.1", "tcp"), address="127.0.0.2")
        bench.peers.append(stranger)
        stranger.socket.sendall(b"\r\n\r\n" * 10)
        heard = b""
        while data := stranger.socket.recv(64):
            heard += data
        assert heard == b"\r\n" * 4, "its connection took one of five"
    finally:
        bench.close()


def test_a_connection_that_sends_too_much_or_is_banned_is_closed_and_that_of_a_listed_source_is_not(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, stranger_rate=(1, 5))
    try:
        at = bench.listener("127.0.0.1", "tcp")
        stranger, customer = connected(at, address="127.0.0.2"), connected(at)
        bench.peers += [stranger, customer]
        for peer in (customer, stranger):
            peer.send("".join(peer.request("OPTIONS", call=f"flood-{number}") for number in range(10)))
        assert stranger.is_closed()
        customer.send(customer.request("OPTIONS", call="after"))
        while customer.receive().one("Call-ID") != "after":
            pass
        other = connected(at, address="127.0.0.3")
        bench.peers.append(other)
        bench.apply(SetBan("127.0.0.0/24", int(time.time()) + 60), position=3)
        other.send(other.request("OPTIONS", call="banned"))
        assert other.is_closed()
        customer.send(customer.request("OPTIONS", call="listed"))
        assert customer.receive().one("Call-ID") == "listed", "who is listed is not banned"
    finally:
        bench.close()


def test_handshakes_are_taken_out_of_the_sources_bucket_and_a_banned_source_gets_none(tmp_path: Path) -> None:
    bench = TransportBench(tmp_path, stranger_rate=(1, 20))
    try:
        at = bench.listener("127.0.0.1", "tls")
        bench.peers.append(connected(at, "tls", tls=bench.tls, name=HOST, address="127.0.0.2"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connected(at, "tls", tls=bench.tls, name=HOST, address="127.0.0.2")
        assert bench.engine.status()["flooded"] == 1
        for _ in range(3):
            bench.peers.append(connected(at, "tls", tls=bench.tls, name=HOST))  # its address is listed
        bench.apply(SetBan("127.0.0.3/32", int(time.time()) + 60), position=3)
        assert connected(bench.listener("127.0.0.1", "tcp"), address="127.0.0.3").is_closed()
        assert (bench.engine.status()["banned"], bench.engine.status()["connections"]) == (1, 4)
    finally:
        bench.close()
