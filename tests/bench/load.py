"""SIPp as customer and as gateway, on both sides of the server that is measured."""

from __future__ import annotations

import csv
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SCENARIOS = Path(__file__).parent / "scenarios"
CUSTOMER, GATEWAYS = "127.0.0.31", (("127.0.0.21", 5080), ("127.0.0.22", 5080))


@dataclass(frozen=True, slots=True)
class Outcome:
    """`setup_ms` are percentiles of INVITE → 180 in whole milliseconds, as SIPp counts them."""

    calls: int
    failed: int
    retransmissions: int


class Gateways:
    """Two SIPp UAS; the second is only there to be failed over to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for address, port in GATEWAYS:
            command = ["sipp", "-sf", str(SCENARIOS / "uas.xml"), "-i", address, "-p", str(port), "-nostdin", "-buff_size", "4194304"]
            command += ["-max_socket", "100", "-rtp_echo", "0"][:2]
            self._processes.append(
                subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            )
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not all(_is_taken(address, port) for address, port in GATEWAYS):
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        for process in self._processes:
            process.terminate()
            process.wait(timeout=10)


def _is_taken(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False


def run(folder: Path, scenario: str, host: str, target: str, users: Path, *, rate: int, seconds: int) -> Outcome:
    """`rate` calls a second for `seconds`; scenario `uac_ip` or `uac_digest`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scenario}.xml"
    path.write_text((SCENARIOS / f"{scenario}.xml").read_text().replace("@HOST@", host))
    command = ["sipp", target, "-sf", str(path), "-inf", str(users), "-i", CUSTOMER, "-m", str(rate * seconds), "-r", str(rate)]
    command += [
        "-l",
        str(max(1000, rate * 5)),
        "-nostdin",
        "-trace_stat",
        "-stf",
        str(folder / "stat.csv"),
        "-fd",
        "1",
        "-buff_size",
        "4194304",
    ]
    command += ["-timeout", str(seconds + 40), "-recv_timeout", "10000"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds + 60, check=False)
    rows = list(csv.DictReader((folder / "stat.csv").read_text().splitlines(), delimiter=";"))
    last = rows[-1]
    return Outcome(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["Retransmissions(C)"]))
