"""Calls of an edge whose replica is not complete: each is asked of auth and routing, wherever they answer (docs/adr/0008-degraded-edge.md).

The access rule and the decision are the ones that an edge has itself; here they run in another process, on a whole replica.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import grpc.aio

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.routing.v1 import routing_pb2
from trunkline.api.routing.v1.routing_pb2_grpc import RoutingServiceStub
from trunkline.domain.policy import AdmittedCall
from trunkline.engine import Admission, Challenge, Decision, Invite, Reject
from trunkline.runtime.decision_messages import decision_in, request_of
from trunkline.runtime.grpc_pool import PeerPool
from trunkline.runtime.logs import logger

TRY_S = 1.0
"""Of one service; two of each kind are asked within the engine's limit of 4 s, and most callers give up later."""

CREDENTIALS = 8
"""Of one INVITE, as in the engine."""

NOT_READY = "T906"


class Answers(Protocol):
    """What is needed of `trunkline.engine.Engine`."""

    def complete(self, call: str, answer: Decision | Challenge, admission: Admission | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Question:
    """What the INVITE says; taken on the engine's thread."""

    call: str
    host: str
    number: str
    source_ip: str
    sip_call_id: str
    from_uri: str
    credentials: tuple[str, ...]
    privacy: tuple[str, ...]
    hints: tuple[str, ...]


class Degraded:
    """Make it on the event loop; `on_question` may be called from any thread. The engine bounds how many wait at once."""

    def __init__(self, auth: PeerPool, routing: PeerPool, *, region: str) -> None:
        self.engine: Answers | None = None
        self._auth = auth
        self._routing = routing
        self._region = region
        self._loop = asyncio.get_running_loop()
        self._asking: set[asyncio.Task[None]] = set()
        self._log = logger("degraded")

    def on_question(self, invite: Invite) -> None:
        """What the engine is given as its callback."""
        header = invite.header
        question = _Question(
            invite.call,
            invite.host,
            invite.number,
            invite.source.rpartition(":")[0].removeprefix("[").removesuffix("]"),
            next(iter(header("Call-ID")), ""),
            invite.from_uri,
            tuple((header("Proxy-Authorization") + header("Authorization"))[:CREDENTIALS]),
            tuple(header("Privacy")),
            tuple(header("P-Asserted-Identity") + header("P-Preferred-Identity")),
        )
        self._loop.call_soon_threadsafe(self._begin, question)

    def _begin(self, question: _Question) -> None:
        task = asyncio.create_task(self._answer(question))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _answer(self, question: _Question) -> None:
        assert self.engine is not None, "questions come from the engine"
        admission: Admission | None = None
        answer: Decision | Challenge
        try:
            found = await self._authorized(question)
            admission = admission_of(found)
            answer = await self._decided(question, found)
        except grpc.aio.AioRpcError as error:
            self._log.warning("a call could not be asked about", call=question.call, why=f"{error.code().name}: {error.details()}")
            answer = Reject(NOT_READY, f"the replica is not complete, and nobody answers for it: {error.details()}")
        self.engine.complete(question.call, answer, admission)

    async def _authorized(self, question: _Question) -> auth_pb2.AuthorizeResponse:
        request = auth_pb2.AuthorizeRequest(
            host=question.host,
            source=question.source_ip,
            method="INVITE",
            credentials=question.credentials,
            number=question.number,
            sip_call_id=question.sip_call_id,
        )
        return await self._auth.ask(lambda channel: AuthServiceStub(channel).Authorize(request), try_s=TRY_S)

    async def _decided(self, question: _Question, found: auth_pb2.AuthorizeResponse) -> Decision | Challenge:
        match found.outcome:
            case "challenge":
                return Challenge(found.challenge_status or 407, tuple(found.algorithms) or ("MD5",), found.is_stale)
            case "admit":
                call = AdmittedCall(
                    found.tenant,
                    found.domain,
                    question.host,
                    question.number,
                    found.account,
                    found.account_caller_id,
                    question.from_uri,
                    question.privacy,
                    question.hints,
                    found.address_caller_id,
                )
                asked = request_of(call, self._region)
                return decision_in(await self._routing.ask(lambda channel: _decide(channel, asked), try_s=TRY_S))
            case _:
                return Reject(found.reason, found.facts)


async def _decide(channel: grpc.aio.Channel, asked: routing_pb2.DecideCallRequest) -> routing_pb2.DecideCallResponse:
    return await RoutingServiceStub(channel).DecideCall(asked)


def admission_of(found: auth_pb2.AuthorizeResponse) -> Admission | None:
    """Whose call it is; None where the domain is nobody's."""
    if not found.tenant:
        return None
    return Admission(
        found.tenant,
        found.domain,
        found.acl,
        found.account,
        found.address,
        found.account_caller_id,
        found.address_caller_id,
        found.digest_algorithm,
        found.position,
        found.account,
    )
