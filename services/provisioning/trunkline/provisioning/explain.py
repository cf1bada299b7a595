"""What would become of a call, or why one that happened became what it did: each step from the name dialled to the last gateway.

What holds now auth answers for access, for it has the keys and the bans; a past, and what would be with changes that nobody has made, is
asked of the same rule on tables that are filled for the question. Number, class of service, route and identity are decided by
`trunkline.domain.policy`, as an edge does. Bans, the health of gateways and what is in use of limits are not in the log: they are known as
of now, and of a past call by its record.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, NamedTuple

import grpc
import grpc.aio

from trunkline.api.auth.v1 import auth_pb2
from trunkline.api.auth.v1.auth_pb2_grpc import AuthServiceStub
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.api.records.v1.records_pb2_grpc import RecordsServiceStub
from trunkline.domain.addresses import canonical_ip
from trunkline.domain.decide_domain import existing_domain
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, failed_precondition, invalid, not_found, permission_denied
from trunkline.domain.events import Position, TenantId
from trunkline.domain.explaining import Explained, Outcome, Step, explain_call
from trunkline.domain.gateway_view import ALL_USED, GatewayView
from trunkline.domain.host_names import bound_name, default_name
from trunkline.domain.policy import Rejected
from trunkline.domain.scene import Scene, with_change
from trunkline.engine import AccessTrace
from trunkline.provisioning.access_trace import Asked, SceneAccess
from trunkline.provisioning.explained import (
    UNANSWERED,
    identity_message,
    limit_messages,
    lines,
    route_message,
    seen_on_the_wire,
    step_message,
    what_to_do,
)
from trunkline.provisioning.limits import LimitOwner
from trunkline.provisioning.pasts import Moment, Pasts
from trunkline.provisioning.questions import admitted, change_of, check
from trunkline.provisioning.recorded import differences, question_of, view_of_notes
from trunkline.provisioning.settings import PopSettings
from trunkline.runtime.control import ControlState
from trunkline.runtime.gateway_reports import GatewayReports
from trunkline.runtime.grpc_pool import PeerPool

ASK_LIMIT_S: Final = 3.0
"""Of one auth service, which may have to catch up with this one first; of one records service."""

_OUTCOMES: Final = {"admit": Outcome.PASSED, "challenge": Outcome.CHALLENGED, "refuse": Outcome.REFUSED}


class _Access(NamedTuple):
    """What the access rule answered, and the steps of it and of bans."""

    trace: auth_pb2.AuthorizeResponse | AccessTrace
    steps: tuple[Step, ...]


class Explainer:
    """`gateways` are what edges say of them, `home` is the home region. `records` asks records services; None: none is known."""

    def __init__(
        self,
        state: ControlState,
        auth: PeerPool,
        realm: str,
        pops: Sequence[PopSettings],
        home: str,
        limits: LimitOwner,
        gateways: GatewayReports,
        pasts: Pasts,
        records: PeerPool | None,
    ) -> None:
        self._state = state
        self._auth = auth
        self._realm = realm
        self._regions: Mapping[str, str] = {pop.name: pop.region for pop in pops}
        self._first = next((pop.name for pop in pops if pop.region == home), pops[0].name)
        self._limits = limits
        self._gateways = gateways
        self._pasts = pasts
        self._records = records

    async def explain(self, tenant: TenantId, request: pb.ExplainRequest) -> pb.ExplainResponse:
        """Raises Refusal, LogUnavailable (for a past), AioRpcError of auth (for what holds now) and of records (for a named call)."""
        check(request)
        if request.call:
            request = await self._with_record(tenant, request)
        record = request.record if request.HasField("record") else None
        question = request
        if record is not None:
            if record.tenant != tenant:
                raise permission_denied("OTHER_TENANT", "record", "The record is another tenant's.")
            question = question_of(record)
        source = canonical_ip(question.source, field="source")
        moment = await self._moment(tenant, request)
        scene = await self._scene(tenant, question.domain, moment)
        assumed: list[str] = []
        for message in request.changes:
            scene, said = with_change(scene, change_of(message))
            assumed.append(said)
        label = scene.domain.label
        name = question.domain.lower().removesuffix(".")
        host = name if "." in name else default_name(label, self._realm)
        pop, name_step = self._arrival(question.pop, host, label)
        region = self._regions.get(pop, "")
        asked = Asked(host, source, question.username, question.is_password_right)
        access = await self._access(scene, asked, is_now=moment is None, is_changed=bool(assumed))
        explained = Explained()
        if question.number:
            call = admitted(
                question,
                scene,
                host=host,
                account=access.trace.account or question.username,
                account_caller_id=access.trace.account_caller_id,
                address_caller_id=access.trace.address_caller_id,
            )
            view = self._view(region, record, is_now=moment is None)
            explained = explain_call(call, scene, region=region, realm=self._realm, view=view)
        limits, limit_steps = self._limit_steps(scene, is_now=moment is None)
        policy_steps = [step._replace(is_now_only=moment is None and step.stage == "gateways") for step in explained.steps]
        steps = _beyond([name_step, *access.steps, *policy_steps, *limit_steps])
        outcome, reason = _outcome(steps)
        status, text = seen_on_the_wire(outcome, reason, scene.domain.digest.challenge_status)
        answer = pb.ExplainResponse(
            outcome=outcome,
            reason=reason,
            status=status,
            text=text,
            acl=access.trace.acl,
            account=access.trace.account,
            address=access.trace.address,
            steps=lines(steps),
            position=self._state.replica.covered if moment is None else moment.position,
            checks=map(step_message, steps),
            identity=identity_message(explained),
            route=route_message(explained),
            limits=limits,
            head=self._state.replica.covered,
            is_changed_since=moment is not None and moment.is_changed_since,
            assumed=assumed,
            domain=label,
            host=host,
            pop=pop,
            region=region,
            number=question.number,
            source=source,
            what_to_do=what_to_do(reason),
            facts=_facts(reason, access, explained),
        )
        if moment is not None:
            answer.position_time.FromDatetime(await self._pasts.time_of(moment.position))
        if record is not None:
            answer.differences.extend(differences(record, answer, explained))
        return answer

    async def _with_record(self, tenant: TenantId, request: pb.ExplainRequest) -> pb.ExplainRequest:
        """The question with the record of the call that it names. Raises Refusal, AioRpcError of records."""
        if self._records is None:
            remedy = "Name records services: records_addresses of provisioning's settings. Or give the record."
            raise failed_precondition("RECORDS_UNKNOWN", "This service knows no records service to ask.", remedy)
        wanted = records_pb2.GetRecordRequest(tenant=tenant, call=request.call)
        try:
            found = await self._records.ask(lambda channel: RecordsServiceStub(channel).GetRecord(wanted), try_s=ASK_LIMIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.PERMISSION_DENIED:
                raise
            # Those of an earlier version refuse this service; whoever asks is not the one who lacks a right.
            message = "The records services are of an earlier version, which tells this service of no call."
            raise failed_precondition(
                "RECORDS_NOT_UPDATED", message, "Update them. Until then give the call's record in its place."
            ) from error
        question = pb.ExplainRequest()
        question.CopyFrom(request)
        question.ClearField("call")
        question.record.CopyFrom(found.record)
        return question

    async def _moment(self, tenant: TenantId, request: pb.ExplainRequest) -> Moment | None:
        """None for what holds now."""
        which = request.WhichOneof("at")
        position = Position(request.at_position)
        if which is None:
            position = Position(0 if request.is_now else request.record.position)
            if not position:
                return None
        if which == "at_time" or position > self._state.replica.covered:
            await self._state.catch_up()
        covered = self._state.replica.covered
        if which == "at_time":
            position = await self._pasts.position_at(request.at_time.ToDatetime(UTC), covered)
        if position < 1:
            raise invalid("POSITION_INVALID", "at_position", "Positions of the log count from 1.")
        return await self._pasts.at(tenant, position, covered)

    async def _scene(self, tenant: TenantId, name: str, moment: Moment | None) -> Scene:
        """Whose domain it is must be known before anything is said about it."""
        label = name.lower().split(".", 1)[0]
        if moment is not None:
            try:
                return _scene_of(moment.directory, tenant, label)
            except Refusal as refusal:
                message = f"At position {moment.position}: {refusal.message}"
                raise not_found(refusal.reason, refusal.field, message, "Ask for a later position.") from refusal
        try:
            return _scene_of(self._state.directory, tenant, label)
        except Refusal:
            await self._state.catch_up()
            return _scene_of(self._state.directory, tenant, label)

    def _arrival(self, pop: str, host: str, label: str) -> tuple[str, Step]:
        """Where the call arrives, and whether it may arrive there under this name (T206)."""
        bound = next((name for name in self._regions if host == bound_name(label, name, self._realm)), "")
        arrives = pop or bound or self._first
        if arrives not in self._regions:
            remedy = f"Choose one of: {', '.join(self._regions)}."
            raise not_found("POP_NOT_FOUND", "pop", f"There is no point of presence {arrives[:64]!r}.", remedy)
        if bound and bound != arrives:
            text = f"{host} is bound to {bound}, and the call arrives at {arrives}"
            return arrives, Step("name", Outcome.REFUSED, text, reason="T206")
        kind = f"bound to {bound}" if bound else "the domain's default name"
        return arrives, Step("name", Outcome.PASSED, f"{host}: {kind}; the call arrives at {arrives} ({self._regions[arrives]})")

    async def _access(self, scene: Scene, asked: Asked, *, is_now: bool, is_changed: bool) -> _Access:
        told = await self._authorized(asked) if is_now else None
        is_banned = told is not None and told.reason == UNANSWERED
        if told is not None and not is_banned and not is_changed:
            return _Access(told, (_ban_step(told, is_heeded=False), _access_step(told)))
        tables = await asyncio.to_thread(SceneAccess, scene, tuple(self._regions), self._realm)
        trace = tables.trace(asked)
        if told is None:
            return _Access(
                trace, (Step("ban", Outcome.NOTED, "bans are not in the log: whether one held then is not known"), _access_step(trace))
            )
        return _Access(trace, (_ban_step(told, is_heeded=is_banned and not tables.lists(asked)), _access_step(trace)))

    async def _authorized(self, asked: Asked) -> auth_pb2.AuthorizeResponse:
        request = auth_pb2.AuthorizeRequest(
            host=asked.host,
            source=asked.source,
            method="INVITE",
            assumed_username=asked.username,
            is_assumed_right=asked.is_password_right,
            min_position=self._state.replica.covered,
        )
        return await self._auth.ask(lambda channel: AuthServiceStub(channel).Authorize(request), try_s=ASK_LIMIT_S)

    def _view(self, region: str, record: records_pb2.Record | None, *, is_now: bool) -> GatewayView:
        """As edges have gateways now; of a past what the record says, which may be nothing."""
        if is_now:
            return self._gateways.view(region, time.time())
        return view_of_notes(record.notes) if record is not None else ALL_USED

    def _limit_steps(self, scene: Scene, *, is_now: bool) -> tuple[list[pb.ExplainLimit], tuple[Step, ...]]:
        limits = scene.domain.rules.limits
        if not limits:
            return [], ()
        calls = {use.label: use.calls for use in self._limits.uses(scene.tenant)} if is_now else {}
        shown = limit_messages(limits, calls)
        details = tuple([_limit_text(each) for each in shown])
        full = next((each for each in shown if each.max_calls and each.calls >= each.max_calls), None)
        if full is not None:
            text = f"{full.calls} of {full.max_calls} calls of {full.label or 'the tenant'} are in progress"
            return shown, (Step("limits", Outcome.REFUSED, text, details, "T305", is_now_only=True),)
        text = "no limit is reached" if is_now else "how many calls there were is not in the log"
        return shown, (Step("limits", Outcome.PASSED if is_now else Outcome.NOTED, text, details, is_now_only=is_now),)


def _scene_of(directory: Directory, tenant: TenantId, label: str) -> Scene:
    return Scene(directory, existing_domain(directory, tenant, label))


def _ban_step(told: auth_pb2.AuthorizeResponse, *, is_heeded: bool) -> Step:
    if is_heeded:
        return Step("ban", Outcome.REFUSED, told.facts, reason=UNANSWERED, is_now_only=True)
    text = "a ban of the source is not heeded: the domain lists it" if told.reason == UNANSWERED else "no ban is heeded"
    return Step("ban", Outcome.PASSED, text, is_now_only=True)


def _access_step(trace: auth_pb2.AuthorizeResponse | AccessTrace) -> Step:
    outcome = _OUTCOMES[trace.outcome]
    match outcome:
        case Outcome.PASSED:
            by = [f"account {trace.account}"] if trace.account else []
            by += [f"address {trace.address}"] if trace.address else []
            text = f"admitted by {' and '.join(by)} of the ACL {trace.acl}"
        case Outcome.CHALLENGED:
            text = "challenged: the call must bring credentials of an account"
        case _:
            text = trace.facts or "refused"
    return Step("access", outcome, text, tuple(trace.steps), trace.reason)


def _limit_text(limit: pb.ExplainLimit) -> str:
    whose = f"domain {limit.label}" if limit.label else "tenant"
    used = f", {limit.calls} in progress" if limit.HasField("calls") else ""
    calls = f"{limit.max_calls} calls at a time{used}" if limit.max_calls else "any number of calls at a time"
    rate = f"{limit.max_calls_per_second} new calls a second" if limit.max_calls_per_second else "any number of new calls a second"
    return f"{whose}: {calls}, {rate}"


def _beyond(steps: Sequence[Step]) -> list[Step]:
    """Those after the one that decides are marked."""
    is_decided = False
    marked: list[Step] = []
    for step in steps:
        marked.append(step._replace(is_beyond=is_decided))
        is_decided = is_decided or step.outcome in (Outcome.REFUSED, Outcome.CHALLENGED)
    return marked


def _outcome(steps: Sequence[Step]) -> tuple[str, str]:
    for step in steps:
        if step.outcome is Outcome.CHALLENGED:
            return "challenge", step.reason
        if step.outcome is Outcome.REFUSED:
            return "refuse", step.reason
    return "admit", ""


def _facts(reason: str, access: _Access, explained: Explained) -> str:
    """What was seen by the step that refused."""
    decided = explained.decided
    if isinstance(decided, Rejected) and decided.reason == reason:
        return decided.facts
    return access.trace.facts if access.trace.reason == reason else ""
