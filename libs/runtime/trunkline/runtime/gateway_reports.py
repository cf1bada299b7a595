"""What edges say of gateways, on core NATS: `gateways.seen.<pop>`, a JSON object every two seconds and at each change
(docs/adr/0014-gateway-health.md).

    {"edge": "edge-eu1", "pop": "eu1", "region": "eu",
     "gateways": {"alpha/eu": ["open", 1790000000.0, 1790000005.0, false, "OPTIONS: silent"]}}

A gateway that is not named is in use. State, since and until when, whether it asked to be left alone, and why. Nothing is stored: what was
not heard is said again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trunkline.domain.gateway_health import Health, State
from trunkline.domain.gateway_view import GatewayView, view_of

SUBJECT: Final = "gateways.seen"
REPORT_S: Final = 2.0
FRESH_S: Final = 3 * REPORT_S
"""A report that is older says nothing any more: its edge is gone, or cut off."""
MAX_GATEWAYS: Final = 2_000
"""Of one report, 100 bytes each; NATS takes a megabyte. Where more are passed over, the rest is not told."""
REPORT_LIMIT_BYTES: Final = 1 << 20
TEXT_LIMIT: Final = 160
MAX_EDGES: Final = 1_000


@dataclass(frozen=True, slots=True)
class GatewayReport:
    """`gateways` by their keys, without those that are closed."""

    edge: str
    pop: str
    region: str
    heard_s: float
    gateways: Mapping[str, Health] = field(default_factory=dict)


def encode_report(report: GatewayReport) -> bytes:
    """Without `heard_s`, which is the hearer's."""
    shown = [(key, health) for key, health in report.gateways.items() if health.state is not State.CLOSED][:MAX_GATEWAYS]
    gateways = {key: [each.state.value, each.since_s, each.until_s, each.is_told, each.why[:TEXT_LIMIT]] for key, each in shown}
    document = {"edge": report.edge, "pop": report.pop, "region": report.region, "gateways": gateways}
    return json.dumps(document, separators=(",", ":")).encode()


def parse_report(body: bytes, heard_s: float) -> GatewayReport:
    """Raises ValueError, naming what is wrong."""
    if len(body) > REPORT_LIMIT_BYTES:
        raise ValueError(f"a report has at most {REPORT_LIMIT_BYTES} bytes, this one {len(body)}")
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("a report is a JSON object")
    names, gateways = [fields.get(name) for name in ("edge", "pop", "region")], fields.get("gateways")
    if not (all(isinstance(name, str) and 0 < len(name) <= TEXT_LIMIT for name in names) and isinstance(gateways, dict)):
        raise ValueError(f"a report needs edge, pop, region and gateways, this one has {sorted(fields)}")
    edge, pop, region = map(str, names)
    return GatewayReport(edge, pop, region, heard_s, {key[:TEXT_LIMIT]: _health(key, each) for key, each in gateways.items()})


class GatewayReports:
    """The latest of each edge; it belongs to one event loop."""

    def __init__(self) -> None:
        self._by_edge: dict[str, GatewayReport] = {}

    def hear(self, report: GatewayReport) -> None:
        if report.edge not in self._by_edge and len(self._by_edge) >= MAX_EDGES:
            self._by_edge = {edge: known for edge, known in self._by_edge.items() if report.heard_s - known.heard_s <= FRESH_S}
        self._by_edge[report.edge] = report

    def fresh(self, now_s: float, region: str = "") -> list[GatewayReport]:
        """By the name of the edge; of all regions, where none is named."""
        reports = [self._by_edge[edge] for edge in sorted(self._by_edge)]
        return [each for each in reports if now_s - each.heard_s <= FRESH_S and region in ("", each.region)]

    def view(self, region: str, now_s: float) -> GatewayView:
        """As that of an edge of the region: passed over is what more than half of its edges pass over, and what told one of them to."""
        reports = self.fresh(now_s, region)
        seen: dict[str, list[Health]] = {}
        for report in reports:
            for key, health in report.gateways.items():
                if health.state is State.OPEN:
                    seen.setdefault(key, []).append(health)
        agreed: dict[str, Health] = {}
        for key, healths in seen.items():
            told = [health for health in healths if health.is_told]
            if told or 2 * len(healths) > len(reports):
                agreed[key] = told[0] if told else healths[0]
        return view_of(agreed, spent=frozenset(), version=0)


def _health(key: str, value: object) -> Health:
    match value:
        case [str(state), int() | float() as since_s, int() | float() as until_s, bool(is_told), str(why)] if (
            math.isfinite(since_s) and 0 <= since_s < 1e11 and math.isfinite(until_s)
        ):
            return Health(State(state), float(since_s), float(until_s), why[:TEXT_LIMIT], is_told=is_told)
        case _:
            raise ValueError(f"what is said of {key[:TEXT_LIMIT]} is [state, since, until, is told, why], not {value!r:.80}")
