"""A simulated carrier as a process of its own, on a free port of any address, IPv6 too."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.platform import wait_for
from helpers.ports import free_port


@dataclass(frozen=True, slots=True)
class Carrier:
    host: str
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def target(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@contextmanager
def running(folder: Path, host: str) -> Iterator[Carrier]:
    """Ends well, or the test fails."""
    port = free_port(host, socket.SOCK_DGRAM)
    settings = folder / "carrier-alpha.toml"
    log = folder / "alpha.log"
    settings.write_text(f'name = "carrier-alpha"\nhost = "{host}"\nport = {port}\nis_first = true\nmessage_log = "{log}"\n')
    process = subprocess.Popen([sys.executable, "-m", "trunkline.lab.carrier", "--settings", settings])
    try:
        wait_for("the carrier writes its log", log.exists)
        yield Carrier(host, port, log, process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
