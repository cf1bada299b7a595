"""What becomes of a carrier by an event: the part of the directory's fold that is about carriers and their gateways."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from trunkline.domain.events import (
    CarrierChanged,
    CarrierCreated,
    CarrierId,
    CarrierResumed,
    CarrierSuspended,
    GatewayAdded,
    GatewayChanged,
    GatewayId,
    GatewayRemoved,
)
from trunkline.domain.views import Carrier, Gateway

CarrierEvent = CarrierCreated | CarrierChanged | CarrierSuspended | CarrierResumed | GatewayAdded | GatewayChanged | GatewayRemoved


def carrier_after(carrier: Carrier | None, name: CarrierId, event: CarrierEvent, version: int) -> Carrier | None:
    """None where there is no carrier that the event could be about."""
    if isinstance(event, CarrierCreated):
        return Carrier(name, event.settings, (), version)
    if carrier is None:
        return None
    match event:
        case CarrierChanged(settings=settings):
            return replace(carrier, settings=settings, version=version)
        case CarrierSuspended() | CarrierResumed():
            return replace(carrier, version=version, is_suspended=isinstance(event, CarrierSuspended))
        case GatewayAdded() | GatewayChanged():
            # A compacted log may have the change alone: it says all.
            others = [other for other in carrier.gateways if other.name != event.gateway]
            ordered = tuple(sorted([*others, _gateway(name, event)], key=lambda each: (each.priority, each.name)))
            return replace(carrier, gateways=ordered, version=version)
        case GatewayRemoved(gateway=removed):
            left = tuple(other for other in carrier.gateways if other.name != removed)
            return replace(carrier, gateways=left, version=version)
        case _:
            assert_never(event)


def _gateway(carrier: CarrierId, event: GatewayAdded | GatewayChanged) -> Gateway:
    return Gateway(
        carrier,
        GatewayId(event.gateway),
        f"{carrier}/{event.gateway}",
        event.host,
        event.port,
        event.transport,
        event.region,
        event.priority,
        event.weight,
        event.tls_name,
        event.takes_no_options,
    )
