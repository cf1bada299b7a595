"""The event feed: a tenant's commits as they stand in the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.events.v1 import commit_pb2
from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.domain.errors import failed_precondition
from trunkline.domain.events import Position, TenantId
from trunkline.eventlog.log import EventLog, StoredCommit

MAX_FEEDS: Final = 64
"""Followed at once: each reads the whole log through its own consumer."""


class Feed:
    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._open = 0

    async def tail(self, tenant: TenantId | None, from_position: int, *, is_finite: bool) -> AsyncGenerator[pb.TailEventsResponse]:
        """The tenant's commits from a position on, oldest first; None: everybody's. Ends at the head where `is_finite`, else never.

        Raises Refusal where too many are open, LogUnavailable.
        """
        if self._open >= MAX_FEEDS:
            raise failed_precondition("TOO_MANY_FEEDS", f"{MAX_FEEDS} event feeds are open.", "Close some, or ask another instance.")
        self._open += 1
        try:
            head = await self._log.head() if is_finite else None
            first = max(from_position, 1)
            if head is not None and first > head:
                return
            # The engines of the log are asynchronous generators; closing them ends their consumer at once.
            async with aclosing(self._log.groups(Position(first))) as groups:  # type: ignore[type-var]
                async for group in groups:
                    for stored in group:
                        if head is not None and stored.position > head:
                            return
                        if tenant is None or stored.commit.tenant == tenant:
                            yield _shown(stored, tenant)
                    if head is not None and group[-1].position >= head:
                        return
        finally:
            self._open -= 1


def _shown(stored: StoredCommit, tenant: TenantId | None) -> pb.TailEventsResponse:
    time = Timestamp()
    time.FromDatetime(stored.stored_time)
    return pb.TailEventsResponse(position=stored.position, commit=shown_commit(stored, tenant), stored_time=time)


def shown_commit(stored: StoredCommit, tenant: TenantId | None) -> commit_pb2.Commit:
    """As it stands in the log, without what is derived from secrets; to a tenant without address and name of whoever is not of it."""
    commit = commit_pb2.Commit.FromString(stored.body)
    for event in commit.events:
        match event.WhichOneof("event"):
            case "credential_set":
                event.credential_set.ClearField("sealed")
            case "api_key_created":
                event.api_key_created.ClearField("key_hash")
            case _:
                continue
    if tenant is not None and not commit.actor.startswith(f"tenant:{tenant}/"):
        commit.ClearField("source")
        commit.ClearField("person")
    return commit
