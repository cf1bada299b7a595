"""A service's process for a test: real settings file, real start, real end."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from helpers.authority import table_of, tls_of
from helpers.nats import NatsServer
from helpers.ports import free_port

from trunkline.eventlog.streams import ensure_config
from trunkline.runtime.control import ControlState
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.service import Lifecycle
from trunkline.runtime.settings import ServiceSettings

START_LIMIT_S = 30.0
STOP_LIMIT_S = 20.0
_LOOK_S = 0.02

OPERATOR_KEY = "ok_operator-key-of-this-test"
REALM = "sip.trunkline.test"


def common_settings(name: str, folder: Path, nats: NatsServer, grpc_listen: str = "127.0.0.1:0") -> dict[str, object]:
    """What every service is told."""
    return {
        "name": name,
        "region": "eu",
        "home": "eu",
        "realm": REALM,
        "state_dir": folder / "data" / name,
        "grpc_listen": grpc_listen,
        "nats_url": nats.url,
        "tls": table_of(tls_of(name.partition("-")[0], name)),
        "operator_key_hash": hashlib.sha256(OPERATOR_KEY.encode()).hexdigest(),
    }


async def make_config(nats: NatsServer) -> None:
    """What home's provisioning does first, for tests in which it does not run."""
    client = await nats.connect()
    try:
        await ensure_config(client)
    finally:
        await client.close()


@asynccontextmanager
async def control_state(name: str, folder: Path, nats: NatsServer) -> AsyncIterator[ControlState]:
    """The replicated state in the test's own process: to write what belongs to a service that does not run in the test."""
    settings = ServiceSettings.model_validate(common_settings(name, folder, nats))
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    life = Lifecycle()
    try:
        state = await ControlState.open(settings, life)
        await state.complete()
        yield state
    finally:
        assert await life.close()


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class ServiceProcess:
    """`python -m trunkline.NAME --settings FILE` in `folder`; `more` are settings besides those that every service has."""

    def __init__(self, name: str, folder: Path, nats: NatsServer, **more: object) -> None:
        self.name = name
        self.folder = folder
        self.nats = nats
        self.address = f"127.0.0.1:{free_port()}"
        self.state_dir = folder / "data" / name
        self.log = folder / f"{name}.log"
        self._settings = folder / f"{name}.toml"
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._values = common_settings(name, folder, nats, self.address)
        self.configure(**more)

    def configure(self, **more: object) -> None:
        """Settings for the next start, besides and instead of those that it has: when they name other processes' addresses."""
        self._values |= more
        self._settings.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in self._values.items()))

    @property
    def settings(self) -> Mapping[str, object]:
        """For another process that is to be told the same."""
        return self._values

    @property
    def pid(self) -> int:
        """Of the last start."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    async def start(self, *, is_awaited: bool = True) -> None:
        """Returns when the health check says SERVING."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"trunkline.{self.name}", "--settings", str(self._settings), stdout=log, stderr=log
            )
        if is_awaited:
            await self.serving()

    async def serving(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(START_LIMIT_S), open_channel(self.address, tls=tls_of("client"), peer=self.name) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            while not await self._is_serving(stub):
                assert self._process.returncode is None, f"{self.name} ended with {self._process.returncode}:\n{self.output()}"
                await asyncio.sleep(_LOOK_S)

    async def _is_serving(self, stub: health_pb2_grpc.HealthStub) -> bool:
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1, wait_for_ready=True)  # type: ignore[misc]
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def ended(self) -> int:
        """The exit code of a process that ends by itself."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), STOP_LIMIT_S)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        return await asyncio.wait_for(process.wait(), STOP_LIMIT_S)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def channel(self, key: str = OPERATOR_KEY) -> grpc.aio.Channel:
        """As a person or a customer's program, with an API key."""
        return open_channel(self.address, tls=tls_of("client"), peer=self.name, key=key, is_waiting=True, deadline_s=20)

    def channel_of(self, kind: str) -> grpc.aio.Channel:
        """As a service of that kind."""
        return open_channel(self.address, tls=tls_of(kind), peer=self.name, is_waiting=True, deadline_s=20)
