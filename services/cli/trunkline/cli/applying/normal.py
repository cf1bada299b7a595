"""One way to say each setting: what comes to the same in calls is the same value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trunkline.cli.applying.model import ClassOfService, Identity
from trunkline.domain.caller_ids import DEFAULT_SOURCES


def class_of_service(value: ClassOfService) -> ClassOfService:
    """Sorted; without a price the currency says nothing."""
    return replace(
        value,
        countries=tuple(sorted(set(value.countries))),
        prefixes=tuple(sorted(set(value.prefixes))),
        price=value.price.normalize() + Decimal(0),
        currency=value.currency if value.price else "",
    )


def identity(value: Identity) -> Identity:
    return replace(
        value,
        sources=() if value.sources == DEFAULT_SOURCES else value.sources,
        allowed=tuple(sorted(set(value.allowed))),
        hiding="" if value.hiding == "default" else value.hiding,
    )
