"""The zone in servers that are told of it: BIND by dynamic updates, and a file."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.rdatatype
import dns.zone
import pytest
from google.protobuf.duration_pb2 import Duration
from helpers import bind as named
from helpers.authority import table_of, tls_of
from helpers.bind import Bind
from helpers.nats import NatsServer
from helpers.service import REALM, control_state, make_config
from helpers.waiting import until
from integration.dns.conftest import HOST, POPS, NameServer, free_port_of_both, reporting

from trunkline.api.common.v1.common_pb2 import WriteOptions
from trunkline.api.dns.v1 import dns_pb2 as pb
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub
from trunkline.dns.copies import Change, Copy, Held
from trunkline.dns.dynamic_update import BATCH, DynamicUpdate
from trunkline.dns.holders import HolderProblem, Overtaken
from trunkline.domain import commands as c
from trunkline.domain.events import Position, TenantId
from trunkline.runtime.control import ControlState

ACME = TenantId("acme")
POP_NAMES = tuple(str(pop["name"]) for pop in POPS)
LIMIT_S = 20.0


@dataclass
class Names:
    server: NameServer
    control: ControlState

    async def execute(self, command: c.Command) -> None:
        """Returns when every holder answers by it."""
        written = await self.control.execute(command, WriteOptions(), actor="operator")
        served = await self.served(written.position)
        assert served.is_served, served.problem

    async def served(self, position: int, timeout_s: int = 10) -> pb.WaitServedResponse:
        async with self.server.channel() as channel:
            request = pb.WaitServedRequest(position=position, timeout=Duration(seconds=timeout_s))
            return await DnsServiceStub(channel).WaitServed(request)

    async def holder(self, *, compares: bool = False) -> pb.Holder:
        """The one that is not the process itself."""
        async with self.server.channel() as channel:
            answer = await DnsServiceStub(channel).GetDrift(pb.GetDriftRequest(compares=compares))
        embedded, other = answer.holders
        assert embedded.name.startswith("embedded ") and embedded.position == answer.position
        return other


@pytest.fixture
async def bind(tmp_path: Path) -> AsyncIterator[Bind]:
    async with named.running(tmp_path / "bind", free_port_of_both(), REALM) as bind:
        yield bind


@asynccontextmanager
async def serving(bind: Bind, nats_server: NatsServer, folder: Path, **settings: object) -> AsyncIterator[Names]:
    """The tenant acme with the domain acme, told to BIND."""
    update = {"server": f"{HOST}:{bind.port}", "key_file": str(bind.key_file), "kept": ["www"]}
    server = NameServer(folder, nats_server, updates=[update])
    server.configure(**settings)
    try:
        await make_config(nats_server)
        await server.start()
        async with control_state("provisioning", folder / "other", nats_server) as state:
            names = Names(server, state)
            await names.execute(c.CreateTenant(ACME))
            await names.execute(c.CreateDomain(ACME, "acme"))
            yield names
    finally:
        await server.kill()


@pytest.fixture
async def names(bind: Bind, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Names]:
    async with serving(bind, nats_server, tmp_path) as found:
        yield found


async def embedded(server: NameServer, name: str, kind: str) -> list[str]:
    response = await dns.asyncquery.tcp(dns.message.make_query(name, kind), HOST, port=server.port, timeout=LIMIT_S)
    return sorted(record.to_text() for rrset in response.answer for record in rrset)


async def test_bind_answers_what_the_embedded_responder_does_as_soon_as_it_is_told(names: Names, bind: Bind) -> None:
    await names.execute(c.CreateDomain(ACME, "beta"))
    await names.execute(c.SetNearestPop(ACME, "beta", "us1", POP_NAMES))
    await names.execute(c.DrainPop("eu1", POP_NAMES))
    compared = 0
    for owner, rdataset in bind.zone().iterate_rdatasets():
        kind = dns.rdatatype.to_text(rdataset.rdtype)
        if kind in ("NAPTR", "SRV", "A") and not owner.to_text().startswith(("www.", "ns1.")):
            assert await embedded(names.server, owner.to_text(), kind) == sorted(each.to_text() for each in rdataset)
            assert rdataset.ttl == 30
            compared += 1
    assert compared == 4 + 2 * 5 * 3  # POPs; default and bound names of two domains with NAPTR, SRV, A
    assert await bind.texts(f"beta.{REALM}", "A") == ["127.0.2.1"]
    assert await bind.texts(f"acme.{REALM}", "A") == ["127.0.1.2"]
    assert await bind.texts(f"www.{REALM}", "A") == ["192.0.2.80"]
    await names.execute(c.DeleteDomain(ACME, "beta"))
    assert (await bind.ask(f"beta.eu1.{REALM}", "NAPTR")).rcode() == dns.rcode.NXDOMAIN


async def dig(port: int, *words: str) -> str:
    program = shutil.which("dig")
    if program is None:
        pytest.skip("dig is not installed: `make debian` installs it (bind9-dnsutils)")
    arguments = (f"@{HOST}", "-p", str(port), "+time=5", "+tries=1", *words)
    process = await asyncio.create_subprocess_exec(program, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    return output.decode()


SIX = {
    name: {"name": name, "region": region, "address": f"127.0.{rank}.{n}", "address6": f"2001:db8:{rank}::{n}"}
    for rank, region in enumerate(("eu", "us", "apac"), 1)
    for n in (1, 2)
    for name in (f"{region}{n}",)
}
SERVICES = (("SIPS+D2T", "_sips._tcp", 5061), ("SIP+D2T", "_sip._tcp", 5060), ("SIP+D2U", "_sip._udp", 5060))
"""In the order of NAPTR."""


def expected_lines(name: str, targets: dict[str, int], nearest: tuple[str, ...]) -> set[str]:
    """All records at a name and below it, with blanks as dig has tabs: `targets` are points of presence by priority."""
    lines = {
        f'{name}.{REALM}. 30 IN NAPTR {order} 10 "s" "{naptr}" "" {service}.{name}.{REALM}.'
        for order, (naptr, service, _) in zip((10, 20, 30), SERVICES, strict=True)
    }
    for _, service, port in SERVICES:
        lines |= {f"{service}.{name}.{REALM}. 30 IN SRV {rank} 50 {port} {pop}.{REALM}." for pop, rank in targets.items()}
    for pop in nearest:
        lines |= {f"{name}.{REALM}. 30 IN A {SIX[pop]['address']}", f"{name}.{REALM}. 30 IN AAAA {SIX[pop]['address6']}"}
    return lines


async def test_naptr_srv_and_addresses_of_the_default_name_and_six_bound_ones_stand_at_bind_for_every_transport(
    bind: Bind, nats_server: NatsServer, tmp_path: Path
) -> None:
    pops = [{**pop, "transports": ["udp", "tcp", "tls"]} for pop in SIX.values()]
    del pops[3]["address6"]  # us2
    async with serving(bind, nats_server, tmp_path, pops=pops) as names:
        expected = expected_lines("acme", {"eu1": 10, "eu2": 10, "us1": 20, "apac1": 30}, ("eu1", "eu2"))
        for pop in SIX:
            expected |= expected_lines(f"acme.{pop}", {pop: 10}, (pop,))
            # Whoever follows SRV finds both addresses of its target.
            expected |= {f"{pop}.{REALM}. 30 IN A {SIX[pop]['address']}", f"{pop}.{REALM}. 30 IN AAAA {SIX[pop]['address6']}"}
        expected -= {line for line in expected if "IN AAAA" in line and str(SIX["us2"]["address6"]) in line}
        hosts = [f"acme{bound}.{REALM}" for bound in ("", *(f".{pop}" for pop in SIX))]
        asked = [f"{host} {kind}" for host in (*hosts, *(f"{pop}.{REALM}" for pop in SIX)) for kind in ("NAPTR", "A", "AAAA")]
        asked += [f"{service}.{host} SRV" for host in hosts for _, service, _ in SERVICES]
        (tmp_path / "asked").write_text("\n".join(asked))
        for port in (bind.port, names.server.port):
            output = await dig(port, "-f", str(tmp_path / "asked"), "+noall", "+answer")
            assert {" ".join(line.split()) for line in output.splitlines()} == expected
        # It has no address of IPv6, and its name exists.
        nothing = await bind.ask(f"acme.us2.{REALM}", "AAAA")
        assert nothing.rcode() == dns.rcode.NOERROR and not nothing.answer


async def test_one_that_is_down_leaves_what_bind_answers(names: Names, bind: Bind, nats_server: NatsServer) -> None:
    async def until_addresses(*expected: str) -> None:
        await until(
            f"BIND answers {expected}", lambda: bind.texts(f"acme.{REALM}", "A"), lambda found: found == list(expected), limit_s=LIMIT_S
        )

    await until_addresses("127.0.1.1", "127.0.1.2")
    async with reporting(nats_server, "eu1"):
        await until_addresses("127.0.1.2")
        targets = [text.split()[3] for text in await bind.texts(f"_sip._udp.acme.{REALM}", "SRV")]
        assert sorted(targets) == [f"{pop}.{REALM}." for pop in ("apac1", "eu2", "us1")]
        assert await bind.texts(f"acme.eu1.{REALM}", "A") == await bind.texts(f"eu1.{REALM}", "A") == ["127.0.1.1"], "bound"
    async with reporting(nats_server):
        await until_addresses("127.0.1.1", "127.0.1.2")


async def test_of_two_that_tell_bind_one_may_die_and_both_agree_while_they_live(
    names: Names, bind: Bind, nats_server: NatsServer, tmp_path: Path
) -> None:
    update = {"server": f"{HOST}:{bind.port}", "key_file": str(bind.key_file), "kept": ["www"]}
    other = NameServer(tmp_path / "second", nats_server, updates=[update])
    other.configure(name="dns-eu", tls=table_of(tls_of("dns", "dns-eu")))
    second = Names(other, names.control)

    async def addresses() -> list[str]:
        return await bind.texts(f"acme.{REALM}", "A")

    async def serial() -> str:
        return (await bind.texts(REALM, "SOA"))[0].split()[2]

    async def compared() -> list[int]:
        """What each finds that the other should not have written."""
        return [(await each.holder(compares=True)).drift_total for each in (names, second)]

    async def has_served(each: Names, position: int) -> None:
        served = await each.served(position)
        assert served.is_served, served.problem

    try:
        await other.start()
        written = await names.control.execute(c.CreateDomain(ACME, "both"), WriteOptions(), actor="operator")
        await asyncio.gather(has_served(names, written.position), has_served(second, written.position))
        assert await addresses() == ["127.0.1.1", "127.0.1.2"]
        before = await serial()
        assert await compared() == [0, 0] and await serial() == before, "neither corrects the other"
        async with reporting(nats_server, "eu1"):
            await until("both have left eu1 out", addresses, lambda found: found == ["127.0.1.2"], limit_s=LIMIT_S)
            # One has written it, and the other is about to find the same.
            await until("they agree", compared, lambda drift: drift == [0, 0], limit_s=LIMIT_S)
            before = await serial()
            assert await compared() == [0, 0] and await serial() == before
            assert await addresses() == ["127.0.1.2"]
        await names.server.kill()
        async with reporting(nats_server):
            await until("eu1 is back", addresses, lambda found: found == ["127.0.1.1", "127.0.1.2"], limit_s=LIMIT_S)
        async with reporting(nats_server, "eu2"):
            await until("eu2 is left out", addresses, lambda found: found == ["127.0.1.1"], limit_s=LIMIT_S)
        # It is written by the log too.
        await second.execute(c.DeleteDomain(ACME, "both"))
        assert (await bind.ask(f"both.eu1.{REALM}", "NAPTR")).rcode() == dns.rcode.NXDOMAIN
    finally:
        await other.kill()


async def test_dig_follows_the_names_at_bind(names: Names, bind: Bind) -> None:
    assert names
    assert f'30 10 "s" "SIP+D2U" "" _sip._udp.acme.{REALM}.' in await dig(bind.port, "+short", f"acme.{REALM}", "NAPTR")
    full = await dig(bind.port, f"_sip._udp.acme.{REALM}", "SRV")
    assert "status: NOERROR" in full and f"10 50 5060 eu1.{REALM}." in full and "127.0.1.1" in full
    assert "status: NXDOMAIN" in await dig(bind.port, f"acme.us3.{REALM}", "A")


async def test_what_others_change_is_told_and_mended(names: Names, bind: Bind) -> None:
    held = await names.holder(compares=True)
    assert (held.drift_total, held.problem) == (0, "")
    spoiled = bind.update()
    spoiled.replace(f"acme.{REALM}.", 30, "A", "203.0.113.66")
    spoiled.delete(f"_sip._udp.acme.us1.{REALM}.", "SRV")
    spoiled.add(f"intruder.{REALM}.", 30, "A", "203.0.113.67")
    spoiled.add(f"_acme-challenge.acme.{REALM}.", 30, "CNAME", "proof.example.com.")
    await bind.change(spoiled)
    found = await names.holder(compares=True)
    drift = {(each.name, each.type): (each.kind, list(each.held)) for each in found.drift}
    assert drift == {
        (f"acme.{REALM}", "A"): ("CHANGED", ["203.0.113.66"]),
        (f"_sip._udp.acme.us1.{REALM}", "SRV"): ("MISSING", []),
        (f"intruder.{REALM}", "A"): ("FOREIGN", ["203.0.113.67"]),
    }
    assert "dns differs" in names.server.output()
    await until(
        "it is mended", lambda: bind.texts(f"acme.{REALM}", "A"), lambda found: found == ["127.0.1.1", "127.0.1.2"], limit_s=LIMIT_S
    )
    assert await bind.texts(f"_sip._udp.acme.us1.{REALM}", "SRV") == [f"10 50 5060 us1.{REALM}."]
    assert not await bind.texts(f"intruder.{REALM}", "A")
    assert await bind.texts(f"_acme-challenge.acme.{REALM}", "CNAME") == ["proof.example.com."]
    after = await names.holder(compares=True)
    assert (after.drift_total, after.mended_total) == (0, 3)


async def test_only_what_differs_is_sent_and_the_serial_tells(names: Names, bind: Bind) -> None:
    async def serial() -> int:
        return int((await bind.texts(REALM, "SOA"))[0].split()[2])

    before = await serial()
    await names.execute(c.CreateAcl(ACME, "office"))
    await names.holder(compares=True)
    assert await serial() == before
    await names.execute(c.CreateDomain(ACME, "gamma"))
    assert await serial() == before + 1


async def test_a_server_that_is_away_is_told_later_and_its_absence_is_shown(names: Names, bind: Bind) -> None:
    await bind.stop()
    written = await names.control.execute(c.CreateDomain(ACME, "later"), WriteOptions(), actor="operator")
    served = await names.served(written.position, timeout_s=1)
    assert not served.is_served and served.position < written.position
    held = await until("a problem", names.holder, lambda holder: holder.problem, limit_s=LIMIT_S)
    assert f"rfc2136 {HOST}:{bind.port}: the zone cannot be" in held.problem and held.failures_total
    assert await embedded(names.server, f"later.eu1.{REALM}", "A") == ["127.0.1.1"]
    await bind.start()
    assert (await names.served(written.position, timeout_s=30)).is_served
    assert await bind.texts(f"later.eu1.{REALM}", "A") == ["127.0.1.1"]
    assert (await names.holder()).problem == ""


def change(name: str, *records: str) -> Change:
    return Change((f"{name}.{REALM}", "A"), None, Held(30, frozenset(records)))


async def test_of_two_that_write_one_is_overtaken_and_nothing_of_it_stays(bind: Bind) -> None:
    first, second = (DynamicUpdate(f"{HOST}:{bind.port}", bind.key, REALM, frozenset({"www", "ns1"})) for _ in range(2))
    assert await first.read() == await second.read() == Copy(None, {})
    await first.write([change("acme", "192.0.2.1")], {}, None, Position(7))
    with pytest.raises(Overtaken, match="written by another since it was read"):
        await second.write([change("acme", "192.0.2.2")], {}, None, Position(6))
    assert await second.read() == Copy(Position(7), {(f"acme.{REALM}", "A"): Held(30, frozenset({"192.0.2.1"}))})


async def test_many_changes_go_in_several_messages(bind: Bind) -> None:
    holder = DynamicUpdate(f"{HOST}:{bind.port}", bind.key, REALM, frozenset({"www", "ns1"}))
    changes = [change(f"host{number}", f"192.0.2.{number}") for number in range(BATCH + 50)]
    await holder.write(changes, {}, None, Position(3))
    assert await holder.read() == Copy(Position(3), {each.key: each.wanted for each in changes if each.wanted is not None})


async def test_a_key_that_the_server_does_not_know_is_a_problem_with_a_remedy(bind: Bind) -> None:
    stranger = dns.tsig.Key("stranger", bind.key.secret, bind.key.algorithm)
    holder = DynamicUpdate(f"{HOST}:{bind.port}", stranger, REALM, frozenset())
    with pytest.raises(HolderProblem, match="allow-transfer"):
        await holder.read()
    with pytest.raises(HolderProblem, match="allow-update"):
        await holder.write([change("acme", "192.0.2.1")], {}, None, Position(1))


async def test_a_zone_file_is_whole_at_any_time_and_the_server_is_told(nats_server: NatsServer, tmp_path: Path) -> None:
    path, told = tmp_path / "zone", tmp_path / "told"
    note = f"import shutil; shutil.copy({str(path)!r}, {str(told)!r})"
    server = NameServer(tmp_path, nats_server, zone_file={"path": str(path), "reload": [sys.executable, "-c", note]})
    try:
        await make_config(nats_server)
        await server.start()
        async with control_state("provisioning", tmp_path / "other", nats_server) as state:
            names = Names(server, state)
            await names.execute(c.CreateTenant(ACME))
            await names.execute(c.CreateDomain(ACME, "acme"))
            assert told.read_text() == path.read_text()
            zone = dns.zone.from_file(str(path), origin=REALM, relativize=False)
            assert {each.to_text() for each in zone.get_rdataset(f"acme.{REALM}.", "A", create=False) or ()} == {"127.0.1.1", "127.0.1.2"}
            assert zone.get_soa().serial == (await names.holder()).position
            path.write_text(path.read_text().replace("127.0.1.2", "203.0.113.66"))
            assert {each.kind for each in (await names.holder(compares=True)).drift} == {"CHANGED"}
            await until("it is mended", path.read_text, lambda text: "203.0.113.66" not in text, limit_s=LIMIT_S)
            checker = shutil.which("named-checkzone", path="/usr/sbin:/usr/bin")
            if checker is not None:
                process = await asyncio.create_subprocess_exec(checker, "-k", "fail", REALM, str(path), stdout=asyncio.subprocess.PIPE)
                output, _ = await process.communicate()
                assert process.returncode == 0, output
    finally:
        await server.kill()
