"""A whole platform of its own for a test: `trunkline up` in a folder and a loopback range of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

BIN = Path(sys.executable).parent
START_LIMIT_S = 90

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T], *, timeout_s: float = 20, every_s: float = 0.02) -> T:
    """The first true value of `probe`, or an AssertionError that says what did not happen."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}; last seen: {value!r}")
        time.sleep(every_s)


def free_loopback() -> str:
    """`127.N` where nobody holds any of a platform's SIP addresses."""
    for octet in random.sample(range(16, 250), 200):
        if all(_is_free(f"127.{octet}.{place}") for place in ("1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "9.1", "9.2")):
            return f"127.{octet}"
    raise AssertionError("no free loopback range")


def _is_free(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 5060))
        except OSError:
            return False
        return True


@dataclass
class Platform:
    """`state` is its folder, `local` what its local.json says (read again with `refresh`). The rest is
    as for `trunkline up`."""

    state: Path
    loopback: str
    pops: str = ""
    services: str = "home"
    links: tuple[str, ...] = ()
    workers: int = 1
    has_spares: bool = False
    dns_port: int = 5353
    process: subprocess.Popen[bytes] | None = None
    local: dict[str, Any] = field(default_factory=dict)

    def edge(self, pop: str) -> str:
        """The SIP address of a point of presence, `ADDRESS:PORT`."""
        return str(self.local["pops"][pop]["udp"])

    def start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        log = (self.state / "up.log").open("wb")
        command: list[str | Path] = [BIN / "trunkline", "up", "--state", self.state, "--loopback", self.loopback]
        command += ["--dns-port", str(self.dns_port)]
        command += ["--services", self.services, "--workers", str(self.workers), *(["--pops", self.pops] if self.pops else [])]
        for link in self.links:
            command += ["--link", link]
        command += ["--spares"] if self.has_spares else []
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for("trunkline up says that it is ready", self._is_ready, timeout_s=START_LIMIT_S)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"trunkline up ended with {self.process.returncode}:\n{self.output()}"
        if not (self.state / "local.json").exists() or "Ready" not in self.output():
            return False
        self.refresh()
        return bool(self.local.get("demo", {}).get("password"))

    def output(self) -> str:
        path = self.state / "up.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def refresh(self) -> dict[str, Any]:
        self.local = json.loads((self.state / "local.json").read_text())
        return self.local

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def cli(self, *words: str, check: bool = True, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [BIN / "trunkline", *words],
            env={**os.environ, "TRUNKLINE_STATE": str(self.state), "NO_COLOR": "1", "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"trunkline {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.cli(*words, "-o", "json").stdout)

    def lab(self, action: str, *names: str) -> None:
        self.cli("lab", action, *names)
