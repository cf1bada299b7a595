"""What a link is told."""

from __future__ import annotations

from pydantic import Field

from trunkline.runtime.settings import ListenAddress, Name, Settings


class Forward(Settings):
    """Connections to `listen` go on to `target`, both `ADDRESS:PORT`."""

    listen: ListenAddress
    target: ListenAddress


class LinkSettings(Settings):
    """`delay_ms` is one way."""

    name: Name
    delay_ms: int = Field(ge=0, le=10_000)
    forwards: tuple[Forward, ...] = Field(max_length=256)
