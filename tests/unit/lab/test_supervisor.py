"""What runs, what it is told, and when it is started again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.auth.settings import AuthSettings
from trunkline.dashboard.settings import DashboardSettings
from trunkline.dns.settings import DnsSettings
from trunkline.edge.certificates import read_certificate
from trunkline.edge.settings import CertificateSettings, EdgeSettings
from trunkline.lab.carrier.settings import CarrierSettings
from trunkline.lab.link.settings import LinkSettings
from trunkline.lab.supervisor.backoff import MAX_DELAY_S, STABLE_S, Backoff
from trunkline.lab.supervisor.layout import Layout, StateProblem, choose, lock
from trunkline.lab.supervisor.local import LocalFile, read_local
from trunkline.lab.supervisor.plan import SIP_PORT, SIPS_PORT, Plan, port6_names, port_names
from trunkline.lab.supervisor.toml import to_toml
from trunkline.lab.supervisor.topology import Topology, TopologyProblem, choose_topology
from trunkline.provisioning.settings import ProvisioningSettings
from trunkline.records.settings import RecordsSettings
from trunkline.rest.settings import RestSettings
from trunkline.routing.settings import RoutingSettings
from trunkline.runtime.settings import load_settings

MODELS = {
    "auth": AuthSettings,
    "provisioning": ProvisioningSettings,
    "routing": RoutingSettings,
    "records": RecordsSettings,
    "rest": RestSettings,
    "dns": DnsSettings,
    "dashboard": DashboardSettings,
    "edge": EdgeSettings,
    "carrier": CarrierSettings,
    "link": LinkSettings,
}
NAMES = port_names(choose_topology())
ALL = choose_topology(services="all", links=("us=40", "apac=110"))


def plan(folder: Path, topology: Topology = ALL, *, has_ipv6: bool = True) -> Plan:
    # Platforms of other tests are in ranges from 127.16 on.
    layout = Layout(folder, "127.10")
    layout.make()
    chosen, _ = choose(layout, port_names(topology), port6_names(topology) if has_ipv6 else ())
    return Plan(layout, chosen, topology)


def test_every_process_gets_settings_that_its_model_accepts(tmp_path: Path) -> None:
    made = plan(tmp_path / "state")
    made.write()
    settings = made.settings()
    for name in settings:
        load_settings(MODELS[name.partition("-")[0]], made.layout.settings_file(name))
    assert set(made.specs()) == {*settings, "nats-eu", "nats-us", "nats-apac"}
    assert {name.partition("-")[0] for name in settings} >= set(MODELS)


def test_no_call_waits_behind_what_no_call_waits_for(tmp_path: Path) -> None:
    niceness: dict[str, set[int]] = {}
    for name, spec in plan(tmp_path / "state").specs().items():
        niceness.setdefault(name.partition("-")[0], set()).add(spec.niceness)
    behind = {kind for kind, values in niceness.items() if values == {5}}
    assert behind == {"provisioning", "records", "dashboard", "rest"}
    assert {kind for kind, values in niceness.items() if values == {0}} == {"nats", "edge", "carrier", "auth", "routing", "dns", "link"}


@pytest.mark.parametrize("region", ["eu", "us", "apac"])
def test_the_nats_configuration_is_accepted_by_the_server(tmp_path: Path, region: str) -> None:
    made = plan(tmp_path / 'state with "quotes"')
    made.write()
    done = subprocess.run([*made.specs()[f"nats-{region}"].command, "-t"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_what_leads_to_another_region_passes_its_link_and_nothing_else_does(tmp_path: Path) -> None:
    made = plan(tmp_path)
    ports = made.chosen.ports
    settings = made.settings()
    edge = settings["edge-us1"]
    assert edge["auth_addresses"] == [f"127.0.0.1:{ports[name]}" for name in ("auth-us", "link-us/auth-eu", "link-us/auth-apac")]
    reached = {pop["name"]: pop["grpc_address"] for pop in settings["provisioning-eu"]["pops"]}
    assert reached["eu1"] == f"127.0.0.1:{ports['edge-eu1']}"
    assert reached["us1"] == f"127.0.0.1:{ports['link-us/edge-us1']}"
    made.write()
    assert f"127.0.0.1:{ports['link-apac/nats-eu/leaf']}" in (tmp_path / "run" / "nats-apac.conf").read_text()
    assert settings["link-us"]["delay_ms"] == 40
    direct = plan(tmp_path / "direct", choose_topology())
    assert direct.settings()["edge-us1"]["auth_addresses"] == [f"127.0.0.1:{direct.chosen.ports['auth-eu']}"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"pops": "eu1,mars1"}, "eu1, eu2"),
        ({"services": "some"}, "'home' or in 'all'"),
        ({"links": ("eu=1",)}, "us, apac"),
        ({"links": ("us=fast",)}, "REGION=MILLISECONDS"),
        ({"pops": "eu1", "links": ("us=1",)}, "nowhere"),
        ({"workers": 0}, "1 to 16"),
        ({"workers": 17}, "1 to 16"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(words: dict[str, Any], told: str) -> None:
    with pytest.raises(TopologyProblem, match=told):
        choose_topology(**words)


def test_fewer_points_of_presence_need_fewer_regions() -> None:
    topology = choose_topology("us2,eu1", "all")
    assert topology.regions == ("eu", "us")
    assert [pop.name for pop in topology.pops] == ["eu1", "us2"]
    assert {carrier.key for carrier in topology.carriers} == {"alpha-eu", "beta-eu", "alpha-us", "beta-us"}
    assert topology.nearest("auth", "us") == ("auth-us", "auth-eu")
    assert choose_topology("apac1").service_regions == ("eu",)


def test_every_edge_has_as_many_workers_as_were_asked_for(tmp_path: Path) -> None:
    settings = plan(tmp_path, choose_topology("eu1,us1", workers=2)).settings()
    assert [settings[edge]["workers"] for edge in ("edge-eu1", "edge-us1")] == [2, 2]


def test_a_state_of_the_version_with_one_region_is_refused_with_what_to_do(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    (layout.keys / "platform.json").write_text('{"ports": {}, "nats_token": "x"}')
    with pytest.raises(StateProblem, match="clean-state"):
        choose(layout, ["nats-eu"])


def test_ports_and_keys_are_kept_and_a_taken_port_is_replaced(tmp_path: Path) -> None:
    import socket

    layout = Layout(tmp_path / "state")
    layout.make()
    first, _ = choose(layout, NAMES)
    again, moved = choose(layout, NAMES)
    assert (again, moved) == (first, [])
    for held in (*first.held, *again.held):
        # As when the process ends.
        held.close()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.ports["auth-eu"]))
        other.listen()
        third, moved = choose(layout, NAMES)
    assert third.ports["auth-eu"] != first.ports["auth-eu"]
    assert {**third.ports, "auth-eu": 0} == {**first.ports, "auth-eu": 0}
    assert third.operator_key == first.operator_key
    assert "auth-eu" in moved[0]


def test_a_port_of_one_platform_is_no_other_ones_before_anybody_listens_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.lab.supervisor.ports.PORTS", range(31_900, 32_000))
    first, second = (Layout(tmp_path / name) for name in ("first", "second"))
    for layout in (first, second):
        layout.make()
    names = [f"process-{number}" for number in range(40)]
    chosen, _ = choose(first, names)
    other, _ = choose(second, names)
    assert not set(chosen.ports.values()) & set(other.ports.values())
    with pytest.raises(StateProblem, match="no free port"):
        choose(second, [*names, *(f"more-{number}" for number in range(40))])
    for port in chosen.ports.values():
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_secrets_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    made = plan(tmp_path / "state")
    made.write()
    LocalFile(made.layout.local_file).write(**made.local())
    files = [path for path in made.layout.state.rglob("*") if path.is_file()]
    assert len(files) > len(MODELS)
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_the_dashboard_has_its_well_known_port_where_that_is_free(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        wanted = taken.getsockname()[1]
        (tmp_path / "one").mkdir()
        layout = Layout(tmp_path / "one")
        layout.make()
        elsewhere, _ = choose(layout, ["dashboard-eu/http"], preferred={"dashboard-eu/http": wanted})
        assert elsewhere.ports["dashboard-eu/http"] != wanted
    layout = Layout(tmp_path / "two")
    layout.make()
    chosen, _ = choose(layout, ["dashboard-eu/http"], preferred={"dashboard-eu/http": wanted})
    assert chosen.ports["dashboard-eu/http"] == wanted


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    (layout.keys / "platform.json").write_text("{")
    with pytest.raises(StateProblem, match=r"platform\.json is damaged"):
        choose(layout, NAMES)


def test_a_second_start_is_refused_naming_the_first(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom trunkline.lab.supervisor.layout import lock\n"
        "lock(Path(sys.argv[1]))\nprint(os.getpid(), flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        with pytest.raises(StateProblem, match=rf"pid {pid}"):
            lock(tmp_path)
    lock(tmp_path)


def test_restarts_are_delayed_longer_each_time_until_the_process_is_stable() -> None:
    backoff = Backoff()
    delays = [backoff.delay_s(0.1) for _ in range(8)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, MAX_DELAY_S, MAX_DELAY_S, MAX_DELAY_S]
    assert [backoff.delay_s(uptime_s) for uptime_s in (STABLE_S, 0.1, 0.1)] == [0.0, 0.2, 0.4]


def test_local_json_is_written_whole_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "local.json"
    local = LocalFile(path)
    local.write(pids={}, demo={"password": "x"})
    local.set_pid("auth", 7)
    local.set_pid("edge-eu1", 8)
    local.set_pid("auth", None)
    assert json.loads(path.read_text())["pids"] == {"edge-eu1": 8}
    assert read_local(path)["demo"] == {"password": "x"}
    path.write_text("[]")
    with pytest.raises(StateProblem, match="no JSON object"):
        read_local(path)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"\A[a-z_]{1,8}\Z"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,8}\Z"), VALUES, max_size=4))
def test_settings_come_back_from_toml_as_they_were(values: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(values)) == values


@pytest.mark.parametrize(("kind", "port", "word"), [("DGRAM", SIP_PORT, "udp"), ("STREAM", SIP_PORT, "tcp"), ("STREAM", SIPS_PORT, "tls")])
def test_a_sip_address_that_another_program_has_is_named_before_anything_is_started(
    tmp_path: Path, kind: str, port: int, word: str
) -> None:
    made = plan(tmp_path)
    with socket.socket(socket.AF_INET, socket.SocketKind[f"SOCK_{kind}"]) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        host = made.carrier_host(made.topology.carriers[1])
        other.bind((host, port))
        if kind == "STREAM":
            other.listen()
        with pytest.raises(StateProblem, match=rf"{host}:{port}/{word} .*--loopback"):
            made.check_addresses()
    made.check_addresses()


def test_each_point_of_presence_has_ports_of_its_own_on_the_one_address_of_ipv6(tmp_path: Path) -> None:
    made = plan(tmp_path)
    pops = made.local()["pops"].values()
    addresses = [pop[transport] for pop in pops for transport in ("udp6", "tls6")]
    assert len(set(addresses)) == 2 * len(pops)
    assert all(address.startswith("[::1]:") for address in addresses)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", int(addresses[0].rpartition(":")[2])))
        with pytest.raises(StateProblem, match=r"\[::1\]:\d+/udp cannot be had"):
            made.check_addresses()
        chosen, moved = choose(made.layout, port_names(ALL), port6_names(ALL))
    assert len(moved) == 1
    assert chosen.ports["edge-eu1/sips6"] == made.chosen.ports["edge-eu1/sips6"]


def test_a_machine_without_ipv6_has_the_other_listeners(tmp_path: Path) -> None:
    plan(tmp_path)
    made = plan(tmp_path, has_ipv6=False)
    assert made.settings()["edge-eu1"]["listen"] == ["127.10.1.1:5060/udp", "127.10.1.1:5060/tcp", "127.10.1.1:5061/tls"]
    local = made.local()
    assert (local["has_ipv6"], local["pops"]["eu1"]["tls"], local["pops"]["eu1"]["tls6"]) == (False, "127.10.1.1:5061", None)


def test_certificates_for_sip_name_what_clients_ask_for_and_no_process(tmp_path: Path) -> None:
    made = plan(tmp_path)
    made.write()
    read = read_certificate(CertificateSettings.model_validate(made.settings()["edge-us2"]["certificates"][0]))
    exact = ("acme.sip.trunkline.test", "acme.us2.sip.trunkline.test", "us2.sip.trunkline.test")
    assert read.names == (*exact, "*.sip.trunkline.test", "*.us2.sip.trunkline.test")
    assert made.layout.tls.joinpath("ca.crt").read_bytes() != made.layout.sip_tls.joinpath("ca.crt").read_bytes()


def test_edges_and_the_owner_of_limits_share_them_by_the_same_number(tmp_path: Path) -> None:
    for topology, edges in ((choose_topology("eu1,us1"), 2), (choose_topology("eu1,us1", has_spares=True), 4)):
        settings = plan(tmp_path / str(edges), topology).settings()
        assert len(settings["provisioning-eu"]["pops"]) == edges
        assert {settings[edge.edge]["edges"] for edge in topology.edges} == {edges}
