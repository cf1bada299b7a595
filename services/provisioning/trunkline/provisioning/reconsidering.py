"""Calls that happened, decided again: how many of a time would be decided otherwise now, or with changes that nobody has made.

Each record is asked of the access rule and of `decide_call` as its edge did. What no set-up decides (bans, limits in use, gateways that
answer or not, the digest itself) is not asked again: a call that was refused for it is left out and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from trunkline.api.provisioning.v1 import provisioning_pb2 as pb
from trunkline.api.records.v1 import records_pb2
from trunkline.domain.addresses import canonical_ip
from trunkline.domain.directory import Directory
from trunkline.domain.events import DomainLabel, TenantId
from trunkline.domain.host_names import bound_name, default_name
from trunkline.domain.policy import Rejected, decide_call
from trunkline.domain.scene import Change, Scene, with_change
from trunkline.provisioning.access_trace import Asked, SceneAccess
from trunkline.provisioning.questions import admitted
from trunkline.provisioning.recorded import question_of

DEFAULT_CALLS: Final = 1_000
MAX_CALLS: Final = 10_000
"""Looked at for one question: some 30 µs each, and as long again to read them."""
DEFAULT_EXAMPLES: Final = 3
MAX_EXAMPLES: Final = 20
SLICE_CALLS: Final = 16
"""Between two turns of the event loop."""

COMPARED: Final = frozenset(
    {"T102", "T201", "T203", "T204", "T206", "T301", "T303", "T304", "T401", "T403", "T404", "T501", "T502", "T503", "T603"}
)
"""Refusals that a tenant's and the platform's set-up decides."""
_OPEN: Final = frozenset({"trying"})
"""Not decided yet, as far as its record says."""
_UNSURE: Final = frozenset({"T403", "T502"})
"""By the health of gateways, or for an identity that was asked for: neither is recorded, so that another answer says nothing."""


class Decided(NamedTuple):
    """`outcome` is "admit", "challenge" or "refuse"; `reason` empty unless refused. `facts`: what was seen, for the owner."""

    outcome: str
    reason: str = ""
    facts: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.outcome, self.reason


@dataclass(slots=True)
class Tally:
    """What came of the records so far. `examples` are kept of each group."""

    examples: int = DEFAULT_EXAMPLES
    same: int = 0
    left_out: int = 0
    groups: dict[tuple[tuple[str, str], tuple[str, str]], pb.ChangedCalls] = field(default_factory=dict)

    def add(self, record: records_pb2.Record, was: Decided, now: Decided) -> None:
        if was.key == now.key:
            self.same += 1
            return
        group = self.groups.get((was.key, now.key))
        if group is None:
            group = self.groups[was.key, now.key] = pb.ChangedCalls(
                old_outcome=was.outcome, old_reason=was.reason, new_outcome=now.outcome, new_reason=now.reason
            )
        group.calls += 1
        if len(group.examples) < self.examples:
            group.examples.append(
                pb.ChangedCall(
                    call=record.call,
                    domain=record.domain,
                    number=record.number,
                    source=record.source,
                    account=record.account or record.username,
                    setup_time=record.setup_time,
                    facts=now.facts,
                )
            )

    @property
    def most_first(self) -> list[pb.ChangedCalls]:
        return sorted(self.groups.values(), key=lambda group: -group.calls)


class Reconsidering:
    """Of one tenant, on one directory. `regions` are the points of presence's; `changes` are made to every domain that is asked about."""

    def __init__(
        self, directory: Directory, tenant: TenantId, regions: Mapping[str, str], realm: str, changes: tuple[Change, ...] = ()
    ) -> None:
        self._directory = directory
        self._tenant = tenant
        self._regions = regions
        self._realm = realm
        self._changes = changes
        self._scenes: dict[str, tuple[Scene, SceneAccess] | None] = {}

    async def all(self, records: AsyncIterator[records_pb2.Record], tally: Tally) -> None:
        """Raises Refusal where a change would be refused."""
        number = 0
        async for record in records:
            number += 1
            was = recorded(record)
            if was is None or not record.domain or not record.source:
                tally.left_out += 1
                continue
            now = await self.decide(record)
            if was.reason in _UNSURE and now.outcome == "admit":
                tally.left_out += 1
                continue
            tally.add(record, was, now)
            if number % SLICE_CALLS == 0:
                await asyncio.sleep(0)

    async def decide(self, record: records_pb2.Record) -> Decided:
        known = await self._scene(record.domain.lower())
        if known is None:
            return Decided("refuse", "T201", f"there is no domain {record.domain}")
        scene, tables = known
        question = question_of(record)
        label = scene.domain.label
        host = question.domain.lower().removesuffix(".")
        host = host if "." in host else default_name(label, self._realm)
        bound = next((name for name in self._regions if host == bound_name(label, name, self._realm)), "")
        if bound and question.pop and bound != question.pop:
            return Decided("refuse", "T206", f"{host} is bound to {bound}, and the call arrived at {question.pop}")
        asked = Asked(host, canonical_ip(question.source, field="source"), question.username, question.is_password_right)
        trace = tables.trace(asked)
        if trace.outcome != "admit":
            return Decided(trace.outcome, trace.reason, trace.facts)
        call = admitted(
            question,
            scene,
            host=host,
            account=trace.account or question.username,
            account_caller_id=trace.account_caller_id,
            address_caller_id=trace.address_caller_id,
        )
        decided = decide_call(call, scene, region=self._regions.get(question.pop, ""), realm=self._realm, randomness=0.0)
        return Decided("refuse", decided.reason, decided.facts) if isinstance(decided, Rejected) else Decided("admit")

    async def _scene(self, label: str) -> tuple[Scene, SceneAccess] | None:
        """Made once for each domain; None where there is none."""
        if label not in self._scenes:
            domain = self._directory.domain(self._tenant, DomainLabel(label))
            if domain is None:
                self._scenes[label] = None
            else:
                scene = Scene(self._directory, domain)
                for change in self._changes:
                    scene, _ = with_change(scene, change)
                tables = await asyncio.to_thread(SceneAccess, scene, tuple(self._regions), self._realm)
                self._scenes[label] = (scene, tables)
        return self._scenes[label]


def recorded(record: records_pb2.Record) -> Decided | None:
    """What its edge decided; None where no set-up did, or it is not known yet."""
    if record.outcome in _OPEN:
        return None
    if record.outcome != "refused":
        return Decided("admit")
    return Decided("refuse", record.reason) if record.reason in COMPARED else None
