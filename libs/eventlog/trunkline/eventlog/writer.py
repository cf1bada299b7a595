"""From a command to a commit: decide, append, and wait until one's own replica covers it.

A decision is only as good as what it was made on, so it is appended under the expectation that nothing of it has changed since; if
something has, the log's head is asked for, the replica catches up with it, and the decision is made again. A replica that hears of home is
believed at first: only what it would refuse, or find done already, is looked at again at the head, because what changed it may be on its
way. A request id that is known gives the first answer, whichever process gave it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from trunkline.domain.decide import Decision
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import Commit, Event, Kind, Position, TenantId, subject_of
from trunkline.eventlog.log import Conflict, EventLog, Expect
from trunkline.eventlog.pace import Pace
from trunkline.eventlog.replica import Replica
from trunkline.eventlog.replica_store import Version
from trunkline.eventlog.turns import Turns
from trunkline.eventlog.ulid import new_ulid

MAX_TRIES: Final = 8
"""Decisions made for one command. Several processes that write to one tenant at once seldom need three."""

BACKOFF_S: Final = 0.02
"""The most after the first lost race, twice as much after each further one; drawn at random, so that rivals part."""

COVER_LIMIT_S: Final = 5.0
"""For the replica to reach the head: more is a log that is being imported into, or a replica that has lost it."""

_Command = TypeVar("_Command")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write is answered with. `position` 0: all was as asked already and nothing was written; `commit_id` is then empty.

    `aggregate` and `version` are of the aggregate that the command changed; of a repeated request those of the first answer.
    """

    position: Position
    commit_id: str
    time: datetime
    is_repeated: bool
    kind: Kind
    aggregate: str
    version: int


def request_id_reused(request_id: str, position: int) -> Refusal:
    """`position`: of the request that had the id first."""
    return Refusal(
        ErrorCode.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
        f"The request id {request_id!r} belongs to another request, which was answered with position {position}.",
        field="write.request_id",
        remedy="Choose a new id for every new request, and the same one only to repeat it.",
        metadata={"position": str(position)},
    )


