import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import pytest
from helpers.nats import NatsServer
from helpers.service import REALM, START_LIMIT_S, control_state
from helpers.waiting import until
from integration.dns.conftest import HOST, POPS, NameServer

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.dns.server import CONNECTIONS_LIMIT, QUERY_LIMIT_BYTES
from trunkline.domain import commands as c
from trunkline.domain.events import TenantId
from trunkline.runtime.control import ControlState

ACME = TenantId("acme")
LIMIT_S = 10.0


async def ask(server: NameServer, name: str, kind: str, *, is_udp: bool = True) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    exchange = dns.asyncquery.udp if is_udp else dns.asyncquery.tcp
    return await exchange(query, HOST, port=server.port, timeout=LIMIT_S)


async def addresses(server: NameServer, name: str, *, is_udp: bool = True) -> list[str]:
    response = await ask(server, name, "A", is_udp=is_udp)
    return sorted(record.to_text() for rrset in response.answer for record in rrset)


async def resolves(server: NameServer, name: str) -> None:
    await until(f"{name} is there", lambda: addresses(server, name))


async def execute(state: ControlState, command: c.Command) -> None:
    await state.execute(command, WriteOptions(), actor="operator")


@pytest.fixture
async def control(name_server: NameServer, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[ControlState]:
    async with control_state("provisioning", tmp_path / "other", nats_server) as state:
        await execute(state, c.CreateTenant(ACME))
        await execute(state, c.CreateDomain(ACME, "acme"))
        await resolves(name_server, f"acme.{REALM}")
        yield state


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    ("name", "expected"), [("acme", ["127.0.1.1", "127.0.1.2", "127.0.2.1", "127.0.3.1"]), ("acme.us1", ["127.0.2.1"])]
)
async def test_a_client_follows_naptr_to_srv_to_an_address_of_a_pop(name_server: NameServer, name: str, expected: list[str]) -> None:
    [naptr] = (await ask(name_server, f"{name}.{REALM}", "NAPTR")).answer[0]
    assert (naptr.flags, naptr.service) == (b"s", b"SIP+D2U")
    services = sorted((await ask(name_server, naptr.replacement.to_text(), "SRV")).answer[0], key=lambda each: each.priority)
    reached = [await addresses(name_server, each.target.to_text()) for each in services]
    assert sorted(address for each in reached for address in each) == expected
    assert {each.port for each in services} == {5060}


