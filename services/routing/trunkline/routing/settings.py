"""What the routing service is told: what every service is."""

from __future__ import annotations

from trunkline.runtime.settings import ServiceSettings


class RoutingSettings(ServiceSettings):
    """`region` is what `Resolve` and `DecideCall` take where a request names none."""