class Writer:
    """Executes commands. `replica` must be running, with `keeps_versions`; its owner's state is what decisions are made on.

    Commands of one aggregate are executed one after another here, and race with other processes only.
    """

    def __init__(self, log: EventLog, replica: Replica, pace: Pace | None = None) -> None:
        self._log = log
        self._replica = replica
        self._turns = Turns()
        self._pace = pace or Pace()
        self._having_turns = 0

    async def execute(
        self,
        command: _Command,
        decide: Callable[[_Command], Decision],
        *,
        actor: str,
        tenant: TenantId,
        request_id: str = "",
        request_hash: bytes = b"",
        expected_version: int | None = None,
        trace_parent: str = "",
        source: str = "",
        person: str = "",
    ) -> Written:
        """`decide` looks at the state that the replica's owner holds and is called again after a lost race; `tenant` is the command's.

        Without `request_id` one is made up, and a retry of the call may write twice. Raises Refusal (of `decide`; REQUEST_ID_REUSED;
        VERSION_CHANGED; COMMIT_TOO_LARGE), Conflict after MAX_TRIES lost races, LogUnavailable (the outcome is then unknown).
        """
        job = _Job(
            decide=lambda: decide(command),
            actor=actor,
            tenant=tenant,
            request_id=request_id or new_ulid(),
            is_repeatable=bool(request_id),
            request_hash=request_hash,
            expected_version=expected_version,
            trace_parent=trace_parent,
            source=source,
            person=person,
        )
        async with self._turns.of(tenant, _turn_of(job)):
            self._having_turns += 1
            try:
                return await self._decided(job)
            finally:
                self._having_turns -= 1

    async def _decided(self, job: _Job) -> Written:
        if self._replica.is_following:
            written = await self._believe(job)
            if written is not None:
                return written
            # It may stand in the log all the same, where its acknowledgement was lost.
            job.is_repeatable = True
        for attempt in range(MAX_TRIES):
            if attempt:
                await asyncio.sleep(random.uniform(0, BACKOFF_S * 2 ** (attempt - 1)))  # noqa: S311
            await self._replica.catch_up(COVER_LIMIT_S)
            written = await self._try(job)
            if written is not None:
                return written
            job.is_repeatable = True
        raise Conflict(
            f"A command of {job.tenant} was decided {MAX_TRIES} times; each time others had changed what it was decided on."
            " Try again with the same request id."
        )

    async def _believe(self, job: _Job) -> Written | None:
        """On the replica as it is; None where only the head can tell."""
        try:
            written = await self._try(job)
        except Refusal:
            return None
        return written if written is not None and (written.position or written.is_repeated) else None

    async def _try(self, job: _Job) -> Written | None:
        """None where the decision was out of date."""
        if job.is_repeatable:
            known = await self._first_answer(job)
            if known is not None:
                return known
        covered, generation = self._replica.covered, self._replica.generation
        decision = job.decide()
        subject = subject_of(decision.kind, decision.tenant, decision.aggregate)
        last = await self._replica.version_of(subject)
        if last.position > covered:
            return None
        _check_version(decision, last, job.expected_version)
        if not decision.events:
            return Written(Position(0), "", datetime.now(UTC), False, decision.kind, decision.aggregate, last.version)
        if self._replica.is_rebuilding or self._replica.generation != generation:
            return None
        written = await self._append(_Plan(decision, subject, job), last, covered)
        if written is not None:
            await self._replica.wait_covered(written.position, COVER_LIMIT_S)
        return written

    async def _first_answer(self, job: _Job) -> Written | None:
        known = await self._replica.request(job.tenant, job.request_id)
        if known is None:
            return None
        if known.request_hash != job.request_hash:
            raise request_id_reused(job.request_id, known.position)
        return Written(known.position, known.commit_id, known.time, True, known.kind, known.aggregate, known.version)

    async def _append(self, plan: _Plan, last: Version, covered: Position) -> Written | None:
        """None where the decision is out of date."""
        decision = plan.decision
        commits: list[Commit] = []
        expect: list[Expect] = []
        for change in decision.claims:
            subject = subject_of(Kind.CLAIM, decision.tenant, change.claim)
            standing = await self._replica.version_of(subject)
            if standing.position > covered:
                return None
            commits.append(plan.commit(Kind.CLAIM, change.claim, (change.event,), standing.version + 1))
            expect.append(Expect(subject, standing.position))
        commit = plan.commit(decision.kind, decision.aggregate, decision.events, last.version + 1)
        commits.append(commit)
        guard = await self._guard(plan, last, covered)
        if guard is None:
            return None
        expect.append(guard)
        await self._pace.wait(is_alone=self._having_turns == 1)
        try:
            positions = await self._log.append(commits, expect)
        except Conflict:
            return None
        except ValueError as error:
            raise Refusal(ErrorCode.INVALID_ARGUMENT, "COMMIT_TOO_LARGE", f"{error}.", remedy="Ask for less at a time.") from error
        return Written(positions[-1], commit.id, commit.time, False, decision.kind, decision.aggregate, commit.version)

    async def _guard(self, plan: _Plan, last: Version, covered: Position) -> Expect | None:
        """What must not have changed: the aggregate, or all that the decision's guard covers."""
        if not plan.decision.guards:
            return Expect(plan.subject, last.position)
        (subject_filter,) = plan.decision.guards
        standing = await self._log.last(subject_filter)
        position = standing.position if standing else Position(0)
        return Expect(subject_filter, position) if position <= covered else None


@dataclass(slots=True)
class _Job:
    """One command on its way. `is_repeatable`: the log may know its request id already."""

    decide: Callable[[], Decision]
    actor: str
    tenant: TenantId
    request_id: str
    is_repeatable: bool
    request_hash: bytes
    expected_version: int | None
    trace_parent: str
    source: str
    person: str


def _turn_of(job: _Job) -> str | None:
    """The subject that it will change, as far as can be seen now; None where it has to go alone."""
    try:
        decision = job.decide()
    except Refusal:
        return None
    if decision.guards or decision.claims:
        return None
    return subject_of(decision.kind, decision.tenant, decision.aggregate)


class _Plan:
    """A decision on its way to become commits."""

    def __init__(self, decision: Decision, subject: str, job: _Job) -> None:
        self.decision = decision
        self.subject = subject
        self._job = job
        self._time = datetime.now(UTC)

    def commit(self, kind: Kind, aggregate: str, events: tuple[Event, ...], version: int) -> Commit:
        return Commit(
            id=new_ulid(),
            kind=kind,
            tenant=self.decision.tenant,
            aggregate=aggregate,
            version=version,
            time=self._time,
            actor=self._job.actor,
            events=events,
            request_id=self._job.request_id,
            request_hash=self._job.request_hash,
            trace_parent=self._job.trace_parent,
            source=self._job.source,
            person=self._job.person,
        )


def _check_version(decision: Decision, last: Version, expected_version: int | None) -> None:
    if expected_version is not None and expected_version != last.version:
        raise Refusal(
            ErrorCode.CONFLICT,
            "VERSION_CHANGED",
            f"{decision.kind.value} {decision.aggregate} has version {last.version}, {expected_version} was expected.",
            field="write.expected_version",
            remedy="Read it again, and decide again with what it says now.",
            metadata={"version": str(last.version)},
        )
