"""Limits of a tenant and of two of its domains, with two owners of the shares, in a world that is split into parts, loses, copies and
delays messages, and loses edges, their disks, and owners. The machines are those that run: holders, counted calls, owners.

The world knows of each call why it may be above a limit (`Call.why`), and `check` holds that to what docs/limits.md says under *Slack*.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from trunkline.domain.class_of_service import Limit, LimitKey, Limits
from trunkline.domain.counted_calls import CountedCalls
from trunkline.domain.limit_holder import Holder, Reached
from trunkline.domain.limit_owner import SILENCE_S, Owner
from trunkline.domain.limit_shares import LEASE_S, OWNER_MARGIN_S, Grant, Report, fair_calls

TENANT: Final = LimitKey("acme", "")
NORTH: Final = LimitKey("acme", "north")
SOUTH: Final = LimitKey("acme", "south")
EDGES: Final = ("eu1", "us1", "apac1")
OWNERS: Final = ("first", "second")
CLOCK_RATES: Final = (0.95, 1.0, 1.05)
RECOVERED_S: Final = SILENCE_S + LEASE_S + OWNER_MARGIN_S + 1


class Why(Enum):
    """What lets a call be above the limit."""

    WITHIN = "it is not"
    OUT = "its edge died, or was or is without a lease; or it was the first call of the edge, of a limit of fewer calls than edges"
    SPLIT = "it was placed in the half of a split home that gave way"
    DISK = "its edge has lost its disk: nobody counts it"


@dataclass(slots=True)
class Call:
    """`term`: of a SPLIT one, that of the owner that gave way. `first_of`: limits that nothing was known of at its edge."""

    keys: tuple[LimitKey, ...]
    edge: str
    why: Why = Why.WITHIN
    term: int = 0
    first_of: tuple[LimitKey, ...] = ()


class Letter(NamedTuple):
    """A term is what another owner hears of a grant."""

    sender: str
    receiver: str
    body: Report | Grant | int


@dataclass(slots=True)
class Node:
    """An edge. `kept` are the calls that its disk has of it while it is dead, and `allowed` how many may be above each limit here."""

    name: str
    holder: Holder
    counted: CountedCalls
    rate: float = 1.0
    is_up: bool = True
    is_leased: bool = False
    kept: tuple[str, ...] = ()
    allowed: Counter[LimitKey] = field(default_factory=Counter)


class World:
    """`limits` by key; who has none is not named. Letters lie in `wire` until they are delivered, copied or lost; `part` says of edges and
    owners in which part of a split world they are."""

    def __init__(self, limits: dict[LimitKey, int]) -> None:
        self.now_s = 1000.0
        self.limits = limits
        self.boots = 0
        self.names = 0
        self.calls: dict[str, Call] = {}
        self.missed: dict[str, Call] = {}
        """Those that have ended and whose edge, which counts them, has not heard it."""
        self.wire: list[Letter] = []
        self.part = dict.fromkeys((*EDGES, *OWNERS), 0)
        self.seen: Counter[str] = Counter()
        self.split_s = float("-inf")
        """When two owners stood last."""
        self.mixed_s = float("-inf")
        """When an edge came from one half to the other last."""
        self.owners = {name: self._owner() for name in OWNERS}
        self.nodes = {name: self._node(name, 1.0) for name in EDGES}

    def _owner(self) -> Owner:
        return Owner(EDGES, lambda key: Limits(self.limits.get(key, 0), 0), now_s=self.now_s)

    def _node(self, name: str, rate: float) -> Node:
        self.boots += 1
        holder = Holder(name, self.boots, len(EDGES))
        return Node(name, holder, CountedCalls(holder), rate)

    def clock(self, node: Node) -> float:
        return 5_000 + self.now_s * node.rate

    def fair(self, key: LimitKey) -> int:
        return fair_calls(self.limits[key], len(EDGES))

    def of(self, key: LimitKey, edge: str = "") -> Iterator[Call]:
        return (call for call in self.calls.values() if key in call.keys and edge in ("", call.edge))

    # Events.

    def call(self, name: str, domain: LimitKey) -> Reached | None:
        node = self.nodes[name]
        if not node.is_up:
            return None
        self._look_at(node)
        keys = tuple([key for key in (domain, TENANT) if key in self.limits])
        first_of = tuple([key for key in keys if key not in node.holder._shares and self.limits[key] < len(EDGES)])
        self.names += 1
        call = f"{self.names}"
        limits = tuple([Limit(key, self.limits[key], 0) for key in keys])
        refused = node.counted.admit(call, limits, self.clock(node), self.now_s)
        if refused is not None:
            return refused[1]
        self.calls[call] = Call(keys, name, Why.WITHIN if node.is_leased else Why.OUT, first_of=first_of)
        for key in first_of if node.is_leased else ():
            node.allowed[key] = max(node.allowed[key], self.fair(key))
        return None

    def end(self, call: str) -> None:
        """At its edge, or elsewhere while that is dead."""
        ended = self.calls.pop(call)
        node = self.nodes[ended.edge]
        if node.is_up:
            node.counted.end([call])
        elif call in node.kept:
            self.missed[call] = ended

    def end_elsewhere(self, call: str) -> None:
        """Another edge serves its BYE, and the word about it is lost."""
        ended = self.calls.pop(call)
        if ended.why is not Why.DISK:
            self.missed[call] = ended

    def ask(self, name: str) -> None:
        """About the calls that are in doubt; the answer comes."""
        node = self.nodes[name]
        if node.is_up:
            ended = [call for call, each in self.missed.items() if each.edge == name]
            node.counted.end(ended)
            for call in ended:
                del self.missed[call]

    def report(self, name: str) -> None:
        node = self.nodes[name]
        if node.is_up:
            self._look_at(node)
            report = node.holder.report(self.clock(node))
            self.wire += [Letter(name, owner, report) for owner in OWNERS]

    def look(self, name: str) -> None:
        """Of an owner, what it does some times a second."""
        owner = self.owners[name]
        was = owner.term
        # Of clocks: no two of them say the same nanosecond.
        owner.stand_up(self.now_s, int(self.now_s * 1000) * len(OWNERS) + OWNERS.index(name))
        self.seen["an owner stands up"] += owner.term != was
        for grant in owner.changes(self.now_s):
            self._send(name, grant)

    def _send(self, name: str, grant: Grant) -> None:
        self.wire.append(Letter(name, grant.edge, grant))
        self.wire += [Letter(name, other, grant.term) for other in OWNERS if other != name]

    def deliver(self, index: int, *, is_copied: bool = False) -> None:
        if not self.wire:
            return
        at = index % len(self.wire)
        letter = self.wire[at] if is_copied else self.wire.pop(at)
        if self.part[letter.sender] != self.part[letter.receiver]:
            return
        match letter.body:
            case Report() as report:
                answer = self.owners[letter.receiver].on_report(self.now_s, report)
                if answer is not None:
                    self._send(letter.receiver, answer)
            case Grant() as grant:
                self._granted(self.nodes[letter.receiver], grant)
            case term:
                self.owners[letter.receiver].on_other(self.now_s, term)

    def _granted(self, node: Node, grant: Grant) -> None:
        if not node.is_up:
            return
        self._look_at(node)
        before = node.holder._term
        node.holder.on_grant(self.clock(node), grant)
        if before and node.is_leased and _owner_of(node.holder._term) != _owner_of(before):
            self.seen["an edge obeys another owner"] += 1
            if self._is_split():
                self._gave_way(node, before)
        node.is_leased = node.holder.is_leased(self.clock(node))

    def _gave_way(self, node: Node, term: int) -> None:
        self.seen["a half gives way"] += 1
        self.mixed_s = self.now_s
        for call in self.calls.values():
            if call.edge == node.name and call.why is Why.WITHIN:
                call.why, call.term = Why.SPLIT, term

    def crash(self, name: str, *, loses_disk: bool) -> None:
        node = self.nodes[name]
        if not node.is_up:
            return
        self._look_at(node)
        if node.is_leased:
            self._is_out(node)
        node.is_up = node.is_leased = False
        node.kept = () if loses_disk else tuple(node.counted._calls)
        if loses_disk:
            for call in self.calls.values():
                if call.edge == name:
                    call.why = Why.DISK
                    self.seen["a call of a lost disk"] += 1
            self.missed = {call: each for call, each in self.missed.items() if each.edge != name}

    def start(self, name: str, rate: float) -> None:
        old = self.nodes[name]
        if old.is_up:
            return
        node = self.nodes[name] = self._node(name, rate)
        node.allowed = old.allowed
        for call in old.kept:
            node.counted.restore(call, (self.calls.get(call) or self.missed[call]).keys, self.now_s + 1e9)
        self._is_out(node)

    def kill_owner(self, name: str) -> None:
        """The next one of that name knows nothing: owners keep nothing on a disk."""
        self.owners[name] = self._owner()

    def split(self, draw: random.Random) -> None:
        self.part = {name: draw.choice((0, 0, 1, 2)) for name in self.part}

    def mend(self) -> None:
        self.part = dict.fromkeys(self.part, 0)

    def settle(self, seconds: float, step_s: float = 0.25) -> None:
        """Time in which every letter comes that can."""
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            for name in OWNERS:
                self.look(name)
            for name in EDGES:
                self.report(name)
            while self.wire:
                self.deliver(0)
            self.check()

    # What holds.

    def _look_at(self, node: Node) -> None:
        """Its lease may be over by now."""
        is_leased = node.is_up and node.holder.is_leased(self.clock(node))
        if node.is_leased and not is_leased:
            self._is_out(node)
        node.is_leased = is_leased

    def _is_out(self, node: Node) -> None:
        """What is in progress there counts for nothing in a moment; beside, it may have its fair part."""
        for key in self.limits:
            own = [call for call in self.of(key, node.name) if call.why is not Why.DISK]
            node.allowed[key] = max(len(own), self.fair(key))
            self.seen["an edge is out with calls"] += bool(own)
        for call in self.calls.values():
            if call.edge == node.name and call.why is Why.WITHIN:
                call.why = Why.OUT

    def check(self) -> None:
        self.seen["two owners stand"] += self._is_split()
        for node in self.nodes.values():
            self._look_at(node)
            if node.is_up:
                known = {name: call for name, call in self.calls.items() if call.edge == node.name and call.why is not Why.DISK}
                known |= {name: call for name, call in self.missed.items() if call.edge == node.name}
                assert node.counted._calls.keys() == known.keys(), f"{node.name} counts {node.counted._calls.keys()} of {known.keys()}"
                for key in self.limits:
                    held = node.holder._held.get(key)
                    assert (held.calls if held else 0) == sum(key in call.keys for call in known.values()), "each call counts once"
        for key, limit in self.limits.items():
            self._check(key, limit)

    def _check(self, key: LimitKey, limit: int) -> None:
        slack = 0
        for node in self.nodes.values():
            own = [call for call in self.of(key, node.name) if call.why is not Why.DISK]
            assert len(own) <= limit, f"{node.name} counts {len(own)} of {key} itself, and lets in more"
            out = sum(call.why is Why.OUT or key in call.first_of for call in own)
            assert out <= node.allowed[key], f"{node.name}: {out} of {key} without a lease, {node.allowed[key]} are its slack"
            slack += node.allowed[key] if out else 0
        halves = Counter(call.term for call in self.of(key) if call.why is Why.SPLIT)
        assert all(number <= limit for number in halves.values()), f"a half of home let in {halves} of {key}, {limit} are its"
        within = Counter(self._half(call) for call in self._within(key))
        most = 2 * limit if self.now_s < self.mixed_s + LEASE_S + OWNER_MARGIN_S else limit
        assert all(number <= most for number in within.values()), f"{within} calls of {key} within {most}"
        assert within.total() <= 2 * limit, f"{within} calls of {key} in both halves within {limit}"
        self.seen["both halves have calls"] += len(within) > 1
        lost = sum(call.why is Why.DISK for call in self.of(key))
        total, most = sum(1 for _ in self.of(key)), max(limit, within.total()) + limit * len(halves) + slack + lost
        assert total <= most, f"{total} calls of {key}; the limit is {limit}, and what docs/limits.md allows {most}"
        self.seen["above the limit"] += total > limit

    def _within(self, key: LimitKey) -> Iterator[Call]:
        return (call for call in self.of(key) if call.why is Why.WITHIN and key not in call.first_of)

    def _half(self, call: Call) -> str:
        """Whose word it counts by, while there are two who do not hear each other, or leases of such a time."""
        return _owner_of(self.nodes[call.edge].holder._term) if self._is_split() else ""

    def _is_split(self) -> bool:
        if all(owner.term for owner in self.owners.values()):
            self.split_s = self.now_s
        return self.now_s < self.split_s + LEASE_S + OWNER_MARGIN_S

    def recovers(self, draw: random.Random) -> None:
        """All are up and in touch, and calls go on. What is above a limit counts: there is no new one before there is room."""
        self._heal()
        before = {key: sum(call.why is not Why.DISK for call in self.of(key)) for key in self.limits}
        self.settle(RECOVERED_S)
        for _ in range(6):
            for name in draw.sample(EDGES, len(EDGES)):
                while self.call(name, draw.choice((NORTH, SOUTH))) is None:
                    pass
            self.settle(0.5)
        for key, limit in self.limits.items():
            now = sum(call.why is not Why.DISK for call in self.of(key))
            # Of a limit of fewer calls than edges, each may have one before anything is known of it.
            most = len(EDGES) if before[key] < limit < len(EDGES) else max(limit, before[key])
            assert now <= most, f"{now} of {key} when all are back; there were {before[key]}, the limit is {limit}"

    def nothing_leaks(self) -> None:
        """And all calls are over: an edge gets all of every limit, and the others nothing beside."""
        self._heal()
        for call in list(self.calls):
            self.end(call)
        self.settle(RECOVERED_S)
        most = self.limits[TENANT]
        for domain in (NORTH, SOUTH):
            for _ in range(4):
                self.settle(2)
                for _ in range(most):
                    self.call("us1", domain)
        self.settle(1)
        parts = [min(most, self.limits.get(domain, most)) for domain in (NORTH, SOUTH)]
        assert len(self.calls) == min(most, sum(parts)), f"{len(self.calls)} at one edge, of {self.limits}"
        assert all(self.call(name, domain) is Reached.CALLS for name in EDGES for domain in (NORTH, SOUTH))

    def _heal(self) -> None:
        self.mend()
        for name in EDGES:
            self.start(name, 1.0)
            self.ask(name)


def _owner_of(term: int) -> str:
    return OWNERS[term % len(OWNERS)]
