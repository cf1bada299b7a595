"""SIPp as customer and as gateway, on both sides of the server that is measured.

Debian's SIPp 3.6.1 has no TLS: over TLS it speaks TCP to a tunnel of stunnel's, which is part of the generator and counted with nobody.
"""

from __future__ import annotations

import csv
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SCENARIOS = Path(__file__).parent / "scenarios"
CUSTOMER, GATEWAYS = "127.0.0.31", (("127.0.0.21", 5080), ("127.0.0.22", 5080))
TUNNEL = "127.0.0.32:5061"

BUFFER_BYTES = "4194304"
START_LIMIT_S = 5.0
FREE_LIMIT_S = 120.0
LATE = 1.15
"""A generator that took so much longer than planned was not at the rate that the row says."""


@dataclass(frozen=True, slots=True)
class Load:
    """`calls` calls, `rate` a second, each held for `hold_ms`. `scenario` is `uac_ip` or `uac_digest`, `host` stands in the Request-URI,
    `target` is `ADDRESS:PORT` of the server."""

    scenario: str
    host: str
    target: str
    users: Path
    rate: int
    calls: int
    transport: str = "udp"
    hold_ms: int = 10

    @property
    def planned_s(self) -> float:
        return self.calls / self.rate + self.hold_ms / 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failures` says of failed calls how SIPp classes them. `setup_ms` is INVITE → 180 of every call in whole milliseconds, which is how
    fine SIPp counts; `probe.py` is for what is shorter."""

    calls: int
    failed: int
    retransmissions: int
    took_s: float
    failures: dict[str, int] = field(default_factory=dict)
    setup_ms: list[float] = field(default_factory=list)

    def problem(self, load: Load) -> str:
        """Empty for a run that counts."""
        if self.failed or self.calls < load.calls:
            return f"{self.failed} of {load.calls} calls failed ({self.calls} did not), SIPp says {self.failures or 'nothing'}"
        if self.took_s > load.planned_s * LATE + 2:
            return f"the generator was late: {self.took_s:.1f} s instead of {load.planned_s:.1f}"
        return ""


@contextmanager
def gateways(folder: Path) -> Iterator[None]:
    """Two SIPp UAS; the second is only there to be failed over to. SIPp shares an address with another SIPp, and each then gets some of the
    other's calls: RuntimeError where another bench does not let go of them."""
    processes: list[subprocess.Popen[bytes]] = []
    deadline = time.monotonic() + FREE_LIMIT_S
    while any(_is_taken(address, port) for address, port in GATEWAYS):
        if time.monotonic() > deadline:
            raise RuntimeError(f"somebody else has {GATEWAYS}")
        time.sleep(0.5)
    try:
        for address, port in GATEWAYS:
            command = ["sipp", "-sf", str(SCENARIOS / "uas.xml"), "-i", address, "-p", str(port), "-nostdin", "-buff_size", BUFFER_BYTES]
            processes.append(
                subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not all(_is_taken(address, port) for address, port in GATEWAYS):
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                raise RuntimeError(f"SIPp does not listen on {GATEWAYS}")
            time.sleep(0.05)
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=10)


@contextmanager
def tunnel(folder: Path, target: str) -> Iterator[None]:
    """TCP at TUNNEL comes out as TLS at `target`, from the customer's address."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "stunnel.conf"
    lines = ["foreground = yes", "pid =", "syslog = no", "debug = 4", "[sip]", "client = yes", f"accept = {TUNNEL}", f"connect = {target}"]
    settings.write_text("\n".join([*lines, f"local = {CUSTOMER}", "verifyChain = no", ""]))
    with (folder / "stunnel.log").open("wb") as log:
        process = subprocess.Popen(["stunnel4", str(settings)], cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not _is_reached(TUNNEL):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"stunnel did not start: {(folder / 'stunnel.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def run(folder: Path, load: Load) -> Outcome:
    """Runs it to its end; over TLS through a tunnel of its own."""
    if load.transport == "tls":
        with tunnel(folder, load.target):
            return _run(folder, load, TUNNEL)
    return _run(folder, load, load.target)


def _run(folder: Path, load: Load, target: str) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{load.scenario}.xml"
    text = (SCENARIOS / f"{load.scenario}.xml").read_text().replace("@HOST@", load.host).replace("@HOLD_MS@", str(load.hold_ms))
    path.write_text(text.replace("[transport]", "TLS") if load.transport == "tls" else text)
    limit_s = int(load.planned_s) + 40
    command = ["sipp", target, "-sf", str(path), "-inf", str(load.users), "-i", CUSTOMER, "-m", str(load.calls), "-r", str(load.rate)]
    command += ["-t", "u1" if load.transport == "udp" else "t1", "-nostdin", "-buff_size", BUFFER_BYTES]
    command += ["-l", str(max(1000, int(load.rate * (5 + load.hold_ms / 1000))))]
    command += ["-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1", "-trace_rtt", "-rtt_freq", "1000"]
    command += ["-trace_err", "-error_file", str(folder / "errors.log")]
    command += ["-timeout", str(limit_s), "-recv_timeout", str(10_000 + load.hold_ms)]
    began_s = time.monotonic()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit_s + 20, check=False)
    took_s = time.monotonic() - began_s
    rows = list(csv.DictReader((folder / "stat.csv").read_text().splitlines(), delimiter=";"))
    if not rows:
        raise RuntimeError(f"SIPp wrote no statistics in {folder}")
    last = rows[-1]
    failures = {name[6:-3]: int(last[name]) for name in last if name and name.startswith("Failed") and name.endswith("(C)")}
    failures = {name: count for name, count in failures.items() if count and name != "Call"}
    setup_ms = [
        float(line.split(";")[1]) for file in folder.glob(f"{load.scenario}_*_rtt.csv") for line in file.read_text().splitlines()[1:]
    ]
    counted = (int(last[f"{name}(C)"]) for name in ("SuccessfulCall", "FailedCall", "Retransmissions"))
    return Outcome(*counted, took_s=took_s, failures=failures, setup_ms=setup_ms)


def _is_taken(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False


def _is_reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex((host, int(port))) == 0
