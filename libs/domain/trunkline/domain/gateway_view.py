"""Which gateways are passed over, as one who chooses sees it: made anew at each change, so that a choice looks at one value throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from trunkline.domain.gateway_health import Health, State

PROBE_S: Final = 1.0
"""A half open gateway gets one call in this time."""
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GatewayView:
    """`version` is another one for each other view. `passed` says why, by the key of the gateway; `told` are those among them that asked to
    be left alone, `probed` those that the next call may try: whoever has decided one spends it (see `without_probe`)."""

    version: int = 0
    passed: Mapping[str, str] = field(default_factory=lambda: _NONE)
    told: frozenset[str] = frozenset()
    probed: frozenset[str] = frozenset()

    def without_probe(self, gateway: str, version: int) -> GatewayView:
        """A call is on its way there; the next ones pass it over."""
        passed = MappingProxyType({**self.passed, gateway: f"gateway {gateway} passed over: it is being tried by another call"})
        return GatewayView(version, passed, self.told, self.probed - {gateway})


ALL_USED: Final = GatewayView()


def view_of(healths: Mapping[str, Health], *, spent: frozenset[str] | set[str], version: int) -> GatewayView:
    """`healths` by the key of the gateway; `spent` are half open ones that have had their call lately."""
    passed: dict[str, str] = {}
    told: set[str] = set()
    probed: set[str] = set()
    for gateway, health in healths.items():
        match health.state:
            case State.CLOSED:
                continue
            case State.HALF_OPEN if gateway not in spent:
                probed.add(gateway)
                continue
            case _:
                passed[gateway] = note_of(gateway, health)
                if health.is_told:
                    told.add(gateway)
    return GatewayView(version, MappingProxyType(passed), frozenset(told), frozenset(probed))


def note_of(gateway: str, health: Health) -> str:
    """For the record. With the time and not the age: many calls in a row have the same note."""
    since = datetime.fromtimestamp(health.since_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"gateway {gateway} passed over since {since}: {health.why}"
