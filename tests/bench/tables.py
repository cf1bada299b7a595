"""An edge's tables at the size of design §10: 1,000,000 addresses, 100,000 domains, 200,000 prefixes. Memory, time to be ready, look-ups.

`make bench BENCH_ARGS="--only tables"`: for each size a replica's file; a fresh process reads it as an edge does when it starts, and then a
real edge, with NATS and auth dead, goes from its start to its first answer. Nothing here is a test.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from helpers.edge import seconds_to_answer
from helpers.nats import NatsServer
from helpers.platform import free_loopback
from helpers.ports import free_port
from helpers.replica_file import write_file
from helpers.service import ServiceProcess
from options import Options

from trunkline.domain.directory import Directory
from trunkline.domain.events import (
    AclAttached,
    AclCreated,
    AddressAdded,
    DeckActivated,
    DeckRow,
    DeckRowsAdded,
    DeckStarted,
    DomainCreated,
    Event,
    Kind,
    Position,
    TenantCreated,
    TenantId,
)
from trunkline.domain.facts import Fact
from trunkline.edge.key_cache import KeyCache
from trunkline.edge.key_ring import KeyRing, SigningKey, response_of
from trunkline.edge.tables import TableFeed
from trunkline.eventlog.replica import Replica
from trunkline.eventlog.sqlite import SqliteLog

REALM = "sip.example.com"
SIZES = {"small": (10_000, 1_000, 2_000), "large": (1_000_000, 100_000, 200_000)}
"""Addresses, domains, prefixes."""

ACLS_A_TENANT = 10
ROWS_A_CHUNK = 500
RESTARTS = 3
LOOKUPS = 50_000


def facts(addresses: int, domains: int, prefixes: int) -> Iterator[Fact]:
    """As a log has them: a tenant has ten ACLs and ten domains, each with one of the ACLs; each ACL has its share of the addresses."""
    position = 0

    def fact(kind: Kind, tenant: str, aggregate: str, event: Event, version: int) -> Fact:
        nonlocal position
        position += 1
        return Fact(Position(position), kind, TenantId(tenant), aggregate, event, version)

    share = addresses // domains
    for number in range(domains):
        tenant, acl, label = f"t{number // ACLS_A_TENANT}", f"ACL_{number}", f"d{number}"
        if number % ACLS_A_TENANT == 0:
            yield fact(Kind.TENANT, tenant, tenant, TenantCreated("Bench"), 1)
        yield fact(Kind.ACL, tenant, acl, AclCreated(), 1)
        for at in range(share):
            yield fact(Kind.ACL, tenant, acl, AddressAdded(address(number * share + at)), 2 + at)
        yield fact(Kind.DOMAIN, tenant, label, DomainCreated(label), 1)
        yield fact(Kind.DOMAIN, tenant, label, AclAttached(acl), 2)
    yield fact(Kind.DECK, "", "deck", DeckStarted(1, prefixes, "EUR"), 1)
    for version, at in enumerate(range(0, prefixes, ROWS_A_CHUNK), start=2):
        rows = tuple(DeckRow(str(1_000_000 + number), f"carrier-{number % 20}", 1, 1, 10_000) for number in range(at, at + ROWS_A_CHUNK))
        yield fact(Kind.DECK, "", "deck", DeckRowsAdded(1, rows), version)
    yield fact(Kind.DECK, "", "deck", DeckActivated(1), 2 + prefixes // ROWS_A_CHUNK)


def address(number: int) -> str:
    return f"{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.7/32"


def resident_mb(process: int | str = "self") -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def measure(path: Path, addresses: int, domains: int, prefixes: int) -> dict[str, float]:
    """In this process, which should be fresh: memory that was freed is not given back."""
    feed = TableFeed(REALM, "eu1", lambda: 0)
    log = await SqliteLog.open(path.with_name("log.sqlite"))
    replica = Replica(
        log,
        path,
        on_fact=feed.on_fact,
        on_covered=feed.on_covered,
        on_reset=feed.on_reset,
        packed=feed.packed,
        keeps_versions=False,
    )
    gc.disable()
    before_mb, began_s, began_cpu_s = resident_mb(), time.perf_counter(), time.process_time()
    await replica.open()
    filled_s, filled_cpu_s, after_mb = time.perf_counter() - began_s, time.process_time() - began_cpu_s, resident_mb()
    await replica.close()
    await log.close()
    share = addresses // domains
    asked = [(f"d{n}.{REALM}", address(n * share).partition("/")[0]) for n in (at * 7_919 % domains for at in range(LOOKUPS))]
    refused = [(host, "203.0.113.1") for host, _ in asked]
    return {
        "tables_mb": round(after_mb - before_mb, 1),
        "fill_s": round(filled_s, 2),
        "fill_cpu_s": round(filled_cpu_s, 2),
        "admit_us": round(_lookup_us(feed, asked), 2),
        "refuse_us": round(_lookup_us(feed, refused), 2),
        "route_first_us": round(_route_us(feed.directory, prefixes), 2),
        "route_us": round(_route_us(feed.directory, prefixes), 2),
    }


async def restart(folder: Path, replica: Path) -> dict[str, float]:
    """A real edge whose disk has this replica and keys; nobody else is there."""
    loopback = free_loopback()
    sip = f"{loopback}.1.1:5060"
    edge = ServiceProcess("edge", folder, NatsServer(folder / "nats"), pop="eu1", listen=[sip], auth_addresses=[f"127.0.0.1:{free_port()}"])
    edge.state_dir.mkdir(parents=True)
    replica.rename(edge.state_dir / "replica.sqlite")
    key = SigningKey(1, bytes(32), 0, 2**32)
    KeyCache(edge.state_dir, edge.name).store(response_of(KeyRing(nonce_keys=(key,), token_keys=(key,))), 2**32)
    taken: list[float] = []
    for _ in range(RESTARTS):
        began_s = time.monotonic()
        await edge.start(is_awaited=False)
        await asyncio.to_thread(seconds_to_answer, sip, 120.0)
        taken.append(time.monotonic() - began_s)
        edge_mb = resident_mb(edge.pid)
        await edge.kill()
    return {"ready_s": round(min(taken), 2), "ready_last_s": round(taken[-1], 2), "edge_mb": round(edge_mb, 1)}


def _lookup_us(feed: object, asked: list[tuple[str, str]]) -> float:
    explain = feed.tables.explain  # type: ignore[attr-defined]
    began_s = time.perf_counter()
    for host, source in asked:
        explain(host=host, source=source)
    return (time.perf_counter() - began_s) * 1e6 / len(asked)


def _route_us(directory: Directory, prefixes: int) -> float:
    numbers = [f"{1_000_000 + at * 7_919 % prefixes}1234" for at in range(LOOKUPS)]
    began_s = time.perf_counter()
    for number in numbers:
        assert directory.routes.find(number) is not None
    return (time.perf_counter() - began_s) * 1e6 / LOOKUPS


def rows(options: Options) -> list[dict[str, object]]:
    """One for each size, each in processes of its own."""
    found: list[dict[str, object]] = []
    for name, size in SIZES.items():
        folder = options.folder / f"tables-{name}"
        folder.mkdir(parents=True)
        path = folder / "replica.sqlite"
        asyncio.run(_write(path, size))
        done = subprocess.run([sys.executable, __file__, name, path], capture_output=True, text=True, check=True, env=_environment())
        row = dict(zip(("addresses", "domains", "prefixes"), size, strict=True)) | json.loads(done.stdout)
        found.append(row | asyncio.run(restart(folder, path)))
    return found


async def _write(path: Path, size: tuple[int, int, int]) -> None:
    store = await write_file(facts(*size), path)
    await store.close()


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(Path(sys.argv[2]), *SIZES[sys.argv[1]]))))
