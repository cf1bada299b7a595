"""A telephone that we did not write: baresip 1.0 of Debian, without audio devices, driven over its control connection.

Each message there is a netstring of JSON: commands to it, answers and events from it. It answers a challenge of MD5 alone: beside another
algorithm, in whatever order, it gives up. It does not verify certificates.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from helpers.listening import is_listening
from helpers.platform import wait_for

MODULES = "/usr/lib/baresip/modules"
CONTROL_PORT = 4444
EVENT_LIMIT_S = 15

CONFIGURATION = """poll_method epoll
sip_listen {host}:0
net_interface {host}
call_max_calls 1
module_path {modules}
module g711.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
"""


def account(aor: str, *, username: str, password: str, outbound: str = "", transport: str = "") -> str:
    """Its calls all go to `outbound`, a SIP URI, or where that is left out to where the dialled URI leads by the system's resolver. It does
    not register."""
    way = f";transport={transport}" if transport else ""
    proxy = f';outbound="{outbound}"' if outbound else ""
    return f"<{aor}{way}>;auth_user={username};auth_pass={password}{proxy};regint=0\n"


class Baresip:
    """On one loopback address, with a file of accounts; `account` makes one of one line."""

    def __init__(self, folder: Path, host: str, *, accounts: str) -> None:
        self._folder, self._host = folder, host
        configuration = CONFIGURATION.format(host=host, modules=MODULES, control=CONTROL_PORT)
        self._files = {"accounts": accounts, "config": configuration, "contacts": ""}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._received = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        program = shutil.which("baresip")
        assert program, "these tests need baresip: apt-get install --no-install-recommends baresip-core"
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (self._folder / name).write_text(content)
        with (self._folder / "output").open("wb") as output:
            command = [program, "-f", str(self._folder), "-s"]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_for("baresip listens for commands", self._is_ready)
        self._control = socket.create_connection((self._host, CONTROL_PORT), timeout=5)
        return self

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"baresip ended with {self._process.returncode}:\n{self.output}"
        return is_listening(self._host, CONTROL_PORT, "tcp")

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        assert self._process is not None
        if self._control is not None:
            self._control.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    @property
    def output(self) -> str:
        """With every SIP message that it sent and received."""
        return (self._folder / "output").read_text(errors="replace")

    def command(self, name: str, parameter: str = "") -> None:
        assert self._control is not None
        content = json.dumps({"command": name, "params": parameter, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(content), content))

    def wait_for_event(self, kind: str) -> dict[str, Any]:
        """The next event of this type; those before it are kept in `events`. The end of a call that is not waited for is an error."""
        deadline = time.monotonic() + EVENT_LIMIT_S
        while True:
            message = self._next_message(deadline, kind)
            self.events.append(message)
            assert message.get("ok", True), message
            if message.get("type") == kind:
                return message
            assert message.get("type") != "CALL_CLOSED", f"{message}\n{self.output[-4000:]}"

    def _next_message(self, deadline: float, wanted: str) -> dict[str, Any]:
        assert self._control is not None
        while True:
            length, colon, rest = self._received.partition(b":")
            if colon and len(rest) > int(length):
                self._received = rest[int(length) + 1 :]
                message: dict[str, Any] = json.loads(rest[: int(length)])
                return message
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"no {wanted} within {EVENT_LIMIT_S} s: {self.events}\n{self.output[-4000:]}"
            self._control.settimeout(left_s)
            try:
                received = self._control.recv(65536)
            except TimeoutError:
                continue
            assert received, f"baresip closed its control connection:\n{self.output[-4000:]}"
            self._received += received
