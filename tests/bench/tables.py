"""An edge's tables at the size of design §10: 1,000,000 addresses, 100,000 domains, 200,000 prefixes. Memory, time to fill, look-ups.

`python tests/bench/tables.py`: each size in a process of its own, fed with the facts that a replica would tell, by the edge's own feed.
Not in it: reading the replica's file, which `replay.py` measures by the event. Nothing here is a test.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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

REALM = "sip.example.com"
SIZES = {"small": (10_000, 1_000, 2_000), "large": (1_000_000, 100_000, 200_000)}
"""Addresses, domains, prefixes."""

ACLS_A_TENANT = 10
ROWS_A_CHUNK = 500
COVERED_EVERY = 10_000
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


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def measure(addresses: int, domains: int, prefixes: int) -> dict[str, float]:
    """In this process, which should be fresh: memory that was freed is not given back."""
    from trunkline.edge.tables import TableFeed

    feed = TableFeed(REALM, "eu1", lambda: 0)
    before_mb, began_s = resident_mb(), time.perf_counter()
    for fact in facts(addresses, domains, prefixes):
        feed.on_fact(fact)
        if fact.position % COVERED_EVERY == 0:
            feed.on_covered(fact.position)
    feed.on_covered(fact.position)
    filled_s, after_mb = time.perf_counter() - began_s, resident_mb()
    share = addresses // domains
    asked = [(f"d{n}.{REALM}", address(n * share).partition("/")[0]) for n in (at * 7_919 % domains for at in range(LOOKUPS))]
    admitted = [_lookup_us(feed, asked), _lookup_us(feed, [(host, "203.0.113.1") for host, _ in asked])]
    return {
        "tables_mb": round(after_mb - before_mb, 1),
        "process_mb": round(after_mb, 1),
        "fill_s": round(filled_s, 2),
        "admit_us": round(admitted[0], 2),
        "refuse_us": round(admitted[1], 2),
        "route_us": round(_route_us(feed.directory, prefixes), 2),
    }


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


def rows(_: object) -> list[dict[str, object]]:
    """One for each size, each in a process of its own."""
    found: list[dict[str, object]] = []
    for name, (addresses, domains, prefixes) in SIZES.items():
        done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True)
        found.append({"addresses": addresses, "domains": domains, "prefixes": prefixes, **json.loads(done.stdout)})
    return found


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(measure(*SIZES[sys.argv[1]])))
        return 0
    for row in rows(None):
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
