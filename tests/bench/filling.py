"""A records file as the service would have made it from so many calls: facts as an edge's journal has them, through the projection.

Records are written by `Projection.apply` alone, in large transactions on a connection that does not wait for the disk. Each processor
makes one stretch of time in a file of its own; then the stretches are put together, and the indexes that only questions need are made. Nine
of ten calls are one tenant's, evenly over the last 30 days.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import aiosqlite

from trunkline.api.events.v1 import call_pb2
from trunkline.records.projection import Projection, StreamMessage
from trunkline.records.sums import ADD_USAGE, teach

SPAN_S: Final = 30 * 86_400
PARTS: Final = 2
PORTION: Final = 20_000
"""Calls of a transaction."""
CACHE_KIB: Final = 1 << 20
LIVE: Final = 500
"""The newest calls have no end yet."""

POPS: Final = ("eu1", "eu2", "us1", "us2", "apac1", "apac2")
CARRIERS: Final = ("alpha", "beta", "gamma", "delta")
DOMAINS: Final = tuple(f"d{number}" for number in range(12))
REASONS: Final = ("T201", "T203", "T204", "T301", "T303", "T401", "T501", "T502")
PREFIXES: Final = ("31", "32", "33", "34", "44", "45", "49", "1212", "1415", "61", "81", "91")
RARE_DOMAIN: Final = "seldom"
RARE_PREFIX: Final = "247"
EVERY: Final = 10_000
"""One call of so many is to the rare domain, and one to the rare prefix."""

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000


def fill(path: Path, *, calls: int, tenant: str, until_s: int, position: int = 1, pops: Sequence[str] = POPS) -> float:
    """Seconds that it took. The file must not be there; the last call begins just before `until_s`, decided at `position` of the log."""
    began_s = time.monotonic()
    making = Making(calls, tenant, until_s, position=position, live=LIVE, pops=tuple(pops))
    bounds = [calls * part // PARTS for part in range(PARTS + 1)]
    parts = [path, *(path.with_name(f"{path.name}.part-{part}") for part in range(1, PARTS))]
    with ProcessPoolExecutor(PARTS, mp_context=get_context("spawn")) as pool:
        made = [pool.submit(_make, each, replace(making, edge=f"edge-{k}"), bounds[k], bounds[k + 1]) for k, each in enumerate(parts)]
        for each in made:
            each.result()
    print(f"  folded after {time.monotonic() - began_s:.0f} s", flush=True)
    asyncio.run(_put_together(path, parts[1:]))
    return time.monotonic() - began_s


def _make(path: Path, making: Making, first: int, end: int) -> None:
    asyncio.run(_apply(path, making, first, end))


async def _apply(path: Path, making: Making, first: int, end: int) -> None:
    await (await Projection.open(path)).close()
    async with aiosqlite.connect(path, isolation_level=None) as database:
        await _hurry(database)
        for (name,) in await database.execute_fetchall(_INDEXES.format("name")):
            if name != "facts_by_call":
                await database.execute(f"DROP INDEX {name}")
        await teach(database)
        projection = Projection(database, 0, "")
        for message in making.messages(first, end):
            applied = await projection.apply([message])
            if applied.rejected:
                raise RuntimeError(f"{applied.rejected} lines of ours were set aside")


async def _put_together(path: Path, parts: Sequence[Path]) -> None:
    model = path.with_name(f"{path.name}.model")
    await (await Projection.open(model)).close()
    async with aiosqlite.connect(model) as database:
        indexes = [sql for (sql,) in await database.execute_fetchall(_INDEXES.format("sql"))]
    model.unlink()
    merge = ADD_USAGE[ADD_USAGE.index("ON CONFLICT") :]
    async with aiosqlite.connect(path, isolation_level=None) as database:
        await _hurry(database)
        await teach(database)
        await database.execute("DROP INDEX facts_by_call")
        columns = ", ".join(row[1] for row in await database.execute_fetchall("PRAGMA table_info (records)") if row[1] != "id")
        for part in parts:
            await database.execute("ATTACH ? AS part", (str(part),))
            await database.executescript(
                "BEGIN; INSERT INTO facts SELECT * FROM part.facts;"
                f" INSERT INTO records ({columns}) SELECT {columns} FROM part.records ORDER BY part.records.id;"
                f" INSERT INTO usage SELECT * FROM part.usage WHERE true {merge}; COMMIT; DETACH part;"
            )
            part.unlink()
        for sql in indexes:
            await database.execute(sql)


_INDEXES: Final = "SELECT {} FROM sqlite_schema WHERE sql LIKE 'CREATE INDEX%'"
"""All but those that a table cannot be without."""


async def _hurry(database: aiosqlite.Connection) -> None:
    for pragma in ("journal_mode = MEMORY", "synchronous = OFF", f"cache_size = -{CACHE_KIB}", "threads = 2"):
        await database.execute(f"PRAGMA {pragma}")


@dataclass(frozen=True, slots=True)
class Making:
    """Calls evenly over `span_s` until `until_s`. The last `live` have no end; `edge` tells one making from another, `portion` is how many
    calls there are in a message."""

    calls: int
    tenant: str
    until_s: int
    position: int = 1
    live: int = 0
    span_s: int = SPAN_S
    portion: int = PORTION
    edge: str = "edge-0"
    pops: Sequence[str] = POPS

    def messages(self, first: int = 0, end: int | None = None) -> Iterator[StreamMessage]:
        """Calls `first` to below `end`, as they would stand in the stream: all facts of a portion in one message."""
        chance = random.Random(self.edge)
        ids = itertools.count(1)
        numbers = iter(range(first, self.calls if end is None else end))
        for sequence in itertools.count(1):
            lines = [line for number in itertools.islice(numbers, self.portion) for line in self._lines(chance, number, ids)]
            if not lines:
                return
            batch = call_pb2.CallFactBatch(edge=self.edge, segment="1-0", offset=sequence, lines=b"\n".join(lines) + b"\n")
            yield StreamMessage(sequence, batch.SerializeToString())

    def _lines(self, chance: random.Random, number: int, ids: Iterator[int]) -> Iterator[bytes]:
        step_ns = self.span_s * _NS_PER_S // self.calls
        setup_ns = self.until_s * _NS_PER_S - (self.calls - number) * step_ns + chance.randrange(_NS_PER_MS)
        tenant = self.tenant if number % 10 else f"tenant{number // 10 % 100}"
        call = f"{chance.getrandbits(128):032x}"
        for at_ns, kind, body in self._facts(chance, number, tenant):
            fact = {"call": call, "id": f"1-{next(ids)}", "time_ns": setup_ns + at_ns, kind: body}
            yield _ENCODER.encode(fact).encode()

    def _facts(self, chance: random.Random, number: int, tenant: str) -> Iterator[tuple[int, str, dict[str, object]]]:
        """Nanoseconds after the INVITE, kind and content of each fact of a call: six of ten answered."""
        is_live = number >= self.calls - self.live
        prefix = RARE_PREFIX if number % EVERY == 77 else chance.choice(PREFIXES)
        domain = RARE_DOMAIN if number % EVERY == 33 else chance.choice(DOMAINS)
        host = f"{domain}.sip.trunkline.test"
        pop = chance.choice(self.pops)
        yield (
            0,
            "attempted",
            {
                "tenant": tenant, "domain": domain, "host": host, "number": f"{prefix}{chance.randrange(10**8):08}",
                "sip_call_id": f"{chance.getrandbits(64):016x}@pbx.example.com", "from_uri": f"sip:31200000{number % 1000:03}@{host}",
                "to_uri": f"sip:+{prefix}@{host}", "user_agent": "PBX 1.0", "source": "192.0.2.10:5060", "transport": "udp", "pop": pop,
                "edge": f"edge-{pop}", "acl": "IP", "account": f"3100{chance.randrange(40):04}", "position": self.position,
                "caller_id": f"+31200{chance.randrange(10_000):06}", "prefix": prefix,
            },
        )  # fmt: skip
        drawn = chance.random()
        if not is_live and 0.75 <= drawn < 0.9:
            yield 1000, "refused", {"status": 403, "reason": chance.choice(REASONS), "q850": 21, "facts": "made for the bench"}
            return
        carrier = chance.choice(CARRIERS)
        yield (
            2000,
            "gateway_tried",
            {
                "number": 1, "carrier": carrier, "gateway": f"{carrier}/g1", "address": "198.51.100.1:5060", "rate_micros": 12_000,
                "currency": "EUR", "initial_increment_s": 1, "next_increment_s": 1,
            },
        )  # fmt: skip
        ringing_ns = chance.randrange(100, 4000) * _NS_PER_MS
        yield ringing_ns, "progressed", {"number": 1, "status": 180}
        over_ns = ringing_ns + chance.randrange(1000, 20_000) * _NS_PER_MS
        if is_live or drawn < 0.6:
            yield over_ns, "answered", {"number": 1, "status": 200}
            if not is_live:
                yield over_ns + chance.randrange(300_000) * _NS_PER_MS, "ended", {"by": chance.choice(("caller", "callee")), "q850": 16}
        elif drawn < 0.75:
            yield over_ns, "failed", {"status": chance.choice((404, 480, 486, 503)), "q850": 17, "by": "carrier"}
        else:
            yield over_ns, "failed", {"status": 487, "by": "caller"}
