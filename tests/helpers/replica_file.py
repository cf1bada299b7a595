"""The file of a replica, written from facts as a replica writes it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from trunkline.domain.compaction import compaction
from trunkline.domain.events import Position
from trunkline.domain.facts import Fact
from trunkline.eventlog.codec import encode_event
from trunkline.eventlog.digest import EMPTY
from trunkline.eventlog.replica_store import Changes, ReplicaStore, RetainedRow, StoreState, place_of

FACTS_A_TRANSACTION = 50_000


async def write_file(facts: Iterable[Fact], path: Path) -> ReplicaStore:
    """Complete, up to the last fact; open."""
    store = await ReplicaStore.open(path)
    position, ordinal, coming = Position(0), 0, iter(facts)
    while group := list(islice(coming, FACTS_A_TRANSACTION)):
        changes = Changes()
        for fact in group:
            position, ordinal = fact.position, ordinal + 1 if fact.position == position else 0
            rule = compaction(fact)
            for key in rule.drops:
                changes.drop(key)
            if rule.key is not None:
                place, event = place_of(position, ordinal), encode_event(fact.event)
                changes.put(RetainedRow(place, rule.key, fact.kind.value, fact.tenant, fact.aggregate, fact.version, event))
        await store.write(changes, StoreState(position, EMPTY, "epoch", True))
    return store
