"""The lease protocol as a transition system: the real machines (holders, counted calls, an owner) of a few edges, a wire that copies
messages, turns them round and need not bring them, edges that die and come back with what their file and journal have, calls that end where
they do not count. Every step is one event; `Model.steps` names all that can happen next, so that a search can take each.

Time goes on in quanta: two of the first of QUANTA_S are more than a lease and less than the owner waits, two of the second more than both.
Whoever calls goes on until he is refused, and what an edge reports may be heard and answered at once ("exchange") or lie on the wire: so
that few events lead far. States are compared by `Model.key`: times count from now, numbers by their order alone, and how long ago a wish
was is left out (it moves shares sooner or later, and raises none beyond the limit).
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

from trunkline.domain.class_of_service import Limit, LimitKey, Limits
from trunkline.domain.counted_calls import CountedCalls
from trunkline.domain.limit_holder import Holder
from trunkline.domain.limit_owner import SILENCE_S, Owner
from trunkline.domain.limit_shares import LEASE_S, OWNER_MARGIN_S, Grant, Report, fair_calls

KEY: Final = LimitKey("acme", "")
QUANTA_S: Final = (2.6, 2.8)
assert LEASE_S < 2 * QUANTA_S[0] < LEASE_S + OWNER_MARGIN_S < 2 * QUANTA_S[1] and QUANTA_S[0] > SILENCE_S

Step = tuple[str, str, int]
"""What, at which edge, and which call or message."""


class Message(NamedTuple):
    """`ended` is a call that its edge is told the end of, else 0."""

    edge: str
    body: Report | Grant | None
    ended: int = 0


class Node:
    """An edge. `kept` is what its file and journal have of the last run while it is dead, `allowed` how many calls may be slack here."""

    def __init__(self, name: str, boot: int, edges: int) -> None:
        self.name = name
        self.boot = boot
        self.is_up = True
        self.is_out = True
        """No lease runs."""
        self.kept: tuple[int, ...] = ()
        self.allowed = 0
        self.holder = Holder(name, boot, edges)
        self.counted = CountedCalls(self.holder)

    def clone(self) -> Node:
        made = copy.copy(self)
        made.holder = copy.copy(self.holder)
        made.holder._held = {key: copy.copy(held) for key, held in self.holder._held.items()}
        made.holder._sent_s = dict(self.holder._sent_s)
        made.counted = copy.copy(self.counted)
        made.counted._holder = made.holder
        made.counted._calls = self.counted._calls.__class__((call, copy.copy(each)) for call, each in self.counted._calls.items())
        return made


class Model:
    """`faults` are how many of each kind of fault may still happen. `running` says of each call in progress which edge counts it and
    whether it is slack: one that was let in without a lease, or whose edge died or lost its lease since. `ended_elsewhere` are those whose
    edge has not heard of it, `lost` those in progress that nobody counts, for the disk of their edge is gone."""

    def __init__(self, edges: int, limit: int, faults: dict[str, int], *, quantum_s: float, most_messages: int) -> None:
        self.now_s = 1000.0
        self.quantum_s = quantum_s
        self.names = tuple(f"edge{number}" for number in range(edges))
        self.limits = Limits(limit, 0)
        self.limit = Limit(KEY, limit, 0)
        self.faults = faults
        self.most_messages = most_messages
        self.nodes = {name: Node(name, 1, edges) for name in self.names}
        self.owner = Owner(self.names, self._limits, now_s=self.now_s)
        self.wire: tuple[Message, ...] = ()
        self.running: dict[int, tuple[str, bool]] = {}
        self.ended_elsewhere: dict[int, str] = {}
        self.lost: frozenset[int] = frozenset()
        self.last_call = 0

    def _limits(self, _: LimitKey) -> Limits:
        return self.limits

    def clone(self) -> Model:
        made = copy.copy(self)
        made.nodes = {name: node.clone() for name, node in self.nodes.items()}
        made.owner = copy.copy(self.owner)
        made.owner._edges = {name: copy.copy(edge) for name, edge in self.owner._edges.items()}
        made.faults = dict(self.faults)
        made.running = dict(self.running)
        made.ended_elsewhere = dict(self.ended_elsewhere)
        return made

    def steps(self) -> Iterator[Step]:
        """All that can happen next. Alike ones once: of two calls that count at the same edge, or two equal messages, it does not matter
        which."""
        yield "wait", "", 0
        has_room = len(self.wire) < self.most_messages
        for name, node in self.nodes.items():
            if not node.is_up:
                yield "start", name, 0
                continue
            yield "call", name, 0
            yield "exchange", name, 0
            if has_room:
                yield "report", name, 0
            if any(edge == name for edge in self.ended_elsewhere.values()):
                yield "ask", name, 0
            if self.faults["crash"]:
                yield "crash", name, 0
            if self.faults["disk"]:
                yield "lose disk", name, 0
        seen: set[tuple[str, bool, bool]] = set()
        for call, (name, is_slack) in self.running.items():
            alike = name, is_slack, call in self.lost
            if alike not in seen:
                seen.add(alike)
                if self.nodes[name].is_up:
                    yield "end", name, call
                if self.faults["end elsewhere"] or not self.nodes[name].is_up:
                    yield "end elsewhere", name, call
        for at, message in enumerate(self.wire):
            if message not in self.wire[:at]:
                yield "deliver", message.edge, at
                if self.faults["copy"] and has_room:
                    yield "copy", message.edge, at
        if self.faults["owner"]:
            yield "owner dies", "", 0

    def take(self, step: Step) -> None:
        """In place; `clone` before."""
        what, name, number = step
        match what:
            case "wait":
                self.now_s += self.quantum_s
                self._look()
            case "call":
                while self._call(self.nodes[name]):
                    pass
            case "exchange":
                self._exchange(name)
            case "end":
                del self.running[number]
                self.lost -= {number}
                self.nodes[name].counted.end([str(number)])
            case "end elsewhere":
                self.faults["end elsewhere"] -= self.nodes[name].is_up
                del self.running[number]
                if number in self.lost:
                    self.lost -= {number}
                else:
                    self.ended_elsewhere[number] = name
                    self._send(Message(name, None, number))
            case "report":
                self._send(Message(name, self.nodes[name].holder.report(self.now_s)))
            case "ask":
                # Question and answer in one: what may be lost of them is as if nobody had asked.
                counted = self.nodes[name].counted
                for each in counted._calls.values():
                    each.asked_s = float("-inf")
                for call in counted.look(self.now_s)[1]:
                    self._hear_of_end(name, int(call))
            case "deliver":
                message = self.wire[number]
                self.wire = self.wire[:number] + self.wire[number + 1 :]
                self._deliver(message)
            case "copy":
                self.faults["copy"] -= 1
                self._send(self.wire[number])
            case "crash":
                self.faults["crash"] -= 1
                self._crash(self.nodes[name])
            case "lose disk":
                self.faults["disk"] -= 1
                self._crash(self.nodes[name])
                self.nodes[name].kept = ()
                self.lost |= {call for call, (edge, _) in self.running.items() if edge == name}
                self.ended_elsewhere = {call: edge for call, edge in self.ended_elsewhere.items() if edge != name}
            case "start":
                self._start(self.nodes[name])
            case "owner dies":
                self.faults["owner"] -= 1
                self.owner = Owner(self.names, self._limits, now_s=self.now_s)
            case _:
                raise AssertionError(what)
        self._mark_slack()

    def check(self) -> None:
        """What must hold in every state."""
        within = sum(not is_slack for _, is_slack in self.running.values())
        assert within <= self.limit.max_calls, f"{within} calls within a limit of {self.limit.max_calls}: {self.running}"
        self._check_slack()
        for name, node in self.nodes.items():
            if node.is_up:
                known = {str(call) for call, (edge, _) in self.running.items() if edge == name and call not in self.lost}
                missed = {str(call) for call, edge in self.ended_elsewhere.items() if edge == name}
                counted = set(node.counted._calls)
                assert counted == known | missed, f"{name} counts {counted}: {known} are in progress, {missed} it has not heard the end of"
                held = node.holder._held.get(KEY)
                assert (held.calls if held else 0) == len(counted), "each call counts once"

    def _check_slack(self) -> None:
        """What docs/limits.md says under *Slack*: what an edge had in progress when it was out, or its fair part where that is more; and
        the calls of a lost disk."""
        most = self.limit.max_calls + len(self.lost)
        for name, node in self.nodes.items():
            slack = self._slack(name)
            assert slack <= node.allowed, f"{slack} calls above the limit at {name}, {node.allowed} may be: {self.running}"
            most += node.allowed if slack else 0
        assert len(self.running) <= most, f"{len(self.running)} calls in all, {most} may be: {self.running}"

    def _slack(self, name: str) -> int:
        return sum(is_slack and edge == name and call not in self.lost for call, (edge, is_slack) in self.running.items())

    def nothing_leaks(self) -> None:
        """All calls end, links are whole, every edge is up: then the first edge gets all of the limit, and the others nothing beside it."""
        for name, node in self.nodes.items():
            if not node.is_up:
                self._start(node)
            for call in [call for call, (edge, _) in self.running.items() if edge == name]:
                self.take(("end", name, call))
            self.take(("ask", name, 0))
        self.wire = ()
        for round_ in range(24):
            self.now_s += 0.5
            if round_ >= 16:
                # Somebody wants all of it, and asks again when his share has come.
                self.take(("call", self.names[0], 0))
            self._look()
            for name in self.names:
                self.take(("report", name, 0))
            while self.wire:
                self.take(("deliver", "", 0))
        assert [edge for edge, _ in self.running.values()] == [self.names[0]] * self.limit.max_calls, self.running
        assert not any(self._call(node) for node in self.nodes.values())

    def _call(self, node: Node) -> bool:
        is_leased = node.holder.is_leased(self.now_s)
        # A limit of fewer calls than there are edges: each may have one before anything is known of it.
        is_small = self.limit.max_calls < len(self.names) and KEY not in node.holder._shares
        call = self.last_call + 1
        if node.counted.admit(str(call), (self.limit,), self.now_s, self.now_s) is not None:
            return False
        self.last_call = call
        self.running[call] = node.name, not is_leased or is_small
        if is_leased and is_small:
            node.allowed = max(node.allowed, fair_calls(self.limit.max_calls, len(self.names)))
        if not is_leased:
            assert len(node.counted) <= fair_calls(self.limit.max_calls, len(self.names)), "without a lease no more than the fair part"
        return True

    def _exchange(self, name: str) -> None:
        """A report that is heard, and its answer; then the edge says that it keeps what it was given."""
        for _ in range(2):
            report = self.nodes[name].holder.report(self.now_s)
            answer = self.owner.on_report(self.now_s, report)
            if answer is None:
                return
            self.nodes[name].holder.on_grant(self.now_s, answer)
            self._look()
            for message in [message for message in self.wire if message.edge == name and isinstance(message.body, Grant)]:
                self.nodes[name].holder.on_grant(self.now_s, message.body)

    def _look(self) -> None:
        # Terms of a clock.
        self.owner.stand_up(self.now_s, int(self.now_s * 1000))
        for grant in self.owner.changes(self.now_s):
            self._send(Message(grant.edge, grant))

    def _send(self, message: Message) -> None:
        """What there is no room for is lost, as on a wire."""
        if len(self.wire) < self.most_messages:
            self.wire = (*self.wire, message)

    def _deliver(self, message: Message) -> None:
        node = self.nodes[message.edge]
        if isinstance(message.body, Report):
            answer = self.owner.on_report(self.now_s, message.body)
            if answer is not None:
                self._send(Message(answer.edge, answer))
            self._look()
        elif not node.is_up:
            return
        elif message.body is not None:
            node.holder.on_grant(self.now_s, message.body)
        else:
            self._hear_of_end(node.name, message.ended)

    def _hear_of_end(self, name: str, call: int) -> None:
        if call in self.ended_elsewhere:
            self.nodes[name].counted.end([str(call)])
            del self.ended_elsewhere[call]

    def _crash(self, node: Node) -> None:
        node.is_up = False
        node.kept = tuple(int(call) for call in node.counted._calls)
        self._is_out(node)

    def _start(self, node: Node) -> None:
        new = self.nodes[node.name] = Node(node.name, node.boot + 1, len(self.names))
        for call in node.kept:
            new.counted.restore(str(call), (KEY,), self.now_s + 1e9)
        self._is_out(new)

    def _mark_slack(self) -> None:
        for node in self.nodes.values():
            is_out = not node.is_up or not node.holder.is_leased(self.now_s)
            if is_out and not node.is_out:
                self._is_out(node)
            node.is_out = is_out

    def _is_out(self, node: Node) -> None:
        own = [call for call, (edge, _) in self.running.items() if edge == node.name]
        self.running |= dict.fromkeys(own, (node.name, True))
        node.is_out = True
        node.allowed = max(sum(call not in self.lost for call in own), fair_calls(self.limit.max_calls, len(self.names)))

    def key(self) -> Hashable:
        """Equal for states that differ in names alone."""
        reports = [message.body for message in self.wire if isinstance(message.body, Report)]
        grants = [message.body for message in self.wire if isinstance(message.body, Grant)]
        owner = self.owner
        holders = {name: node.holder for name, node in self.nodes.items()}
        terms = _ranks(
            [owner.term, owner._highest, *(h._term for h in holders.values()), *(r.term for r in reports), *(g.term for g in grants)]
        )
        numbers = _ranks(
            [owner._number, *(h._applied for h in holders.values()), *(r.applied for r in reports), *(g.number for g in grants)]
            + [number for edge in owner._edges.values() for number in (edge.acked_number, edge.pending_number)]
        )
        nodes = []
        for name, node in self.nodes.items():
            holder, known = node.holder, owner._edges.get(name)
            sent = {number: round(self.now_s - at_s, 3) for number, at_s in holder._sent_s.items() if at_s + LEASE_S > self.now_s}
            ranks = _ranks(
                [holder._number, *sent, *([known.number] if known else [])]
                + [r.number for r in reports if r.edge == name]
                + [g.report for g in grants if g.edge == name]
            )
            boots = _ranks([node.boot, *([known.boot] if known else []), *(m.boot for m in (*reports, *grants) if m.edge == name)])
            held = holder._held.get(KEY)
            wishes = (
                () if held is None else (held.refused > 0, held.attempts > 0, held.needed, max(0.0, round(held.need_end_s - self.now_s, 3)))
            )
            nodes.append(
                (
                    (node.is_up, len(node.kept), len(node.counted), boots[node.boot], ranks[holder._number], terms[holder._term]),
                    (numbers[holder._applied], max(0.0, round(holder._lease_end_s - self.now_s, 3)), holder._shares.get(KEY), held is None),
                    (wishes, tuple((ranks[number], age_s) for number, age_s in sent.items())),
                    known and (boots[known.boot], ranks[known.number], round(self.now_s - known.heard_s, 3), _wanted(known.uses.get(KEY))),
                    known and (_share(known.acked), numbers[known.acked_number], _share(known.pending), numbers[known.pending_number]),
                    tuple(sorted(is_slack for edge, is_slack in self.running.values() if edge == name)),
                    (sum(edge == name for edge in self.ended_elsewhere.values()), node.is_out, node.allowed if self._slack(name) else 0),
                    sum(self.running[call][0] == name for call in self.lost),
                    tuple(sorted(_heard(m, ranks, boots, terms, numbers) for m in self.wire if m.edge == name)),
                )
            )
        stood_s = min(self.now_s - owner._stood_up_s, LEASE_S + OWNER_MARGIN_S)
        other_s = min(self.now_s - owner._other_s, SILENCE_S)
        mine = (terms[owner.term], terms[owner._highest], numbers[owner._number], round(stood_s, 3), round(other_s, 3), owner._is_changed)
        return tuple(nodes), mine, tuple(sorted(self.faults.items()))


def _ranks(numbers: list[int]) -> dict[int, int]:
    """0 means none, and stays."""
    return {number: rank for rank, number in enumerate(sorted({0, *numbers}))}


def _wanted(use: object) -> object:
    return None if use is None else use[1:3]  # type: ignore[index]


def _share(shares: object) -> object:
    return None if shares is None else (shares.get(KEY) or (KEY, -1))[1]  # type: ignore[attr-defined]


def _heard(
    message: Message, ranks: dict[int, int], boots: dict[int, int], terms: dict[int, int], numbers: dict[int, int]
) -> tuple[int, ...]:
    """A message, by what it says."""
    match message.body:
        case Report(_, boot, number, term, applied, is_leased, uses):
            use = next(((use.calls, use.needed_calls, use.held_calls) for use in uses), (-1, -1, -1))
            return 0, boots[boot], ranks[number], terms[term], numbers[applied], is_leased, *use
        case Grant(term, _, boot, report, number, _, shares):
            share = -2 if shares is None else next((share.calls for share in shares), -1)
            return 1, boots[boot], ranks.get(report, 0), terms[term], numbers[number], share
        case None:
            return 2, 0
