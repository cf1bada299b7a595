"""What a service of the control plane stands on: the log, a replica of it in memory and on disk, and a writer.

    state = await ControlState.open(settings, life)      # opens, follows the log, closes at the end
    await state.complete()                               # until the replica holds what the log held at the start
    receipt = await state.write(commands.CreateAcl(tenant, "OUT"), request.write)

Reads come from `state.directory`. Commands are decided at the head of the log: what a caller has just been told of by another service is
known here too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client

from trunkline.api.common.v1 import common_pb2
from trunkline.domain.commands import Command, fingerprint
from trunkline.domain.decide import decide
from trunkline.domain.decide_access import existing_tenant
from trunkline.domain.directory import Directory
from trunkline.domain.errors import invalid
from trunkline.domain.events import Position, TenantId
from trunkline.domain.facts import Fact
from trunkline.eventlog.beacon import follow_beacons
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import EventLog, LogUnavailable
from trunkline.eventlog.replica import Replica
from trunkline.eventlog.streams import ensure_config
from trunkline.eventlog.writer import Writer, Written
from trunkline.runtime import authentication, nats_client, telemetry
from trunkline.runtime.logs import logger
from trunkline.runtime.replica_report import tell_replica
from trunkline.runtime.service import Lifecycle
from trunkline.runtime.settings import ServiceSettings

NATS_WAIT_S = 2.0
"""At the start, for NATS; without it the service starts from what it has on disk and goes on trying."""

COMPLETE_REPORT_S = 5.0
"""How often it is said that the service still waits for its replica."""

STREAMS_RETRY_S = 1.0
"""Between two tries to make the stream while NATS is away."""

CATCH_UP_LIMIT_S = 2.0
"""How long a read waits for the head."""

REQUEST_ID_LIMIT = 64

OnFact = Callable[[Fact], None]
OnCovered = Callable[[Position], None]
OnReset = Callable[[], None]


class ControlState:
    """What a service knows. Made by `open`."""

    def __init__(self, name: str, nc: Client, log: EventLog, fold: _Fold, replica: Replica, writer: Writer) -> None:
        self.name = name
        self.nc = nc
        self.log = log
        self._fold = fold
        self.replica = replica
        self.writer = writer

    @property
    def directory(self) -> Directory:
        """What the log says up to `replica.covered`. Another object after the replica was rebuilt: ask for it each time."""
        return self._fold.directory

    @classmethod
    async def open(
        cls,
        settings: ServiceSettings,
        life: Lifecycle,
        *,
        on_fact: OnFact | None = None,
        on_covered: OnCovered | None = None,
        on_reset: OnReset | None = None,
        makes_config: bool = False,
    ) -> ControlState:
        """Opens what is on disk and begins to follow the log; `on_fact`, `on_covered` and `on_reset` as of Replica, after the directory.

        `makes_config`: this process creates CONFIG where home has none yet; every other waits for it.

        NATS may be away: then the state is what the disk holds, and it goes on when NATS is back. A replica that turns out to hold
        something else than the log is built anew beside, and the old one answers meanwhile; who has `on_fact` but no `on_reset` ends
        instead, and builds it when it is started again.
        """
        name = settings.name
        nc = await nats_client.connect(settings.nats_url, tls=settings.tls, name=name, wait_s=NATS_WAIT_S)
        life.on_stop("nats", nc.close)
        fold = _Fold(on_fact, on_covered, on_reset)
        log = JetStreamLog(nc, home=settings.home)
        replica = Replica(
            log,
            settings.state_dir / "replica.sqlite",
            on_fact=fold.on_fact,
            on_covered=fold.on_covered,
            on_reset=fold.on_reset if on_fact is None or on_reset is not None else None,
        )
        await replica.open()
        life.on_stop("replica file", replica.close)
        state = cls(name, nc, log, fold, replica, Writer(log, replica))
        following = life.spawn("replica", state._follow(settings.home if makes_config else None))

        async def unfollow() -> None:
            following.cancel()
            await asyncio.wait({following})

        life.on_stop("replica", unfollow)
        life.spawn("report of the replica", tell_replica(nc, replica, name, settings.region))
        return state

    async def _follow(self, makes_config_at: str | None) -> None:
        while makes_config_at is not None:
            try:
                await ensure_config(self.nc, makes_config_at)
                break
            except LogUnavailable as error:
                logger("control").warning("no stream CONFIG yet", why=str(error), retry_s=STREAMS_RETRY_S)
                await asyncio.sleep(STREAMS_RETRY_S)
        await follow_beacons(self.nc, self.replica.on_beacon)
        await self.replica.run()

    async def complete(self) -> None:
        """Until the replica has once reached the head that it first saw, in this process or an earlier one."""
        while not self.replica.is_complete:
            try:
                await self.replica.wait_complete(COMPLETE_REPORT_S)
            except LogUnavailable as error:
                logger("control").warning("the replica is not complete yet", why=str(error), position=self.replica.covered)

    async def existing_tenant(self, tenant: TenantId) -> TenantId:
        """The tenant, which exists; where this replica does not know it the head is looked at. Raises Refusal (NOT_FOUND)."""
        if tenant not in self.directory.tenants:
            await self.catch_up()
        return existing_tenant(self.directory, tenant)

    async def catch_up(self) -> None:
        """Until the replica covers what the log's head is now. Raises LogUnavailable."""
        await self.replica.catch_up(CATCH_UP_LIMIT_S)

    async def write(self, command: Command, options: common_pb2.WriteOptions, *, actor: str = "") -> common_pb2.Receipt:
        """Carries out a command for the caller of the request (or `actor`). Raises Refusal, Conflict, LogUnavailable."""
        written = await self.execute(command, options, actor=actor)
        time = Timestamp()
        time.FromDatetime(written.time)
        return common_pb2.Receipt(position=written.position, commit_id=written.commit_id, time=time, repeated=written.is_repeated)

    async def execute(self, command: Command, options: common_pb2.WriteOptions, *, actor: str = "") -> Written:
        """`write`, with the log's own answer."""
        if len(options.request_id) > REQUEST_ID_LIMIT or not all("\x21" <= character <= "\x7e" for character in options.request_id):
            raise invalid(
                "REQUEST_ID_INVALID",
                "write.request_id",
                f"a request id is 1 to {REQUEST_ID_LIMIT} printable ASCII characters without blanks",
            )
        asker = None if actor else authentication.current()
        return await self.writer.execute(
            command,
            lambda asked: decide(self.directory, asked),
            actor=asker.actor if asker else actor,
            source=asker.source if asker else "",
            person=asker.person if asker else "",
            tenant=command.tenant,
            request_id=options.request_id,
            request_hash=fingerprint(command),
            expected_version=options.expected_version if options.HasField("expected_version") else None,
            trace_parent=telemetry.trace_parent(),
        )


class _Fold:
    """The directory that is in place, and the one that is being folded: the same but during a rebuild."""

    def __init__(self, on_fact: OnFact | None, on_covered: OnCovered | None, on_reset: OnReset | None) -> None:
        self.directory = Directory()
        self._next = self.directory
        self._is_in_use = False
        self._on_fact = on_fact
        self._on_covered = on_covered
        self._on_reset = on_reset

    def on_fact(self, fact: Fact) -> None:
        self._next.apply(fact)
        if self._on_fact is not None:
            self._on_fact(fact)

    def on_covered(self, position: Position) -> None:
        self.directory = self._next
        self._is_in_use = True
        if self._on_covered is not None:
            self._on_covered(position)

    def on_reset(self) -> None:
        self._next = Directory()
        if not self._is_in_use:
            # A file that was found damaged half-way: what was folded of it is worth less than nothing.
            self.directory = self._next
        if self._on_reset is not None:
            self._on_reset()
