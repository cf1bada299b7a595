"""What the records service is told."""

from __future__ import annotations

from pydantic import Field

from trunkline.runtime.settings import Name, ServiceSettings


class RecordsSettings(ServiceSettings):
    """`regions` are those whose calls are recorded, home among them; records stand in `state_dir`."""

    regions: tuple[Name, ...] = Field(default=("eu",), min_length=1, max_length=16)
