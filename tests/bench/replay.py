"""How fast a replica comes up: cold from the log of a real nats-server, and warm from its own file.

Two shapes of log: an event a commit (addresses added one by one) and ten events a commit; both fold into a Directory.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from figures import Row
from helpers.nats import NatsServer
from options import Options

from trunkline.domain.directory import Directory
from trunkline.domain.events import AclCreated, AddressAdded, Commit, Kind, TenantCreated, TenantId
from trunkline.eventlog.jetstream import JetStreamLog
from trunkline.eventlog.log import Expect
from trunkline.eventlog.replay import measure_replay
from trunkline.eventlog.streams import ensure_streams
from trunkline.eventlog.ulid import new_ulid
from trunkline.runtime.nats_client import connect

EVENTS = 20_000
ACL_EVENTS = 1_000
AT_ONCE = 8
"""Writers side by side: each waits for the disk, and the server answers within its limit."""
TENANT = TenantId("bench")


def _commit(kind: Kind, aggregate: str, version: int, *events: Any) -> Commit:
    return Commit(new_ulid(), kind, TENANT, aggregate, version, datetime.now(UTC), "bench", events)


def rows(options: Options) -> list[Row]:
    """One for each shape of the log."""
    return [{"events_per_commit": size} | asyncio.run(_measure(options.folder / f"replay-{size}", size)) for size in (1, 10)]


async def _measure(folder: Path, size: int) -> dict[str, int]:
    server = NatsServer(folder)
    await server.start()
    connection = await connect(server.url, tls=None, name="bench")
    try:
        await ensure_streams(connection, replicas=1)
        log = JetStreamLog(connection)
        await log.append([_commit(Kind.TENANT, TENANT, 1, TenantCreated("Bench"))], [Expect(f"config.tenant.{TENANT}.{TENANT}", 0)])
        bound = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_fill_acl(log, bound, f"ACL{number}", size) for number in range(EVENTS // ACL_EVENTS)))
        replayed = await measure_replay(log, folder / "replica.sqlite", lambda: Directory().apply)
        return {"cold_events_per_s": round(replayed.cold_events_per_s), "warm_events_per_s": round(replayed.warm_events_per_s)}
    finally:
        await connection.close()
        await server.stop()


async def _fill_acl(log: JetStreamLog, bound: asyncio.Semaphore, name: str, size: int) -> None:
    """ACL_EVENTS addresses in commits of `size` events, one after the other; the ACLs are filled side by side."""
    subject = f"config.acl.{TENANT}.{name}"
    (position,) = await log.append([_commit(Kind.ACL, name, 1, AclCreated())], [Expect(subject, 0)])
    added = [AddressAdded(f"10.{number >> 8}.{number & 255}.{int(name[3:])}/32") for number in range(ACL_EVENTS)]
    for at in range(0, ACL_EVENTS, size):
        commit = _commit(Kind.ACL, name, 2 + at // size, *added[at : at + size])
        async with bound:
            (position,) = await log.append([commit], [Expect(subject, position)])
