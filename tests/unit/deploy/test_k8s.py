import copy
import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from helpers.kubernetes import K8S, Manifest, check, of_kind, rendered
from helpers.nats import nats_server_binary
from pydantic import BaseModel

from trunkline.dns.settings import DnsSettings
from trunkline.edge.settings import EdgeSettings
from trunkline.lab.supervisor.authority import Authority
from trunkline.provisioning.settings import ProvisioningSettings
from trunkline.records.settings import RecordsSettings
from trunkline.runtime.settings import ProcessSettings, ServiceSettings, load_settings

REGIONS = ("eu", "us", "apac")
SERVICES = ("auth", "provisioning", "routing", "records", "dns")
FACES = ("rest", "dashboard")
WRITERS = {"eu": ("dns-writer",), "us": ("dns-writer",)}
"""By region: of the service that its name begins with, one process more that tells other servers."""
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
TLS_FOLDER = "/etc/trunkline/tls"
CHECK_LIMIT_S = 20.0

regions = pytest.mark.parametrize("region", REGIONS)


def pods(region: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, workload in of_kind(rendered(region), *WORKLOADS).items():
        yield name, workload["spec"]["template"]


def config_of(region: str, workload: str, file: str) -> str:
    """What stands in a file that a workload mounts."""
    template = dict(pods(region))[workload]
    maps = of_kind(rendered(region), "ConfigMap")
    for volume in template["spec"]["volumes"]:
        if "configMap" in volume and file in maps[volume["configMap"]["name"]]["data"]:
            text = maps[volume["configMap"]["name"]]["data"][file]
            assert isinstance(text, str)
            return text
    raise AssertionError(f"{workload} mounts no {file}")


def processes(region: str) -> list[str]:
    return [*SERVICES, *WRITERS.get(region, ()), *FACES, *(name for name in of_kind(rendered(region), "DaemonSet"))]


def settings_of(region: str, workload: str, folder: Path) -> ProcessSettings:
    """Read as the process itself would."""
    kind = workload.partition("-")[0]
    module = importlib.import_module(f"trunkline.{kind}.settings")
    model: type[BaseModel] = getattr(module, f"{kind.capitalize()}Settings")
    path = folder / f"{workload}.toml"
    path.write_text(config_of(region, workload, "settings.toml"))
    settings = load_settings(model, path)
    assert isinstance(settings, ServiceSettings if kind not in FACES else ProcessSettings)
    return settings


@regions
def test_kubernetes_knows_every_field_of_every_object(region: str) -> None:
    for manifest in rendered(region):
        if manifest["kind"] != "Certificate":
            check(manifest)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("spec", "replicaz"), 2, r"Deployment/auth\.spec\.replicaz: there is no such field"),
        (("spec", "replicas"), "two", r"Expected `int \| null`, got `str`"),
        (("spec", "template", "spec", "containers", 0, "livenessProbe", "tcpSockets"), {}, "livenessProbe.tcpSockets: there is no such"),
        (("spec", "selector"), None, "Expected `object`, got `null`"),
    ],
)
def test_a_planted_mistake_is_found(path: tuple[Any, ...], value: object, complaint: str) -> None:
    manifest = copy.deepcopy(of_kind(rendered("eu"), "Deployment")["auth"])
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=complaint):
        check(manifest)


@regions
def test_every_process_takes_its_settings(region: str, tmp_path: Path) -> None:
    for workload in processes(region):
        settings = settings_of(region, workload, tmp_path)
        assert settings.name == (workload if workload.startswith("edge-") else f"{workload}-{region}")
        assert (settings.region, getattr(settings, "home", "eu")) == (region, "eu")
        mounts = {each["mountPath"] for each in dict(pods(region))[workload]["spec"]["containers"][0]["volumeMounts"]}
        assert {str(settings.tls.ca_file.parent), str(settings.state_dir.parent)} <= mounts
    assert len([workload for workload in processes(region) if workload.startswith("edge-")]) == 2


