"""What `test_names_by_clients.py` runs inside of a network namespace, where resolv.conf names the platform's own name server.

The platform has eu1 and us1, and the domains' nearest is us1: their default names lead to us1 and then to eu1 by SRV, by A to us1 alone.
Beside the platform's own name server BIND has the zone, told of it by a process of the dns service that does nothing else.

From some addresses there is no way to us1, though us1 is well: a client there that knows SRV goes on to eu1, one that knows A only cannot
call. NAPTR records put TLS before TCP before UDP, so the transport of a call tells who read them.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import grpc.aio
import pytest
from helpers import bind as named
from helpers import sipp, softphone
from helpers.baresip import Baresip, account
from helpers.bind import Bind
from helpers.kamailio import Kamailio
from helpers.new_names import seconds_after_enforced
from helpers.platform import Platform, free_loopback, wait_for
from helpers.platform_grpc import tls_of
from helpers.ports import free_port
from helpers.trunks import Trunk, create_customer, record_of

from trunkline.lab.supervisor.layout import Layout
from trunkline.lab.supervisor.toml import to_toml
from trunkline.runtime.grpc_client import open_channel

TENANT = "finders"
USERNAME, PASSWORD, CALLER_ID = "finder", "finder-password-1", "+31205550710"
TOLD_S = 2.0
"""After a new domain is enforced everywhere until BIND has it: a message to it, which it writes to disk before it answers."""
DESK, OFFICE = "finddesk", "findoffice"
"""Labels: by digest, and by the addresses of Kamailio."""


@dataclass(frozen=True, slots=True)
class Place:
    platform: Platform
    open: str
    """Loopback address from which every point of presence is reached."""
    shut: str
    """From which us1 is not."""
    phone: str

    def host(self, label: str) -> str:
        return f"{label}.{self.platform.local['base_domain']}"

    def pop_and_transport(self, number: str) -> tuple[str, str]:
        """Of the only record of calls to that number, which was answered."""
        record = record_of(self.platform, TENANT, number)
        assert (record.outcome, record.status) == ("answered", 200)
        return record.pop, record.transport


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    loopback = free_loopback()
    platform = Platform(tmp_path_factory.mktemp("platform") / "state", loopback, pops="eu1,us1", dns_port=53)
    Path("/etc/resolv.conf").write_text(f"nameserver {loopback}.0.1\noptions timeout:2 attempts:2\n")
    try:
        platform.start()
        place = Place(platform, f"{loopback}.24.1", f"{loopback}.24.2", f"{loopback}.24.3")
        us1 = platform.edge("us1").partition(":")[0]
        # The rule for local addresses is the first of all and has to come after ours.
        for words in ("add pref 100 lookup local", "del pref 0", f"add pref 10 from {place.shut} to {us1} prohibit"):
            rule(words)
        trunks = [
            Trunk(DESK, CALLER_ID, username=USERNAME, password=PASSWORD),
            Trunk(OFFICE, CALLER_ID, address=f"{loopback}.24.0/24"),
        ]
        create_customer(platform, TENANT, trunks)
        for label in (DESK, OFFICE):
            platform.cli("domain", "nearest", label, "us1", "--tenant", TENANT, "--as-operator", "--wait")
        yield place
    finally:
        if platform.process is not None:
            platform.stop()


def rule(words: str) -> None:
    subprocess.run(["ip", "rule", *words.split()], check=True, timeout=10)


def baresip(place: Place, folder: Path, address: str, number: str, *, port: str = "") -> str:
    """The event that ends its attempt: established, and hung up at once, or closed."""
    host = place.host(DESK)
    with Baresip(folder, address, accounts=account(f"sip:{USERNAME}@{host}", username=USERNAME, password=PASSWORD)) as phone:
        phone.command("dial", f"sip:{number}@{host}{port}")
        phone.wait_for_event("CALL_ESTABLISHED")
        phone.command("hangup")
        return str(phone.wait_for_event("CALL_CLOSED"))


def test_baresip_finds_the_nearest_by_naptr_and_srv(place: Place, tmp_path: Path) -> None:
    baresip(place, tmp_path, place.open, "+3120710100")
    assert place.pop_and_transport("+3120710100") == ("us1", "tls")


def test_baresip_goes_on_to_the_next_of_srv(place: Place, tmp_path: Path) -> None:
    """Its connections come from an address that the system chooses: there is no way by TLS for anybody."""
    shut = f"pref 11 to {place.platform.edge('us1').partition(':')[0]} ipproto tcp dport 5061 prohibit"
    rule(f"add {shut}")
    try:
        baresip(place, tmp_path, place.open, "+3120711100")
    finally:
        rule(f"del {shut}")
    assert place.pop_and_transport("+3120711100") == ("eu1", "tls")


def test_baresip_finds_the_nearest_by_a_where_a_port_is_dialled(place: Place, tmp_path: Path) -> None:
    """RFC 3263 §4.2: no SRV then."""
    baresip(place, tmp_path / "open", place.open, "+3120712100", port=":5060")
    assert place.pop_and_transport("+3120712100") == ("us1", "udp")
    with pytest.raises(AssertionError, match="CALL_CLOSED"):
        baresip(place, tmp_path / "shut", place.shut, "+3120713100", port=":5060")


def pjsua2(place: Place, address: str, number: str, **more: str) -> dict[str, Any]:
    host = place.host(DESK)
    order = {"uri": f"sip:{number}@{host}", "id_uri": f"sip:{USERNAME}@{host}", "local_address": address}
    return softphone.place({**order, "username": USERNAME, "password": PASSWORD, **more})


def test_pjsua2_finds_the_nearest_by_srv_and_goes_on(place: Place) -> None:
    nameserver = f"{place.platform.loopback}.0.1"
    answer = pjsua2(place, place.open, "+3120714100", nameserver=nameserver)
    assert answer["confirmed"] and place.pop_and_transport("+3120714100") == ("us1", "udp"), answer
    answer = pjsua2(place, place.shut, "+3120715100", nameserver=nameserver)
    assert answer["confirmed"] and place.pop_and_transport("+3120715100") == ("eu1", "udp"), answer


def test_pjsua2_without_a_name_server_of_its_own_knows_a_only(place: Place) -> None:
    answer = pjsua2(place, place.open, "+3120716100")
    assert answer["confirmed"] and place.pop_and_transport("+3120716100") == ("us1", "udp"), answer
    answer = pjsua2(place, place.shut, "+3120717100")
    assert not answer["confirmed"] and answer["over"], answer


@dataclass(frozen=True, slots=True)
class Primary:
    """BIND, and where the process that tells it is asked."""

    bind: Bind
    teller: str

    def channel(self, platform: Platform) -> grpc.aio.Channel:
        key = platform.local["operator"]["api_key"]
        return open_channel(self.teller, tls=tls_of(platform), peer="dns", key=key, is_waiting=True, deadline_s=10)


@pytest.fixture(scope="module")
def primary(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Primary]:
    folder, realm = tmp_path_factory.mktemp("bind"), place.platform.local["base_domain"]
    bind, teller = Bind(folder / "bind", 53, realm), f"127.0.0.1:{free_port()}"
    settings = tomllib.loads(Layout(place.platform.state).settings_file("dns-eu").read_text())
    del settings["dns_listen"]
    settings |= {
        "grpc_listen": teller,
        "state_dir": str(folder / "data"),
        "name_servers": [{"name": "ns1", "addresses": [named.HOST]}],
        "updates": [{"server": f"{named.HOST}:53", "key_file": str(bind.key_file), "kept": ["www"]}],
    }
    (folder / "dns.toml").write_text(to_toml(settings))
    with asyncio.Runner() as runner, (folder / "dns.log").open("wb") as log:
        runner.run(bind.prepare())
        runner.run(bind.start())
        try:
            command = [sys.executable, "-m", "trunkline.dns", "--settings", str(folder / "dns.toml")]
            with subprocess.Popen(command, stdout=log, stderr=log) as process:
                try:
                    host = place.host(DESK)
                    wait_for("BIND has the zone", lambda: runner.run(bind.texts(host, "NAPTR")), timeout_s=30, every_s=0.1)
                    yield Primary(bind, teller)
                finally:
                    process.terminate()
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()
        finally:
            runner.run(bind.stop())


def test_baresip_and_pjsua2_find_the_nearest_by_what_bind_was_told(place: Place, primary: Primary, tmp_path: Path) -> None:
    resolv = Path("/etc/resolv.conf")
    before = resolv.read_text()
    resolv.write_text(f"nameserver {named.HOST}\n")
    try:
        baresip(place, tmp_path, place.open, "+3120721100")
        answer = pjsua2(place, place.shut, "+3120722100", nameserver=named.HOST)
    finally:
        resolv.write_text(before)
    assert place.pop_and_transport("+3120721100") == ("us1", "tls")
    assert answer["confirmed"] and place.pop_and_transport("+3120722100") == ("eu1", "udp"), answer


def test_a_new_domain_resolves_at_bind_as_fast_as_it_is_enforced(place: Place, primary: Primary) -> None:
    def resolves(label: str) -> bool:
        query = dns.message.make_query(f"{label}.us1.{place.platform.local['base_domain']}", "A")
        return bool(dns.query.udp(query, named.HOST, timeout=5).answer)

    async def race() -> float:
        async with primary.channel(place.platform) as to_dns:
            return await seconds_after_enforced(place.platform, to_dns, resolves)

    after_s = asyncio.run(race())
    print(f"BIND answers for a new domain {1000 * after_s:.0f} ms after it was enforced everywhere")
    assert after_s <= TOLD_S


@pytest.mark.parametrize(
    ("way", "is_open", "number", "found"),
    [
        ("", True, "+3120718100", ("us1", "tcp")),
        ("", False, "+3120719100", ("eu1", "tcp")),
        (":5060", True, "+3120720100", ("us1", "udp")),
    ],
    ids=["NAPTR and SRV", "the next of SRV", "A"],
)
def test_kamailio_finds_an_edge(place: Place, tmp_path: Path, way: str, is_open: bool, number: str, found: tuple[str, str]) -> None:
    host = place.host(OFFICE)
    words = {"EDGE": f'"sip:{host}{way}"', "REALM": place.platform.local["base_domain"], "USERNAME": "none", "PASSWORD": "none"}
    address = place.open if is_open else place.shut
    with Kamailio("pbx", tmp_path / "kamailio", address, TRACKED="none", **words) as pbx:
        caller = sipp.Caller(host=host, number=number)
        steps = sipp.answered_call(caller)
        sipp.run(tmp_path / "phone", steps, target=pbx.address, local_address=place.phone, timeout_s=20).must_succeed(1)
    assert place.pop_and_transport(number) == found
