"""Kamailio 5.6 of Debian in a role of its own: a customer's PBX or a carrier's proxy, on UDP, TCP and, where asked for, TLS of one loopback
address; or by files that others wrote.

Its uac module reads the first challenge of its realm and answers MD5 only: where a domain offers more, MD5 has to be the first.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from helpers.listening import is_listening
from helpers.platform import wait_for

from trunkline.lab.supervisor.authority import TlsFiles

PORT = 5060
TLS_PORT = 5061


class Kamailio:
    """`role` names the configuration beside this file; `words` fill its `@WORDS@`, `HOST` is put in by itself. With `tls` it is who its
    files say, and speaks to nobody without a certificate of their authority."""

    def __init__(self, role: str, folder: Path, host: str, *, tls: TlsFiles | None = None, **words: str) -> None:
        self.host, self.address = host, f"{host}:{PORT}"
        self._folder = folder
        self._has_tls = tls is not None
        if tls is not None:
            words |= {"CERTIFICATE": str(tls.cert_file), "KEY": str(tls.key_file), "AUTHORITY": str(tls.ca_file)}
        self._configuration = Path(__file__).with_name(f"kamailio_{role}.cfg").read_text()
        for name, value in {"HOST": host, **words}.items():
            self._configuration = self._configuration.replace(f"@{name}@", value)
        self._file = folder / "kamailio.cfg"
        self._runtime = folder
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of_files(cls, file: Path, folder: Path, host: str, *, runtime: Path) -> Self:
        """By this configuration as it is, which has to listen on `host` by UDP and TCP; `folder` is for its log, `runtime` for its sockets,
        whose paths may have some hundred characters."""
        made = cls("pbx", folder, host)
        made._file, made._configuration, made._runtime = file, "", runtime
        return made

    @property
    def log(self) -> str:
        return (self._folder / "kamailio.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        program = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
        assert program, "these tests need Kamailio: apt-get install --no-install-recommends kamailio kamailio-tls-modules"
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._configuration:
            self._file.write_text(self._configuration)
        command = [program, "-f", str(self._file), "-DD", "-E", "-m", "64", "-M", "8"]
        command += ["-w", str(self._folder), "-Y", str(self._runtime), *(["-A", "WITH_TLS"] if self._has_tls else [])]
        with (self._folder / "kamailio.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("Kamailio listens", self._is_ready)
        return self

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"Kamailio ended with {self._process.returncode}:\n{self.log[-2000:]}"
        ways = [("udp", PORT), ("tcp", PORT), *([("tcp", TLS_PORT)] if self._has_tls else [])]
        return all(is_listening(self.host, port, transport) for transport, port in ways)

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
