"""What is added up of records, as a row has it: one text for a place, which SQLite adds another to by a function of ours.

A row for each figure would be fifty times as many, most of a records file, and each record would change forty of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import aiosqlite

ADD_USAGE: Final = (
    "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (interval_s, tenant, start_s, domain, pop) DO UPDATE SET amounts = add_amounts(amounts, excluded.amounts)"
)
"""With a row of `trunkline.records.usage.Difference`, on a connection that was taught."""


async def teach(database: aiosqlite.Connection) -> None:
    """The function that ADD_USAGE needs."""
    await database.create_function("add_amounts", 2, _added, deterministic=True)


def text_of(amounts: Mapping[str, int]) -> str:
    """Without those that are 0."""
    return json.dumps({what: amount for what, amount in amounts.items() if amount}, separators=(",", ":"))


def amounts_in(text: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(text)
    return found


def add(total: dict[str, int], amounts: Mapping[str, int]) -> None:
    for what, amount in amounts.items():
        total[what] = total.get(what, 0) + amount


def _added(old: str, new: str) -> str:
    total = amounts_in(old)
    add(total, amounts_in(new))
    return text_of(total)
