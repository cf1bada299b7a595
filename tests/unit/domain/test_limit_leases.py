"""Shares of limits over a network that loses, copies, delays and turns messages round, with edges and owners that die and come back.

What is held: calls that were admitted under a share whose lease runs are never more than the limit. Calls over and above (`slack`) are
those in progress when their edge dies or its lease lapses, and those of an edge without a lease, which are never more than its fair part.
And nothing leaks: when the network is whole again, one edge gets all of the limit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trunkline.domain.class_of_service import Limit, LimitKey, Limits
from trunkline.domain.limit_holder import Holder, Reached
from trunkline.domain.limit_owner import SILENCE_S, Owner
from trunkline.domain.limit_shares import LEASE_S, MILLI, OWNER_MARGIN_S, Grant, Report, allot, fair_calls

KEY = LimitKey("acme", "")
EDGES = ("eu1", "us1", "apac1")


@dataclass
class Call:
    is_slack: bool


@dataclass
class Node:
    """An edge: its machine, its calls, and how fast its clock runs."""

    name: str
    holder: Holder
    rate: float = 1.0
    is_cut: bool = False
    calls: list[Call] = field(default_factory=list)
    lost: list[Call] = field(default_factory=list)
    """Of runs that were killed: they go on, and nobody counts them."""


class World:
    """Virtual time; messages lie in `wire` until they are delivered, copied or lost."""

    def __init__(self, limit: int, names: tuple[str, ...] = EDGES, rate: int = 0) -> None:
        self.now_s = 1000.0
        self.limits = Limits(limit, rate)
        self.names = names
        self.boots = 0
        self.terms = 0
        self.nodes = {name: Node(name, self._holder(name)) for name in names}
        self.wire: list[tuple[str, Report | Grant]] = []
        self.owner: Owner | None = None
        self.start_owner()

    def _holder(self, name: str) -> Holder:
        self.boots += 1
        return Holder(name, self.boots, len(self.names))

    @property
    def limit(self) -> Limit:
        return Limit(KEY, self.limits.max_calls, self.limits.max_calls_per_second)

    def clock(self, node: Node) -> float:
        return 5_000 + self.now_s * node.rate

    def start_owner(self) -> None:
        self.owner = Owner(self.names, lambda _: self.limits, now_s=self.now_s)

    def restart(self, name: str) -> None:
        node = self.nodes[name]
        node.lost += node.calls
        node.calls = []
        for call in node.lost:
            call.is_slack = True
        node.holder = self._holder(name)

    def call(self, name: str) -> Reached | None:
        node = self.nodes[name]
        self.lapse(node)
        now_s = self.clock(node)
        is_leased = node.holder.is_leased(now_s)
        refused = node.holder.admit(now_s, [self.limit])
        if refused is None:
            # A limit of fewer calls than there are edges: each may have one before anything is known of it.
            is_small = self.limits.max_calls < len(self.names) and KEY not in node.holder._shares
            node.calls.append(Call(not is_leased or is_small))
            if not is_leased:
                assert len(node.calls) <= fair_calls(self.limits.max_calls, len(self.names))
        return None if refused is None else refused[1]

    def end(self, name: str, index: int) -> None:
        node = self.nodes[name]
        if node.calls:
            node.calls.pop(index % len(node.calls))
            node.holder.release([KEY])

    def lapse(self, node: Node) -> None:
        if not node.holder.is_leased(self.clock(node)):
            for call in node.calls:
                call.is_slack = True

    def report(self, name: str) -> None:
        node = self.nodes[name]
        self.lapse(node)
        self.wire.append((name, node.holder.report(self.clock(node))))

    def tick_owner(self) -> None:
        if self.owner is not None:
            self.terms += 1
            self.owner.stand_up(self.now_s, self.terms)
            self.wire += [(grant.edge, grant) for grant in self.owner.changes(self.now_s)]

    def deliver(self, index: int, *, is_copied: bool = False) -> None:
        if not self.wire:
            return
        at = index % len(self.wire)
        name, message = self.wire[at] if is_copied else self.wire.pop(at)
        if self.nodes[name].is_cut:
            return
        if isinstance(message, Grant):
            node = self.nodes[name]
            self.lapse(node)
            node.holder.on_grant(self.clock(node), message)
        elif self.owner is not None:
            grant = self.owner.on_report(self.now_s, message)
            if grant is not None:
                self.wire.append((name, grant))

    def settle(self, seconds: float, step_s: float = 0.25) -> None:
        """Time with a network that works."""
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self.tick_owner()
            for name in self.names:
                self.report(name)
            while self.wire:
                self.deliver(0)

    def check(self) -> None:
        for node in self.nodes.values():
            self.lapse(node)
        counted = sum(not call.is_slack for node in self.nodes.values() for call in node.calls)
        assert counted <= self.limits.max_calls, {name: [call.is_slack for call in node.calls] for name, node in self.nodes.items()}


class Faults(RuleBasedStateMachine):
    limit = 5

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.limit)
        # An owner that has stood for long, as it does nearly always; others come with `kill_owner`.
        self.world.settle(SILENCE_S + LEASE_S + 1)

    names = st.sampled_from(EDGES)
    indexes = st.integers(0, 7)

    @rule(name=names, times=st.integers(1, 6))
    def calls(self, name: str, times: int) -> None:
        for _ in range(times):
            self.world.call(name)

    @rule(name=names, index=indexes)
    def ends(self, name: str, index: int) -> None:
        self.world.end(name, index)

    @rule(name=names)
    def reports(self, name: str) -> None:
        self.world.report(name)

    @rule()
    def owner_looks(self) -> None:
        self.world.tick_owner()

    @precondition(lambda self: self.world.wire)
    @rule(index=indexes, is_copied=st.booleans())
    def delivers(self, index: int, is_copied: bool) -> None:
        self.world.deliver(index, is_copied=is_copied)

    @precondition(lambda self: self.world.wire)
    @rule(index=indexes)
    def loses(self, index: int) -> None:
        self.world.wire.pop(index % len(self.world.wire))

    @rule(seconds=st.sampled_from((0.05, 0.5, 2.0, LEASE_S - 0.1, LEASE_S + OWNER_MARGIN_S)))
    def time_passes(self, seconds: float) -> None:
        self.world.now_s += seconds

    @rule(seconds=st.sampled_from((0.2, 0.5, 1.5, SILENCE_S + LEASE_S + 1)))
    def works_well(self, seconds: float) -> None:
        self.world.settle(seconds)

    @rule(name=names)
    def dies_and_starts(self, name: str) -> None:
        self.world.restart(name)

    @rule(name=names, is_cut=st.booleans())
    def link(self, name: str, is_cut: bool) -> None:
        self.world.nodes[name].is_cut = is_cut

    @rule(name=names, rate=st.sampled_from((0.95, 1.0, 1.05)))
    def clock_runs(self, name: str, rate: float) -> None:
        node = self.world.nodes[name]
        node.rate = rate
        # The clock must not jump: a new one is a new run.
        self.world.restart(name)

    @rule()
    def kill_owner(self) -> None:
        self.world.start_owner()

    @invariant()
    def is_within_the_limit(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        nothing_leaks(self.world)


def nothing_leaks(world: World) -> None:
    """All calls end, the links are mended: whoever wants all of the limit gets it, and the others nothing."""
    for node in world.nodes.values():
        node.is_cut = False
        while node.calls:
            world.end(node.name, 0)
    world.settle(SILENCE_S + LEASE_S + 2)
    for _ in range(4):
        world.settle(2)
        for _ in range(world.limits.max_calls):
            world.call("us1")
    world.settle(1)
    assert len(world.nodes["us1"].calls) == world.limits.max_calls
    assert [world.call(name) for name in world.names] == [Reached.CALLS] * len(world.names)


class FewerCallsThanEdges(Faults):
    limit = 1


_OFTEN = settings(
    max_examples=60,
    stateful_step_count=40,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestFaults = Faults.TestCase
TestFaults.settings = _OFTEN
TestFewerCallsThanEdges = FewerCallsThanEdges.TestCase
TestFewerCallsThanEdges.settings = _OFTEN


@pytest.mark.parametrize("seed", (*range(40), 209, 1047))
def test_whoever_calls_as_much_as_he_may_while_messages_are_late_lost_and_doubled_stays_within_the_limit(seed: int) -> None:
    draw = random.Random(seed)
    world = World(draw.choice((3, 5, 12, 40)))
    world.settle(SILENCE_S + LEASE_S + 1)
    for _ in range(600):
        world.now_s += draw.choice((0.0, 0.02, 0.1, 0.3))
        name = draw.choice(EDGES)
        for _ in range(draw.randint(0, 12)):
            world.call(name)
        for _ in range(draw.randint(0, 3 * len(world.nodes[name].calls) // 2)):
            world.end(name, 0)
        world.report(name)
        if draw.random() < 0.5:
            world.tick_owner()
        for _ in range(draw.randint(0, 4)):
            what = draw.random()
            if what < 0.05 and world.wire:
                world.wire.pop(draw.randrange(len(world.wire)))
            else:
                world.deliver(draw.randrange(8), is_copied=what > 0.9)
        fault = draw.random()
        if fault < 0.004:
            world.restart(draw.choice(EDGES))
        elif fault < 0.008:
            world.start_owner()
        elif fault < 0.012:
            node = world.nodes[draw.choice(EDGES)]
            node.is_cut = not node.is_cut
        elif fault < 0.02:
            world.now_s += LEASE_S
        world.check()
    nothing_leaks(world)


@pytest.fixture
def world() -> World:
    made = World(5)
    made.settle(SILENCE_S + LEASE_S + 1)
    return made


def test_five_calls_at_two_edges_and_the_sixth_is_refused_everywhere(world: World) -> None:
    placed = []
    for name in ("eu1", "us1", "eu1", "us1", "eu1"):
        placed.append(world.call(name))
        world.settle(1.0, 0.1)
    assert placed == [None] * 5
    assert [world.call(name) for name in EDGES] == [Reached.CALLS] * 3
    world.end("us1", 0)
    world.settle(1.0, 0.1)
    assert world.call("eu1") is None and world.call("us1") is Reached.CALLS


def test_a_dead_edges_calls_return_when_its_lease_is_over(world: World) -> None:
    for _ in range(5):
        assert world.call("eu1") is None
        world.settle(1.0, 0.1)
    world.nodes["eu1"].is_cut = True
    world.settle(LEASE_S)
    assert world.call("us1") is Reached.CALLS
    world.settle(1.5)
    assert world.call("us1") is None


def test_a_cut_off_edge_keeps_its_fair_part_and_no_more() -> None:
    world = World(6)
    world.settle(SILENCE_S + LEASE_S + 1)
    world.nodes["us1"].is_cut = True
    world.settle(LEASE_S + 1)
    assert [world.call("us1") for _ in range(3)] == [None, None, Reached.CALLS]
    world.settle(2)
    assert world.call("us1") is Reached.CALLS
    world.nodes["us1"].is_cut = False
    world.settle(1)
    assert sum(world.call("eu1") is None for _ in range(6)) <= 4, "its calls count again"


def test_a_new_owner_takes_over_what_edges_hold_and_refuses_nobody(world: World) -> None:
    for _ in range(4):
        assert world.call("eu1") is None
        world.settle(1.0, 0.1)
    world.start_owner()
    world.settle(SILENCE_S + 0.3)
    world.end("eu1", 0)
    assert world.call("eu1") is None
    assert world.nodes["eu1"].holder.is_leased(world.clock(world.nodes["eu1"]))
    world.settle(LEASE_S + 1)
    assert world.call("eu1") is None and [world.call(name) for name in EDGES] == [Reached.CALLS] * 3


def test_a_new_owner_gives_an_edge_that_has_nothing_no_fair_part_of_what_another_holds(world: World) -> None:
    for _ in range(5):
        assert world.call("eu1") is None
        world.settle(1.0, 0.1)
    assert world.call("us1") is Reached.CALLS
    # Until nobody wants any there: it is told of as not in use.
    world.settle(120.0)
    world.start_owner()
    world.now_s += SILENCE_S
    world.tick_owner()
    # It hears us1 first, and eu1's five calls count under a lease that runs.
    world.report("us1")
    while world.wire:
        world.deliver(0)
    assert world.call("us1") is Reached.CALLS
    world.check()


def test_of_two_owners_the_one_with_the_lower_term_stands_by(world: World) -> None:
    first = world.owner
    assert first is not None and first.term
    second = Owner(EDGES, lambda _: world.limits, now_s=world.now_s)
    assert not second.stand_up(world.now_s + SILENCE_S / 2, 10_000)
    second.on_other(world.now_s + SILENCE_S / 2, first.term)
    assert not second.stand_up(world.now_s + SILENCE_S, 10_000), "the other was heard a second ago"
    assert second.stand_up(world.now_s + 2 * SILENCE_S, 10_000) and second.term == 10_000
    first.on_other(world.now_s, second.term)
    assert first.term == 0 and first.on_report(world.now_s, world.nodes["eu1"].holder.report(0)) is None


def test_calls_a_second_are_as_many_as_the_limit_wherever_they_come() -> None:
    world = World(0, rate=10)
    world.settle(SILENCE_S + LEASE_S + 1)
    draw = random.Random(1)
    for favourite in ("eu1", "us1"):
        admitted = 0
        for second in range(20):
            for _ in range(10):
                world.settle(0.1, 0.1)
                for _ in range(4):
                    name = favourite if draw.random() < 0.9 else "apac1"
                    admitted += second >= 10 and world.call(name) is None
        assert 0.85 * 10 * 10 <= admitted <= 10 * 10 + 10 + 3, f"{favourite}: {admitted} in ten seconds"
    assert world.limits.max_calls_per_second * MILLI == 10_000


def test_a_call_that_breaks_one_limit_counts_against_none() -> None:
    holder = Holder("eu1", 1, 1)
    domain = Limit(LimitKey("acme", "shop"), 1, 0)
    tenant = Limit(KEY, 2, 0)
    assert holder.admit(0.0, [domain, tenant]) is None
    assert holder.admit(0.0, [domain, tenant]) == (domain, Reached.CALLS)
    assert holder.admit(0.0, [tenant]) is None
    assert holder.admit(0.0, [tenant]) == (tenant, Reached.CALLS)
    holder.release([domain.key, KEY])
    assert [(key.domain, calls) for key, calls, _, _ in holder.uses(0.0)] == [("shop", 0), ("", 1)]
    holder.restore([KEY])
    assert holder.admit(0.0, [domain, tenant]) == (tenant, Reached.CALLS)


@pytest.mark.parametrize(
    ("limit", "used", "wanted", "shares"),
    [
        (6, (0, 0, 0), (0, 0, 0), [2, 2, 2]),
        (5, (0, 0, 0), (0, 0, 0), [2, 2, 1]),
        (5, (3, 0, 0), (4, 0, 0), [4, 1, 0]),
        (5, (4, 0, 0), (5, 0, 0), [5, 0, 0]),
        (5, (3, 2, 0), (9, 9, 9), [3, 2, 0]),
        (5, (4, 4, 0), (9, 9, 9), [4, 4, 0]),
        (4, (1, 0, 0), (3, 1, 0), [3, 1, 0]),
        (10, (0, 0, 0), (30, 10, 0), [8, 2, 0]),
        (7, (), (), []),
    ],
)
def test_a_limit_is_shared_out_by_use_then_by_want_then_evenly(
    limit: int, used: tuple[int, ...], wanted: tuple[int, ...], shares: list[int]
) -> None:
    assert allot(limit, used, wanted) == shares