@pytest.mark.usefixtures("control")
async def test_dig_reads_the_answers(name_server: NameServer) -> None:
    dig = shutil.which("dig")
    if dig is None:
        pytest.skip("dig is not installed: `make debian` installs it (bind9-dnsutils)")

    async def run(*words: str) -> str:
        arguments = (f"@{HOST}", "-p", str(name_server.port), "+time=5", "+tries=1", *words)
        process = await asyncio.create_subprocess_exec(dig, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        assert process.returncode == 0, output
        return output.decode()

    for transport in ("+notcp", "+tcp"):
        full = await run(transport, f"_sip._udp.acme.{REALM}", "SRV")
        assert "status: NOERROR" in full and "flags: qr aa rd;" in full and "WARNING: Message" not in full
        assert f"10 50 5060 eu1.{REALM}." in full and "127.0.1.1" in full
        assert "status: NXDOMAIN" in await run(transport, f"other.{REALM}", "A")
    assert "status: NOERROR" in await run("+noedns", f"acme.{REALM}", "NAPTR")
    assert "status: REFUSED" in await run("example.com", "A")
    assert (await run("+short", f"ACME.{REALM}", "A")).split()


async def test_a_domain_resolves_at_once_when_it_is_made_and_no_more_when_it_is_deleted(
    name_server: NameServer, control: ControlState
) -> None:
    waits = []
    for number in range(20):
        assert (await ask(name_server, f"new{number}.eu1.{REALM}", "A")).rcode() == dns.rcode.NXDOMAIN
        await execute(control, c.CreateDomain(ACME, f"new{number}"))
        made = time.monotonic()
        await resolves(name_server, f"new{number}.eu1.{REALM}")
        waits.append(1000 * (time.monotonic() - made))
    print(f"a new name resolves after its acknowledgement: median {sorted(waits)[10]:.1f} ms, at most {max(waits):.1f} ms")
    await execute(control, c.DeleteDomain(ACME, "new0"))
    await until("it is gone", lambda: ask(name_server, f"new0.{REALM}", "A"), lambda answer: answer.rcode() == dns.rcode.NXDOMAIN)


async def test_a_default_name_follows_its_domain_and_the_states_of_the_pops(name_server: NameServer, control: ControlState) -> None:
    pops = tuple(str(pop["name"]) for pop in POPS)

    async def leads_to(expected: list[str]) -> None:
        await until(f"{expected}", lambda: addresses(name_server, f"acme.{REALM}"), lambda found: found == expected)

    await leads_to(["127.0.1.1", "127.0.1.2"])
    await execute(control, c.DrainPop("eu1", pops))
    await leads_to(["127.0.1.2"])
    await execute(control, c.SetNearestPop(ACME, "acme", "us1", pops))
    await leads_to(["127.0.2.1"])
    await execute(control, c.DrainPop("us1", pops))
    await leads_to(["127.0.1.2"])
    assert await addresses(name_server, f"acme.us1.{REALM}") == ["127.0.2.1"]
    await execute(control, c.UndrainPop("us1", pops))
    await leads_to(["127.0.2.1"])
    await execute(control, c.SetNearestPop(ACME, "acme", "", pops))
    await execute(control, c.UndrainPop("eu1", pops))
    await leads_to(["127.0.1.1", "127.0.1.2"])


@pytest.mark.usefixtures("control")
async def test_it_answers_with_nats_gone_and_after_a_restart_too(name_server: NameServer, nats_server: NatsServer) -> None:
    await nats_server.kill()
    assert await addresses(name_server, f"acme.eu2.{REALM}") == ["127.0.1.2"]
    assert await name_server.stop() == 0
    await name_server.start()
    assert await addresses(name_server, f"acme.eu2.{REALM}") == ["127.0.1.2"]
    assert await addresses(name_server, f"acme.apac1.{REALM}", is_udp=False) == ["127.0.3.1"]


async def test_before_it_knows_the_names_it_answers_nothing(nats_server: NatsServer, tmp_path: Path) -> None:
    """An empty server would deny every name, and be believed for the time of a negative answer."""
    await nats_server.kill()
    server = NameServer(tmp_path, nats_server)
    try:
        await server.start(is_awaited=False)
        await until("it says why", server.output, lambda text: "not complete yet" in text, limit_s=START_LIMIT_S)
        with pytest.raises(OSError):
            await dns.asyncquery.tcp(dns.message.make_query(f"acme.{REALM}", "A"), HOST, port=server.port, timeout=LIMIT_S)
    finally:
        await server.kill()


@pytest.mark.usefixtures("control")
async def test_one_connection_takes_several_queries_and_a_monster_ends_it(name_server: NameServer) -> None:
    reader, writer = await asyncio.open_connection(HOST, name_server.port)
    try:
        wire = dns.message.make_query(f"acme.eu1.{REALM}", "A").to_wire()
        # the second in pieces, as TCP may bring it
        writer.write(2 * (len(wire).to_bytes(2, "big") + wire) + len(wire).to_bytes(2, "big") + wire[:5])
        await writer.drain()
        writer.write(wire[5:])
        async with asyncio.timeout(LIMIT_S):
            for _ in range(3):
                length = int.from_bytes(await reader.readexactly(2), "big")
                answered = dns.message.from_wire(await reader.readexactly(length))
                assert answered.answer[0][0].to_text() == "127.0.1.1"
            writer.write((QUERY_LIMIT_BYTES + 1).to_bytes(2, "big"))
            assert await reader.read() == b""
    finally:
        writer.close()


@pytest.mark.usefixtures("control")
async def test_idle_connections_have_a_bound_and_take_nothing_from_udp(name_server: NameServer) -> None:
    writers = []
    try:
        for _ in range(CONNECTIONS_LIMIT):
            _, writer = await asyncio.open_connection(HOST, name_server.port)
            writers.append(writer)
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection(HOST, name_server.port)
            writers.append(writer)
            assert await reader.read() == b""
        assert await addresses(name_server, f"acme.eu1.{REALM}") == ["127.0.1.1"]
    finally:
        for writer in writers:
            writer.close()
    await until(
        "it answers again",
        lambda: addresses(name_server, f"acme.eu1.{REALM}", is_udp=False),
        lambda found: found == ["127.0.1.1"],
        despite=(EOFError, OSError, dns.exception.DNSException),
    )
