"""Which region is near to which: the order in which others stand in for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

NEAREST: Final[Mapping[str, tuple[str, ...]]] = {
    "eu": ("us", "apac"),
    "us": ("eu", "apac"),
    "apac": ("us", "eu"),
}
"""By the usual round-trip time between the places where carriers are met: about 80 ms Frankfurt to Ashburn, 160 ms Singapore to
Los Angeles, 170 ms Singapore to Frankfurt, 220 ms Ashburn to Singapore."""


def nearest_first(region: str, regions: Iterable[str]) -> list[str]:
    """`regions`, each once: `region` itself where it is among them, then as `NEAREST` says, then those it does not name, by name."""
    order = (region, *NEAREST.get(region, ()))
    return sorted(set(regions), key=lambda each: (order.index(each) if each in order else len(order), each))
