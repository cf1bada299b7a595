"""The peer: Kamailio 5.6 of Debian, configured by an expert for the same job."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = Path(__file__).parent
HOST = "acme.sip.example.com"
ADDRESS, TLS_ADDRESS = "127.0.0.10:5060", "127.0.0.10:5061"
START_LIMIT_S = 20


class Kamailio:
    """`allocator` is `fm` or `tlsf` (tuned) or `qm` (as Debian starts it); `job` the flags of kamailio.cfg."""

    def __init__(self, folder: Path, *, allocator: str, job: tuple[str, ...]) -> None:
        self.folder = folder
        self._allocator, self._job = allocator, job
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def address(self, transport: str) -> str:
        return TLS_ADDRESS if transport == "tls" else ADDRESS

    @property
    def users(self) -> Path:
        return self.folder / "scenarios" / "users.csv"

    def __enter__(self) -> Self:
        for name in ("db", "run", "etc", "out", "scenarios"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "dispatcher.list", self.folder / "etc" / "dispatcher.list")
        (self.folder / "kamailio.cfg").write_text((HERE / "kamailio.cfg").read_text().replace("@BENCH@", str(self.folder)))
        (self.folder / "db" / "address.list").touch()
        if "WITH_TLS" in self._job:
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            command += [
                "-subj",
                f"/CN={HOST}",
                "-keyout",
                str(self.folder / "etc" / "tls.key"),
                "-out",
                str(self.folder / "etc" / "tls.crt"),
            ]
            subprocess.run(command, check=True, capture_output=True)
        tables = [self.folder / "db" / "cur.sqlite", "1000", "1000", "20000", self.users]
        subprocess.run([sys.executable, HERE / "make_db.py", *tables], check=True)
        for table in ("cdrs", "acc", "missed_calls"):
            (self.folder / "out" / table).touch()
        command = ["kamailio", "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-m", "1024", "-M", "64"]
        command += ["-x", self._allocator, "-X", self._allocator, "-w", str(self.folder), "-Y", str(self.folder / "run")]
        for flag in self._job:
            command += ["-A", flag]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(self.folder / "kamailio.log").open("wb"))
        deadline = time.monotonic() + START_LIMIT_S
        while not _answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kamailio did not start: {(self.folder / 'kamailio.log').read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)


def _answers() -> bool:
    host, port = ADDRESS.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        probe.bind(("127.0.0.31", 0))
        request = (
            f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.31:{probe.getsockname()[1]};branch=z9hG4bKprobe\r\n"
            f"From: <sip:probe@{HOST}>;tag=1\r\nTo: <sip:{HOST}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        try:
            probe.sendto(request.encode(), (host, int(port)))
            return probe.recv(2048).startswith(b"SIP/2.0 200")
        except OSError:
            return False
