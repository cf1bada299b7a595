"""Where a change is enforced, as the edges of all points of presence said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb


@dataclass(frozen=True, slots=True)
class AtEdge:
    """`after_ms` is None where it is not enforced."""

    pop: str
    edge: str
    after_ms: float | None
    problem: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """By point of presence and edge. A point of presence has a change when all its edges have it: any of them may take the next call."""

    edges: Sequence[AtEdge]

    @property
    def pops(self) -> list[str]:
        return list(dict.fromkeys(each.pop for each in self.edges))

    @property
    def live(self) -> list[str]:
        """Points of presence that have it."""
        behind = {each.pop for each in self.edges if each.after_ms is None}
        return [pop for pop in self.pops if pop not in behind]

    @property
    def partly(self) -> list[tuple[str, int, int]]:
        """Points of presence of which some edges have it, and not all: how many, of how many."""
        found = []
        for pop in self.pops:
            edges = [each for each in self.edges if each.pop == pop]
            done = sum(each.after_ms is not None for each in edges)
            if 0 < done < len(edges):
                found.append((pop, done, len(edges)))
        return found

    @property
    def has_spares(self) -> bool:
        return len(self.edges) > len(self.pops)

    @property
    def slowest_ms(self) -> float:
        return max((each.after_ms for each in self.edges if each.after_ms is not None), default=0.0)


def receipt_of(answers: Iterable[pb.WaitAppliedResponse], time_ns: int) -> Receipt:
    """`time_ns` is when the change was written."""
    edges = [
        AtEdge(
            answer.pop,
            answer.edge,
            max((answer.applied_time.ToNanoseconds() - time_ns) / 1e6, 0.0) if answer.is_applied else None,
            answer.problem,
        )
        for answer in answers
    ]
    return Receipt(sorted(edges, key=lambda each: (each.pop, each.edge)))
