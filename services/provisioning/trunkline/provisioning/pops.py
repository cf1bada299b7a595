"""The points of presence: what their edges have applied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceStub
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import invalid
from trunkline.provisioning.settings import PopSettings
from trunkline.runtime.errors import decode_status
from trunkline.runtime.grpc_client import open_channel
from trunkline.runtime.settings import TlsSettings

if TYPE_CHECKING:
    from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceAsyncStub

CONNECT_LIMIT_S: Final = 1.0
"""An edge that takes no connection in this time is named as unreachable: a caller waits for the others, not for it."""
STATUS_LIMIT_S: Final = 2.0
WAIT_DEFAULT_S: Final = 5.0
WAIT_LIMIT_S: Final = 30.0
_ANSWER_S: Final = 1.0
"""What an edge has over the time waited for, to say that it is over."""


class Pops:
    """One channel an edge, connected when it is used. `close` them at the end."""

    def __init__(self, pops: Sequence[PopSettings], *, tls: TlsSettings) -> None:
        self.pops = tuple(pops)
        self._channels = {pop.edge: open_channel(pop.grpc_address, tls=tls, peer="edge") for pop in pops}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the points of presence, each once."""
        return tuple(dict.fromkeys(pop.name for pop in self.pops))

    async def close(self) -> None:
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))

    async def statuses(self) -> list[pb.Pop]:
        """In the order of the settings; asked all at once."""
        return list(await asyncio.gather(*(self._status(pop) for pop in self.pops)))

    async def wait_applied(self, position: int, names: Sequence[str], timeout_s: float) -> AsyncGenerator[pb.WaitAppliedResponse]:
        """One answer an edge, as they come. `names` empty: all. Raises Refusal for a name that is none."""
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise invalid(
                "POP_UNKNOWN", "pops", f"There is no point of presence {unknown[0][:32]!r}.", f"There are: {', '.join(self.names)}."
            )
        wanted = [pop for pop in self.pops if not names or pop.name in names]
        tasks = [asyncio.create_task(self._wait(pop, position, timeout_s)) for pop in wanted]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for waiting in tasks:
                waiting.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _status(self, pop: PopSettings) -> pb.Pop:
        try:
            stub = await self._connected(pop)
            status = await stub.GetStatus(edge_pb2.GetStatusRequest(), timeout=STATUS_LIMIT_S)
        except (grpc.aio.AioRpcError, TimeoutError):
            return pb.Pop(name=pop.name, region=pop.region, edge=pop.edge, is_reachable=False, state="UNREACHABLE")
        return pb.Pop(
            name=pop.name,
            region=pop.region,
            edge=pop.edge,
            is_reachable=True,
            position=status.position,
            digest=status.digest,
            live_calls=status.live_calls,
            state=status.state,
        )

    async def _wait(self, pop: PopSettings, position: int, timeout_s: float) -> pb.WaitAppliedResponse:
        request = edge_pb2.WaitAppliedRequest(position=position, timeout=_duration(timeout_s))
        try:
            stub = await self._connected(pop)
            answer = await stub.WaitApplied(request, timeout=timeout_s + _ANSWER_S)
        except TimeoutError:
            problem = f"the edge {pop.edge} at {pop.grpc_address} takes no connection"
        except grpc.aio.AioRpcError as error:
            problem = f"the edge {pop.edge}: {decode_status(error).message}"
        else:
            return pb.WaitAppliedResponse(
                pop=pop.name, edge=pop.edge, is_applied=True, position=answer.position, applied_time=answer.applied_time
            )
        return pb.WaitAppliedResponse(pop=pop.name, edge=pop.edge, is_applied=False, problem=problem)

    async def _connected(self, pop: PopSettings) -> EdgeServiceAsyncStub:
        """Raises TimeoutError. A channel that has failed lately would answer a call at once, though the edge may be back by now."""
        channel = self._channels[pop.edge]
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await channel.channel_ready()
        return EdgeServiceStub(channel)


def _duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1_000_000_000))
