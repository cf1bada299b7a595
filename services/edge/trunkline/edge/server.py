"""The edge's gRPC face: status, receipts, live calls. Never on the way of a call."""

from __future__ import annotations

import asyncio
import heapq
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.edge.v1 import edge_pb2
from trunkline.api.edge.v1.edge_pb2_grpc import EdgeServiceServicer
from trunkline.domain.errors import ErrorCode, Refusal, not_found
from trunkline.edge.applied import AppliedPositions
from trunkline.engine import LiveCall
from trunkline.runtime.authentication import Role, current, require, tenant_for
from trunkline.runtime.fields import timeout_s
from trunkline.runtime.logs import logger

DEFAULT_WAIT_S = 5.0
MAX_WAIT_S = 30.0
"""Of WaitApplied."""

CALLS_AT_ONCE = 500
"""Of a listing, before others have their turn: some 2 ms."""

BY_COMMAND = "T601"

STANDBY = "STANDBY"
"""The state in which another edge has this one's addresses: it holds no calls, which is an answer."""
"""Of the registry of reasons."""

_CALL = re.compile("[0-9a-f]{32}")
_log = logger("edge")


@dataclass(frozen=True, slots=True)
class FeedState:
    """Of the replica: hexadecimal `digest` at `position`; `age_s` since home's last beacon, negative: none yet; `lag` behind it."""

    position: int
    digest: str
    age_s: float
    lag: int
    is_log_connected: bool
    is_complete: bool


class Calls(Protocol):
    """What is asked of `trunkline.engine.Engine`."""

    def live_calls(self, *, tenant: str = "") -> list[LiveCall]: ...
    def hang_up(self, *, reason: str, facts: str = "", call: str = "", tenant: str = "") -> int: ...
    def status(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class EdgeView:
    """What the servicer shows; the callables are asked at each request. `engine` gives None while the edge is cold."""

    edge: str
    pop: str
    region: str
    applied: AppliedPositions
    feed: Callable[[], FeedState]
    engine: Callable[[], Calls | None]
    state: Callable[[], str]
    keys_expire_s: Callable[[], float]
    trace_id: Callable[[int], str]


class EdgeServicer(EdgeServiceServicer):
    def __init__(self, view: EdgeView) -> None:
        self._view = view

    async def GetStatus(
        self, request: edge_pb2.GetStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb2.GetStatusResponse:
        require(Role.OPERATOR, Role.SERVICE)
        view = self._view
        feed, engine = view.feed(), view.engine()
        counters = engine.status() if engine is not None else {}
        return edge_pb2.GetStatusResponse(
            edge=view.edge,
            pop=view.pop,
            region=view.region,
            state=view.state(),
            position=view.applied.position,
            digest=feed.digest,
            age_s=feed.age_s,
            lag=feed.lag,
            live_calls=counters.get("live_calls", 0),
            journal_backlog_bytes=counters.get("journal_backlog_bytes", 0),
            is_log_connected=feed.is_log_connected,
            keys_expire_s=view.keys_expire_s(),
        )

    async def WaitApplied(
        self, request: edge_pb2.WaitAppliedRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb2.WaitAppliedResponse:
        limit_s = timeout_s(request.timeout, MAX_WAIT_S) if request.HasField("timeout") else DEFAULT_WAIT_S
        covered = await self._view.applied.wait(request.position, limit_s)
        if covered is None:
            raise TimeoutError(
                f"{self._view.edge} covers position {self._view.applied.position}, not {request.position}, after {limit_s:g} s"
            )
        nanos, seconds = math.modf(covered.time_s)
        return edge_pb2.WaitAppliedResponse(
            position=covered.position,
            applied_time=Timestamp(seconds=int(seconds), nanos=int(nanos * 1_000_000_000)),
            trace_id=self._view.trace_id(request.position),
        )

    async def ListLiveCalls(
        self, request: edge_pb2.ListLiveCallsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> edge_pb2.ListLiveCallsResponse:
        tenant = _whose(request.tenant)
        if self._view.state() == STANDBY:
            return edge_pb2.ListLiveCallsResponse()
        # A worker that is busy answers later, and nothing else is to wait for it meanwhile.
        calls = await asyncio.to_thread(partial(self._engine().live_calls, tenant=tenant))
        response = edge_pb2.ListLiveCallsResponse(total=len(calls))
        if request.most:
            calls = heapq.nlargest(request.most, calls, key=lambda call: call.start_ns)
        for at in range(0, len(calls), CALLS_AT_ONCE):
            response.calls.extend(map(_live_call, calls[at : at + CALLS_AT_ONCE]))
            await asyncio.sleep(0)
        return response

    async def HangUp(self, request: edge_pb2.HangUpRequest, context: grpc.aio.ServicerContext[Any, Any]) -> edge_pb2.HangUpResponse:
        tenant = _whose(request.tenant)
        who = current()
        facts = f"by {who.actor}" if who.role is Role.TENANT else "by the operator"
        if self._view.state() == STANDBY:
            raise _no_such_call(self._view.edge, request.call)
        engine = self._engine()
        # What is no id is nobody's call: another tenant's is told apart from it by nothing.
        is_id = _CALL.fullmatch(request.call) is not None
        hang_up = partial(engine.hang_up, call=request.call, tenant=tenant, reason=BY_COMMAND, facts=facts)
        if not is_id or await asyncio.to_thread(hang_up) == 0:
            raise _no_such_call(self._view.edge, request.call)
        _log.info("call hung up", call=request.call, actor=who.actor)
        return edge_pb2.HangUpResponse(edge=self._view.edge, pop=self._view.pop)

    def _engine(self) -> Calls:
        engine = self._view.engine()
        if engine is None:
            raise Refusal(ErrorCode.FAILED_PRECONDITION, "EDGE_COLD", f"{self._view.edge} has no complete replica yet and takes no calls")
        return engine


def _no_such_call(edge: str, call: str) -> Refusal:
    message = f"{edge} holds no call {call!r:.80}"
    return not_found("NO_SUCH_CALL", "call", message, "ask the other points of presence; a call that has ended is nowhere")


def _whose(requested: str) -> str:
    """Empty: every tenant's, which is not for tenants."""
    is_everyones = current().role is not Role.TENANT and not requested
    return "" if is_everyones else tenant_for(requested)


def _live_call(call: LiveCall) -> edge_pb2.LiveCall:
    seconds, nanos = divmod(call.start_ns, 1_000_000_000)
    return edge_pb2.LiveCall(
        call=call.call,
        tenant=call.tenant,
        domain=call.domain,
        number=call.number,
        caller=call.caller,
        state=call.state,
        start_time=Timestamp(seconds=seconds, nanos=nanos),
        gateway=call.gateway,
    )