def test_no_two_processes_have_one_name_and_each_is_its_certificate_and_its_user(tmp_path: Path) -> None:
    """Its name stands in logs and in the list of replicas, its certificate makes it a user of NATS."""
    names: list[str] = []
    for region in REGIONS:
        certificates = {each["spec"]["secretName"]: each["spec"] for each in of_kind(rendered(region), "Certificate").values()}
        users = config_of(region, "nats", "nats.conf")
        for workload in processes(region):
            name = settings_of(region, workload, tmp_path).name
            names.append(name)
            volumes = {each["name"]: each for each in dict(pods(region))[workload]["spec"]["volumes"]}
            assert certificates[volumes["tls"]["secret"]["secretName"]]["commonName"] == name
            assert (f'user: "{name}.trunkline.internal"' in users) is (workload not in FACES)
        expected = settings_of(region, "provisioning", tmp_path)
        assert isinstance(expected, ProvisioningSettings)
        told = {each.name for each in expected.services if each.region == region}
        assert told == {f"{each}-{region}" for each in (*SERVICES, *WRITERS.get(region, ()))}
    assert len(names) == len(set(names))


@regions
def test_what_a_pod_mounts_is_there(region: str) -> None:
    manifests = rendered(region)
    secrets = {"tsig", "webhook", *(each["spec"]["secretName"] for each in of_kind(manifests, "Certificate").values())}
    for name, template in pods(region):
        mounted = {mount["name"] for container in template["spec"]["containers"] for mount in container["volumeMounts"]}
        given = {volume["name"] for volume in template["spec"]["volumes"]}
        claimed = {"store"} if name == "nats" else set()
        assert mounted == given | claimed
        for volume in template["spec"]["volumes"]:
            match volume:
                case {"configMap": {"name": source}}:
                    assert source in of_kind(manifests, "ConfigMap")
                case {"secret": {"secretName": source}}:
                    assert source in secrets
                case {"persistentVolumeClaim": {"claimName": source}}:
                    assert source in of_kind(manifests, "PersistentVolumeClaim")
                case _:
                    assert {"emptyDir", "hostPath"} & set(volume)


