"""What a client of the embedded name server gets where answering fails for a reason of ours: nothing, and never SERVFAIL, on which some SIP
stacks end. It asks again, or another server. The fault is counted and logged."""

from __future__ import annotations

import asyncio
import socket

import dns.message
from integration.dns.conftest import HOST, free_port_of_both
from structlog.testing import capture_logs

from trunkline.dns.responder import answer
from trunkline.dns.server import DnsServer
from trunkline.dns.zone import NameServer, Zone
from trunkline.domain.dns_names import Policy, PopSite, steer

REALM = ".".join(["r" * 60] * 3 + ["r" * 39])
POP = "p" * 32
"""Below a realm of 222 characters, which no settings may have, SRV records lead to a name that is longer than a name may be: they cannot be
written, though who asks for them asks well."""
LIMIT_S = 10.0


async def test_a_query_that_fails_for_a_reason_of_ours_is_not_answered_and_the_next_one_is() -> None:
    steering = steer(REALM, [PopSite(POP, "eu", ("192.0.2.1",))], {}, Policy("eu"))
    zone = Zone(REALM, (NameServer("ns1", ("192.0.2.53",)),), lambda: steering, {"acme": ""}.get, lambda: 1)
    port = free_port_of_both()
    server = DnsServer(HOST, port, lambda query, is_udp: answer(query, zone, is_udp=is_udp))
    failing, well = dns.message.make_query(f"_sip._udp.acme.{REALM}", "SRV"), dns.message.make_query(f"acme.{REALM}", "A")
    await server.start()
    try:
        with capture_logs() as lines, socket.socket(type=socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect((HOST, port))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(LIMIT_S):
                for query in (failing, well):
                    await loop.sock_sendall(client, query.to_wire())
                # Datagrams are answered in the order in which they come: the first answer is that to the second.
                answered = dns.message.from_wire(await loop.sock_recv(client, 4096))
                assert well.is_response(answered) and [each.to_text() for each in answered.answer[0]] == ["192.0.2.1"]
                reader, writer = await asyncio.open_connection(HOST, port)
                wire = failing.to_wire()
                writer.write(len(wire).to_bytes(2, "big") + wire)
                assert await reader.read() == b"", "over TCP the connection ends"
                writer.close()
        told = [(line["log_level"], line["query"], line["is_udp"]) for line in lines if "by a fault of ours" in line["event"]]
        assert told == [("error", failing.to_wire().hex(), True), ("error", failing.to_wire().hex(), False)]
        assert server.unanswered_total == 2
    finally:
        await server.stop()
