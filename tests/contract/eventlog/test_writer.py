"""Commands over either engine: decided at the head, appended once, answered alike when asked again."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from helpers.replicas import WAIT_S, Owner, following

from trunkline.domain.commands import (
    AddAddress,
    AttachAcl,
    Command,
    CreateAcl,
    CreateDomain,
    CreateTenant,
    DeleteAcl,
    fingerprint,
)
from trunkline.domain.decide import Decision, decide
from trunkline.domain.errors import ErrorCode, Refusal
from trunkline.domain.events import AclCreated, AddressAdded, Commit, Kind, Position, TenantId
from trunkline.eventlog.beacon import Beacon
from trunkline.eventlog.log import Conflict, EventLog, Expect
from trunkline.eventlog.pace import Pace
from trunkline.eventlog.writer import MAX_TRIES, Writer, Written

ACME, BETA = TenantId("acme"), TenantId("beta")


class Service:
    """One writing process."""

    def __init__(self, log: EventLog, owner: Owner, pace: Pace | None = None) -> None:
        self.owner = owner
        self._writer = Writer(log, owner.replica, pace)

    async def do(
        self,
        command: Command,
        *,
        request_id: str = "",
        expected_version: int | None = None,
        decide: Callable[[Command], Decision] | None = None,
    ) -> Written:
        return await self._writer.execute(
            command,
            decide or self.decide,
            actor="operator",
            tenant=command.tenant,
            request_id=request_id,
            request_hash=fingerprint(command),
            expected_version=expected_version,
        )

    def decide(self, command: Command) -> Decision:
        return decide(self.owner.directory, command)


@pytest.fixture
async def services(log: EventLog, tmp_path: Path) -> AsyncIterator[tuple[Service, Service]]:
    async with following(log, tmp_path / "one.sqlite") as one, following(log, tmp_path / "two.sqlite") as two:
        await one.replica.wait_complete(WAIT_S)
        service = Service(log, one)
        await service.do(CreateTenant(ACME, "Acme"))
        await service.do(CreateTenant(BETA, "Beta"))
        yield service, Service(log, two)


async def test_a_write_is_in_the_log_and_in_ones_own_state_when_it_returns(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services
    written = await service.do(CreateAcl(ACME, "OUT"))
    assert written.position == await log.head() == 3
    assert (written.kind, written.aggregate, written.version, written.is_repeated) == (Kind.ACL, "OUT", 1, False)
    assert "OUT" in service.owner.directory.acls(ACME)
    stored = await log.last("config.acl.acme.OUT")
    assert stored is not None
    assert stored.commit.id == written.commit_id
    assert stored.commit.actor == "operator"


async def test_a_claim_and_its_aggregate_stand_together(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services
    written = await service.do(CreateDomain(ACME, "acme"))
    stored = await log.last("config.claim.label.acme")
    assert stored is not None
    assert stored.position == written.position - 1


async def test_a_repeated_request_gets_the_first_answer(services: tuple[Service, Service], log: EventLog) -> None:
    one, two = services
    first = await one.do(CreateDomain(ACME, "acme"), request_id="r1")
    head = await log.head()
    for service in (one, two):
        again = await service.do(CreateDomain(ACME, "acme"), request_id="r1")
        assert again.is_repeated
        assert (again.position, again.commit_id, again.time) == (first.position, first.commit_id, first.time)
    assert await log.head() == head


async def test_a_request_id_for_another_request_is_refused(services: tuple[Service, Service]) -> None:
    one, two = services
    await one.do(CreateAcl(ACME, "OUT"), request_id="r1")
    with pytest.raises(Refusal) as refused:
        await two.do(CreateAcl(ACME, "OTHER"), request_id="r1")
    assert (refused.value.code, refused.value.reason) == (ErrorCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert (await two.do(CreateAcl(BETA, "OTHER"), request_id="r1")).position


async def test_one_request_sent_many_times_at_once_is_written_once(services: tuple[Service, Service], log: EventLog) -> None:
    answers = await asyncio.gather(*(service.do(CreateAcl(ACME, "OUT"), request_id="r1") for _ in range(5) for service in services))
    assert len({answer.commit_id for answer in answers}) == 1
    assert sum(not answer.is_repeated for answer in answers) == 1
    assert await log.head() == 3


async def test_an_expected_version_that_is_not_there_is_a_conflict(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services
    await service.do(CreateAcl(ACME, "OUT"), expected_version=0)
    await service.do(AddAddress(ACME, "OUT", "192.0.2.1"), expected_version=1)
    with pytest.raises(Refusal) as refused:
        await service.do(AddAddress(ACME, "OUT", "192.0.2.2"), expected_version=1)
    assert (refused.value.code, refused.value.reason) == (ErrorCode.CONFLICT, "VERSION_CHANGED")
    assert refused.value.metadata["version"] == "2"
    assert await log.head() == 4


async def test_two_services_that_write_to_one_aggregate_lose_nothing(services: tuple[Service, Service]) -> None:
    one, two = services
    await one.do(CreateAcl(ACME, "OUT"))
    commands = [AddAddress(ACME, "OUT", f"192.0.2.{number}") for number in range(40)]
    written = await asyncio.gather(*(services[number % 2].do(command) for number, command in enumerate(commands)))
    assert sorted(each.version for each in written) == list(range(2, 42))
    await two.owner.replica.wait_covered(max(each.position for each in written), WAIT_S)
    assert len(two.owner.directory.acls(ACME)["OUT"].addresses) == 40  # type: ignore[index]


async def test_one_label_goes_to_one_tenant_though_two_services_are_asked_at_once(services: tuple[Service, Service]) -> None:
    one, two = services
    answers = await asyncio.gather(one.do(CreateDomain(ACME, "shop")), two.do(CreateDomain(BETA, "shop")), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(refused) == 1
    assert refused[0].code is ErrorCode.ALREADY_EXISTS


async def test_what_another_service_has_just_written_is_seen(services: tuple[Service, Service]) -> None:
    one, two = services
    for number in range(20):
        await one.do(CreateAcl(ACME, f"A{number}"))
        await two.do(AddAddress(ACME, f"A{number}", "192.0.2.1"))


async def test_an_acl_is_not_attached_and_deleted_at_once(services: tuple[Service, Service]) -> None:
    """The two commands change different aggregates; the guard over the tenant lets one of them through."""
    one, two = services
    await one.do(CreateDomain(ACME, "acme"))
    for number in range(10):
        name = f"A{number}"
        await one.do(CreateAcl(ACME, name))
        await asyncio.gather(one.do(AttachAcl(ACME, "acme", name)), two.do(DeleteAcl(ACME, name)), return_exceptions=True)
        head = max(one.owner.replica.covered, two.owner.replica.covered)
        await one.owner.replica.wait_covered(head, WAIT_S)
        directory = one.owner.directory
        attached = directory.domains(ACME)["acme"].acls  # type: ignore[index]
        assert (name in attached) == (name in directory.acls(ACME))


async def test_a_command_that_changes_nothing_writes_nothing(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services
    await service.do(CreateAcl(ACME, "OUT"))
    head = await log.head()

    def nothing(command: Command) -> Decision:
        return Decision(Kind.ACL, ACME, "OUT", ())

    written = await service.do(CreateAcl(ACME, "OUT"), decide=nothing)
    assert (written.position, written.commit_id, written.version) == (0, "", 1)
    assert await log.head() == head


async def test_a_refusal_writes_nothing(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services
    with pytest.raises(Refusal):
        await service.do(AddAddress(ACME, "NONE", "192.0.2.1"))
    assert await log.head() == 2


async def test_a_commit_that_is_too_large_is_refused(services: tuple[Service, Service], log: EventLog) -> None:
    service, _ = services

    def too_much(command: Command) -> Decision:
        return Decision(Kind.ACL, ACME, "OUT", tuple(AddressAdded(f"10.0.{n >> 8}.{n & 255}/32", "", "x" * 60) for n in range(4000)))

    with pytest.raises(Refusal) as refused:
        await service.do(CreateAcl(ACME, "OUT"), decide=too_much)
    assert refused.value.reason == "COMMIT_TOO_LARGE"
    assert await log.head() == 2


async def test_a_race_that_is_always_lost_ends_in_a_conflict(services: tuple[Service, Service], log: EventLog) -> None:
    one, two = services
    await one.do(CreateAcl(ACME, "OUT"))
    tries = 0

    class Rival:
        """Appends between the decision and the append, every time."""

        def __init__(self) -> None:
            self.tasks: list[asyncio.Task[Written]] = []

        def decide(self, command: Command) -> Decision:
            nonlocal tries
            tries += 1
            return Decision(Kind.ACL, ACME, "OUT", (AddressAdded("192.0.2.1/32"),), guards=("config.*.acme.>",))

    class RivalLog:
        """The log as it is when somebody writes before each append."""

        def __init__(self, inner: EventLog) -> None:
            self._inner = inner
            self.append_number = 0

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        async def append(self, commits: object, expect: object) -> object:
            self.append_number += 1
            await two.do(AddAddress(ACME, "OUT", f"198.51.100.{self.append_number}"))
            return await self._inner.append(commits, expect)  # type: ignore[arg-type]

    rival = Rival()
    loser = Service(RivalLog(log), one.owner)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="Try again with the same request id"):
        await loser.do(AddAddress(ACME, "OUT", "192.0.2.1"), decide=rival.decide)
    # The first look says whose turn it is.
    assert tries == 1 + MAX_TRIES
    assert await log.head() == Position(3 + MAX_TRIES)


@pytest.mark.parametrize("seed", range(2))
async def test_one_request_to_two_services_at_once_is_one_commit_though_each_draws_an_id_of_its_own(
    services: tuple[Service, Service], log: EventLog, seed: int
) -> None:
    choice = random.Random(seed)
    head = await log.head()

    def drawn(command: Command) -> Decision:
        return Decision(Kind.ACL, ACME, f"L{secrets.token_hex(8)}", (AclCreated(),))

    async def ask(service: Service, request_id: str) -> Written:
        for _ in range(choice.randrange(4)):
            await asyncio.sleep(0)
        return await service.do(CreateAcl(ACME, "ANY"), request_id=request_id, decide=drawn)

    for number in range(25):
        request_id = f"r{seed}-{number}"
        answers = await asyncio.gather(*(ask(service, request_id) for service in services))
        assert len({(answer.position, answer.commit_id, answer.aggregate) for answer in answers}) == 1
        assert [answer.is_repeated for answer in answers].count(False) == 1
        assert await log.head() == head + number + 1


async def test_two_requests_with_one_id_at_once_are_one_commit_and_one_refusal(services: tuple[Service, Service], log: EventLog) -> None:
    head = await log.head()
    for number in range(25):
        answers = await asyncio.gather(
            *(
                service.do(CreateAcl(ACME, f"L{number}{which}"), request_id=f"r{number}")
                for service, which in zip(services, "AB", strict=True)
            ),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [getattr(each, "reason", each) for each in refused] == ["REQUEST_ID_REUSED"]
        assert await log.head() == head + number + 1


class CountingLog:
    """The log, how often its head was asked for, and how many appends there were at once."""

    def __init__(self, inner: EventLog) -> None:
        self._inner = inner
        self.heads = 0
        self.most_appends = 0
        self._appends = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def append(self, commits: Sequence[Commit], expect: Sequence[Expect]) -> tuple[Position, ...]:
        self._appends += 1
        self.most_appends = max(self.most_appends, self._appends)
        try:
            return await self._inner.append(commits, expect)
        finally:
            self._appends -= 1

    async def head(self) -> Position:
        self.heads += 1
        return await self._inner.head()


@pytest.fixture
async def believing(services: tuple[Service, Service], log: EventLog, tmp_path: Path) -> AsyncIterator[tuple[Service, CountingLog]]:
    """A third service, whose replica has heard a beacon a moment ago."""
    counting = CountingLog(log)
    async with following(counting, tmp_path / "three.sqlite") as owner:  # type: ignore[arg-type]
        await owner.replica.wait_complete(WAIT_S)
        owner.replica.on_beacon(Beacon(owner.replica.epoch, owner.replica.covered, owner.replica.digest))
        assert owner.replica.is_following
        counting.heads = 0
        yield Service(counting, owner), counting  # type: ignore[arg-type]


async def test_a_replica_that_hears_of_home_writes_without_asking_for_the_head(
    believing: tuple[Service, CountingLog], log: EventLog
) -> None:
    service, counting = believing
    assert (await service.do(CreateAcl(ACME, "OUT"))).version == 1
    assert (await service.do(AddAddress(ACME, "OUT", "192.0.2.1"))).version == 2
    assert counting.heads == 0


async def test_what_a_replica_does_not_know_yet_is_looked_at_again_before_it_is_refused(
    services: tuple[Service, Service], believing: tuple[Service, CountingLog]
) -> None:
    other, (service, counting) = services[0], believing
    await other.do(CreateAcl(ACME, "OUT"))
    with pytest.raises(Refusal):
        await service.do(CreateAcl(ACME, "OUT"))
    assert counting.heads == 1
    await other.do(AddAddress(ACME, "OUT", "192.0.2.1"))
    assert (await service.do(AddAddress(ACME, "OUT", "192.0.2.2"), expected_version=2)).version == 3


async def test_a_request_that_another_service_has_answered_is_repeated_by_one_that_believes(
    services: tuple[Service, Service], believing: tuple[Service, CountingLog]
) -> None:
    service, _ = believing
    first = await services[0].do(CreateAcl(ACME, "OUT"), request_id="r1")
    again = await service.do(CreateAcl(ACME, "OUT"), request_id="r1")
    assert (again.is_repeated, again.position) == (True, first.position)


async def test_services_that_believe_lose_nothing_to_each_other(
    services: tuple[Service, Service], believing: tuple[Service, CountingLog]
) -> None:
    other, (service, _) = services[1], believing
    await other.do(CreateAcl(ACME, "OUT"))
    commands = [AddAddress(ACME, "OUT", f"192.0.2.{number}") for number in range(40)]
    written = await asyncio.gather(*((service, other)[number % 2].do(command) for number, command in enumerate(commands)))
    assert sorted(each.version for each in written) == list(range(2, 42))


async def test_commands_of_different_aggregates_are_under_way_at_once(believing: tuple[Service, CountingLog]) -> None:
    service, counting = believing
    written = await asyncio.gather(*(service.do(CreateAcl(ACME, f"L{number}")) for number in range(20)))
    assert len({each.position for each in written}) == 20
    assert counting.most_appends > 1


async def test_commands_that_wait_for_their_turn_make_no_commit_wait_for_them(believing: tuple[Service, CountingLog]) -> None:
    """Of one aggregate only one can be written at a time: none comes while another gathers, here for an hour."""
    believer, counting = believing
    service = Service(counting, believer.owner, Pace(gather_s=3600))  # type: ignore[arg-type]
    await service.do(CreateAcl(ACME, "OUT"))
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(service.do(AddAddress(ACME, "OUT", f"192.0.2.{number}")) for number in range(10)))
    assert counting.most_appends == 1
