"""Where the state of one machine is, and what was chosen at its first start: ports and keys."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trunkline.lab.supervisor.ports import LOOPBACK6, PORTS, keep_port, new_port

DEFAULT_LOOPBACK = "127.0"
DEFAULT_DNS_PORT = 5353


class StateProblem(Exception):
    """The state folder cannot be used; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths in a state folder. `loopback` is the first two octets of the addresses for SIP and DNS."""

    state: Path
    loopback: str = DEFAULT_LOOPBACK
    dns_port: int = DEFAULT_DNS_PORT

    @property
    def local_file(self) -> Path:
        return self.state / "local.json"

    @property
    def control_socket(self) -> Path:
        return self.state / "control.sock"

    def settings_file(self, name: str) -> Path:
        return self.state / "run" / f"{name}.toml"

    def log_file(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def data(self, name: str) -> Path:
        return self.state / "data" / name

    def carrier_log(self, carrier: str) -> Path:
        return self.state / "carriers" / f"{carrier}.log"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def tls(self) -> Path:
        """Certificates of all processes, and the authority."""
        return self.keys / "tls"

    @property
    def sip_tls(self) -> Path:
        """Certificates that SIP clients and carriers are shown, and their authority."""
        return self.keys / "sip"

    def traces(self, name: str) -> Path:
        return self.state / "traces" / f"{name}.jsonl"

    def make(self) -> None:
        inside = ("run", "logs", "data", "carriers", "traces")
        for folder in (self.state, self.keys, self.tls, self.sip_tls, *(self.state / name for name in inside)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def lock(state: Path) -> int:
    """Takes the folder for this process until it ends; the descriptor holds it. Raises StateProblem naming who has it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text().strip() or "unknown"
        os.close(descriptor)
        raise StateProblem(
            f"a platform runs in {state} already (pid {holder}): end it with Ctrl-C there, or give another folder with --state"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by the owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Made at the first start and kept. `ports` by what listens there: a process, its leaf listener, an end of a link; and on [::1] the SIP
    ports of points of presence, which count where `has_ipv6`."""

    ports: dict[str, int]
    operator_key: str
    has_ipv6: bool = False
    held: tuple[socket.socket, ...] = field(default=(), compare=False, repr=False)
    """Ports are kept from other platforms as long as these are open."""

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"


def choose(
    layout: Layout, names: Iterable[str], names6: Iterable[str] = (), preferred: Mapping[str, int] | None = None
) -> tuple[Chosen, list[str]]:
    """What was chosen at the first start, made now where it is missing; a kept port that another program took is replaced, and told of.
    `names` listen on 127.0.0.1, `names6` on [::1], none where the machine has no IPv6. `preferred` ports
    are taken where they are free.

    Raises StateProblem for a state that was made by a version of one region.
    """
    path = layout.keys / "platform.json"
    kept = _read(path)
    if "nats_token" in kept:
        raise StateProblem(
            f"{layout.state} was made by a version for one region: forget it with `make clean-state`, or give another --state"
        )
    ports: dict[str, int] = dict(kept.get("ports", {}))
    moved: list[str] = []
    wanted = [*((name, "127.0.0.1") for name in names), *((name, LOOPBACK6) for name in names6)]
    held: list[socket.socket] = []
    for name, host in wanted:
        port = ports.get(name)
        if port is not None:
            kept_port = keep_port(port, host)
            if kept_port is not None:
                held.append(kept_port)
                continue
            moved.append(f"port {port} of {name} is taken by another program: {name} gets another")
        found = new_port(set(ports.values()), host, (preferred or {}).get(name, 0))
        if found is None:
            raise StateProblem(f"no free port between {PORTS.start} and {PORTS.stop} on {host}")
        ports[name] = found[0]
        held.append(found[1])
    chosen = Chosen(
        ports=ports,
        operator_key=kept.get("operator_key") or f"ok_{secrets.token_urlsafe(32)}",
        has_ipv6=any(host == LOOPBACK6 for _, host in wanted),
        held=tuple(held),
    )
    write_private(path, json.dumps({"ports": ports, "operator_key": chosen.operator_key}, indent=2) + "\n")
    return chosen, moved


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise StateProblem(f"{path} is damaged ({error}): restore it from a copy, or forget the state with `make clean-state`") from error
    if not isinstance(content, dict):
        raise StateProblem(f"{path} holds no JSON object: restore it from a copy, or forget the state with `make clean-state`")
    return content
