"""Every interleaving of so many events, from situations that matter, over the machines as they run (`unit.domain.limit_model`): limits are
never exceeded but by the slack that docs/limits.md tells, each call counts at its edge until its end is heard, and nothing leaks.

`test_limit_leases.py` draws longer histories by chance; here none of the short ones is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from unit.domain.limit_model import QUANTA_S, Message, Model, Step

from trunkline.domain import limit_holder, limit_owner
from trunkline.domain.class_of_service import LimitKey
from trunkline.domain.counted_calls import CountedCalls
from trunkline.domain.limit_holder import Holder
from trunkline.domain.limit_shares import LEASE_S, Grant, Share

FAULTS = {"copy": 1, "crash": 1, "disk": 0, "owner": 1, "end elsewhere": 1}


class Size(NamedTuple):
    edges: int
    limit: int
    quantum_s: float
    depth: int
    checked_for_leaks: int
    """Each so manieth state."""


SMALL = (Size(2, 2, QUANTA_S[1], 3, 30), Size(2, 3, QUANTA_S[0], 3, 30), Size(3, 2, QUANTA_S[1], 3, 30))
DEEPER = Size(2, 2, QUANTA_S[1], 4, 60)
LARGE = (Size(2, 2, QUANTA_S[0], 5, 400), Size(2, 2, QUANTA_S[1], 5, 400), Size(2, 3, QUANTA_S[1], 4, 100), Size(3, 3, QUANTA_S[1], 4, 100))
"""Ten seconds each on a quiet machine."""


def rounds(model: Model, number: int, *, without: str = "") -> None:
    """A network that works; one edge may be silent."""
    for _ in range(number):
        model.take(("wait", "", 0))
        for name in 2 * model.names:
            if name != without:
                model.take(("exchange", name, 0))
        model.wire = ()


def settled(size: Size) -> Model:
    """An owner that has stood for long, and edges with their shares; the last edge wants more than it has."""
    model = Model(size.edges, size.limit, dict(FAULTS), quantum_s=size.quantum_s, most_messages=4)
    rounds(model, 4)
    model.take(("call", model.names[-1], 0))
    return model


def busy(size: Size) -> Model:
    """The first edge has taken the whole limit. From here on disks may be lost."""
    model = Model(size.edges, size.limit, FAULTS | {"disk": 1}, quantum_s=size.quantum_s, most_messages=4)
    rounds(model, 4)
    for _ in range(3 * size.limit):
        model.take(("call", "edge0", 0))
        rounds(model, 1)
    assert len(model.running) == size.limit
    return model


def cut_off(size: Size) -> Model:
    """The busy edge is not heard for some time, in which the other wants its calls."""
    model = busy(size)
    model.take(("end", "edge0", next(iter(model.running))))
    rounds(model, 1, without="edge0")
    model.take(("call", "edge1", 0))
    return model


def dead(size: Size) -> Model:
    """The busy edge is dead, its calls go on, and the owner has given its share to others."""
    model = busy(size)
    model.take(("crash", "edge0", 0))
    model.faults["crash"] = 1
    rounds(model, 3, without="edge0")
    return model


def back(size: Size) -> Model:
    """It is up again and nobody has heard it yet; the other has used what it left, and one of its calls has ended elsewhere."""
    model = dead(size)
    for _ in range(2):
        model.take(("call", "edge1", 0))
        rounds(model, 1, without="edge0")
    model.take(("end elsewhere", "edge0", next(call for call, (name, _) in model.running.items() if name == "edge0")))
    model.wire = ()
    model.take(("start", "edge0", 0))
    return model


def leaderless(size: Size) -> Model:
    """A new owner that knows nothing, as edges with calls tell it what they hold."""
    model = settled(size)
    model.take(("owner dies", "", 0))
    model.take(("wait", "", 0))
    model.faults["owner"] = 1
    return model


def talk(model: Model, times: int) -> list[Message]:
    """Every edge reports, and all is delivered at once. What was."""
    said: list[Message] = []
    for name in times * model.names:
        model.take(("report", name, 0))
        while model.wire:
            said.append(model.wire[0])
            model.take(("deliver", "", 0))
    return said


def late(size: Size) -> Model:
    """The renewal of a lease was on its way for a quantum, while another edge wants what it is of."""
    model = settled(size)
    model.take(("report", "edge0", 0))
    model.take(("deliver", "edge0", 0))
    [renewal] = [message for message in model.wire if message.edge == "edge0"]
    model.take(("wait", "", 0))
    model.wire = (renewal,)
    model.take(("deliver", "edge0", 0))
    return model


def old_words(size: Size) -> Model:
    """A grant of all calls to the first edge is still on the wire, and another edge has them by now."""
    model = Model(size.edges, size.limit, dict(FAULTS), quantum_s=size.quantum_s, most_messages=4)
    rounds(model, 4)
    model.take(("call", "edge0", 0))
    said = talk(model, 2)
    [*_, grant] = [each for each in said if isinstance(each.body, Grant) and each.edge == "edge0" and each.body.shares]
    assert grant.body.shares[0].calls == size.limit, grant
    for call in list(model.running):
        model.take(("end", "edge0", call))
    # What was needed lately is needed for a while.
    model.now_s += 5.0
    for _ in range(3):
        model.take(("call", "edge1", 0))
        talk(model, 2)
    assert [name for name, _ in model.running.values()] == ["edge1"] * size.limit, model.running
    model.wire = (grant,)
    return model


SITUATIONS: tuple[Callable[[Size], Model], ...] = (settled, busy, cut_off, dead, back, leaderless, late, old_words)


def explored(start: Model, size: Size) -> int:
    """States reached by `size.depth` events, each checked; AssertionError with the events that led to one that is wrong."""
    seen = {start.key()}
    frontier: list[tuple[Model, tuple[Step, ...]]] = [(start, ())]
    for depth in range(size.depth):
        reached: list[tuple[Model, tuple[Step, ...]]] = []
        for model, way in frontier:
            for step in model.steps():
                after = model.clone()
                try:
                    after.take(step)
                    after.check()
                    key = after.key()
                    if key in seen:
                        continue
                    seen.add(key)
                    if len(seen) % size.checked_for_leaks == 0:
                        after.clone().nothing_leaks()
                except AssertionError as error:
                    raise AssertionError(f"{error}\nafter {[*way, step]}") from error
                if depth + 1 < size.depth:
                    reached.append((after, (*way, step)))
        frontier = reached
    return len(seen)


ALL = [
    *((situation, size) for size in SMALL for situation in SITUATIONS),
    *((situation, DEEPER) for situation in (settled, late)),
]


@pytest.mark.parametrize(
    ("situation", "size"),
    [*ALL, *(pytest.param(situation, size, marks=pytest.mark.slow) for size in LARGE for situation in SITUATIONS)],
    ids=lambda value: value.__name__ if callable(value) else "-".join(str(part) for part in value[:4]),
)
def test_whatever_happens_next_no_limit_is_exceeded_and_nothing_leaks(situation: Callable[[Size], Model], size: Size) -> None:
    states = explored(situation(size), size)
    print(f"{situation.__name__}: {states} states within {size.depth} events")
    assert states > 100


def _no_pending(edge: limit_owner._Edge, key: LimitKey, fair: Share) -> list[Share]:
    """As if an edge kept the new share from the moment on that it is given."""
    kept = edge.acked if edge.pending is None else edge.pending
    return [Share(key, 0, 0) if kept is None else kept.get(key, fair)]


def _believes_all(holder: Holder, now_s: float, grant: Grant) -> bool:
    """As if the order of grants did not matter."""
    if grant.shares is not None:
        holder._shares = {share.key: share for share in grant.shares}
        holder._lease_end_s = now_s + LEASE_S
    return True


def _restores_nothing(calls: CountedCalls, call: str, keys: tuple[LimitKey, ...], end_s: float) -> None:
    """As if an edge that is back knew of none of its calls."""


@pytest.mark.parametrize(
    ("owner", "name", "broken", "situation"),
    [
        (limit_owner, "_shares", _no_pending, settled),
        (limit_owner, "LEASE_S", 2.0, settled),
        (Holder, "on_grant", _believes_all, old_words),
        (Holder, "_lapse", lambda holder, now_s: None, busy),
        (CountedCalls, "restore", _restores_nothing, busy),
        (limit_holder, "fair_calls", lambda limit, edges: limit, busy),
    ],
    ids=[
        "pending shares are not counted",
        "forgotten too early",
        "old grants are believed",
        "no lease ends",
        "nothing is restored",
        "no fair part",
    ],
)
def test_a_broken_rule_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, broken: object, situation: Callable[[Size], Model]
) -> None:
    start = situation(DEEPER)
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(AssertionError, match="after"):
        explored(start, DEEPER)
