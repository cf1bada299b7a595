"""Calls to the routing service, written shorter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc.aio
import pytest
from helpers.service import ServiceProcess

from trunkline.api.common.v1 import common_pb2
from trunkline.api.events.v1 import config_pb2
from trunkline.api.routing.v1 import routing_pb2, routing_pb2_grpc
from trunkline.domain.events import DeckId
from trunkline.runtime.errors import Problem, decode_status

STANDARD = DeckId("standard")
HEADER = "prefix,carrier,priority,weight,rate,destination\n"
DECK = (
    HEADER
    + "31,alpha,0,1,0.0125,Netherlands\n"
    + "3197,beta,0,1,0.02,Netherlands machines\n"
    + "3197,alpha,1,1,0.03,Netherlands machines\n"
    + "1,beta,0,1,0.005,North America\n"
)


class Client:
    """The service's stub with the requests written shorter."""

    def __init__(self, service: ServiceProcess) -> None:
        self._channel = service.channel()
        self.stub: Any = routing_pb2_grpc.RoutingServiceStub(self._channel)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def carrier(self, name: str, *hosts: str, is_trusted: bool = False, region: str = "eu") -> None:
        settings = config_pb2.CarrierSettings(is_trusted=is_trusted, has_pai_on_ack=True)
        await self.stub.CreateCarrier(routing_pb2.CreateCarrierRequest(carrier=name, settings=settings))
        for number, host in enumerate(hosts, 1):
            gateway = routing_pb2.Gateway(name=f"g{number}", host=host, port=5060, transport="udp", region=region, priority=number)
            await self.stub.AddGateway(routing_pb2.AddGatewayRequest(carrier=name, gateway=gateway))

    async def carriers(self) -> None:
        await self.carrier("alpha", "127.0.9.1", "127.0.9.3", is_trusted=True)
        await self.carrier("beta", "127.0.9.2")

    async def deck(self, csv: str, *, name: str = "standard", request_id: str = "", chunk: int = 1 << 20) -> routing_pb2.ImportDeckResponse:
        def messages() -> Iterator[routing_pb2.ImportDeckRequest]:
            write = common_pb2.WriteOptions(request_id=request_id)
            yield routing_pb2.ImportDeckRequest(deck=name, currency="EUR", write=write)
            content = csv.encode()
            for start in range(0, len(content), chunk):
                yield routing_pb2.ImportDeckRequest(csv=content[start : start + chunk])

        response: routing_pb2.ImportDeckResponse = await self.stub.ImportDeck(messages())
        return response

    async def resolve(self, number: str, **fields: Any) -> routing_pb2.ResolveResponse:
        response: routing_pb2.ResolveResponse = await self.stub.Resolve(routing_pb2.ResolveRequest(number=number, **fields))
        return response

    async def problem(self, work: Any) -> Problem:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await work
        return decode_status(caught.value)
