"""Writes deploy/k8s/regions/*/made from deploy/k8s/platform.toml: each process's settings, nats.conf, certificates to ask for.

With --check: says whether what is committed is current. What is the same in every region stands in deploy/k8s/base.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trunkline.domain.pop_health import observed_by
from trunkline.domain.regions import nearest_first
from trunkline.lab.supervisor.authority import ZONE, TlsFiles, identity_of
from trunkline.lab.supervisor.nats_conf import Server, User, render
from trunkline.lab.supervisor.toml import to_toml

FOLDER = Path(__file__).parent.parent / "deploy" / "k8s"
NAMESPACE = "trunkline"
SERVICES = ("auth", "provisioning", "routing", "records", "dns")
FACES = ("rest", "dashboard")
WRITER = "dns-writer"
GRPC, NATS, LEAF, MONITOR, DNS, SIP, SIPS, REST, DASHBOARD = 7000, 4222, 7422, 8222, 5353, 5060, 5061, 8081, 8080
PRIVATE = "10.0.0.0/8"
"""The network in which the ingress stands, as in base/network-policies.yaml."""
TLS = Path("/etc/trunkline/tls")
SIP_TLS = Path("/etc/trunkline/sip")
PUBLIC_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
STATE = "/var/lib/trunkline"
TSIG_KEY = "/etc/trunkline/dns/trunkline.key"
WEBHOOK_KEY = "/etc/trunkline/webhook/key"
ISSUER = "trunkline"
SIP_ISSUER = "trunkline-sip"
HEADER = "# Written by tools/k8s.py (`make k8s`) from platform.toml.\n"


@dataclass(frozen=True, slots=True)
class Pop:
    name: str
    region: str
    address: str
    private_address: str
    address6: str = ""

    @property
    def sip_addresses(self) -> list[str]:
        return [self.address, *([f"[{self.address6}]"] if self.address6 else [])]


@dataclass(frozen=True, slots=True)
class Platform:
    """As platform.toml has it."""

    realm: str
    home: str
    operator_key_hash: str
    dashboard_url: str
    certificate_domains: tuple[str, ...]
    name_servers: tuple[Mapping[str, Any], ...]
    updates: tuple[Mapping[str, Any], ...]
    update_regions: tuple[str, ...]
    pops: tuple[Pop, ...]

    @classmethod
    def read(cls, path: Path) -> Platform:
        values = tomllib.loads(path.read_text())
        pops = tuple(Pop(**each) for each in values.pop("pops"))
        lists = {name: tuple(values.get(name, ())) for name in ("certificate_domains", "name_servers", "updates", "update_regions")}
        platform = cls(**{**values, **lists, "pops": pops})
        if unknown := set(platform.update_regions) - set(platform.regions):
            raise ValueError(f"{path}: update_regions names {', '.join(sorted(unknown))}, where no point of presence is")
        return platform

    @property
    def regions(self) -> tuple[str, ...]:
        """Home first."""
        return tuple(nearest_first(self.home, (pop.region for pop in self.pops)))

    def pops_of(self, region: str) -> list[Pop]:
        return [pop for pop in self.pops if pop.region == region]

    def writers(self, region: str) -> list[str]:
        """The process of the region that tells name servers of the zone, where there is one: of the kind dns, by a name of its own."""
        return [f"{WRITER}-{region}"] if self.updates and region in (self.update_regions or (self.home,)) else []


def address(service: str, region: str, seen_from: str, port: int = GRPC) -> str:
    """In the cluster by its Service; in another region by a name that its certificate has."""
    return f"{service}.{NAMESPACE}.svc:{port}" if region == seen_from else f"{service}-{region}.{ZONE}:{port}"


def made(platform: Platform, region: str) -> dict[str, str]:
    """File name → text."""
    files = {"nats.conf": HEADER + nats_conf(platform, region), "certificates.yaml": HEADER + certificates(platform, region)}
    for service in SERVICES:
        settings = common(platform, f"{service}-{region}", region, f"0.0.0.0:{GRPC}") | of_service(platform, service, region)
        files[f"{service}.toml"] = HEADER + to_toml(settings)
    for writer in platform.writers(region):
        # As the process dns of that region, with nobody to answer itself and somebody to tell.
        settings = common(platform, writer, region, f"0.0.0.0:{GRPC}") | of_service(platform, "dns", region)
        settings["updates"] = [{**each, "key_file": TSIG_KEY} for each in platform.updates]
        del settings["dns_listen"]
        files[f"{WRITER}.toml"] = HEADER + to_toml(settings)
    for face in FACES:
        settings = process(f"{face}-{region}", region, f"0.0.0.0:{GRPC}") | of_face(platform, face, region)
        files[f"{face}.toml"] = HEADER + to_toml(settings)
    for pop in platform.pops_of(region):
        settings = common(platform, f"edge-{pop.name}", region, f"{pop.private_address}:{GRPC}") | of_edge(platform, pop)
        files[f"edge-{pop.name}.toml"] = HEADER + to_toml(settings)
    return files


def common(platform: Platform, name: str, region: str, grpc_listen: str) -> dict[str, Any]:
    return process(name, region, grpc_listen) | {
        "home": platform.home,
        "realm": platform.realm,
        "nats_url": f"tls://{address('nats', region, region, NATS)}",
        "operator_key_hash": platform.operator_key_hash,
    }


def process(name: str, region: str, grpc_listen: str) -> dict[str, Any]:
    return {
        "name": name,
        "region": region,
        "state_dir": f"{STATE}/{name}",
        "grpc_listen": grpc_listen,
        "tls": {"ca_file": str(TLS / "ca.crt"), "cert_file": str(TLS / "tls.crt"), "key_file": str(TLS / "tls.key")},
    }


def of_service(platform: Platform, service: str, region: str) -> dict[str, Any]:
    match service:
        case "auth":
            others = [other for other in platform.regions if other != region]
            return {
                "kek_file": f"{STATE}/kek",
                "pops": [pop.name for pop in platform.pops],
                "peers": [{"name": f"auth-{other}", "address": address("auth", other, region)} for other in others],
                "key_slot": platform.regions.index(region),
                "key_slots": len(platform.regions),
                "ban_regions": list(platform.regions),
            }
        case "provisioning":
            return {
                "auth_addresses": nearest(platform, "auth", region),
                "records_addresses": [address("records", region, region)],
                "pops": [
                    {"name": pop.name, "region": pop.region, "edge": f"edge-{pop.name}", "grpc_address": f"{pop.private_address}:{GRPC}"}
                    for pop in platform.pops
                ],
                "pop_log_regions": list(platform.regions),
                "services": [
                    {"name": name, "region": other}
                    for other in platform.regions
                    for name in (*(f"{each}-{other}" for each in SERVICES), *platform.writers(other))
                ],
            }
        case "records":
            return {"regions": list(platform.regions), "webhook_key_file": WEBHOOK_KEY}
        case "dns":
            return {
                "dns_listen": f"0.0.0.0:{DNS}",
                "name_servers": list(platform.name_servers),
                "pop_log_regions": list(platform.regions),
                "pops": [
                    {"name": pop.name, "region": pop.region, "address": pop.address, "transports": ["tls", "tcp", "udp"]}
                    | ({"address6": pop.address6} if pop.address6 else {})
                    for pop in platform.pops
                ],
            }
        case _:
            return {}


def of_face(platform: Platform, face: str, region: str) -> dict[str, Any]:
    services = {service: address(service, region, region) for service in SERVICES}
    edges = [{"pop": pop.name, "edge": f"edge-{pop.name}", "grpc_address": f"{pop.private_address}:{GRPC}"} for pop in platform.pops]
    match face:
        case "rest":
            return {
                "http_listen": f"0.0.0.0:{REST}",
                "is_behind_tls": True,
                "trusted_proxies": [PRIVATE],
                "services": services,
                "edges": edges,
            }
        case "dashboard":
            return {
                "http_listen": f"0.0.0.0:{DASHBOARD}",
                "public_url": platform.dashboard_url.format(region=region),
                "trusted_proxies": [PRIVATE],
                "services": services,
                "edges": edges,
            }
        case _:
            return {}


def of_edge(platform: Platform, pop: Pop) -> dict[str, Any]:
    return {
        "pop": pop.name,
        "listen": [f"{host}:{port}" for host in pop.sip_addresses for port in (f"{SIP}/udp", f"{SIP}/tcp", f"{SIPS}/tls")],
        "observed": [
            {
                "name": other.name,
                "address": f"{other.address}:{SIP}",
                "tcp": f"{other.address}:{SIP}",
                "tls": f"{other.address}:{SIPS}",
            }
            for other in platform.pops
            if other.name in observed_by(pop.name, [each.name for each in platform.pops])
        ],
        "certificates": [sip_tls()],
        "carrier_tls": {"roots_file": PUBLIC_ROOTS, **sip_tls()},
        "ban_regions": list(platform.regions),
        "other_pops": [other.name for other in platform.pops if other != pop],
        "edges": len(platform.pops),
        "auth_addresses": nearest(platform, "auth", pop.region),
        "routing_addresses": nearest(platform, "routing", pop.region),
    }


def sip_tls() -> dict[str, str]:
    return {"cert_file": str(SIP_TLS / "tls.crt"), "key_file": str(SIP_TLS / "tls.key")}


def nearest(platform: Platform, service: str, region: str) -> list[str]:
    return [address(service, other, region) for other in nearest_first(region, platform.regions)]


def nats_conf(platform: Platform, region: str) -> str:
    """As on one machine, and a port for probes, which no other network may reach."""
    users = [User(service, f"{service}-{region}", region) for service in SERVICES]
    users += [User("dns", writer, region) for writer in platform.writers(region)]
    users += [User("edge", f"edge-{pop.name}", region, pop.name) for pop in platform.pops_of(region)]
    is_home = region == platform.home
    server = Server(
        region,
        platform.home,
        platform.regions,
        f"0.0.0.0:{NATS}",
        Path("/data"),
        TlsFiles(TLS / "ca.crt", TLS / "tls.crt", TLS / "tls.key"),
        users,
        leaf_listen=f"0.0.0.0:{LEAF}" if is_home else "",
        leaf_remote="" if is_home else address("nats", platform.home, region, LEAF),
    )
    return f'http: "0.0.0.0:{MONITOR}"\n{render(server)}'


def certificates(platform: Platform, region: str) -> str:
    """For cert-manager, one a process: the names that the platform knows a process by, and the Secret that its pod mounts."""
    processes = {kind: f"{kind}-{region}" for kind in ("nats", *SERVICES, *FACES)}
    for writer in platform.writers(region):
        processes[WRITER] = writer
    processes |= {f"edge-{pop.name}": f"edge-{pop.name}" for pop in platform.pops_of(region)}
    made = [certificate(process, f"tls-{secret}") for secret, process in processes.items()]
    made += [sip_certificate(platform, pop) for pop in platform.pops_of(region)]
    return yaml.safe_dump_all(made, sort_keys=False)


def certificate(process: str, secret: str) -> dict[str, Any]:
    kind = process.partition("-")[0]
    names = {
        "commonName": process,
        "uris": [identity_of(kind, process)],
        "dnsNames": [f"{kind}.{ZONE}", f"{process}.{ZONE}", "localhost"],
        "ipAddresses": ["127.0.0.1"],
    }
    return _asked_for(process, secret, names, ISSUER)


def sip_certificate(platform: Platform, pop: Pop) -> dict[str, Any]:
    """What clients and carriers are shown, by an authority that they know. Those who take no wildcards (RFC 5922 §7.2) need their domain
    spelled out."""
    own = f"{pop.name}.{platform.realm}"
    exact = [name for label in platform.certificate_domains for name in (f"{label}.{platform.realm}", f"{label}.{own}")]
    return _asked_for(f"sip-{pop.name}", f"sip-{pop.name}", {"dnsNames": [own, *exact, f"*.{platform.realm}", f"*.{own}"]}, SIP_ISSUER)


def _asked_for(name: str, secret: str, names: Mapping[str, Any], issuer: str) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "secretName": secret,
            **names,
            "usages": ["digital signature", "server auth", "client auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "duration": "2160h",
            "renewBefore": "720h",
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
        },
    }


def main() -> int:
    platform = Platform.read(FOLDER / "platform.toml")
    stale = []
    for region in platform.regions:
        folder = FOLDER / "regions" / region / "made"
        files = made(platform, region)
        found = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if "--check" in sys.argv:
            stale += [f"{region}/{name}" for name in files if name not in found or (folder / name).read_text() != files[name]]
            stale += [f"{region}/{name}" for name in found - set(files)]
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        for name in found - set(files):
            (folder / name).unlink()
    if stale:
        print(f"deploy/k8s/regions is not current: {', '.join(stale)}: run 'make k8s' and commit the result", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
