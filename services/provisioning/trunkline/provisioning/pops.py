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
from trunkline.runtime.tls import TlsSettings

if TYPE_CHECKING:
    from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceAsyncStub

CONNECT_LIMIT_S: Final = 1.0
"""An edge that takes no connection in this time is named as unreachable: a caller waits for the others, not for it."""
STATUS_LIMIT_S: Final = 2.0
WAIT_DEFAULT_S: Final = 5.0
WAIT_LIMIT_S: Final = 30.0
LOOK_S: Final = 0.5
"""Between two looks at an edge that is waited for."""

ISOLATED_S: Final = 3.0
"""Without a beacon for so long, six of them, an edge is cut off."""

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
        """One answer an edge, as they come. `names` are points of presence or regions; empty: all. Raises Refusal for any other."""
        regions = {pop.region for pop in self.pops}
        unknown = [name for name in names if name not in self.names and name not in regions]
        if unknown:
            raise invalid(
                "POP_UNKNOWN",
                "pops",
                f"There is no point of presence or region {unknown[0][:32]!r}.",
                f"There are: {', '.join((*self.names, *sorted(regions)))}.",
            )
        wanted = [pop for pop in self.pops if not names or pop.name in names or pop.region in names]
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
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            return pb.Pop(
                name=pop.name, region=pop.region, edge=pop.edge, is_reachable=False, state="UNREACHABLE", age_s=-1, problem=_why(pop, error)
            )
        return pb.Pop(
            name=pop.name,
            region=pop.region,
            edge=pop.edge,
            is_reachable=True,
            position=status.position,
            digest=status.digest,
            live_calls=status.live_calls,
            state=status.state,
            lag=status.lag,
            age_s=status.age_s,
            is_log_connected=status.is_log_connected,
            journal_backlog_bytes=status.journal_backlog_bytes,
        )

    async def _wait(self, pop: PopSettings, position: int, timeout_s: float) -> pb.WaitAppliedResponse:
        """An edge that is down, or stops answering, or has lost home's log is named as soon as that is known, and not waited for."""
        applying = asyncio.create_task(self._applied(pop, position, timeout_s))
        watching = asyncio.create_task(self._loss(pop))
        try:
            await asyncio.wait({applying, watching}, return_when=asyncio.FIRST_COMPLETED)
            if applying.done():
                return applying.result()
            return pb.WaitAppliedResponse(pop=pop.name, region=pop.region, edge=pop.edge, is_applied=False, problem=watching.result())
        finally:
            for task in (applying, watching):
                task.cancel()
            await asyncio.gather(applying, watching, return_exceptions=True)

    async def _applied(self, pop: PopSettings, position: int, timeout_s: float) -> pb.WaitAppliedResponse:
        request = edge_pb2.WaitAppliedRequest(position=position, timeout=_duration(timeout_s))
        answer = pb.WaitAppliedResponse(pop=pop.name, region=pop.region, edge=pop.edge)
        try:
            stub = await self._connected(pop)
            found = await stub.WaitApplied(request, timeout=timeout_s + _ANSWER_S)
        except (TimeoutError, grpc.aio.AioRpcError) as error:
            answer.problem = _why(pop, error)
            return answer
        answer.is_applied = True
        answer.position = found.position
        answer.applied_time.CopyFrom(found.applied_time)
        answer.trace_id = found.trace_id
        return answer

    async def _loss(self, pop: PopSettings) -> str:
        """Returns, with what is wrong, when the edge does not answer or has not heard of home for ISOLATED_S."""
        while True:
            await asyncio.sleep(LOOK_S)
            status = await self._status(pop)
            if not status.is_reachable:
                return status.problem
            if not status.is_log_connected or status.age_s > ISOLATED_S:
                heard = f"{status.age_s:.0f} s ago" if status.age_s >= 0 else "never"
                return f"the edge {pop.edge} is cut off from home's log (last heard of it {heard}) and stands at position {status.position}"

    async def _connected(self, pop: PopSettings) -> EdgeServiceAsyncStub:
        """Raises TimeoutError. A channel that has failed lately would answer a call at once, though the edge may be back by now."""
        channel = self._channels[pop.edge]
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await channel.channel_ready()
        return EdgeServiceStub(channel)


def _duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1_000_000_000))


def _why(pop: PopSettings, error: grpc.aio.AioRpcError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"the edge {pop.edge} takes no connection"
    problem = decode_status(error)
    if not problem.reason:
        return f"the edge {pop.edge} does not answer ({problem.code})"
    return f"the edge {pop.edge}: {problem.message}"
