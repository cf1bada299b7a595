"""What a simulated carrier is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from trunkline.runtime.settings import Name, Settings


class CarrierSettings(Settings):
    """`is_first`: this one answers 503 to numbers that end in 503. `message_log` gets every message received."""

    name: Name
    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)
    is_first: bool = False
    message_log: Path
