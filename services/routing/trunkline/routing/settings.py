"""What the routing service is told: what every service is."""

from __future__ import annotations

from trunkline.runtime.settings import ServiceSettings


class RoutingSettings(ServiceSettings):
    """`region` is the home region: what `Resolve` takes where a request names none."""
