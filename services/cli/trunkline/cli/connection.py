"""Where the platform is, and with which key to ask it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc.aio

from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub
from trunkline.cli.contexts import current_context
from trunkline.cli.exits import CommandError, Exit
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.tls import TlsSettings

if TYPE_CHECKING:
    from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceAsyncStub
    from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceAsyncStub
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub
    from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceAsyncStub
    from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceAsyncStub

DEADLINE_S = 15.0
DEFAULT_STATE = ".trunkline"


def state_folder() -> Path:
    return Path(os.environ.get("TRUNKLINE_STATE") or DEFAULT_STATE)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`local` is what local.json says, empty where there is none."""

    local: Mapping[str, Any]
    environment: Mapping[str, str]

    def address(self, service: str) -> str:
        """gRPC address of a service: TRUNKLINE_PROVISIONING and so on, else local.json. Raises CommandError."""
        variable = f"TRUNKLINE_{service.upper().replace('-', '_')}"
        known = self.local.get("grpc", {})
        found = self.environment.get(variable) or known.get(self._process(service)) or known.get(service)
        if not found:
            raise CommandError(
                f"the address of {service} is not known",
                why=f"{state_folder() / 'local.json'} does not name it, and {variable} is not set",
                remedy=f"start the platform with `make up`, name another with `trunkline context add`, or set {variable}=HOST:PORT and"
                " TRUNKLINE_API_KEY",
                code=Exit.UNAVAILABLE,
            )
        return str(found)

    def _process(self, service: str) -> str:
        """Home's, where no region is named."""
        return service if "-" in service else f"{service}-{self.home}"

    def tls(self) -> TlsSettings:
        """The certificate that local.json names, or TRUNKLINE_TLS, a folder with ca.crt, client.crt and client.key. Raises CommandError."""
        folder = self.environment.get("TRUNKLINE_TLS")
        named = {"ca_file": f"{folder}/ca.crt", "cert_file": f"{folder}/client.crt", "key_file": f"{folder}/client.key"}
        found = named if folder else self.local.get("tls")
        if not found:
            raise CommandError(
                "there is no certificate to connect with",
                why=f"{state_folder() / 'local.json'} names none, and TRUNKLINE_TLS is not set",
                remedy="start the platform with `make up`, or set TRUNKLINE_TLS to a folder with ca.crt, client.crt and client.key",
                code=Exit.DENIED,
            )
        return TlsSettings.of(found)

    def key(self, *, is_operator: bool) -> str:
        """TRUNKLINE_API_KEY, else the operator's or the demonstration tenant's of local.json. Raises CommandError."""
        section = "operator" if is_operator else "demo"
        found = self.environment.get("TRUNKLINE_API_KEY") or self.local.get(section, {}).get("api_key")
        if not found:
            raise CommandError(
                "there is no API key to ask with",
                why=f"TRUNKLINE_API_KEY is not set, and {state_folder() / 'local.json'} has no {section}.api_key",
                remedy="set TRUNKLINE_API_KEY, or start the platform with `make up`",
                code=Exit.DENIED,
            )
        return str(found)

    @property
    def home(self) -> str:
        return str(self.local.get("home", "eu"))

    @property
    def places(self) -> frozenset[str]:
        """Points of presence and regions that local.json names."""
        return frozenset({*self.local.get("pops", {}), *self.local.get("regions", {})})

    @property
    def base_domain(self) -> str:
        found = self.environment.get("TRUNKLINE_BASE_DOMAIN") or self.local.get("base_domain")
        if not found:
            raise CommandError(
                "the platform's base domain is not known",
                why="local.json does not name it, and TRUNKLINE_BASE_DOMAIN is not set",
                remedy="start the platform with `make up`, or set TRUNKLINE_BASE_DOMAIN",
            )
        return str(found)

    def pop(self, name: str) -> Mapping[str, Any]:
        """A point of presence by name; empty: the first. Raises CommandError."""
        pops: Mapping[str, Mapping[str, Any]] = self.local.get("pops", {})
        if not pops:
            raise CommandError(
                "no point of presence is known",
                why=f"{state_folder() / 'local.json'} names none",
                remedy="start the platform with `make up`",
                code=Exit.UNAVAILABLE,
            )
        if name and name not in pops:
            raise CommandError(f"there is no point of presence {name!r}", remedy=f"choose one of: {', '.join(pops)}", code=Exit.NOT_FOUND)
        return pops[name or next(iter(pops))]

    def edges(self, pop: str = "") -> Mapping[str, str]:
        """Edges that can be asked, the spares too, and the point of presence of each; with `pop` those of that one. Raises CommandError."""
        pops: Mapping[str, Any] = self.local.get("pops", {})
        names = [name.removeprefix(_EDGE) for name in self.local.get("grpc", {}) if name.startswith(_EDGE)]
        found = {f"{_EDGE}{name}": next((each for each in pops if name in (each, f"{each}{_SPARE}")), name) for name in names}
        wanted = {edge: place for edge, place in found.items() if pop in ("", place)}
        if not wanted:
            self.pop(pop)
            raise CommandError("no edge is known", remedy="name them with `trunkline context add`, as edge-eu1", code=Exit.UNAVAILABLE)
        return wanted


_EDGE: Final = "edge-"
_SPARE: Final = "b"
"""Of the name of an edge that waits for the addresses of the first one of its point of presence."""


def surroundings() -> Surroundings:
    """Raises CommandError for a damaged local.json, and for a context that is not there."""
    context = current_context()
    local: dict[str, Any] = {} if context is None else context.local()
    if context is not None and not context.state:
        return Surroundings(local, os.environ)
    path = (state_folder() if context is None else Path(context.state)) / "local.json"
    if path.exists():
        try:
            local = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{path} cannot be read", why=str(error), remedy="start the platform again: it writes the file anew"
            ) from error
    return Surroundings(local, os.environ)


class Session:
    """Stubs to the services, opened when they are first asked for."""

    def __init__(self, around: Surroundings, *, is_operator: bool, stack: AsyncExitStack) -> None:
        self.around = around
        self._is_operator = is_operator
        self._stack = stack
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def _channel(self, service: str) -> grpc.aio.Channel:
        if service not in self._channels:
            key = self.around.key(is_operator=self._is_operator)
            channel = open_channel(
                self.around.address(service), tls=self.around.tls(), peer=service.partition("-")[0], key=key, deadline_s=DEADLINE_S
            )
            self._channels[service] = await self._stack.enter_async_context(channel)
        return self._channels[service]

    async def provisioning(self) -> ProvisioningServiceAsyncStub:
        return ProvisioningServiceStub(await self._channel("provisioning"))

    async def auth(self) -> AuthServiceAsyncStub:
        return AuthServiceStub(await self._channel("auth"))

    async def routing(self) -> RoutingServiceAsyncStub:
        return RoutingServiceStub(await self._channel("routing"))

    async def records(self) -> RecordsServiceAsyncStub:
        return RecordsServiceStub(await self._channel("records"))

    async def dns(self) -> DnsServiceAsyncStub:
        return DnsServiceStub(await self._channel("dns"))

    async def edge(self, edge: str) -> EdgeServiceAsyncStub:
        return EdgeServiceStub(await self._channel(edge))


@asynccontextmanager
async def session(*, is_operator: bool = False) -> AsyncIterator[Session]:
    async with AsyncExitStack() as stack:
        yield Session(surroundings(), is_operator=is_operator, stack=stack)
