"""A whole platform of its own for a test: `trunkline up` in a folder and a loopback range of its own."""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

BIN = Path(sys.executable).parent
START_LIMIT_S = 180
"""Fifteen on a quiet machine."""
CLAIM_PORT = 5059
PR_SET_PDEATHSIG = 1
BACK_LIMIT_S = 90
TOLD_LINES = 15
"""Of each process's log, in the report of a failed test."""

_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T], *, timeout_s: float = 60, every_s: float = 0.02) -> T:
    """The first true value of `probe`, or an AssertionError that says what did not happen. After a probe that kept a processor
    busy, as a command does, it waits as long again: what it waits for needs one too."""
    deadline = time.monotonic() + timeout_s
    while True:
        busy_s = _busy_s()
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}; last seen: {value!r}")
        time.sleep(max(every_s, _busy_s() - busy_s))


def _busy_s() -> float:
    """Processor time of this process and of those that it has started and seen end."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Loopback(str):
    """`127.N`, no other test's as long as this value is there: a socket on an address that nobody else uses says so to the machine."""

    __slots__ = ("_claim",)
    _claim: socket.socket


def free_loopback() -> Loopback:
    """A range where nobody holds any of a platform's SIP addresses, claimed. Edges share the addresses of their sockets: of two platforms
    on one range each would get some of the other's datagrams, and nobody would be told."""
    for octet in random.sample(range(16, 250), 234):
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((f"127.{octet}.255.250", CLAIM_PORT))
        except OSError:
            claim.close()
            continue
        if all(_is_free(f"127.{octet}.{place}") for place in ("1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "9.1", "9.2")):
            loopback = Loopback(f"127.{octet}")
            loopback._claim = claim
            return loopback
        claim.close()
    raise AssertionError("no free loopback range")


def _is_free(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 5060))
        except OSError:
            return False
        return True


def _die_with(parent: int) -> None:
    """In the child before it runs: the kernel ends it when this process is gone, however it went (prctl(2)). A time limit of pytest-timeout
    ends the process without a clean-up."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        os._exit(1)


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
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, preexec_fn=partial(_die_with, os.getpid()))
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

    def told(self) -> Iterator[tuple[str, str]]:
        """The end of what `trunkline up` and its processes have logged, by the files' names."""
        for path in (self.state / "up.log", *sorted((self.state / "logs").glob("*.log"))):
            if path.exists():
                yield path.name, "\n".join(path.read_text(errors="replace").splitlines()[-TOLD_LINES:])

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

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """Without these processes. Afterwards they run and the points of presence that took calls do so again, whatever happened meanwhile:
        who shares the platform finds it whole."""
        before = self._ready_pops()
        self.lab("hold", *names)
        try:
            yield
        finally:
            self.lab("release", *names)
            wait_for(f"{names} run", lambda: all(row["state"] == "running" for row in self.json("lab", "status", *names)))
            wait_for(f"ready as before: {before}", lambda: before <= self._ready_pops(), timeout_s=BACK_LIMIT_S)

    def _ready_pops(self) -> set[str]:
        """None while nobody can tell."""
        done = self.cli("pop", "list", "-o", "json", check=False)
        return {row["name"] for row in json.loads(done.stdout) if row["state"] == "READY"} if done.returncode == 0 else set()


@contextmanager
def running_platform(folder: Path, **options: Any) -> Iterator[Platform]:
    """One of its own in `folder`, `options` as of `Platform`; it ends with the block."""
    platform = Platform(folder / "state", free_loopback(), **options)
    try:
        platform.start()
        yield platform
    finally:
        if platform.process is not None:
            platform.stop()
