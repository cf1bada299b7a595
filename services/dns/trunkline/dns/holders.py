"""Who holds the zone: the seam behind which the drivers stand ([ADR 16](docs/adr/0016-dns-drivers.md))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trunkline.dns.copies import Change, Copy, Sets
from trunkline.domain.events import Position


class HolderProblem(Exception):
    """The holder could not be read or written; the text says which, why, and what to do. Try again later."""


class Overtaken(HolderProblem):
    """Somebody else of us has written since the copy was read: read it again."""


class Holder(Protocol):
    """An authoritative server, or a file for one. One task uses it."""

    @property
    def name(self) -> str:
        """Which, for people."""

    async def read(self) -> Copy:
        """What it holds now, without what is not ours to keep. Raises HolderProblem."""

    async def write(self, changes: Sequence[Change], wanted: Sets, before: Position | None, position: Position) -> None:
        """Brings it to `wanted`, from which it differs by `changes` (one at least), and notes `position`. Raises Overtaken where it is no
        more at `before`, and HolderProblem; then part of it may have been written."""


def is_ours(name: str, realm: str, kept: frozenset[str]) -> bool:
    """Whether a name below the realm is for us to keep: not the realm itself, not `kept` labels and what is below them, and not the proofs
    of ownership that authorities of certificates ask for."""
    if name == realm or not name.endswith(f".{realm}"):
        return False
    labels = name.removesuffix(f".{realm}").split(".")
    return labels[-1] not in kept and labels[0] != "_acme-challenge"