@regions
def test_services_lead_to_ports_of_pods_and_settings_to_services(region: str) -> None:
    services = of_kind(rendered(region), "Service")
    for service in services.values():
        chosen = [template for _, template in pods(region) if service["spec"]["selector"].items() <= template["metadata"]["labels"].items()]
        assert len(chosen) == 1
        ports = {port["name"]: port for port in chosen[0]["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]].get("protocol", "TCP") == port.get("protocol", "TCP")
    for workload in processes(region):
        inside = re.findall(r"([a-z-]+)\.trunkline\.svc:(\d+)", config_of(region, workload, "settings.toml"))
        assert inside
        for name, number in inside:
            assert int(number) in {port["port"] for port in services[name]["spec"]["ports"]}


def test_what_other_regions_ask_for_is_reachable_from_outside_the_cluster() -> None:
    """As PROCESS.trunkline.internal, which is the name in its certificate."""
    wanted = set()
    for region in REGIONS:
        texts = [config_of(region, workload, "settings.toml") for workload in processes(region)] + [config_of(region, "nats", "nats.conf")]
        wanted |= {each for text in texts for each in re.findall(r"([a-z]+)-([a-z]+)\.trunkline\.internal:(\d+)", text)}
    assert ("auth", "us", "7000") in wanted and ("nats", "eu", "7422") in wanted
    for name, region, number in wanted:
        services = of_kind(rendered(region), "Service").values()
        outside = [each for each in services if each["spec"].get("type") == "LoadBalancer"]
        assert any(
            each["spec"]["selector"]["app.kubernetes.io/name"] == name and int(number) in {port["port"] for port in each["spec"]["ports"]}
            for each in outside
        )


@regions
def test_listeners_and_ports_agree(region: str, tmp_path: Path) -> None:
    for workload in processes(region):
        settings = settings_of(region, workload, tmp_path)
        numbers = {port["containerPort"] for port in dict(pods(region))[workload]["spec"]["containers"][0]["ports"]}
        assert int(settings.grpc_listen.rpartition(":")[2]) in numbers
        for name in ("listen", "dns_listen", "http_listen"):
            listen = getattr(settings, name, None) or ()
            for address in (listen,) if isinstance(listen, str) else listen:
                assert int(address.partition("/")[0].rpartition(":")[2]) in numbers


@regions
def test_edges_listen_by_every_transport_and_dns_says_so(region: str, tmp_path: Path) -> None:
    for name in of_kind(rendered(region), "DaemonSet"):
        settings = settings_of(region, name, tmp_path)
        assert isinstance(settings, EdgeSettings)
        assert [(port, transport) for _, port, transport in settings.listeners][:3] == [(5060, "udp"), (5060, "tcp"), (5061, "tls")]
        dns = settings_of(region, "dns", tmp_path)
        assert isinstance(dns, DnsSettings)
        (told,) = [pop for pop in dns.pops if pop.name == settings.pop]
        assert {host for host, _, _ in settings.listeners} == {told.address, *([told.address6] if told.address6 else [])}
        assert set(told.transports) == {transport for _, _, transport in settings.listeners}
        spec = of_kind(rendered(region), "Certificate")[f"sip-{settings.pop}"]["spec"]
        assert f"acme.{settings.pop}.sip.example.com" in spec["dnsNames"]
        assert (spec.get("uris"), spec["issuerRef"]["name"]) == (None, "trunkline-sip"), "what clients are shown is no process"
        mounts = {each["name"]: each["mountPath"] for each in dict(pods(region))[name]["spec"]["containers"][0]["volumeMounts"]}
        assert {each.cert_file.parent for each in settings.certificates} == {Path(mounts["sip"])}
        volumes = {each["name"]: each for each in dict(pods(region))[name]["spec"]["volumes"]}
        assert volumes["sip"]["secret"]["secretName"] == spec["secretName"]


@pytest.mark.parametrize("region", WRITERS)
def test_one_process_of_two_regions_tells_a_name_server_with_the_key_that_it_mounts(region: str, tmp_path: Path) -> None:
    writers = {region: [name for name, _ in pods(region) if name.startswith("dns-")] for region in REGIONS}
    assert writers == {"eu": ["dns-writer"], "us": ["dns-writer"], "apac": []}
    settings = settings_of(region, "dns-writer", tmp_path)
    assert isinstance(settings, DnsSettings) and settings.dns_listen is None and settings.region == region
    (told,) = settings.updates
    spec = dict(pods(region))["dns-writer"]["spec"]
    mounts = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
    assert (str(told.key_file.parent), told.kept) == (mounts["tsig"], ("www",))
    deployment = of_kind(rendered(region), "Deployment")["dns-writer"]["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_records_of_every_region_sign_webhooks_with_the_key_that_they_mount(tmp_path: Path) -> None:
    readme = (K8S / "README.md").read_text()
    made = re.search(r"> (\w+) && kubectl -n trunkline create secret generic (\w+) --from-file=(\w+)`", readme)
    assert made and made[1] == made[3]
    for region in REGIONS:
        settings = settings_of(region, "records", tmp_path)
        assert isinstance(settings, RecordsSettings) and settings.webhook_key_file is not None
        spec = dict(pods(region))["records"]["spec"]
        mounts = {each["mountPath"]: each for each in spec["containers"][0]["volumeMounts"]}
        mount = mounts[str(settings.webhook_key_file.parent)]
        (volume,) = [each for each in spec["volumes"] if each["name"] == mount["name"]]
        assert mount["readOnly"] and (volume["secret"]["secretName"], settings.webhook_key_file.name) == (made[2], made[1])


@regions
def test_certificates_name_what_the_laboratorys_authority_names(region: str, tmp_path: Path) -> None:
    authority = Authority.open(tmp_path / "ca")
    for process, manifest in of_kind(rendered(region), "Certificate").items():
        if process.startswith("sip-"):
            continue
        files = authority.issue(process.partition("-")[0], process, tmp_path)
        issued = x509.load_pem_x509_certificate(files.cert_file.read_bytes())
        names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        spec = manifest["spec"]
        assert spec["uris"] == names.get_values_for_type(x509.UniformResourceIdentifier)
        assert spec["dnsNames"] == names.get_values_for_type(x509.DNSName)
        assert spec["ipAddresses"] == [str(each) for each in names.get_values_for_type(x509.IPAddress)]
        assert spec["commonName"] == process


@regions
def test_nats_server_takes_its_configuration(region: str, tmp_path: Path) -> None:
    files = Authority.open(tmp_path / "ca").issue("nats", f"nats-{region}", tmp_path)
    for source, name in ((files.ca_file, "ca.crt"), (files.cert_file, "tls.crt"), (files.key_file, "tls.key")):
        (tmp_path / name).write_bytes(source.read_bytes())
    text = config_of(region, "nats", "nats.conf").replace(TLS_FOLDER, str(tmp_path))
    assert (f'"{TLS_FOLDER}' in config_of(region, "nats", "nats.conf")) and ("leafnodes" in text)
    path = tmp_path / "nats.conf"
    path.write_text(text)
    run = subprocess.run([nats_server_binary(), "-t", "-c", str(path)], capture_output=True, text=True, timeout=CHECK_LIMIT_S)
    assert run.returncode == 0, run.stderr
    path.write_text(text + "leafnodez { }\n")
    assert subprocess.run([nats_server_binary(), "-t", "-c", str(path)], capture_output=True, timeout=CHECK_LIMIT_S).returncode != 0


@regions
def test_edges_use_the_hosts_network_on_the_node_of_their_pop_and_keep_their_state_there(region: str) -> None:
    for name, workload in of_kind(rendered(region), "DaemonSet").items():
        spec = workload["spec"]["template"]["spec"]
        assert spec["hostNetwork"] is True and spec["dnsPolicy"] == "ClusterFirstWithHostNet"
        assert spec["nodeSelector"] == {"trunkline.io/pop": name.removeprefix("edge-")}
        assert [volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume] == ["/var/lib/trunkline"]
        assert workload["spec"]["updateStrategy"] == {"type": "OnDelete"}


@regions
def test_no_pod_has_more_rights_than_it_needs(region: str) -> None:
    for _, template in pods(region):
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False and spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"readinessProbe", "livenessProbe", "resources"} <= set(container)
            assert ":" in container["image"] and not container["image"].endswith(":latest")


@regions
def test_who_has_several_pods_keeps_one_and_who_has_a_store_has_one_pod(region: str) -> None:
    manifests = rendered(region)
    budgets = {
        each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for each in of_kind(manifests, "PodDisruptionBudget").values()
    }
    several = {name for name, each in of_kind(manifests, "Deployment").items() if each["spec"]["replicas"] > 1}
    assert budgets == several
    for name in of_kind(manifests, "PersistentVolumeClaim"):
        deployment: Manifest = of_kind(manifests, "Deployment")[name]
        assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})


@regions
def test_network_policies_let_in_what_listens_and_nothing_else(region: str) -> None:
    policies = of_kind(rendered(region), "NetworkPolicy")
    assert policies["nobody-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    for name, template in pods(region):
        labels = template["metadata"]["labels"].items()
        let_in = {
            port["port"]
            for policy in policies.values()
            if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels
            for rule in policy["spec"].get("ingress", ())
            for port in rule["ports"]
        }
        listens = {port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
        if not template["spec"].get("hostNetwork"):
            assert let_in == listens - ({8222} if name == "nats" else set())


def test_platform_toml_is_all_that_names_addresses() -> None:
    """What kustomize is given besides is written from it; `make lint` sees that it is current."""
    platform = tomllib.loads((K8S / "platform.toml").read_text())
    known = {pop["address"] for pop in platform["pops"]} | {pop["private_address"] for pop in platform["pops"]}
    for path in K8S.rglob("*.yaml"):
        for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", path.read_text()):
            assert address not in known, f"{path.name} names {address}"
