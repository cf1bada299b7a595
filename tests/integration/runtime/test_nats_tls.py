"""The NATS connection by certificate: whom it believes, what it says of a refusal, and how it comes back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from helpers.authority import tls_of
from helpers.nats import nats_server_binary
from helpers.ports import free_port
from helpers.waiting import until

from trunkline.lab.supervisor.authority import Authority, TlsFiles
from trunkline.lab.supervisor.nats_conf import Server, User, render
from trunkline.runtime.logs import configure_logs
from trunkline.runtime.nats_client import Connection, connect
from trunkline.runtime.tls import TlsSettings

LIMIT_S = 20.0
EDGE, PROVISIONING = User("edge", "edge-eu1", "eu", "eu1"), User("provisioning", "provisioning-eu", "eu")


class SecureServer:
    """The laboratory's server of one region, with two users."""

    def __init__(self, folder: Path, tls: TlsSettings) -> None:
        self.port = free_port()
        self.url = f"tls://127.0.0.1:{self.port}"
        self.log = folder / "nats.log"
        self._settings = folder / "nats.conf"
        files = TlsFiles(tls.ca_file, tls.cert_file, tls.key_file)
        listen = f"127.0.0.1:{self.port}"
        self._settings.write_text(render(Server("eu", "eu", ("eu",), listen, folder / "store", files, (EDGE, PROVISIONING))))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([nats_server_binary(), "-c", str(self._settings)], stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SecureServer]:
    server = SecureServer(tmp_path, tls_of("nats", "nats-eu"))
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged since the test began."""
    stream = StringIO()
    configure_logs("edge-eu1", stream=stream)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        structlog.reset_defaults()


@asynccontextmanager
async def connected(server: SecureServer, user: User, tls: TlsSettings | None = None, wait_s: float = LIMIT_S) -> AsyncIterator[Connection]:
    client = await connect(server.url, tls=tls or tls_of(user.kind, user.process), name=user.process, wait_s=wait_s)
    try:
        yield client
    finally:
        await client.close()


async def published(client: Connection, subject: str, seen: Callable[[], list[dict[str, Any]]]) -> str:
    """What the log says of it."""
    await client.publish(subject, b"x")
    await until(f"the refusal of {subject}", lambda: any(subject in line.get("error", "") for line in seen()), limit_s=LIMIT_S)
    return next(str(line["error"]) for line in seen() if subject in line.get("error", ""))


async def test_what_an_edge_may_not_publish_is_refused_and_stands_in_its_log_and_the_connection_stays(
    server: SecureServer, log: Callable[[], list[dict[str, Any]]]
) -> None:
    async with connected(server, EDGE) as edge, connected(server, PROVISIONING) as provisioning:
        got: list[str] = []

        async def take(message: Any) -> None:
            got.append(message.subject)

        # provisioning may not read others' subjects either; the beacon both may
        await edge.subscribe("sync.config.head", cb=take)
        await edge.flush(LIMIT_S)
        assert "permissions violation" in (await published(edge, "config.acl.acme.out", log)).lower()
        assert "permissions violation" in (await published(edge, "sync.config.head", log)).lower()
        await provisioning.publish("sync.config.head", b"x")
        await until("the beacon", lambda: bool(got), limit_s=LIMIT_S)
        assert got == ["sync.config.head"]
        assert edge.is_connected


async def test_a_process_reads_no_other_ones_inbox(server: SecureServer, log: Callable[[], list[dict[str, Any]]]) -> None:
    async with connected(server, EDGE) as edge:

        async def take(_: Any) -> None:
            return

        await edge.subscribe("_INBOX.provisioning-eu.>", cb=take)
        await until(
            "the refusal", lambda: any("_inbox.provisioning-eu" in line.get("error", "").lower() for line in log()), limit_s=LIMIT_S
        )
        assert edge.new_inbox().startswith("_INBOX.edge-eu1.")


async def test_a_process_that_the_server_does_not_list_gets_no_connection(server: SecureServer) -> None:
    other = User("edge", "edge-us1", "us", "us1")
    async with connected(server, EDGE):
        pass  # it answers
    async with connected(server, other, wait_s=1.0) as client:
        assert not client.is_connected


async def test_a_certificate_of_another_authority_gets_no_connection(server: SecureServer, tmp_path: Path) -> None:
    files = Authority.open(tmp_path / "other").issue("edge", "edge-eu1", tmp_path / "other")
    foreign = TlsSettings(ca_file=tls_of("edge").ca_file, cert_file=files.cert_file, key_file=files.key_file)
    async with connected(server, EDGE):
        pass
    async with connected(server, EDGE, foreign, wait_s=1.0) as client:
        assert not client.is_connected


async def test_a_server_that_is_no_nats_server_of_ours_is_not_believed(tmp_path: Path, log: Callable[[], list[dict[str, Any]]]) -> None:
    server = SecureServer(tmp_path, tls_of("edge", "edge-us2"))
    server.start()
    try:
        async with connected(server, EDGE, wait_s=1.0) as client:
            assert not client.is_connected
            await until("the reason", lambda: any("certificate" in line.get("error", "").lower() for line in log()), limit_s=LIMIT_S)
    finally:
        server.kill()


async def test_it_comes_back_after_the_server_was_killed_and_when_it_starts_late(server: SecureServer) -> None:
    server.kill()
    async with connected(server, EDGE, wait_s=0.3) as edge:
        assert not edge.is_connected
        server.start()
        await until("the first connection", lambda: edge.is_connected, limit_s=LIMIT_S)
        server.kill()
        await until("the loss is noticed", lambda: not edge.is_connected, limit_s=LIMIT_S)
        server.start()
        await until("the connection is back", lambda: edge.is_connected, limit_s=LIMIT_S)
        await edge.flush(LIMIT_S)
