"""The platform's services, asked as the person who is logged in: one channel a service for all, the person's API key with each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import grpc.aio

from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceStub
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.api.provisioning.v1 import provisioning_pb2
from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceStub
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub
from trunkline.dashboard.settings import Addresses
from trunkline.dashboard.store import Identity
from trunkline.runtime.authentication import AUTHORIZATION, PERSON, SOURCE
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.settings import EdgeAddress
from trunkline.runtime.tls import TlsSettings

if TYPE_CHECKING:
    from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
    from trunkline.api.dns.v1.dns_pb2_grpc import DnsServiceAsyncStub
    from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceAsyncStub
    from trunkline.api.provisioning.v1.provisioning_pb2_grpc import ProvisioningServiceAsyncStub
    from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceAsyncStub
    from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceAsyncStub

DEADLINE_S = 10.0
EDGE_LIMIT_S = 3.0
"""Of each edge where all are asked: one that is frozen must not hold up what the others say."""


class Asker:
    """Stubs that show one API key, and nothing else, with every request; made when they are first asked for."""

    def __init__(
        self,
        channels: Mapping[str, grpc.aio.Channel],
        edges: Sequence[tuple[EdgeAddress, grpc.aio.Channel]],
        key: str,
        source: str,
        person: str,
    ) -> None:
        self._channels = channels
        self._edges = edges
        self._key = key
        self._source = source
        self._person = person

    @cached_property
    def provisioning(self) -> ProvisioningServiceAsyncStub:
        return ProvisioningServiceStub(self._channel("provisioning"))

    @cached_property
    def auth(self) -> AuthServiceAsyncStub:
        return AuthServiceStub(self._channel("auth"))

    @cached_property
    def routing(self) -> RoutingServiceAsyncStub:
        return RoutingServiceStub(self._channel("routing"))

    @cached_property
    def records(self) -> RecordsServiceAsyncStub:
        return RecordsServiceStub(self._channel("records"))

    @cached_property
    def dns(self) -> DnsServiceAsyncStub:
        return DnsServiceStub(self._channel("dns"))

    @cached_property
    def edges(self) -> Sequence[tuple[EdgeAddress, EdgeServiceAsyncStub]]:
        """All that are known."""
        return [(edge, EdgeServiceStub(self._keyed(channel))) for edge, channel in self._edges]

    def _channel(self, peer: str) -> grpc.aio.Channel:
        return self._keyed(self._channels[peer])

    def _keyed(self, channel: grpc.aio.Channel) -> grpc.aio.Channel:
        return cast(grpc.aio.Channel, _Keyed(channel, self._key, self._source, self._person))


class _Keyed:
    """A channel whose requests carry a key; the channel below is everybody's."""

    def __init__(self, channel: grpc.aio.Channel, key: str, source: str, person: str) -> None:
        self._channel = channel
        more = ((SOURCE, source), (PERSON, person))
        self._metadata = ((AUTHORIZATION, f"Bearer {key}"), *(each for each in more if each[1]))

    def unary_unary(self, *words: Any, **options: Any) -> Any:
        return self._with_key(self._channel.unary_unary(*words, **options))

    def unary_stream(self, *words: Any, **options: Any) -> Any:
        return self._with_key(self._channel.unary_stream(*words, **options))

    def stream_unary(self, *words: Any, **options: Any) -> Any:
        return self._with_key(self._channel.stream_unary(*words, **options))

    def stream_stream(self, *words: Any, **options: Any) -> Any:
        return self._with_key(self._channel.stream_stream(*words, **options))

    def _with_key(self, method: Any) -> Any:
        def call(request: Any = None, *, timeout: float | None = None, **options: Any) -> Any:
            return method(request, timeout=timeout, metadata=self._metadata, **options)

        return call


class Services:
    def __init__(self, addresses: Addresses, tls: TlsSettings, edges: Sequence[EdgeAddress] = ()) -> None:
        """OSError where the certificate cannot be read."""
        self._channels = {
            peer: open_channel(address, tls=tls, peer=peer, deadline_s=DEADLINE_S) for peer, address in addresses.model_dump().items()
        }
        self._edges = [(edge, open_channel(edge.grpc_address, tls=tls, peer="edge", deadline_s=EDGE_LIMIT_S)) for edge in edges]

    def asked_by(self, key: str, source: str = "", person: str = "") -> Asker:
        """`source` is the address that the person's browser asks from, `person` the account's name; the history of changes has both."""
        return Asker(self._channels, self._edges, key, source, person)

    async def identify(self, key: str) -> Identity:
        """Whose a key is. Raises AioRpcError: UNAUTHENTICATED for one that is nobody's."""
        found = await self.asked_by(key).provisioning.WhoAmI(provisioning_pb2.WhoAmIRequest())
        return Identity(found.role, found.tenant, found.actor, key)

    async def close(self) -> None:
        for channel in (*self._channels.values(), *(channel for _, channel in self._edges)):
            await channel.close()
