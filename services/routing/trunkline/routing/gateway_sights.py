"""The health of gateways as edges report it: what `ListGatewayHealth` shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from trunkline.api.routing.v1 import routing_pb2
from trunkline.domain.gateway_health import UNKNOWN, State
from trunkline.domain.views import Carrier
from trunkline.runtime.gateway_reports import GatewayReport


def sights_of(carriers: Iterable[Carrier], reports: Sequence[GatewayReport]) -> list[routing_pb2.GatewaySight]:
    """By carrier, gateway and edge."""
    sights: list[routing_pb2.GatewaySight] = []
    for carrier in sorted(carriers, key=lambda each: each.id):
        for gateway in carrier.gateways:
            for report in reports:
                health = report.gateways.get(gateway.key, UNKNOWN)
                sight = routing_pb2.GatewaySight(
                    carrier=carrier.id,
                    gateway=gateway.name,
                    edge=report.edge,
                    pop=report.pop,
                    region=report.region,
                    state=health.state.value,
                    why=health.why,
                )
                if health.state is not State.CLOSED:
                    sight.since.CopyFrom(_time(health.since_s))
                if health.state is State.OPEN:
                    sight.until.CopyFrom(_time(health.until_s))
                sights.append(sight)
    return sights


def _time(unix_s: float) -> Timestamp:
    return Timestamp(seconds=int(unix_s), nanos=int(1e9 * (unix_s % 1)))
